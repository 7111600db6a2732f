/* SPDX-License-Identifier: MIT */
/*
 * Refresh tokens that must not be used twice, against a simulator that rotates strictly, judged by its
 * journal:
 *
 *     faults_tokens [--seed N] [--processes N] [--accounts N] rush    all tokens expire at once, and many workers
 *                                                                     are there to refresh them: each must be used once. For
 *                                                                     jobs that refresh and for jobs that read, two
 *                                                                     of these an account, under both lives of tokens
 *     faults_tokens [--seed N] [--hits N] [--spool-lost 1] kills      kill -9 at each step of a refresh, N accounts each: no
 *                                                                     token is used twice within a lease, and only
 *                                                                     a death between TikTok's answer and the disk may lose an
 *                                                                     account, which then says so. --spool-lost: the
 *                                                                     disk dies with the worker
 *
 * The account of each hit is its own, and its job is taken off the queue after the death and
 * published again at the end, when the leases of the dead are waited for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/killpoint.h"
#include "common/memory.h"
#include "tests/faults/harness.h"
#include "tests/faults/program.h"
#include "tests/faults/uses.h"
#include "tests/support/courier.h"
#include "tests/support/fleet.h"
#include "tests/support/wait.h"

#define KILLED     (128 + SIGKILL)
#define PROCESSES  64
#define SUCCESSORS 4
/* A lease of 90 s, less the 20 s within which a call is sent under it (fetcher.c). */
#define APART_US (INT64_C(70) * 1000000)
#define LOOK_MS  20
#define DONE_MS  600000

static struct {
	uint64_t seed;
	int64_t processes, accounts, hits, spool_lost;
	struct harness harness;
	struct test_fleet fleet;
	struct courier *courier;
	char *journal;
	struct test_process *workers[PROCESSES];
	int worker_count;
} trial = {.processes = 50, .accounts = 1000, .hits = 20};

static int64_t count(const char *sql)
{
	return test_query_integer(trial.fleet.database.db, sql);
}

/* ---- A fleet ---- */

static void open_fleet(int64_t accounts, const char *profile)
{
	char *knob = harness_sentence("token_profile=%s", profile);
	const char *const arguments[] = {
		"--journal", NULL, "--set", knob, "--set", "old_access_after_refresh=killed", NULL};
	const char *given[8];

	memcpy(given, arguments, sizeof arguments);
	trial.journal = harness_path(&trial.harness, "tiktok");
	unlink(trial.journal);
	given[1] = trial.journal;
	world_init(&trial.fleet.world);
	trial.fleet.world.videos_each = 1;
	test_fleet_create(&trial.fleet, (uint32_t)accounts, given);
	free(knob);
}

static void close_fleet(void)
{
	for (int i = 0; i < trial.worker_count; i++)
		test_process_signal(trial.workers[i], SIGTERM);
	for (int i = 0; i < trial.worker_count; i++) {
		if (test_process_stop(trial.workers[i]) != 0)
			harness_check(&trial.harness, "I10",
				harness_sentence("a worker did not end well"));
		test_process_destroy(trial.workers[i]);
	}
	trial.worker_count = 0;
	test_fleet_destroy(&trial.fleet);
	free(trial.journal);
}

static struct test_process *start_worker(const char *first, const char *second)
{
	const char *const argv[] = {"storesync-worker", NULL};
	const char *environment[32] = {0};
	int length = 0;

	for (char **setting = trial.fleet.settings; *setting; setting++)
		environment[length++] = *setting;
	environment[length++] = first;
	environment[length++] = second;
	return test_process_start(argv, environment, NULL);
}

static void start_workers(int64_t wanted)
{
	while (trial.worker_count < wanted)
		trial.workers[trial.worker_count++] =
			start_worker("WORKER_CONCURRENCY=16", "DB_POOL_SIZE=2");
	for (int i = 0; i < trial.worker_count; i++)
		test_process_wait_for_output(trial.workers[i], "RabbitMQ (jobs) is ready");
}

