/* SPDX-License-Identifier: MIT */
/*
 * A TikTok that misbehaves, and a clock that jumps, under load:
 *
 *     faults_tiktok [--seed N] [--seconds N] storm    random faults for a share of the calls, new ones every few seconds: 500, 429, HTML,
 *                                                     truncated JSON, cut and empty bodies, drops, delays; and one
 *                                                     refresh in each of some accounts that rotates the token and then
 *                                                     drops the answer
 *     faults_tiktok [--seed N] [--seconds N] clock    the clock of one of two workers jumps by an hour or a day, forwards and
 *                                                     back (libfaketime); exit code 77: it is not installed
 *
 * Jobs may be charged in a storm, and even die of it, by the rules of common/error.c; none may be lost, and no account. A
 * wrong clock must cost nothing: no token is refreshed that is not due, no lease is granted twice, no row comes
 * from the future.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/faults/program.h"
#include "tests/faults/scene.h"
#include "tests/support/environment.h"

#define EXIT_SKIPPED   77
#define WAVE_MS        4000
#define WAVES_A_LIST   60 /* the simulator has room for 256 faults */
#define WAVE_FAULTS    3
#define WAVE_CALLS     40 /* that each fault of a wave hits at most */
#define ROTATIONS_LOST 60
#define LIBFAKETIME    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
#define NOT_DUE        "now() + interval '30 minutes'"
#define DUE            100 /* accounts whose token is due */
#define LADDER_ROUNDS  40

static struct scene scene;
static uint64_t seed;
static int64_t seconds = 40;

static int64_t count(const char *sql)
{
	int64_t number = -1;

	if (!observer_number(&scene.oracle.observer, sql, &number))
		fail_msg("the database does not answer: %s", sql);
	return number;
}

static void tell(const char *path, const char *body)
{
	harness_note(&scene.harness, "%s %s", path, body);
	test_fleet_tell_simulator(&scene.fleet, path, body);
}

/* ---- Storm ---- */

/* A second one in a row would lose the account, by nobody's fault: grace covers one generation. */
static void plan_lost_rotations(void)
{
	struct text list = {0};
	struct world_account account;

	for (uint32_t n = 0; n < ROTATIONS_LOST; n++) {
		world_account(&scene.fleet.world, n * (SCENE_ACCOUNTS / ROTATIONS_LOST), &account);
		text_append_format(&list,
			"%c{\"fault\":\"drop\",\"endpoint\":\"token\",\"account\":\"%s\",\"count\":1,\"works\":true}",
			n ? ',' : '[', account.open_id);
	}
	text_append_char(&list, ']');
	tell("/admin/faults", list.data);
	text_finish(&list);
}

/* Faults at the token endpoint do not work before they spoil the answer: see above. */
static void send_wave(void)
{
	static const char *const faults[] = {"error_500", "error_429", "html_502", "truncated_json",
		"cut_body", "empty_body", "drop", "delay"};
	static const char *const endpoints[] = {"user_info", "video_list", "token"};
	struct dice *dice = &scene.harness.dice;
	struct text list = {0};

	for (int i = 0; i < WAVE_FAULTS; i++) {
		const char *fault = faults[dice_between(dice, 0, 7)];
		const char *endpoint = endpoints[dice_between(dice, 0, 2)];
		int64_t percent = dice_between(dice, 5, 60);
		int64_t delay_ms = dice_between(dice, 100, 5000);

		text_append_format(&list,
			"%c{\"fault\":\"%s\",\"endpoint\":\"%s\",\"percent\":%" PRId64
			",\"count\":%d,\"delay_ms\":%" PRId64 "%s}",
			i ? ',' : '[', fault, endpoint, percent, WAVE_CALLS,
			strcmp(fault, "delay") == 0 ? delay_ms : 0,
			strcmp(endpoint, "token") == 0 && strcmp(fault, "delay") != 0
				? ",\"works\":false"
				: "");
	}
	text_append_char(&list, ']');
	tell("/admin/faults", list.data);
	text_finish(&list);
}

