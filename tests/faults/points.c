/* SPDX-License-Identifier: MIT */
/*
 * Death at every kill point (common/killpoint.h), many times each. For each point a fleet of its own
 * gets work that passes the point; a program that is armed to die there is started again and again;
 * at last programs that are not armed end the work. Then nothing may be lost, nothing doubled, and
 * every snapshot must be the world's. Prints one line a point,
 *
 *     point=worker.saved hits=50 jobs=120 lost=0 doubled=0 seconds=20.7
 *
 * Each point also sees one hang (ended by SIGKILL) and one SIGSEGV, which are not counted as hits.
 *
 *     faults_points [OPTION]...
 *       --hits N       deaths by SIGKILL at each point [50]
 *       --points LIST  names, comma-separated [all]
 *       --lanes N      points at a time [4]
 *       --seed N       repeats the random choices of an earlier run; printed first
 *
 * Each lane is a child process with one thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/crypto.h"
#include "common/killpoint.h"
#include "common/memory.h"
#include "tests/support/courier.h"
#include "tests/support/fleet.h"
#include "tests/support/wait.h"

#define ROUND_HITS                                                                                 \
	10 /* then everything is brought to its end: RabbitMQ delivers 50 times at most */
#define ACCOUNTS        12
#define LOOK_MS         100
#define PATIENCE_MS     60000
#define LADDER_MS       200000 /* two rungs and some more */
#define KILLED          (128 + SIGKILL)
#define LETTERS_AT_ONCE 3
#define DAY_TEXT_SIZE   32

#define UNFINISHED                                                                                 \
	"SELECT count(*) FROM sync_jobs WHERE state NOT IN ('success', 'skipped', 'dead')"
#define UNTOLD                                                                                     \
	"SELECT count(*) FROM sync_jobs j WHERE NOT EXISTS"                                        \
	" (SELECT 1 FROM sync_logs l WHERE l.job_id = j.job_id AND l.final)"

#define FOREIGN_DAY "2026-11-22"

struct trial;

/* What passes a point, and how it ends. */
struct scenario {
	enum killpoint point;
	const char *program;                  /* that dies */
	void (*prepare)(struct trial *trial); /* NULL: nothing */
	void (*work)(struct trial *trial);    /* something that passes the point */
	void (*provoke)(struct trial *trial, struct test_process *dying); /* NULL: nothing */
	void (*after_death)(struct trial *trial);                         /* NULL: nothing */
	void (*before_drain)(struct trial *trial);                        /* NULL: nothing */
	int most_nth;          /* dies the 1st to most_nth time that it comes there */
	const char *setting;   /* of the dying program; NULL: none */
	const char *as_wanted; /* SQL, of sync_jobs j: has it ended as it must? NULL: success */
	bool new_day_each_time;
	bool account_each_hit;
	uint32_t videos; /* of every account; 0: a few */
};

struct trial {
	const struct scenario *scenario;
	struct test_fleet fleet;
	struct test_process *worker, *logger; /* not armed; NULL: not running */
	struct courier *courier;
	uint64_t random;
	int wanted, hits, deaths;
	int turn;    /* of accounts and days */
	int letters; /* broken results that were sent */
	int64_t began_ms;
	int64_t lost, doubled;
	struct text broken; /* sentences */
};

static struct trial trial;

/* ---- Small helps ---- */