static void wait_until_done(void)
{
	int64_t deadline_ms = clock_monotonic_ms() + DONE_MS;

	while (count(
		"SELECT count(*) FROM sync_jobs WHERE state NOT IN ('success', 'skipped', 'dead')")) {
		if (clock_monotonic_ms() > deadline_ms)
			fail_msg("jobs are left after %d s", DONE_MS / 1000);
		usleep(LOOK_MS * 1000);
	}
}

static void check_zero(const char *what, const char *sql)
{
	int64_t number = count(sql);

	if (number)
		harness_check(&trial.harness, "I6",
			harness_sentence("%" PRId64 " accounts or jobs %s", number, what));
}

static void figure(const char *row, const char *name, double value)
{
	char *full = harness_sentence("%s.%s", row, name);

	harness_figure(&trial.harness, full, value);
	free(full);
}

/* ---- Rush ---- */

static void judge_rush(const char *row, int64_t took_ms)
{
	struct uses uses;
	size_t once;

	uses_read(&uses, trial.journal);
	once = uses_accounts_refreshed_once(&uses);
	figure(row, "processes", (double)trial.processes);
	figure(row, "accounts", (double)trial.accounts);
	figure(row, "refresh_calls", (double)uses.count);
	figure(row, "superseded", (double)uses.refused);
	figure(row, "seconds", (double)took_ms / 1000);
	if (uses.refused || (int64_t)uses.count != trial.accounts ||
		(int64_t)once != trial.accounts)
		harness_check(&trial.harness, "I6",
			harness_sentence(
				"%s: %zu uses of refresh tokens, %zu refused; %zu of %" PRId64
				" accounts were refreshed once",
				row, uses.count, uses.refused, once, trial.accounts));
	uses_finish(&uses);
	check_zero("were not done at the first attempt",
		"SELECT count(*) FROM sync_jobs WHERE state <> 'success' OR attempt > 1");
	check_zero("are not as they should be",
		"SELECT count(*) FROM store_accounts WHERE status <> 'CONNECTED' OR token_version <> 1"
		" OR refresh_lease_owner IS NOT NULL OR refresh_intent_at IS NOT NULL");
}

static void rush(const char *profile, const char *const first[], const char *const second[])
{
	char *row = harness_sentence("%s_%s", first[1], profile);
	int64_t began_ms;

	open_fleet(trial.accounts, profile);
	test_execute(trial.fleet.database.db, "UPDATE store_accounts SET token_expires_at = now()");
	test_fleet_tell_simulator(&trial.fleet, "/admin/expire-all-tokens", "{}");
	test_fleet_tell_simulator(&trial.fleet, "/admin/knobs", "{\"latency_ms\":100}");
	start_workers(trial.processes);
	began_ms = clock_monotonic_ms();
	test_fleet_produce(&trial.fleet, first);
	if (second)
		test_fleet_produce(&trial.fleet, second);
	wait_until_done();
	judge_rush(row, clock_monotonic_ms() - began_ms);
	close_fleet();
	free(row);
}

static void tokens_that_expire_at_once_are_used_once_each(void **state)
{
	static const char *const refresh[] = {"--job-type", "token_refresh", NULL};
	static const char *const daily[] = {"--job-type", "daily_sync", NULL};
	static const char *const users[] = {"--job-type", "user_stats", NULL};
	static const char *const profiles[] = {"2026", "legacy"};

	harness_open(&trial.harness, "tokens_rush", trial.seed);
	for (size_t i = 0; i < 2; i++) {
		rush(profiles[i], refresh, NULL);
		rush(profiles[i], daily, users);
	}
	harness_close(&trial.harness);
}

/* ---- Kills ---- */

enum loss {
	LOSES_NOTHING,
	LOSES_WITH_SPOOL, /* if the disk is lost, too */
	LOSES,            /* TikTok may have answered, and no disk has it */
};

static const struct step {
	const char *name;
	enum killpoint point;
	enum loss loss;
} steps[] = {
	{"lease_taken", KILL_WORKER_LEASE_TAKEN, LOSES_NOTHING},
	{"call_sent", KILL_WORKER_CALL_SENT, LOSES},
	{"reply_taken", KILL_WORKER_REPLY_TAKEN, LOSES},
	{"token_received", KILL_WORKER_TOKEN_RECEIVED, LOSES},
	{"token_spooled", KILL_WORKER_TOKEN_SPOOLED, LOSES_WITH_SPOOL},
	{"token_saved", KILL_WORKER_TOKEN_SAVED, LOSES_NOTHING},
	{"released", KILL_WORKER_RELEASED, LOSES_NOTHING},
};
#define STEPS ((int64_t)(sizeof steps / sizeof *steps))

