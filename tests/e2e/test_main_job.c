/* SPDX-License-Identifier: MIT */
/*
 * The main job, end to end: producer, RabbitMQ, worker, simulated TikTok, PostgreSQL, logger. Every
 * stored row is compared with what the simulator holds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/fleet.h"
#include "tests/support/wait.h"

static struct test_fleet fleet;

static void start_worker_and_logger(void)
{
	test_fleet_start(&fleet, "storesync-worker", NULL);
	test_fleet_start(&fleet, "storesync-logger", NULL);
}

static int64_t count(const char *sql)
{
	return test_query_integer(fleet.database.db, sql);
}

static int tear_down(void **state)
{
	test_fleet_destroy(&fleet);
	return 0;
}

static void assert_every_job_succeeded_and_has_its_log_row(int64_t accounts)
{
	assert_int_equal(
		count("SELECT count(*) FROM sync_jobs WHERE state = 'success' AND attempt = 1"
		      " AND starts = 1"),
		accounts);
	test_wait_for_query(
		fleet.database.db, "SELECT count(*) FROM sync_logs WHERE final", accounts);
	assert_int_equal(
		count("SELECT count(*) FROM sync_logs l JOIN sync_jobs j USING (job_id)"
		      " WHERE l.status = 'SUCCESS' AND l.final AND l.attempt = 1 AND l.run_id = j.run_id"
		      " AND l.completed_at >= l.started_at AND l.worker IS NOT NULL"
		      " AND l.records_processed = 1 + (SELECT count(*) FROM tiktok_video_daily v"
		      "	WHERE v.store_code = l.store_code)"
		      " AND l.api_calls = 1 + greatest(1, (l.records_processed - 1 + 19) / 20)"),
		accounts);
	assert_int_equal(count("SELECT count(*) FROM sync_logs"), accounts);
	assert_int_equal(count("SELECT count(*) FROM store_accounts WHERE last_sync_at IS NOT NULL"
			       " AND display_name IS NOT NULL AND avatar_url IS NOT NULL"),
		accounts);
}

/* Emoji, quotes, counters beyond 2^31, texts beyond 150 characters: the world has them all. */
static void a_day_is_stored_exactly_as_tiktok_has_it(void **state)
{
	int64_t calls;

	test_fleet_create(&fleet, 60, NULL);
	start_worker_and_logger();
	test_fleet_produce(&fleet, NULL);
	test_fleet_wait_until_done(&fleet);
	test_fleet_assert_snapshots(&fleet, NULL);
	assert_every_job_succeeded_and_has_its_log_row(60);
	assert_true(count("SELECT max(view_count) FROM tiktok_video_daily") > INT64_C(1) << 31);
	assert_true(count("SELECT max(likes_count) FROM tiktok_user_daily") > INT64_C(1) << 32);
	assert_true(count("SELECT max(length(description)) FROM tiktok_video_daily") > 150);
	assert_int_equal(test_fleet_stat(&fleet, "status_429"), 0);
	assert_int_equal(test_fleet_stat(&fleet, "refreshes_granted"), 0);

	/* The same day again: nothing is planned, nothing is called. */
	calls = test_fleet_calls(&fleet);
	test_fleet_produce(&fleet, NULL);
	test_fleet_wait_until_done(&fleet);
	assert_int_equal(count("SELECT count(*) FROM sync_jobs"), 60);
	assert_int_equal(test_fleet_calls(&fleet), calls);
}

static void a_forced_second_sync_reads_all_and_writes_no_row(void **state)
{
	static const char *const force[] = {"--force", NULL};
	static const char *const written =
		"SELECT sum(('x' || right(md5(xmin::text || ctid::text), 7))::bit(28)::int) FROM tiktok_video_daily";
	int64_t before;

	test_fleet_create(&fleet, 12, NULL);
	start_worker_and_logger();
	test_fleet_produce(&fleet, NULL);
	test_fleet_wait_until_done(&fleet);
	before = count(written);
	test_fleet_produce(&fleet, force);
	test_wait_for_query(fleet.database.db,
		"SELECT count(*) FROM sync_jobs WHERE state = 'success' AND generation = 1", 12);
	assert_int_equal(count(written), before);
	assert_int_equal(count("SELECT count(*) FROM tiktok_user_daily"), 12);
	test_fleet_assert_snapshots(&fleet, NULL);
}

static void odd_pages_lose_and_double_nothing(void **state)
{
	static const char *const arguments[] = {"--set", "short_pages=empty", "--set",
		"cursor_compare=at_or_before", "--ties", "page-edges", NULL};

	world_init(&fleet.world);
	fleet.world.ties = WORLD_TIES_ON_PAGE_EDGES;
	test_fleet_create(&fleet, 12, arguments);
	start_worker_and_logger();
	test_fleet_produce(&fleet, NULL);
	test_fleet_wait_until_done(&fleet);
	test_fleet_assert_snapshots(&fleet, NULL);
	test_fleet_tell_simulator(&fleet, "/admin/knobs", "{\"short_pages\":\"drop\"}");
}

