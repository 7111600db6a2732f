/* SPDX-License-Identifier: MIT */
/*
 * Workers that go: drained, drained too late, killed. Nothing is lost, finished work is never
 * delivered again, and every account has its rows and its one log row in the end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "tests/support/fleet.h"
#include "tests/support/wait.h"

static struct test_fleet fleet;

static int64_t count(const char *sql)
{
	return test_query_integer(fleet.database.db, sql);
}

static int tear_down(void **state)
{
	test_fleet_destroy(&fleet);
	return 0;
}

/* 120 accounts with 30 videos each: three calls a job. */
static void create_slow_fleet(const char *latency_ms)
{
	const char *const arguments[] = {"--latency-ms", latency_ms, NULL};

	world_init(&fleet.world);
	fleet.world.videos_each = 30;
	test_fleet_create(&fleet, 120, arguments);
	test_fleet_start(&fleet, "storesync-logger", NULL);
	test_fleet_produce(&fleet, NULL);
}

static void wait_for_some_successes(int64_t wanted)
{
	char sql[128];

	snprintf(sql, sizeof sql,
		"SELECT least(count(*), %d) FROM sync_jobs WHERE state = 'success'", (int)wanted);
	test_wait_for_query(fleet.database.db, sql, wanted);
}

static void assert_all_is_there(void)
{
	test_fleet_wait_until_done(&fleet);
	test_fleet_assert_snapshots(&fleet, NULL);
	test_wait_for_query(fleet.database.db, "SELECT count(*) FROM sync_logs WHERE final", 120);
	assert_int_equal(count("SELECT count(*) FROM sync_logs"), 120);
}

static void drained_worker_finishes_what_it_has(void **state)
{
	static const char *const narrow[] = {"WORKER_CONCURRENCY=8", "DRAIN_TIMEOUT=60", NULL};
	struct test_process *first;
	int64_t begun, calls;

	create_slow_fleet("50");
	first = test_fleet_start(&fleet, "storesync-worker", narrow);
	wait_for_some_successes(5);
	assert_int_equal(test_process_stop(first), 0);
	begun = count("SELECT count(*) FROM sync_jobs WHERE starts > 0");
	calls = test_fleet_calls(&fleet);
	assert_int_equal(count("SELECT count(*) FROM sync_jobs WHERE state = 'success'"), begun);
	assert_int_equal(calls, 3 * begun);
	test_fleet_start(&fleet, "storesync-worker", narrow);
	assert_all_is_there();
	assert_int_equal(count("SELECT count(*) FROM sync_jobs WHERE starts <> 1"), 0);
	assert_int_equal(test_fleet_calls(&fleet), 360);
}

static void drain_that_runs_out_of_time_gives_the_rest_back(void **state)
{
	static const char *const hasty[] = {"WORKER_CONCURRENCY=8", "DRAIN_TIMEOUT=1", NULL};
	struct test_process *first;
	int64_t finished;

	create_slow_fleet("300");
	first = test_fleet_start(&fleet, "storesync-worker", hasty);
	wait_for_some_successes(3);
	assert_int_equal(test_process_stop(first), 0);
	finished = count("SELECT count(*) FROM sync_jobs WHERE state = 'success'");
	assert_true(finished < 120);
	test_fleet_tell_simulator(&fleet, "/admin/knobs", "{\"latency_ms\":0}");
	test_fleet_start(&fleet, "storesync-worker", NULL);
	assert_all_is_there();
	/* Finished work was acknowledged: it did not come again. */
	assert_true(count("SELECT count(*) FROM sync_jobs WHERE starts = 1") >= finished);
	assert_int_equal(count("SELECT count(*) FROM sync_jobs WHERE attempt <> 1"), 0);
}

static void a_refresh_on_its_way_survives_the_drain(void **state)
{
	static const char *const hasty[] = {"WORKER_CONCURRENCY=8", "DRAIN_TIMEOUT=1", NULL};
	struct test_process *first;

	world_init(&fleet.world);
	fleet.world.videos_each = 1;
	test_fleet_create(&fleet, 8, (const char *const[]){"--latency-ms", "4000", NULL});
	test_execute(fleet.database.db, "UPDATE store_accounts SET token_expires_at = now()");
	test_fleet_produce(&fleet, NULL);
	first = test_fleet_start(&fleet, "storesync-worker", hasty);
	test_wait_for_query(fleet.database.db,
		"SELECT count(*) FROM store_accounts WHERE refresh_intent_at IS NOT NULL", 8);
	assert_int_equal(test_process_stop(first), 0);
	assert_int_equal(count("SELECT count(*) FROM store_accounts WHERE token_version = 1"
			       " AND refresh_intent_at IS NULL"),
		8);
	assert_int_equal(test_fleet_stat(&fleet, "refreshes_granted"), 8);
	assert_int_equal(test_fleet_stat(&fleet, "superseded_refresh_attempts"), 0);
}

static void killed_worker_loses_nothing(void **state)
{
	static const char *const narrow[] = {"WORKER_CONCURRENCY=8", NULL};

	create_slow_fleet("50");
	for (int round = 1; round <= 3; round++) {
		struct test_process *victim = test_fleet_start(&fleet, "storesync-worker", narrow);

		wait_for_some_successes(INT64_C(20) * round);
		test_process_kill(victim);
	}
	test_fleet_start(&fleet, "storesync-worker", narrow);
	assert_all_is_there();
	assert_int_equal(count("SELECT count(*) FROM sync_jobs WHERE attempt <> 1"), 0);
}

static void killed_logger_loses_nothing(void **state)
{
	world_init(&fleet.world);
	fleet.world.videos_each = 1;
	test_fleet_create(&fleet, 120, NULL);
	test_fleet_start(&fleet, "storesync-worker", NULL);
	test_fleet_produce(&fleet, NULL);
	for (int round = 0; round < 3; round++) {
		struct test_process *victim = test_fleet_start(&fleet, "storesync-logger", NULL);

		test_process_wait_for_output(victim, "started");
		test_process_kill(victim);
	}
	test_fleet_start(&fleet, "storesync-logger", NULL);
	assert_all_is_there();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(drained_worker_finishes_what_it_has, tear_down),
		cmocka_unit_test_teardown(
			drain_that_runs_out_of_time_gives_the_rest_back, tear_down),
		cmocka_unit_test_teardown(a_refresh_on_its_way_survives_the_drain, tear_down),
		cmocka_unit_test_teardown(killed_worker_loses_nothing, tear_down),
		cmocka_unit_test_teardown(killed_logger_loses_nothing, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
