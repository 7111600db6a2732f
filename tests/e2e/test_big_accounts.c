/* SPDX-License-Identifier: MIT */
/*
 * Accounts with many videos, end to end: read in slices, each a message of its own, while others are
 * served; a worker that dies loses at most the slice it was at.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "tests/support/fleet.h"
#include "tests/support/wait.h"
#include "worker/paging.h"
#include "worker/tiktok.h"

#define SLICE_VIDEOS (SLICE_PAGES * TIKTOK_PAGE_VIDEOS)

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

static void create_world(uint32_t accounts, uint32_t videos, const char *latency_ms)
{
	world_init(&fleet.world);
	fleet.world.videos_each = 20;
	fleet.world.videos_first = videos;
	test_fleet_create(
		&fleet, accounts, (const char *const[]){"--latency-ms", latency_ms, NULL});
}

static void a_big_account_is_stored_whole_and_told_once(void **state)
{
	create_world(3, 5 * SLICE_VIDEOS + 30, "0");
	test_fleet_start(&fleet, "storesync-worker", NULL);
	test_fleet_start(&fleet, "storesync-logger", NULL);
	test_fleet_produce(&fleet, NULL);
	test_fleet_wait_until_done(&fleet);
	test_fleet_assert_snapshots(&fleet, NULL);
	test_wait_for_query(fleet.database.db, "SELECT count(*) FROM sync_logs WHERE final", 3);
	assert_int_equal(
		count("SELECT count(*) FROM sync_logs l JOIN sync_jobs j USING (job_id)"
		      " WHERE l.account_id = 1 AND l.final AND l.status = 'SUCCESS' AND l.attempt = 1"
		      " AND l.records_processed = 1031 AND j.records_processed = 1031"
		      " AND j.slice = 5 AND l.api_calls = 53 AND j.api_calls = 53 AND j.starts = 6"),
		1);
	assert_int_equal(count("SELECT count(*) FROM sync_logs"), 3);
}

/* The calls to the list of videos tell how much was read twice. */
static void a_killed_worker_loses_at_most_a_slice(void **state)
{
	enum { KILLS = 4 };

	create_world(1, 8 * SLICE_VIDEOS, "10");
	test_fleet_produce(&fleet, NULL);
	for (int round = 0; round < KILLS; round++) {
		struct test_process *worker = test_fleet_start(&fleet, "storesync-worker", NULL);
		char sql[100];

		snprintf(sql, sizeof sql, "SELECT (slice >= %d)::int FROM sync_jobs", round + 1);
		test_wait_for_query(fleet.database.db, sql, 1);
		test_process_kill(worker);
	}
	test_fleet_start(&fleet, "storesync-worker", NULL);
	test_fleet_wait_until_done(&fleet);
	test_fleet_assert_snapshots(&fleet, NULL);
	assert_in_range(test_fleet_stat(&fleet, "video_list.calls"), 8 * SLICE_PAGES,
		(8 + KILLS) * SLICE_PAGES);
	assert_int_equal(count("SELECT count(*) FROM sync_jobs WHERE attempt = 1"), 1);
}

/* A slice that fails is tried again from where it began, not from the beginning. */
static void a_failed_slice_is_retried_where_it_began(void **state)
{
	struct world_account account;
	char fault[200];

	create_world(6, 3 * SLICE_VIDEOS, "0");
	world_account(&fleet.world, 0, &account);
	snprintf(fault, sizeof fault,
		"{\"fault\":\"error_500\",\"endpoint\":\"video_list\",\"count\":1,\"after\":%d,"
		"\"account\":\"%s\"}",
		SLICE_PAGES + 3, account.open_id);
	test_fleet_tell_simulator(&fleet, "/admin/faults", fault);
	test_fleet_start(&fleet, "storesync-worker", NULL);
	test_fleet_produce(&fleet, NULL);
	test_wait_for_query(fleet.database.db,
		"SELECT count(*) FROM sync_jobs WHERE state = 'retrying' AND slice = 1 AND attempt = 2",
		1);
	test_fleet_wait_until_done(&fleet);
	test_fleet_assert_snapshots(&fleet, NULL);
	assert_int_equal(
		count("SELECT count(*) FROM sync_jobs WHERE account_id = 1"
		      " AND state = 'success' AND attempt = 2 AND records_processed = 601"),
		1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_big_account_is_stored_whole_and_told_once, tear_down),
		cmocka_unit_test_teardown(a_killed_worker_loses_at_most_a_slice, tear_down),
		cmocka_unit_test_teardown(a_failed_slice_is_retried_where_it_began, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
