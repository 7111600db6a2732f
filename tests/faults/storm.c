/* SPDX-License-Identifier: MIT */
/*
 * Kill storm: while a day is synchronised, a random process is struck every 0.3 to 1 s - SIGKILL,
 * in smaller shares SIGSTOP for 0.5 to 3 s and SIGTERM - and another one takes its place at once. The
 * simulator's answers are slowed down or hurried up, so that work remains as long as there is somebody to
 * kill. Then everything is left in peace, and the oracle asks.
 *
 *     faults_storm [--seed N] [--jobs N] [--kills N] [--minutes N] [--refreshes PERCENT]
 *
 * The seed decides victims, strikes and delays. Of --refreshes percent of the accounts the token expires, so that
 * kills fall between TikTok's answer and the commit, too: the simulator takes the replaced token for a
 * while (knob rotation=grace), else some of these accounts would be lost by nobody's fault.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "tests/faults/oracle.h"
#include "tests/faults/program.h"

#define WORKERS          3
#define LOGGERS          2
#define CONCURRENCY      8
#define CONCURRENCY_TEXT "8"
#define LATENCY_MAX_MS   800 /* a job takes two calls, a worker lives for some seconds */
#define DRAIN_MS         600000
#define SHARE_OF_KILLS   80 /* percent of the strikes */
#define SHARE_OF_STOPS   12
#define STRIKES_A_SPEED  3

struct storm {
	uint64_t seed;
	int64_t jobs, kills, minutes, refreshes;
	struct harness harness;
	struct test_fleet fleet;
	struct crew crew;
	struct oracle oracle;
	int64_t latency_ms;
};

static struct storm storm = {.jobs = 10000, .kills = 500, .minutes = 30, .refreshes = 5};

static void set_latency(struct storm *s, int64_t ms)
{
	char body[64];

	s->latency_ms = ms < LATENCY_MAX_MS ? ms : LATENCY_MAX_MS;
	snprintf(body, sizeof body, "{\"latency_ms\":%" PRId64 "}", s->latency_ms);
	test_fleet_tell_simulator(&s->fleet, "/admin/knobs", body);
}

/* Jobs shall end as fast as kills fall, a little slower: some must be left at the last one. */
static void pace(struct storm *s)
{
	int64_t unfinished = oracle_unfinished(&s->oracle);
	double kills_left = 1 - (double)s->crew.kills / (double)s->kills;
	double jobs_left = (double)unfinished / (double)s->jobs;

	if (unfinished < 0)
		return;
	if (jobs_left < kills_left * 0.85 + 0.1)
		set_latency(s, s->latency_ms * 4 / 3 + 1);
	else
		set_latency(s, s->latency_ms * 3 / 4);
}

static void prepare(struct storm *s)
{
	static const char *const narrow[] = {
		"WORKER_CONCURRENCY=" CONCURRENCY_TEXT, "DRAIN_TIMEOUT=10", NULL};
	static const char *const arguments[] = {
		"--set", "rotation=grace", "--set", "rotation_grace_s=86400", NULL};

	world_init(&s->fleet.world);
	s->fleet.world.videos_each = 2;
	test_fleet_create(&s->fleet, (uint32_t)s->jobs, arguments);
	if (s->refreshes > 0) {
		char *sql = harness_sentence(
			"UPDATE store_accounts SET token_expires_at = now() WHERE id %% 100 < %" PRId64,
			s->refreshes);

		test_execute(s->fleet.database.db, sql);
		free(sql);
	}
	crew_init(&s->crew, &s->harness, &s->fleet);
	for (int i = 0; i < WORKERS; i++)
		crew_add(&s->crew, "storesync-worker", NULL, END_NEVER, narrow);
	for (int i = 0; i < LOGGERS; i++)
		crew_add(&s->crew, "storesync-logger", NULL, END_NEVER, narrow);
	crew_add(&s->crew, "storesync-producer", NULL, END_DONE, NULL);
	oracle_init(&s->oracle, &s->crew);
	/* A strike every 0.65 s; two calls a job. */
	set_latency(
		s, s->kills * 650 * 100 / SHARE_OF_KILLS * WORKERS * CONCURRENCY / (s->jobs * 2));
}