/*
 * The ladder's rungs are up to half an hour apart: what waits on them is taken off and published again, at
 * the attempt that its row says, as often as it takes.
 */
static void climb_the_ladder_in_a_hurry(void)
{
	static const char *const rungs[] = {"10s", "1m", "5m", "30m"};

	for (int round = 0; round < LADDER_ROUNDS && oracle_unfinished(&scene.oracle) > 0;
		round++) {
		for (int i = 0; i < 4; i++) {
			char *path = harness_sentence("/api/queues/%s/sync.retry.%s/contents",
				scene.fleet.vhost.name, rungs[i]);

			test_management_call("DELETE", path, NULL, NULL);
			free(path);
		}
		if (count("SELECT count(*) FROM sync_jobs WHERE state IN ('queued', 'running')") ==
			0) {
			test_execute(scene.fleet.database.db,
				"UPDATE sync_jobs SET published_at = NULL WHERE state = 'retrying'");
			test_fleet_produce(&scene.fleet, NULL);
		}
		crew_tend(&scene.crew, 3000);
	}
}

static bool never_succeeded[SCENE_ACCOUNTS];

static bool has_no_rows(uint32_t account)
{
	return never_succeeded[account];
}

static void expect_the_dead(void)
{
	char sql[160];

	scene.oracle.planted_dead = count("SELECT count(*) FROM sync_jobs WHERE state = 'dead'");
	for (int n = 0; n < SCENE_ACCOUNTS; n++) {
		snprintf(sql, sizeof sql,
			"SELECT count(*) FROM sync_jobs WHERE account_id = %d AND state = 'success'",
			n + 1);
		never_succeeded[n] = count(sql) == 0;
	}
	scene.oracle.is_left_out = has_no_rows;
	harness_figure(&scene.harness, "dead", (double)scene.oracle.planted_dead);
}

static void check_attempts(void)
{
	int64_t most = count("SELECT max(attempt) FROM sync_jobs");

	harness_figure(&scene.harness, "attempts_most", (double)most);
	harness_figure(&scene.harness, "retried",
		(double)count("SELECT count(*) FROM sync_jobs WHERE attempt > 1"));
	if (most > 5) /* the most that the table of error classes gives */
		harness_check(&scene.harness, "attempts",
			harness_sentence("a job was tried %" PRId64 " times", most));
}

static void a_storm_loses_no_job_and_no_account(void **state)
{
	static const char *const arguments[] = {
		"--set", "rotation=grace", "--set", "rotation_grace_s=86400", NULL};
	int64_t waves = seconds * 1000 / WAVE_MS;

	scene_open(&scene, "tiktok_storm", seed, NULL, arguments);
	test_execute(scene.fleet.database.db, "UPDATE store_accounts SET token_expires_at = now()");
	plan_lost_rotations();
	for (int64_t wave = 1; wave <= waves; wave++) {
		send_wave();
		scene_tend(&scene, WAVE_MS);
		if (wave % WAVES_A_LIST == 0)
			tell("/admin/faults/clear", "{}");
	}
	tell("/admin/faults/clear", "{}");
	scene.crew.load_wanted = false;
	crew_tend(&scene.crew, 5000);
	climb_the_ladder_in_a_hurry();
	harness_figure(&scene.harness, "drain_ms", (double)oracle_drain(&scene.oracle, 120000));
	harness_figure(&scene.harness, "waves", (double)waves);
	harness_figure(&scene.harness, "refreshes_granted",
		(double)test_fleet_stat(&scene.fleet, "refreshes_granted"));
	check_attempts();
	expect_the_dead();
	scene_close(&scene);
}

/* ---- Clock ---- */

static void set_clock(const char *path, const char *offset)
{
	harness_note(&scene.harness, "the clock of a worker is %s", offset);
	test_write_file(path, offset);
}