/* splitmix64 */
static uint64_t next_random(struct trial *t)
{
	uint64_t z = t->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static int64_t count(struct trial *t, const char *sql)
{
	return test_query_integer(t->fleet.database.db, sql);
}

static void pause_ms(int64_t ms)
{
	const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	nanosleep(&pause, NULL);
}

static bool is_of(const struct trial *t, const char *program)
{
	return strcmp(t->scenario->program, program) == 0;
}

static void complain(struct trial *t, const char *what, int64_t number)
{
	text_append_format(&t->broken, "%s: %" PRId64 "; ", what, number);
}

/* ---- Programs ---- */

static struct test_process *start(struct trial *t, const char *program, const char *first,
	const char *second, const char *const arguments[])
{
	const char *argv[8] = {program};
	const char *environment[32] = {0};
	int count = 0;

	for (int i = 0; arguments && arguments[i]; i++)
		argv[i + 1] = arguments[i];
	for (char **setting = t->fleet.settings; *setting; setting++)
		environment[count++] = *setting;
	environment[count++] = "WORKER_CONCURRENCY=4";
	if (first)
		environment[count++] = first;
	if (second)
		environment[count++] = second;
	return test_process_start(argv, environment, NULL);
}

static void start_helper(struct trial *t, struct test_process **helper, const char *program)
{
	if (*helper)
		return;
	*helper = start(t, program, NULL, NULL, NULL);
	test_process_wait_for_output(*helper, "started");
}

static void stop_helper(struct test_process **helper)
{
	if (!*helper)
		return;
	if (test_process_stop(*helper) != 0)
		fail_msg("a program that was not armed failed:\n%s", test_process_output(*helper));
	test_process_destroy(*helper);
	*helper = NULL;
}

/* ---- Work ---- */

/* The day of the turn, so that each has jobs of its own. */
static void write_day(const struct trial *t, char day[DAY_TEXT_SIZE])
{
	snprintf(day, DAY_TEXT_SIZE, "2026-%02d-%02d", t->turn / 28 % 12 + 1, t->turn % 28 + 1);
}

static bool everything_is_told(struct trial *t)
{
	return count(t, UNTOLD) == 0;
}

static void publish_day(struct trial *t)
{
	const char *const again[] = {"--force", NULL};
	char day[DAY_TEXT_SIZE];
	const char *const new_day[] = {"--date", day, NULL};

	write_day(t, day);
	t->turn++;
	test_fleet_produce(&t->fleet, t->scenario->new_day_each_time ? new_day : again);
}

static void work_sync(struct trial *t)
{
	if (everything_is_told(t))
		publish_day(t);
}

/* Two jobs for every account, one behind the other. */
static void work_twice(struct trial *t)
{
	const char *const users[] = {"--force", "--job-type", "user_stats", NULL};

	if (!everything_is_told(t))
		return;
	publish_day(t);
	test_fleet_produce(&t->fleet, users);
}

/* Jobs on their way to the ladder do not count: more of them must pass the point. */
static void work_failing(struct trial *t)
{
	if (count(t,
		    "SELECT count(*) FROM sync_jobs WHERE state IN ('planned', 'queued', 'running')") ==
		0)
		publish_day(t);
}

static void work_foreign(struct trial *t)
{
	if (!everything_is_told(t))
		return;
	for (int i = 0; i < LETTERS_AT_ONCE; i++) {
		char id[UUID_TEXT_SIZE], run[UUID_TEXT_SIZE];
		struct text body = {0};
		int account = t->turn++ % ACCOUNTS;

		uuid_random(id);
		uuid_random(run);
		text_append_format(&body,
			"{\"v\":1,\"job_id\":\"%s\",\"run_id\":\"%s\",\"account_id\":%d,"
			"\"store_code\":\"store-%d\",\"job_type\":\"daily_sync\","
			"\"snapshot_date\":\"" FOREIGN_DAY "\",\"attempt\":1,"
			"\"enqueued_at\":\"2026-11-22T00:00:00Z\"}",
			id, run, account + 1, account);
		courier_send(t->courier, &(struct courier_message){.key = "job",
						 .body = body.data,
						 .length = body.length,
						 .message_id = id});
		text_finish(&body);
	}
	courier_wait(t->courier);
	/* They are in the manifest only when a worker has seen them. */
	pause_ms(LOOK_MS);
}

/* So that every account has rows of that day. */
static void publish_the_foreign_day(struct trial *t)
{
	test_fleet_produce(&t->fleet, (const char *const[]){"--date", FOREIGN_DAY, NULL});
}

static void work_refresh(struct trial *t)
{
	char store[32];
	const char *const refresh[] = {"--job-type", "token_refresh", "--store", store, NULL};

	if (t->scenario->account_each_hit ? t->turn > t->deaths : !everything_is_told(t))
		return;
	snprintf(store, sizeof store, "store-%u", (unsigned)t->turn++ % t->fleet.world.accounts);
	test_fleet_produce(&t->fleet, refresh);
}

/* 90 seconds go by: the lease of the worker that died lapses. */
static void let_leases_lapse(struct trial *t)
{
	test_execute(t->fleet.database.db,
		"UPDATE store_accounts SET refresh_lease_until = now() - interval '1 second'"
		" WHERE refresh_lease_owner IS NOT NULL");
}

/* A worker dies with a pair in the spool, so that the next one has something to recover. */
static void work_recovery(struct trial *t)
{
	struct test_process *spooling;

	if (t->turn > t->deaths)
		return;
	work_refresh(t);
	spooling = start(t, "storesync-worker", "STORESYNC_KILLPOINT=worker.token_spooled",
		t->scenario->setting, NULL);
	if (test_process_wait(spooling, PATIENCE_MS) != KILLED)
		fail_msg("no pair was spooled:\n%s", test_process_output(spooling));
	test_process_destroy(spooling);
	let_leases_lapse(t);
}

static void work_letters(struct trial *t)
{
	if (courier_count(t->courier, "sync.results") > 0)
		return;
	for (int i = 0; i < LETTERS_AT_ONCE; i++) {
		char id[32];

		snprintf(id, sizeof id, "letter-%d", t->letters++);
		courier_send(t->courier,
			&(struct courier_message){
				.key = "result", .body = "broken", .length = 6, .message_id = id});
	}
	courier_wait(t->courier);
}

static void work_nothing(struct trial *t)
{
	t->turn++;
}

/* ---- What else a point needs ---- */

/* Two: were three ill and alone at a worker, it would take them for an outage and hold their jobs. */
static void fail_two_accounts(struct trial *t)
{
	for (uint32_t n = 0; n < 2; n++) {
		struct world_account account;
		struct text fault = {0};

		world_account(&t->fleet.world, n, &account);
		text_append_format(&fault,
			"{\"fault\":\"error_500\",\"endpoint\":\"user_info\",\"account\":\"%s\",\"count\":-1}",
			account.open_id);
		test_fleet_tell_simulator(&t->fleet, "/admin/faults", text_string(&fault));
		text_finish(&fault);
	}
}

static void take_scopes_of_half_of_the_accounts(struct trial *t)
{
	test_execute(
		t->fleet.database.db, "UPDATE store_accounts SET scope = 'none' WHERE id % 2 = 1");
}

/* Or the accounts are taken for broken, and get no more jobs. */
static void forget_failures(struct trial *t)
{
	test_execute(t->fleet.database.db,
		"UPDATE store_accounts SET failed_syncs = 0, status = 'CONNECTED' WHERE failed_syncs > 0");
}

static bool has_no_scope(uint32_t account)
{
	return account % 2 == 0;
}

static void delay_users(struct trial *t)
{
	test_fleet_tell_simulator(&t->fleet, "/admin/faults",
		"{\"fault\":\"delay\",\"endpoint\":\"user_info\",\"count\":-1,\"delay_ms\":20000}");
}

static void clear_faults(struct trial *t)
{
	test_fleet_tell_simulator(&t->fleet, "/admin/faults/clear", "{}");
}

/* Ask it to stop while calls are under way: after DRAIN_TIMEOUT it gives their jobs back. */
static void ask_to_stop_amid_calls(struct trial *t, struct test_process *dying)
{
	int64_t before = test_fleet_stat(&t->fleet, "user_info.calls");
	int64_t deadline_ms = clock_monotonic_ms() + PATIENCE_MS;

	while (test_fleet_stat(&t->fleet, "user_info.calls") == before &&
		clock_monotonic_ms() < deadline_ms)
		pause_ms(LOOK_MS);
	test_process_signal(dying, SIGTERM);
}

static void publish_the_day_to_its_end(struct trial *t)
{
	char day[DAY_TEXT_SIZE];
	const char *const arguments[] = {"--date", day, NULL};

	write_day(t, day);
	test_fleet_produce(&t->fleet, arguments);
}

#define ENDED_DEAD(class) "j.state = 'dead' AND j.error_class = '" class "'"

/* clang-format off */
#define SYNC .work = work_sync, .most_nth = 4
#define REFRESH .work = work_refresh, .most_nth = 1
/* Two calls at once would be two rotations, and the death over one of them would lose the other. */
#define ONE_CALL .account_each_hit = true, .after_death = let_leases_lapse, .setting = "WORKER_CONCURRENCY=1"
#define PUBLISH .program = "storesync-producer", .work = work_nothing, .after_death = publish_the_day_to_its_end, .new_day_each_time = true

/* Those that wait longest first. */
static const struct scenario scenarios[] = {
	{KILL_WORKER_RETRY_SENT, "storesync-worker", .prepare = fail_two_accounts, .work = work_failing,
		.before_drain = clear_faults, .most_nth = 2, .new_day_each_time = true},
	{KILL_WORKER_BEFORE_RETURN, "storesync-worker", .prepare = delay_users, .provoke = ask_to_stop_amid_calls,
		.before_drain = clear_faults, .setting = "DRAIN_TIMEOUT=1", SYNC},
	{KILL_WORKER_TAKEN_BACK, "storesync-worker", .prepare = delay_users, .provoke = ask_to_stop_amid_calls,
		.before_drain = clear_faults, .setting = "DRAIN_TIMEOUT=1", SYNC},
	{KILL_WORKER_SLICE_SENT, "storesync-worker", SYNC, .videos = 210},
	{KILL_WORKER_TOKEN_RECEIVED, "storesync-worker", REFRESH, .after_death = let_leases_lapse, .account_each_hit = true,
		.as_wanted = "j.state = 'success' OR " ENDED_DEAD("token_revoked")},
	{KILL_WORKER_LEASE_TAKEN, "storesync-worker", REFRESH, .account_each_hit = true, .after_death = let_leases_lapse},
	{KILL_WORKER_TOKEN_SPOOLED, "storesync-worker", REFRESH, ONE_CALL},
	{KILL_WORKER_TOKEN_SAVED, "storesync-worker", REFRESH},
	{KILL_WORKER_TOKEN_RECOVERED, "storesync-worker", .work = work_recovery, .most_nth = 1, ONE_CALL},
	{KILL_WORKER_RELEASED, "storesync-worker", REFRESH, .after_death = let_leases_lapse, .account_each_hit = true, .setting = "TIKTOK_CLIENT_SECRET=wrong"},
	{KILL_WORKER_DEAD_SENT, "storesync-worker", .prepare = take_scopes_of_half_of_the_accounts, SYNC, .after_death = forget_failures,
		.as_wanted = "CASE WHEN j.account_id % 2 = 1 THEN " ENDED_DEAD("scope") " ELSE j.state = 'success' END"},
	{KILL_WORKER_DELIVERED, "storesync-worker", SYNC},
	{KILL_WORKER_PARKED, "storesync-worker", .work = work_twice, .most_nth = 4},
	{KILL_WORKER_BEFORE_CLAIM, "storesync-worker", SYNC},
	{KILL_WORKER_ADOPTED, "storesync-worker", .work = work_foreign, .before_drain = publish_the_foreign_day, .most_nth = 1},
	{KILL_WORKER_CLAIMED, "storesync-worker", SYNC},
	{KILL_WORKER_CALL_SENT, "storesync-worker", SYNC},
	{KILL_WORKER_REPLY_TAKEN, "storesync-worker", SYNC},
	{KILL_WORKER_BEFORE_SAVE, "storesync-worker", SYNC},
	{KILL_WORKER_SAVED, "storesync-worker", SYNC},
	{KILL_WORKER_RESULT_SENT, "storesync-worker", SYNC},
	{KILL_WORKER_CONFIRMED, "storesync-worker", SYNC},
	{KILL_WORKER_BEFORE_ACK, "storesync-worker", SYNC},
	{KILL_WORKER_AFTER_ACK, "storesync-worker", SYNC},
	{KILL_LOGGER_RECEIVED, "storesync-logger", SYNC},
	{KILL_LOGGER_SAVED, "storesync-logger", SYNC},
	{KILL_LOGGER_ACKED, "storesync-logger", SYNC},
	{KILL_LOGGER_LETTER_SENT, "storesync-logger", .work = work_letters, .most_nth = LETTERS_AT_ONCE},
	{KILL_LOGGER_LETTER_CONFIRMED, "storesync-logger", .work = work_letters, .most_nth = LETTERS_AT_ONCE},
	{KILL_PRODUCER_PLANNED, PUBLISH, .most_nth = 1},
	{KILL_PRODUCER_PAGE_SENT, PUBLISH, .most_nth = ACCOUNTS},
	{KILL_PRODUCER_PAGE_CONFIRMED, PUBLISH, .most_nth = 1},
	{KILL_PRODUCER_PAGE_MARKED, PUBLISH, .most_nth = 1},
};
/* clang-format on */

#define SCENARIOS ((int)(sizeof scenarios / sizeof *scenarios))

/* ---- Deaths ---- */

/* Wait until it dies there, with more work if it ran out of it. Returns as test_process_wait(). */
static int wait_for_death(struct trial *t, struct test_process *dying, const char *blow)
{
	int64_t deadline_ms = clock_monotonic_ms() + PATIENCE_MS;
	int status;

	while ((status = test_process_wait(dying, LOOK_MS)) < 0) {
		if (strcmp(blow, "hang") == 0 && strstr(test_process_output(dying), ": hang")) {
			test_process_kill(dying);
			return KILLED;
		}
		if (clock_monotonic_ms() > deadline_ms) {
			test_process_kill(dying);
			fputs(test_process_output(dying), stderr); /* whole */
			fail_msg("%s was not reached in %d ms (hit %d)",
				killpoint_row(t->scenario->point)->name, PATIENCE_MS, t->hits);
		}
		if (!is_of(t, "storesync-producer"))
			t->scenario->work(t);
	}
	return status;
}

static void die_once(struct trial *t, const char *blow, int expected)
{
	const struct scenario *scenario = t->scenario;
	int nth = 1 + (int)(next_random(t) % (uint64_t)scenario->most_nth);
	char day[DAY_TEXT_SIZE];
	const char *const new_day[] = {"--date", day, NULL};
	struct text setting = {0};
	struct test_process *dying;
	int status;

	scenario->work(t);
	write_day(t, day);
	text_append_format(&setting, "STORESYNC_KILLPOINT=%s:%d:%s",
		killpoint_row(scenario->point)->name, nth, blow);
	dying = start(t, scenario->program, text_string(&setting), scenario->setting,
		is_of(t, "storesync-producer") ? new_day : NULL);
	if (scenario->provoke)
		scenario->provoke(t, dying);
	status = wait_for_death(t, dying, blow);
	if (status != expected)
		fail_msg("%s ended with %d, not %d; printed:\n%s", text_string(&setting), status,
			expected, test_process_output(dying));
	test_process_destroy(dying);
	text_finish(&setting);
	t->deaths++;
	if (scenario->after_death)
		scenario->after_death(t);
}

/* ---- The end ---- */

static bool wait_for(struct trial *t, const char *sql, int64_t expected)
{
	int64_t deadline_ms = clock_monotonic_ms() + LADDER_MS;

	while (count(t, sql) != expected) {
		if (clock_monotonic_ms() > deadline_ms)
			return false;
		pause_ms(LOOK_MS);
	}
	return true;
}

static bool queues_are_empty(void *context)
{
	static const char *const queues[] = {"sync.jobs", "sync.jobs.express", "sync.retry.10s",
		"sync.retry.1m", "sync.retry.5m", "sync.retry.30m", "sync.results"};
	struct trial *t = context;

	for (size_t i = 0; i < sizeof queues / sizeof *queues; i++)
		if (courier_count(t->courier, queues[i]) != 0)
			return false;
	return true;
}

/*
 * Programs that are not armed bring everything to its end. The worker ends in good order, so nothing
 * is at hand any more, before the last look at what is left.
 */
static void drain(struct trial *t)
{
	if (t->scenario->before_drain)
		t->scenario->before_drain(t);
	start_helper(t, &t->worker, "storesync-worker");
	start_helper(t, &t->logger, "storesync-logger");
	wait_for(t, UNFINISHED, 0);
	wait_for(t, UNTOLD, 0);
	test_wait_until(queues_are_empty, t); /* copies of ended jobs come off the ladder too */
	stop_helper(&t->worker);
	if (!test_wait_until(queues_are_empty, t))
		complain(t, "messages left in queues", 1);
	if (!wait_for(t, UNTOLD, 0))
		complain(t, "jobs whose end is not told", count(t, UNTOLD));
	stop_helper(&t->logger);
	if (count(t, UNFINISHED))
		complain(t, "jobs that have not ended", count(t, UNFINISHED));
}

/* The other programs are not armed. */
static void start_helpers(struct trial *t)
{
	if (!is_of(t, "storesync-worker"))
		start_helper(t, &t->worker, "storesync-worker");
	if (!is_of(t, "storesync-logger"))
		start_helper(t, &t->logger, "storesync-logger");
}

static void check_jobs(struct trial *t)
{
	const char *as_wanted =
		t->scenario->as_wanted ? t->scenario->as_wanted : "j.state = 'success'";
	struct text sql = {0};

	text_append_format(&sql,
		"SELECT count(*) FROM sync_jobs j WHERE NOT coalesce(%s, false) OR NOT EXISTS"
		" (SELECT 1 FROM sync_logs l WHERE l.job_id = j.job_id AND l.final)",
		as_wanted);
	t->lost = count(t, text_string(&sql));
	/* More than one last word, more than one row an attempt, more attempts than the manifest began. */
	t->doubled =
		count(t, "SELECT count(*) FROM sync_jobs j,"
			 " LATERAL (SELECT count(*) AS rows, count(*) FILTER (WHERE final) AS ends,"
			 "  count(DISTINCT attempt_id) AS attempts FROM sync_logs l"
			 "  WHERE l.job_id = j.job_id) l"
			 " WHERE l.ends > 1 OR l.rows <> l.attempts OR l.rows > j.attempt");
	text_finish(&sql);
}

/* Every dead job has its letter, and every letter its dead job; a letter may be there twice. */
static void check_letters(struct trial *t)
{
	struct courier_letter letter = {0};
	char *seen = memory_allocate((size_t)t->letters + 1, 1);
	int number, missing = t->letters;

	test_execute(t->fleet.database.db, "CREATE TEMP TABLE letters (id text)");
	while (courier_fetch(t->courier, "sync.jobs.dead", &letter)) {
		struct text sql = {0};

		text_append_format(&sql, "INSERT INTO letters VALUES ('%s')", letter.message_id);
		test_execute(t->fleet.database.db, text_string(&sql));
		text_finish(&sql);
	}
	t->lost += count(t, "SELECT count(*) FROM sync_jobs WHERE state = 'dead' AND job_id::text"
			    " NOT IN (SELECT id FROM letters)");
	t->doubled += count(t, "SELECT count(*) FROM letters WHERE id NOT IN"
			       " (SELECT job_id::text FROM sync_jobs WHERE state = 'dead')");
	while (courier_fetch(t->courier, "sync.results.dead", &letter)) {
		number = courier_letter_number(&letter, "letter");
		if (number < 0 || number >= t->letters)
			t->doubled++;
		else if (!seen[number]++)
			missing--;
	}
	t->lost += missing;
	courier_letter_finish(&letter);
	free(seen);
}

static void check_tokens(struct trial *t)
{
	int64_t superseded = test_fleet_stat(&t->fleet, "superseded_refresh_attempts");
	int64_t lost = count(t, "SELECT count(*) FROM store_accounts WHERE status <> 'CONNECTED'"
				" AND status_reason LIKE 'lost_rotation%'");
	int64_t disconnected =
		count(t, "SELECT count(*) FROM store_accounts WHERE status = 'NEED_RECONNECT'");

	if (t->scenario->point != KILL_WORKER_TOKEN_RECEIVED) {
		if (superseded)
			complain(t, "refreshes with a token that was replaced", superseded);
		if (disconnected)
			complain(t, "accounts disconnected", disconnected);
	} else if (lost > t->hits + 2 || lost != disconnected) {
		complain(t, "rotations lost", lost);
		complain(t, "accounts disconnected", disconnected);
	}
}

static bool made_snapshots(const struct trial *t)
{
	return t->scenario->work != work_refresh && t->scenario->work != work_recovery &&
	       t->scenario->work != work_letters;
}

static void report(struct trial *t)
{
	printf("point=%s hits=%d jobs=%" PRId64 " lost=%" PRId64 " doubled=%" PRId64
	       " seconds=%.1f\n",
		killpoint_row(t->scenario->point)->name, t->hits,
		count(t, "SELECT count(*) FROM sync_jobs") + t->letters, t->lost, t->doubled,
		(double)(clock_monotonic_ms() - t->began_ms) / 1000);
	fflush(stdout);
}

static void check(struct trial *t)
{
	check_jobs(t);
	check_letters(t);
	check_tokens(t);
	report(t);
	if (made_snapshots(t))
		test_fleet_assert_snapshots(&t->fleet,
			t->scenario->point == KILL_WORKER_DEAD_SENT ? has_no_scope : NULL);
	if (t->lost || t->doubled || t->broken.length)
		fail_msg("%s: %" PRId64 " lost, %" PRId64 " doubled; %s",
			killpoint_row(t->scenario->point)->name, t->lost, t->doubled,
			text_string(&t->broken));
}

/* ---- One point ---- */

static int set_up(void **state)
{
	struct trial *t = &trial;
	uint32_t accounts = t->scenario->account_each_hit ? (uint32_t)t->wanted + 10 : ACCOUNTS;

	world_init(&t->fleet.world);
	t->began_ms = clock_monotonic_ms();
	t->fleet.world.videos_average = t->scenario->new_day_each_time ? 0 : 3;
	t->fleet.world.videos_each = t->scenario->videos;
	test_fleet_create(&t->fleet, accounts, NULL);
	t->courier = courier_create(t->fleet.vhost.amqp_url);
	start_helpers(t);
	return 0;
}

static int tear_down(void **state)
{
	struct trial *t = &trial;

	if (t->worker)
		test_process_kill(t->worker);
	if (t->logger)
		test_process_kill(t->logger);
	test_process_destroy(t->worker);
	test_process_destroy(t->logger);
	courier_destroy(t->courier);
	test_fleet_destroy(&t->fleet);
	text_finish(&t->broken);
	return 0;
}

static void a_death_here_loses_and_doubles_nothing(void **state)
{
	struct trial *t = &trial;

	while (t->hits < t->wanted) {
		if (t->scenario->prepare && t->hits % ROUND_HITS == 0)
			t->scenario->prepare(t);
		die_once(t, "kill", KILLED);
		t->hits++;
		if (t->hits % ROUND_HITS == 0 && t->hits < t->wanted) {
			drain(t);
			start_helpers(t);
		}
	}
	die_once(t, "hang", KILLED);
	die_once(t, "segv", 128 + SIGSEGV);
	drain(t);
	check(t);
}

static int try_point(const struct scenario *scenario, int hits, uint64_t seed)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(
		a_death_here_loses_and_doubles_nothing, set_up, tear_down)};

	trial = (struct trial){
		.scenario = scenario, .wanted = hits, .random = seed * 1000 + scenario->point};
	return cmocka_run_group_tests_name(killpoint_row(scenario->point)->name, tests, NULL, NULL);
}

