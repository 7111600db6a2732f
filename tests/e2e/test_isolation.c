/* SPDX-License-Identifier: MIT */
/*
 * Jobs that crash or hang their worker, end to end: found by the attempt ledger, carried out by a
 * process of their own, and put with the dead letters if they do it there as well, while everybody
 * else's jobs go on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/fleet.h"
#include "tests/support/wait.h"

#define ACCOUNTS 30
#define GUILTY   "STORESYNC_KILLPOINT_ACCOUNT=7"

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

static bool is_account_7(uint32_t account)
{
	return account == 6;
}

/* Start workers one after another until none dies any more; returns how many did. */
static int let_workers_die(const char *const overrides[], int expected_code)
{
	for (int deaths = 0; deaths < 5; deaths++) {
		struct test_process *worker =
			test_fleet_start(&fleet, "storesync-worker", overrides);
		int code = test_process_wait(worker, deaths < 3 ? TEST_WAIT_MS : 2000);

		if (code < 0)
			return deaths;
		assert_int_equal(code, expected_code);
	}
	fail_msg("workers go on dying");
	return 0;
}

static void assert_the_guilty_job_alone_is_dead(const char *how)
{
	char sql[200];

	snprintf(sql, sizeof sql,
		"SELECT count(*) FROM sync_jobs WHERE account_id = 7 AND state = 'dead'"
		" AND error_class = 'crash' AND error_details LIKE '%%%s%%'",
		how);
	test_wait_for_query(fleet.database.db, sql, 1);
	test_wait_for_query(fleet.database.db,
		"SELECT count(*) FROM sync_jobs WHERE state = 'success' AND attempt = 1",
		ACCOUNTS - 1);
	test_fleet_assert_snapshots(&fleet, is_account_7);
	test_wait_for_query(fleet.database.db,
		"SELECT count(*) FROM sync_logs WHERE final AND error_class = 'crash'"
		" AND status = 'FAILED'",
		1);
	assert_int_equal(count("SELECT failed_syncs FROM store_accounts WHERE id = 7"), 1);
}

static void a_job_that_crashes_its_worker_ends_in_the_dead_letters(void **state)
{
	static const char *const armed[] = {
		"STORESYNC_KILLPOINT=worker.reply_taken:1:kill", GUILTY, NULL};

	test_fleet_create(&fleet, ACCOUNTS, NULL);
	test_fleet_start(&fleet, "storesync-logger", NULL);
	test_fleet_produce(&fleet, NULL);
	assert_int_equal(let_workers_die(armed, 128 + SIGKILL), 3);
	assert_the_guilty_job_alone_is_dead("signal 9");
}

/* The worker ends itself, and so is the process that was to carry out the job alone. */
static void a_job_that_hangs_its_worker_ends_in_the_dead_letters(void **state)
{
	static const char *const armed[] = {
		"STORESYNC_KILLPOINT=worker.reply_taken:1:hang", GUILTY, "STALL_TIMEOUT=5", NULL};

	test_fleet_create(&fleet, ACCOUNTS, NULL);
	test_fleet_start(&fleet, "storesync-logger", NULL);
	test_fleet_produce(&fleet, NULL);
	assert_int_equal(let_workers_die(armed, 1), 3);
	assert_the_guilty_job_alone_is_dead("stood still");
}

/* A blow from outside is no guilt: the job is carried out alone, and that is all. */
static void a_job_that_was_only_there_when_workers_died_succeeds_alone(void **state)
{
	static const char *const slow[] = {"WORKER_CONCURRENCY=2", NULL};

	test_fleet_create(&fleet, 4, (const char *const[]){"--latency-ms", "20", NULL});
	test_fleet_produce(&fleet, NULL);
	test_execute(fleet.database.db, "UPDATE sync_jobs SET crashes = 2, state = 'running'");
	test_fleet_start(&fleet, "storesync-worker", slow);
	test_wait_for_query(fleet.database.db,
		"SELECT count(*) FROM sync_jobs WHERE state = 'success' AND attempt = 1", 4);
	test_fleet_assert_snapshots(&fleet, NULL);
}

/* What is at hand in the isolated process goes back when the worker drains. */
static void the_drain_brings_isolated_jobs_back(void **state)
{
	static const char *const hasty[] = {"DRAIN_TIMEOUT=1", NULL};
	struct test_process *worker;

	test_fleet_create(&fleet, 3, (const char *const[]){"--latency-ms", "10000", NULL});
	test_fleet_produce(&fleet, NULL);
	test_execute(fleet.database.db, "UPDATE sync_jobs SET crashes = 3");
	worker = test_fleet_start(&fleet, "storesync-worker", hasty);
	test_process_wait_for_output(worker, "started for jobs that are carried out by themselves");
	test_wait_for_query(fleet.database.db,
		"SELECT count(*) FROM sync_jobs WHERE state = 'running' AND starts = 1", 1);
	assert_int_equal(test_process_stop(worker), 0);
	assert_int_equal(count("SELECT count(*) FROM sync_jobs WHERE state = 'queued'"), 3);
	test_fleet_tell_simulator(&fleet, "/admin/knobs", "{\"latency_ms\":0}");
	test_fleet_start(&fleet, "storesync-worker", NULL);
	test_wait_for_query(fleet.database.db,
		"SELECT count(*) FROM sync_jobs WHERE state = 'success' AND crashes = 3", 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
			a_job_that_crashes_its_worker_ends_in_the_dead_letters, tear_down),
		cmocka_unit_test_teardown(
			a_job_that_hangs_its_worker_ends_in_the_dead_letters, tear_down),
		cmocka_unit_test_teardown(
			a_job_that_was_only_there_when_workers_died_succeeds_alone, tear_down),
		cmocka_unit_test_teardown(the_drain_brings_isolated_jobs_back, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