static void produce_express(int64_t account)
{
	char store[32];
	const char *const arguments[] = {
		"--job-type", "token_refresh", "--express", "--store", store, NULL};

	snprintf(store, sizeof store, "store-%" PRId64, account);
	test_fleet_produce(&trial.fleet, arguments);
}

/* A refresh that fails before TikTok has done anything, so that the lease is given back. */
static void fail_next_refresh(int64_t number)
{
	struct world_account account;
	char *fault;

	world_account(&trial.fleet.world, (uint32_t)number, &account);
	fault = harness_sentence(
		"{\"fault\":\"error_500\",\"endpoint\":\"token\",\"account\":\"%s\",\"count\":1}",
		account.open_id);
	test_fleet_tell_simulator(&trial.fleet, "/admin/faults", fault);
	free(fault);
}

/* The delivery of the dead worker; it is published again at the end. */
static void take_off_the_queue(void)
{
	struct courier_letter letter = {0};
	int64_t deadline_ms = clock_monotonic_ms() + TEST_WAIT_MS;

	while (!courier_fetch(trial.courier, "sync.jobs.express", &letter)) {
		if (clock_monotonic_ms() > deadline_ms)
			fail_msg("the job of a dead worker does not come back");
		usleep(LOOK_MS * 1000);
	}
	courier_letter_finish(&letter);
}

static void lose_disk(void)
{
	DIR *files = opendir(trial.fleet.spool);
	const struct dirent *file;

	while (files && (file = readdir(files)))
		unlinkat(dirfd(files), file->d_name, 0);
	if (files)
		closedir(files);
}

static void kill_at(const struct step *step, int64_t account)
{
	char *point = harness_sentence("STORESYNC_KILLPOINT=%s", killpoint_row(step->point)->name);
	struct test_process *worker;
	int code;

	if (step->point == KILL_WORKER_RELEASED)
		fail_next_refresh(account);
	produce_express(account);
	worker = start_worker(point, "WORKER_CONCURRENCY=1");
	code = test_process_wait(worker, TEST_WAIT_MS);
	if (code != KILLED)
		fail_msg("%s: exit code %d:\n%s", point, code, test_process_output(worker));
	test_process_destroy(worker);
	take_off_the_queue();
	if (trial.spool_lost)
		lose_disk();
	free(point);
}

static int64_t lost_at(int64_t step, const char *condition)
{
	char *sql =
		harness_sentence("SELECT count(*) FROM store_accounts WHERE (id - 1) %% %" PRId64
				 " = %" PRId64 " AND %s",
			STEPS, step, condition);
	int64_t number = count(sql);

	free(sql);
	return number;
}

static bool may_lose(const struct step *step)
{
	return step->loss == LOSES || (step->loss == LOSES_WITH_SPOOL && trial.spool_lost);
}

static void judge_step(int64_t number)
{
	const struct step *step = &steps[number];
	int64_t lost = lost_at(number, "status = 'NEED_RECONNECT'");
	int64_t said = lost_at(
		number, "status = 'NEED_RECONNECT' AND status_reason LIKE 'lost_rotation%'");

	figure(step->name, "kills", (double)trial.hits);
	figure(step->name, "lost", (double)lost);
	figure(step->name, "said_so", (double)said);
	if (lost != said || (lost && !may_lose(step)))
		harness_check(&trial.harness, "I6",
			harness_sentence("%s: %" PRId64 " accounts are lost, %" PRId64
					 " say lost_rotation",
				step->name, lost, said));
}

