/* SPDX-License-Identifier: MIT */
/*
 * Servers that break, under load: for each row of the table below something is done to a private RabbitMQ or
 * PostgreSQL a number of times, and healed; the time until work goes on is taken each time. After each
 * row the load ends, and nothing must be lost, charged or dead.
 *
 *     faults_servers [--seed N] [--restarts N] [--rounds N] [--hold-s N] broker|killed_broker|database|disk
 *
 * --restarts: how often servers are restarted (and sessions ended); --rounds: how often the rest is done,
 * for --hold-s seconds each. Exit code 77: disk needs a mounted file system, and mounting is not allowed.
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

#include "common/clock.h"
#include "tests/faults/program.h"
#include "tests/faults/scene.h"

#define EXIT_SKIPPED    77
#define CONNECTIONS_MAX 400
#define SMALL_DISK_MB   "400"
#define ROLLS           6
#define DATE_WIDTH      24 /* "2026-11-27 02:10:21.402 " at the start of a log line */
#define TIMES_MAX       1000

enum times { RESTARTS, ROUNDS, ONCE }; /* ONCE: the strike itself waits until all is done */

static struct scene scene;
static uint64_t seed;
static int64_t restarts = 20, rounds = 1, hold_s = 15;
static const char *group;
static bool skipped;

static void servers(const char *command, const char *word)
{
	harness_note(&scene.harness, "%s %s", command, word ? word : "");
	private_servers_do(&scene.servers, command, word);
}

/* How many say that they miss something, and how often all have complained: proof that a fault was felt. */
static int count_waiting(void)
{
	int count = 0;

	for (int i = 0; i < scene.crew.count; i++) {
		const struct crew_member *member = &scene.crew.members[i];

		count += member->end == END_NEVER && crew_ask(member, "/readyz", NULL) == 503;
	}
	return count;
}

static int count_complaints(void)
{
	int count = 0;

	for (int i = 0; i < scene.crew.count; i++) {
		const struct crew_member *member = &scene.crew.members[i];

		if (member->end != END_NEVER || !member->process)
			continue;
		for (const char *at = test_process_output(member->process); (at = strchr(at, '\n'));
			at++)
			count += strncmp(at + 1 + DATE_WIDTH, "warn", 4) == 0 ||
				 strncmp(at + 1 + DATE_WIDTH, "error", 5) == 0;
	}
	return count;
}

/* Leave it broken for a while without asking it anything, and watch what the waiting costs. */
static void hold(const char *what, int64_t duration_ms)
{
	struct vitals before, after;
	int complaints = count_complaints();
	double percent;

	vitals_look(&scene.crew, &before);
	crew_tend(&scene.crew, duration_ms);
	vitals_look(&scene.crew, &after);
	scene_figure(&scene, what, "services_waiting", count_waiting());
	scene_figure(&scene, what, "complaints", count_complaints() - complaints);
	percent = vitals_cpu_percent(&before, &after);
	scene_figure(&scene, what, "cpu_percent", percent);
	if (percent >= SCENE_CPU_PERCENT)
		harness_check(&scene.harness, "I12",
			harness_sentence("%s: a program used %.1f %% CPU", what, percent));
}

static int64_t blink_ms(void)
{
	return dice_between(&scene.harness.dice, 200, 1500);
}

/* ---- The broker ---- */

static void restart_app(const char *what)
{
	servers("stop-app", NULL);
	crew_tend(&scene.crew, blink_ms());
	servers("start-app", NULL);
}

static void kill_broker(const char *what)
{
	servers("kill-broker", NULL);
	crew_tend(&scene.crew, blink_ms());
	servers("start", NULL);
}

static void raise_alarm(const char *what)
{
	servers("alarm", "on");
	hold(what, hold_s * 1000);
	servers("alarm", "off");
}