static void three_workers_share_the_jobs(void **state)
{
	static const char *const narrow[] = {"WORKER_CONCURRENCY=2", NULL};
	static const char *const slow[] = {"--latency-ms", "20", NULL};

	test_fleet_create(&fleet, 600, slow);
	test_execute(
		fleet.database.db, "UPDATE store_accounts SET status = 'DISABLED' WHERE id > 500");
	for (int i = 0; i < 3; i++)
		test_fleet_start(&fleet, "storesync-worker", narrow);
	test_fleet_start(&fleet, "storesync-logger", NULL);
	test_fleet_produce(&fleet, NULL);
	test_fleet_wait_until_done(&fleet);
	assert_int_equal(count("SELECT count(*) FROM sync_jobs WHERE state = 'success'"), 500);
	assert_true(count("SELECT count(DISTINCT worker) FROM sync_jobs") > 1);
	assert_int_equal(count("SELECT count(*) FROM sync_jobs WHERE starts <> 1"), 0);
	test_wait_for_query(fleet.database.db, "SELECT count(*) FROM sync_logs WHERE final", 500);
}

static void job_types_store_their_part(void **state)
{
	static const char *const user[] = {"--job-type", "user_stats", "--store", "store-1", NULL};
	static const char *const video[] = {
		"--job-type", "video_stats", "--store", "store-2", NULL};
	static const char *const express[] = {"--express", "--account", "4", NULL};

	test_fleet_create(&fleet, 5, NULL);
	start_worker_and_logger();
	test_fleet_produce(&fleet, user);
	test_fleet_produce(&fleet, video);
	test_fleet_produce(&fleet, express);
	test_fleet_wait_until_done(&fleet);
	assert_int_equal(count("SELECT count(*) FROM sync_jobs WHERE state = 'success'"), 3);
	assert_int_equal(
		count("SELECT count(*) FROM tiktok_user_daily WHERE store_code IN ('store-1', 'store-3')"),
		2);
	assert_int_equal(count("SELECT count(*) FROM tiktok_user_daily"), 2);
	assert_int_equal(
		count("SELECT count(*) FROM tiktok_video_daily WHERE store_code = 'store-1'"), 0);
	assert_int_equal(
		count("SELECT count(*) FROM tiktok_video_daily WHERE store_code = 'store-2'"),
		world_video_count(&fleet.world, 2));
}

static void accounts_without_a_scope_are_read_as_far_as_they_allow(void **state)
{
	test_fleet_create(&fleet, 3, NULL);
	test_execute(fleet.database.db,
		"UPDATE store_accounts SET scope = 'user.info.basic' WHERE id = 1;"
		"UPDATE store_accounts SET scope = 'user.info.basic,user.info.stats' WHERE id = 2");
	start_worker_and_logger();
	test_fleet_produce(&fleet, NULL);
	test_fleet_wait_until_done(&fleet);
	assert_int_equal(count("SELECT count(*) FROM sync_jobs WHERE state = 'success'"), 3);
	assert_int_equal(count("SELECT count(*) FROM tiktok_user_daily WHERE follower_count IS NULL"
			       " AND display_name IS NOT NULL AND store_code = 'store-0'"),
		1);
	assert_int_equal(
		count("SELECT count(*) FROM tiktok_user_daily WHERE follower_count IS NOT NULL"),
		2);
	assert_int_equal(count("SELECT count(DISTINCT store_code) FROM tiktok_video_daily"), 1);
}

static void long_jobs_are_announced_and_end_with_one_row(void **state)
{
	static const char *const slow[] = {"--latency-ms", "2500", NULL};

	world_init(&fleet.world);
	fleet.world.videos_each = 5;
	test_fleet_create(&fleet, 2, slow);
	start_worker_and_logger();
	test_fleet_produce(&fleet, NULL);
	test_wait_for_query(fleet.database.db,
		"SELECT count(*) FROM sync_logs WHERE status = 'RUNNING' AND NOT final AND completed_at IS NULL",
		2);
	test_wait_for_query(fleet.database.db,
		"SELECT count(*) FROM sync_logs WHERE status = 'SUCCESS' AND final", 2);
	assert_int_equal(count("SELECT count(*) FROM sync_logs"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_day_is_stored_exactly_as_tiktok_has_it, tear_down),
		cmocka_unit_test_teardown(
			a_forced_second_sync_reads_all_and_writes_no_row, tear_down),
		cmocka_unit_test_teardown(odd_pages_lose_and_double_nothing, tear_down),
		cmocka_unit_test_teardown(three_workers_share_the_jobs, tear_down),
		cmocka_unit_test_teardown(job_types_store_their_part, tear_down),
		cmocka_unit_test_teardown(
			accounts_without_a_scope_are_read_as_far_as_they_allow, tear_down),
		cmocka_unit_test_teardown(long_jobs_are_announced_and_end_with_one_row, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