/* ---- Lanes ---- */

struct options {
	int hits, lanes;
	uint64_t seed;
	const char *points; /* NULL: all */
};

static bool is_asked_for(const char *list, const char *name)
{
	size_t length = strlen(name);

	if (!list)
		return true;
	for (const char *at = list; (at = strstr(at, name)); at += length)
		if ((at == list || at[-1] == ',') && (at[length] == ',' || at[length] == '\0'))
			return true;
	return false;
}

static bool has_scenario(enum killpoint point)
{
	for (int i = 0; i < SCENARIOS; i++)
		if (scenarios[i].point == point)
			return true;
	return false;
}

/* Every point that is asked for has a scenario, and every name is one of a point. */
static bool know_what_to_do(const char *list)
{
	int asked = 0, names = list != NULL;

	for (int i = 0; i < KILLPOINTS; i++) {
		const char *name = killpoint_row((enum killpoint)i)->name;

		if (!is_asked_for(list, name))
			continue;
		asked++;
		if (!has_scenario((enum killpoint)i)) {
			fprintf(stderr, "faults_points: no scenario passes %s\n", name);
			return false;
		}
	}
	for (const char *at = list; at && *at; at++)
		names += *at == ',';
	if (list && asked != names)
		fprintf(stderr, "faults_points: not all of %s are kill points\n", list);
	return !list || asked == names;
}

