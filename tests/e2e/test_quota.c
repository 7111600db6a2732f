/* SPDX-License-Identifier: MIT */
/*
 * What a small quota does to a fleet: it is used together, the backlog stays in the queue, express jobs pass it, a
 * 429 of somebody else's making slows everybody, and a shutdown returns what waits. That no minute sees too many calls is
 * for faults.quota_4, which has the minutes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "tests/support/fleet.h"
#include "tests/support/vhost.h"
#include "tests/support/wait.h"

#define ACCOUNTS 100

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

static void create_fleet(uint32_t videos_each)
{
	world_init(&fleet.world);
	fleet.world.videos_each = videos_each;
	test_fleet_create(&fleet, ACCOUNTS, NULL);
	test_fleet_start(&fleet, "storesync-logger", NULL);
}

static void wait_for_successes(int64_t wanted)
{
	char sql[128];

	snprintf(sql, sizeof sql,
		"SELECT least(count(*), %d) FROM sync_jobs WHERE state = 'success'", (int)wanted);
	test_wait_for_query(fleet.database.db, sql, wanted);
}

/* Every call has a slot, and slots are given out by one row, whoever asks. */
static void two_workers_use_one_quota(void **state)
{
	static const char *const quota[] = {"QUOTA_USER_INFO=1200", "QUOTA_VIDEO_LIST=1200", NULL};
	int64_t calls, leased;

	create_fleet(30);
	test_fleet_start(&fleet, "storesync-worker", quota);
	test_fleet_start(&fleet, "storesync-worker", quota);
	test_fleet_produce(&fleet, NULL);
	test_fleet_wait_until_done(&fleet);
	test_fleet_assert_snapshots(&fleet, NULL);
	calls = test_fleet_stat(&fleet, "video_list.calls");
	leased = count("SELECT leased FROM quotas WHERE endpoint = 'video_list'");
	assert_int_equal(calls, 2 * ACCOUNTS);
	assert_true(leased >= calls);
	/* The grid goes on from slot to slot: 200 of them are ten seconds, however many ask. */
	assert_true(
		count("SELECT extract(epoch FROM next_slot_at - (SELECT min(started_at) FROM sync_jobs))::int8"
		      " FROM quotas WHERE endpoint = 'video_list'") >= 10);
	assert_int_equal(count("SELECT count(DISTINCT worker) FROM sync_jobs"), 2);
}

static void the_backlog_stays_in_the_queue(void **state)
{
	static const char *const quota[] = {"QUOTA_VIDEO_LIST=60", "QUOTA_USER_INFO=0", NULL};

	create_fleet(1);
	test_fleet_start(&fleet, "storesync-worker", quota);
	test_fleet_produce(&fleet, NULL);
	wait_for_successes(3);
	/* Begun and not ended are what is at hand: far less than the prefetch without a quota, 192. */
	assert_in_range(count("SELECT count(*) FROM sync_jobs WHERE state = 'running'"), 1, 20);
	assert_true(count("SELECT count(*) FROM sync_jobs WHERE state IN ('queued', 'planned')") >=
		    ACCOUNTS - 40);
}

static void express_jobs_pass_those_that_wait_for_quota(void **state)
{
	static const char *const quota[] = {"QUOTA_VIDEO_LIST=60", "QUOTA_USER_INFO=60", NULL};

	create_fleet(1);
	test_execute(
		fleet.database.db, "UPDATE store_accounts SET status = 'DISABLED' WHERE id = 100");
	test_fleet_start(&fleet, "storesync-worker", quota);
	test_fleet_start(&fleet, "storesync-worker", quota);
	test_fleet_produce(&fleet, NULL);
	wait_for_successes(3);
	test_execute(
		fleet.database.db, "UPDATE store_accounts SET status = 'CONNECTED' WHERE id = 100");
	test_fleet_produce(&fleet, (const char *const[]){"--account", "100", "--express", NULL});
	test_wait_for_query(fleet.database.db,
		"SELECT count(*) FROM sync_jobs WHERE account_id = 100 AND state = 'success'", 1);
	/* At a job a second the others would have taken a minute and a half. */
	assert_true(count("SELECT count(*) FROM sync_jobs WHERE state = 'success'") < 40);
}

static void somebody_elses_429_slows_the_fleet_and_costs_no_attempt(void **state)
{
	static const char *const quota[] = {"QUOTA_USER_INFO=6000", "QUOTA_VIDEO_LIST=3000", NULL};

	create_fleet(1);
	test_fleet_tell_simulator(&fleet, "/admin/faults",
		"{\"fault\":\"error_429\",\"endpoint\":\"video_list\",\"count\":3,\"after\":20}");
	test_fleet_start(&fleet, "storesync-worker", quota);
	test_fleet_start(&fleet, "storesync-worker", quota);
	test_fleet_produce(&fleet, NULL);
	test_fleet_wait_until_done(&fleet);
	test_fleet_assert_snapshots(&fleet, NULL);
	assert_int_equal(count("SELECT limited FROM quotas WHERE endpoint = 'video_list'"), 3);
	assert_int_equal(count("SELECT count(*) FROM quotas WHERE pace < 1"), 1);
	assert_int_equal(count("SELECT count(*) FROM sync_jobs WHERE attempt > 1"), 0);
	assert_int_equal(count("SELECT count(*) FROM sync_logs WHERE status = 'FAILED'"), 0);
}

static void a_shutdown_returns_what_waits_for_quota(void **state)
{
	static const char *const quota[] = {
		"QUOTA_VIDEO_LIST=1", "QUOTA_USER_INFO=0", "DRAIN_TIMEOUT=1", NULL};
	struct test_process *worker;

	create_fleet(1);
	worker = test_fleet_start(&fleet, "storesync-worker", quota);
	test_fleet_produce(&fleet, NULL);
	test_wait_for_query(fleet.database.db,
		"SELECT least(count(*), 4) FROM sync_jobs WHERE state = 'running'", 4);
	assert_int_equal(test_process_stop(worker), 0);
	assert_int_equal(count("SELECT count(*) FROM sync_jobs WHERE state = 'running'"), 0);
	test_fleet_start(&fleet, "storesync-worker", NULL); /* without a limit */
	test_fleet_wait_until_done(&fleet);
	assert_int_equal(
		count("SELECT count(*) FROM sync_jobs WHERE attempt > 1 OR crashes > 0"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(two_workers_use_one_quota, tear_down),
		cmocka_unit_test_teardown(the_backlog_stays_in_the_queue, tear_down),
		cmocka_unit_test_teardown(express_jobs_pass_those_that_wait_for_quota, tear_down),
		cmocka_unit_test_teardown(
			somebody_elses_429_slows_the_fleet_and_costs_no_attempt, tear_down),
		cmocka_unit_test_teardown(a_shutdown_returns_what_waits_for_quota, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