static void delete_queue(const char *what)
{
	static const char *const apply[] = {"syncctl", "topology", "apply", NULL};
	static const char *const again[] = {"--republish", NULL};
	char *path = harness_sentence("/api/queues/%s/sync.jobs", scene.fleet.vhost.name);

	harness_note(&scene.harness, "DELETE %s", path);
	assert_int_equal(test_management_call("DELETE", path, NULL, NULL), 204);
	crew_tend(&scene.crew, 3000);
	assert_int_equal(test_fleet_run(&scene.fleet, apply, NULL), 0);
	test_fleet_produce(&scene.fleet, again);
	free(path);
}

/*
 * I10: workers are told to stop, one after the other, and successors take their place: no job is
 * begun twice.
 */
static void roll_workers(const char *what)
{
	static const char *const again[] = {"--force", NULL};
	int64_t twice = -1;

	scene_settle(&scene, "before_rolling");
	test_fleet_produce(&scene.fleet, again);
	for (int i = 0; i < ROLLS; i++) {
		crew_tend(&scene.crew, 1000);
		crew_strike(&scene.crew, i % 2, STRIKE_TERM, 0);
		crew_wait_until_ready(&scene.crew, SCENE_RECOVERY_MS);
	}
	oracle_drain(&scene.oracle, 120000);
	observer_number(&scene.oracle.observer,
		"SELECT count(*) FROM sync_jobs WHERE starts <> 1"
		" AND generation = (SELECT max(generation) FROM sync_jobs)",
		&twice);
	scene_figure(&scene, what, "begun_twice", (double)twice);
	if (twice != 0)
		harness_check(&scene.harness, "I10",
			harness_sentence(
				"%" PRId64 " jobs were begun twice by rolling restarts", twice));
}

/* ---- The database ---- */

static void restart_database(const char *what)
{
	servers("restart-database", NULL);
}

static void abort_database(const char *what)
{
	servers("abort-database", NULL);
}

static void end_backends(const char *what)
{
	servers("end-backends", NULL);
}

static void lock_table(const char *what, const char *sql)
{
	struct db *db = test_database_connect(&scene.fleet.database, (enum program)0);

	test_execute(db, "BEGIN");
	test_execute(db, sql);
	hold(what, hold_s * 1000);
	test_execute(db, "ROLLBACK");
	db_close(db);
}

static void lock_jobs(const char *what)
{
	lock_table(what, "LOCK TABLE sync_jobs");
}

static void lock_accounts(const char *what)
{
	lock_table(what, "LOCK TABLE store_accounts");
}

static void make_read_only(const char *what)
{
	servers("read-only", "on");
	hold(what, hold_s * 1000);
	servers("read-only", "off");
}

static struct db *taken[CONNECTIONS_MAX];
static int taken_count;

static void take_connections(void)
{
	struct error err;

	while (taken_count < CONNECTIONS_MAX && db_open(scene.fleet.database.url, (enum program)0,
							false, &taken[taken_count], &err))
		taken_count++;
}

/* All but ours: whoever is thrown out asks for a new one and gets none, as we are faster. */
static void end_other_sessions(void)
{
	struct text sql = {0};

	text_append(&sql, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
			  " WHERE usename = current_user AND pid NOT IN (0");
	for (int i = 0; i < taken_count; i++)
		text_append_format(&sql, ", %" PRId64,
			test_query_integer(taken[i], "SELECT pg_backend_pid()"));
	text_append(&sql, ")");
	test_query_integer(taken[0], sql.data);
	text_finish(&sql);
}

static void use_up_connections(const char *what)
{
	take_connections();
	end_other_sessions();
	for (int i = 0; i < 20; i++) { /* what is ending makes room a little later */
		take_connections();
		crew_tend(&scene.crew, 10);
	}
	scene_figure(&scene, what, "taken", taken_count);
	hold(what, hold_s * 1000);
	while (taken_count > 0)
		db_close(taken[--taken_count]);
}

static void freeze(const char *what)
{
	servers("freeze-database", "on");
	hold(what, hold_s * 1000 * 4 / 3);
	servers("freeze-database", "off");
}

static void fill_disk(const char *what)
{
	servers("fill-disk", "on");
	hold(what, hold_s * 1000);
	servers("fill-disk", "off");
}

/* ---- The table, and how a row is played ---- */