/* Take points until none is left; the exit code of the lane. */
static int run_lane(const struct options *options, atomic_int *next)
{
	int failed = 0, taken;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	while ((taken = atomic_fetch_add(next, 1)) < SCENARIOS) {
		const struct scenario *scenario = &scenarios[taken];

		if (is_asked_for(options->points, killpoint_row(scenario->point)->name))
			failed += try_point(scenario, options->hits, options->seed);
	}
	return failed ? 1 : 0;
}

static int run_lanes(const struct options *options)
{
	atomic_int *next =
		mmap(NULL, sizeof *next, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status, failed = 0;

	if (next == MAP_FAILED)
		return 1;
	for (int i = 0; i < options->lanes; i++)
		if (fork() == 0)
			exit(run_lane(options, next));
	while (wait(&status) > 0)
		failed |= status;
	return failed ? 1 : 0;
}

static bool read_options(int argc, char **argv, struct options *options)
{
	static const struct option table[] = {
		{"hits", required_argument, NULL, 'h'},
		{"points", required_argument, NULL, 'p'},
		{"lanes", required_argument, NULL, 'l'},
		{"seed", required_argument, NULL, 's'},
		{0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (option == 'h')
			options->hits = (int)strtol(optarg, NULL, 10);
		else if (option == 'p')
			options->points = optarg;
		else if (option == 'l')
			options->lanes = (int)strtol(optarg, NULL, 10);
		else if (option == 's')
			options->seed = strtoull(optarg, NULL, 10);
		else
			return false;
	}
	return optind == argc && options->hits > 0 && options->lanes > 0;
}

int main(int argc, char **argv)
{
	struct options options = {.hits = 50, .lanes = 4, .seed = random_u64() % 1000000000};

	if (!read_options(argc, argv, &options)) {
		fprintf(stderr,
			"faults_points: bad options; the top of tests/faults/points.c lists them\n");
		return 2;
	}
	printf("seed=%" PRIu64 "\n", options.seed);
	fflush(stdout);
	if (!know_what_to_do(options.points))
		return 2;
	return run_lanes(&options);
}