/* Drawn the same number of times whatever happens, so that a seed always gives the same storm. */
static void strike(struct storm *s)
{
	struct dice *dice = &s->harness.dice;
	int64_t delay_ms = dice_between(dice, 300, 1000);
	int place = (int)dice_between(dice, 0, s->crew.count - 1);
	int64_t kind = dice_between(dice, 1, 100);
	int64_t pause_ms = dice_between(dice, 500, 3000);
	enum crew_strike what = STRIKE_TERM;

	if (kind <= SHARE_OF_KILLS)
		what = STRIKE_KILL;
	else if (kind <= SHARE_OF_KILLS + SHARE_OF_STOPS)
		what = STRIKE_STOP;
	crew_tend(&s->crew, delay_ms);
	crew_strike(&s->crew, place, what, pause_ms);
}

static void rage(struct storm *s)
{
	int64_t deadline_ms = clock_monotonic_ms() + s->minutes * 60000;
	int64_t left;

	for (int strikes = 1; s->crew.kills < s->kills && clock_monotonic_ms() < deadline_ms;
		strikes++) {
		strike(s);
		if (strikes % STRIKES_A_SPEED == 0)
			pace(s);
		if (strikes % 100 == 50)
			oracle_peek_into_queues(&s->oracle);
	}
	left = oracle_unfinished(&s->oracle);
	harness_figure(&s->harness, "kills", s->crew.kills);
	harness_figure(&s->harness, "stops", s->crew.stops);
	harness_figure(&s->harness, "terms", s->crew.terms);
	harness_figure(&s->harness, "unfinished_at_last_kill", (double)left);
	if (s->crew.kills < s->kills)
		harness_check(&s->harness, "storm",
			harness_sentence("only %d kills fell in time", s->crew.kills));
	if (left <= 0)
		harness_check(&s->harness, "storm",
			harness_sentence("no work was left at the last kill"));
}

static void calm_down(struct storm *s)
{
	int64_t drain_ms;

	test_fleet_tell_simulator(&s->fleet, "/admin/knobs", "{\"latency_ms\":0}");
	crew_resume_all(&s->crew);
	drain_ms = oracle_drain(&s->oracle, DRAIN_MS);
	harness_figure(&s->harness, "drain_ms", (double)drain_ms);
}

static void report(struct storm *s)
{
	static const struct {
		const char *name, *sql;
	} figures[] = {
		{"jobs", "SELECT count(*) FROM sync_jobs"},
		{"jobs_ended",
			"SELECT count(*) FROM sync_jobs WHERE state IN ('success', 'skipped')"},
		{"jobs_dead", "SELECT count(*) FROM sync_jobs WHERE state = 'dead'"},
		{"starts", "SELECT sum(starts) FROM sync_jobs"},
		{"starts_most", "SELECT max(starts) FROM sync_jobs"},
		{"log_rows", "SELECT count(*) FROM sync_logs"},
		{"refreshed", "SELECT count(*) FROM store_accounts WHERE token_version > 0"},
	};
	int64_t number;

	for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++)
		if (observer_number(&s->oracle.observer, figures[i].sql, &number))
			harness_figure(&s->harness, figures[i].name, (double)number);
	harness_figure(&s->harness, "api_calls", (double)test_fleet_calls(&s->fleet));
}

static void killed_at_random_nothing_is_lost_and_nothing_doubled(void **state)
{
	struct storm *s = &storm;

	harness_open(&s->harness, "storm", s->seed);
	prepare(s);
	rage(s);
	calm_down(s);
	report(s);
	oracle_ask_all(&s->oracle);
	harness_check(&s->harness, "I3", oracle_no_attempt_was_charged(&s->oracle));
	oracle_ask_for_duplicates(&s->oracle);
	crew_stop(&s->crew);
	harness_check(&s->harness, "I10", crew_failures(&s->crew));
	oracle_finish(&s->oracle);
	crew_finish(&s->crew);
	test_fleet_destroy(&s->fleet);
	harness_close(&s->harness);
}

int main(int argc, char **argv)
{
	const struct program_option options[] = {{"jobs", &storm.jobs}, {"kills", &storm.kills},
		{"minutes", &storm.minutes}, {"refreshes", &storm.refreshes}, {NULL, NULL}};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_at_random_nothing_is_lost_and_nothing_doubled)};

	if (!program_options(argc, argv, options, &storm.seed, NULL))
		return 2;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