static const struct row {
	const char *group, *name;
	enum times times;
	void (*strike)(const char *what); /* breaks and heals */
} rows[] = {
	{"broker", "broker_graceful", RESTARTS, restart_app},
	{"killed_broker", "broker_hard", RESTARTS, kill_broker},
	{"broker", "broker_alarm", ROUNDS, raise_alarm},
	{"broker", "queue_deleted", ROUNDS, delete_queue},
	{"broker", "rolling_workers", ONCE, roll_workers},
	{"database", "database_fast", RESTARTS, restart_database},
	{"database", "database_immediate", RESTARTS, abort_database},
	{"database", "sessions_ended", RESTARTS, end_backends},
	{"database", "jobs_locked", ROUNDS, lock_jobs},
	{"database", "accounts_locked", ROUNDS, lock_accounts},
	{"database", "read_only", ROUNDS, make_read_only},
	{"database", "no_connections", ROUNDS, use_up_connections},
	{"database", "frozen", ROUNDS, freeze},
	{"disk", "disk_full", ROUNDS, fill_disk},
};

static int compare_ms(const void *a, const void *b)
{
	const int64_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

static void play(const struct row *row)
{
	int64_t recovery_ms[TIMES_MAX], median_ms;
	int64_t times = row->times == RESTARTS ? restarts : row->times == ROUNDS ? rounds : 1;

	if (times > TIMES_MAX)
		times = TIMES_MAX;
	for (int64_t i = 0; i < times; i++) {
		scene_wait_for_load(&scene);
		scene_tend(&scene, dice_between(&scene.harness.dice, 300, 1500));
		harness_note(
			&scene.harness, "%s, %" PRId64 " of %" PRId64, row->name, i + 1, times);
		row->strike(row->name);
		recovery_ms[i] = scene_wait_for_progress(&scene, row->name);
	}
	if (times == 0)
		return;
	qsort(recovery_ms, (size_t)times, sizeof recovery_ms[0], compare_ms);
	median_ms = recovery_ms[times / 2];
	scene_figure(&scene, row->name, "times", (double)times);
	if (row->times != ONCE) {
		scene_figure(&scene, row->name, "recovery_ms_median", (double)median_ms);
		scene_figure(&scene, row->name, "recovery_ms_most", (double)recovery_ms[times - 1]);
	}
	scene_settle(&scene, row->name);
}

/* False: mounting is not allowed here. */
static bool has_small_disk(void)
{
	if (private_servers_try(&scene.servers, "small-disk", SMALL_DISK_MB) == 0)
		return true;
	harness_figure_text(&scene.harness, "disk_full",
		"skipped: mounting a small file system needs root and CAP_SYS_ADMIN");
	return false;
}

static void open_scene(void)
{
	char *name = harness_sentence("servers_%s", group);
	static char kept[64];

	snprintf(kept, sizeof kept, "%s", name);
	free(name);
	scene_open(&scene, kept, seed, group, NULL);
}

static void broken_servers_cost_time_and_nothing_else(void **state)
{
	open_scene();
	if (strcmp(group, "disk") == 0 && !has_small_disk()) {
		skipped = true;
		scene_close(&scene);
		return;
	}
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (strcmp(rows[i].group, group) == 0)
			play(&rows[i]);
	scene_close(&scene);
}

static bool group_is_known(void)
{
	for (size_t i = 0; group && i < sizeof rows / sizeof rows[0]; i++)
		if (strcmp(rows[i].group, group) == 0)
			return true;
	return false;
}

int main(int argc, char **argv)
{
	const struct program_option options[] = {
		{"restarts", &restarts}, {"rounds", &rounds}, {"hold-s", &hold_s}, {NULL, NULL}};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(broken_servers_cost_time_and_nothing_else)};
	int code;

	if (!program_options(argc, argv, options, &seed, &group) || !group_is_known()) {
		fprintf(stderr, "faults_servers: what: broker, killed_broker, database or disk?\n");
		return 2;
	}
	code = cmocka_run_group_tests(tests, NULL, NULL);
	return code == 0 && skipped ? EXIT_SKIPPED : code;
}