static void judge_kills(void)
{
	struct uses uses;
	uint32_t account = 0;
	int64_t closest_us;

	uses_read(&uses, trial.journal);
	closest_us = uses_closest_us(&uses, &account);
	harness_figure(&trial.harness, "refresh_calls", (double)uses.count);
	harness_figure(&trial.harness, "refused", (double)uses.refused);
	if (closest_us != INT64_MAX)
		harness_figure(
			&trial.harness, "closest_uses_of_one_token_s", (double)closest_us / 1e6);
	if (closest_us < APART_US)
		harness_check(&trial.harness, "I6",
			harness_sentence(
				"a refresh token of account %u was used twice within %.1f s",
				account, (double)closest_us / 1e6));
	uses_finish(&uses);
	for (int64_t i = 0; i < STEPS; i++)
		judge_step(i);
	check_zero("say revoked, of a grant that lives",
		"SELECT count(*) FROM store_accounts WHERE status_reason LIKE 'revoked%'");
	check_zero("still have a lease, or an intent that nobody completed",
		"SELECT count(*) FROM store_accounts WHERE status = 'CONNECTED'"
		" AND (refresh_lease_owner IS NOT NULL OR refresh_intent_at IS NOT NULL)");
}

/* Every account that is connected has tokens that TikTok takes: the one and the other. */
static void use_every_pair(void)
{
	int64_t connected = count("SELECT count(*) FROM store_accounts WHERE status = 'CONNECTED'");
	int64_t refused;
	struct uses uses;

	uses_read(&uses, trial.journal);
	refused = (int64_t)uses.refused;
	uses_finish(&uses);
	test_fleet_produce(&trial.fleet, NULL);
	wait_until_done();
	test_fleet_produce(&trial.fleet,
		(const char *const[]){"--job-type", "token_refresh", "--force", NULL});
	wait_until_done();
	uses_read(&uses, trial.journal);
	harness_figure(&trial.harness, "accounts_connected", (double)connected);
	if ((int64_t)uses.refused != refused ||
		connected != count("SELECT count(*) FROM store_accounts WHERE status = 'CONNECTED'"
				   " AND failed_syncs = 0"))
		harness_check(&trial.harness, "I6",
			harness_sentence("a saved pair is not the one that TikTok takes"));
	uses_finish(&uses);
	check_zero("of connected accounts did not succeed",
		"SELECT count(*) FROM sync_jobs j JOIN store_accounts a ON a.id = j.account_id"
		" WHERE a.status = 'CONNECTED' AND j.state <> 'success'");
}

static void a_death_at_any_step_loses_only_what_it_must(void **state)
{
	int64_t accounts = trial.hits * STEPS;

	harness_open(&trial.harness, trial.spool_lost ? "tokens_kills_disk_lost" : "tokens_kills",
		trial.seed);
	open_fleet(accounts, "2026");
	trial.courier = courier_create(trial.fleet.vhost.amqp_url);
	for (int64_t account = 0; account < accounts; account++)
		kill_at(&steps[account % STEPS], account);
	courier_destroy(trial.courier);
	start_workers(SUCCESSORS);
	test_fleet_produce(&trial.fleet,
		(const char *const[]){"--job-type", "token_refresh", "--republish", NULL});
	wait_until_done();
	judge_kills();
	use_every_pair();
	close_fleet();
	harness_close(&trial.harness);
}

int main(int argc, char **argv)
{
	const struct program_option options[] = {{"processes", &trial.processes},
		{"accounts", &trial.accounts}, {"hits", &trial.hits},
		{"spool-lost", &trial.spool_lost}, {NULL, NULL}};
	const struct CMUnitTest rushes[] = {
		cmocka_unit_test(tokens_that_expire_at_once_are_used_once_each)};
	const struct CMUnitTest kills[] = {
		cmocka_unit_test(a_death_at_any_step_loses_only_what_it_must)};
	const char *word = NULL;

	if (!program_options(argc, argv, options, &trial.seed, &word))
		return 2;
	if (word && strcmp(word, "rush") == 0 && trial.processes <= PROCESSES)
		return cmocka_run_group_tests(rushes, NULL, NULL);
	if (word && strcmp(word, "kills") == 0)
		return cmocka_run_group_tests(kills, NULL, NULL);
	fprintf(stderr, "faults_tokens: rush (at most %d processes) or kills?\n", PROCESSES);
	return 2;
}