static void jump_about(const char *path)
{
	static const char *const offsets[] = {"+1h", "-1h", "+1d", "-1d", "+0"};
	int64_t until_ms = clock_monotonic_ms() + seconds * 1000;
	int jumps = 0;

	while (clock_monotonic_ms() < until_ms) {
		set_clock(path, offsets[dice_between(&scene.harness.dice, 0, 4)]);
		jumps++;
		scene_tend(&scene, dice_between(&scene.harness.dice, 2000, 6000));
	}
	set_clock(path, "+0");
	harness_figure(&scene.harness, "clock_jumps", jumps);
}

static void check_clock_effects(void)
{
	int64_t granted = test_fleet_stat(&scene.fleet, "refreshes_granted");
	int64_t future =
		count("SELECT (SELECT count(*) FROM tiktok_user_daily WHERE fetched_at > "
		      "now() + interval '1 minute') + (SELECT count(*) FROM "
		      "tiktok_video_daily WHERE fetched_at > now() + interval '1 minute')");

	harness_figure(&scene.harness, "refreshes_granted", (double)granted);
	harness_figure(&scene.harness, "rows_from_the_future", (double)future);
	if (granted != DUE)
		harness_check(&scene.harness, "I6",
			harness_sentence(
				"%" PRId64 " tokens were refreshed; due were %d", granted, DUE));
	if (future > 0)
		harness_check(&scene.harness, "clock",
			harness_sentence(
				"%" PRId64
				" rows were read in the future: no later reading replaces them",
				future));
}

static void a_clock_that_jumps_costs_nothing(void **state)
{
	static char preload[128], file[512];
	static const char *const faked[] = {"WORKER_CONCURRENCY=8", "DRAIN_TIMEOUT=30", preload,
		"FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1", "DONT_FAKE_MONOTONIC=1",
		file, NULL};
	char *sql, *path;

	scene_open(&scene, "tiktok_clock", seed, NULL, NULL);
	path = harness_path(&scene.harness, "clock");
	snprintf(preload, sizeof preload, "LD_PRELOAD=%s", LIBFAKETIME);
	snprintf(file, sizeof file, "FAKETIME_TIMESTAMP_FILE=%s", path);
	set_clock(path, "+0");
	scene.crew.members[1].overrides = faked;
	crew_strike(&scene.crew, 1, STRIKE_TERM, 0);
	sql = harness_sentence(
		"UPDATE store_accounts SET token_expires_at = CASE WHEN id <= %d THEN now() ELSE " NOT_DUE
		" END",
		DUE);
	test_execute(scene.fleet.database.db, sql);
	/* Rows that say the same are not written again: let them be written anew, by any clock. */
	test_execute(scene.fleet.database.db, "TRUNCATE tiktok_user_daily, tiktok_video_daily");
	jump_about(path);
	scene_settle(&scene, "clock");
	check_clock_effects();
	free(path);
	free(sql);
	scene_close(&scene);
}

int main(int argc, char **argv)
{
	const struct program_option options[] = {{"seconds", &seconds}, {NULL, NULL}};
	const struct CMUnitTest storm[] = {cmocka_unit_test(a_storm_loses_no_job_and_no_account)};
	const struct CMUnitTest clock[] = {cmocka_unit_test(a_clock_that_jumps_costs_nothing)};
	const char *word = NULL;

	if (!program_options(argc, argv, options, &seed, &word))
		return 2;
	if (word && strcmp(word, "storm") == 0)
		return cmocka_run_group_tests(storm, NULL, NULL);
	if (!word || strcmp(word, "clock") != 0) {
		fprintf(stderr, "faults_tiktok: storm or clock?\n");
		return 2;
	}
	if (access(LIBFAKETIME, R_OK) != 0) {
		printf("clock=skipped: the package libfaketime is not installed\n");
		return EXIT_SKIPPED;
	}
	return cmocka_run_group_tests(clock, NULL, NULL);
}
