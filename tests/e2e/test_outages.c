/* SPDX-License-Identifier: MIT */
/*
 * Outage is not failure, end to end: while TikTok fails for everybody, or RabbitMQ has an alarm, the
 * worker takes no more jobs, holds what it has, and goes on by itself; no attempt is counted. One
 * account that fails alone is judged all the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tests/support/detour.h"
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
	fleet = (struct test_fleet){0};
	return 0;
}

static void wait_seconds(int seconds)
{
	const struct timespec pause = {.tv_sec = seconds};

	nanosleep(&pause, NULL);
}

static void start_logger(void)
{
	test_fleet_start(&fleet, "storesync-logger", NULL);
}

static void assert_nothing_was_charged(int64_t accounts)
{
	test_fleet_wait_until_done(&fleet);
	assert_int_equal(
		count("SELECT count(*) FROM sync_jobs WHERE state = 'success' AND attempt = 1"
		      " AND crashes = 0"),
		accounts);
	test_fleet_assert_snapshots(&fleet, NULL);
	test_wait_for_query(
		fleet.database.db, "SELECT count(*) FROM sync_logs WHERE final", accounts);
}

static void break_tiktok(const char *fault)
{
	test_fleet_tell_simulator(&fleet, "/admin/faults", fault);
}

/*
 * The outage begins before the first job, so that no account is known to get through; calls are few
 * while it lasts.
 */
static void a_tiktok_that_fails_for_everybody_costs_no_attempt(void **state)
{
	static const char *const faults[] = {"{\"fault\":\"error_500\",\"count\":-1}",
		"{\"fault\":\"html_502\",\"count\":-1}", "{\"fault\":\"drop\",\"count\":-1}",
		"{\"fault\":\"truncated_json\",\"count\":-1}"};

	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		struct test_process *worker;
		int64_t calls;

		test_fleet_create(&fleet, 40, NULL);
		break_tiktok(faults[i]);
		test_fleet_produce(&fleet, NULL);
		worker = test_fleet_start(&fleet, "storesync-worker", NULL);
		start_logger();
		test_process_wait_for_output(worker, "waiting for TikTok (user/info)");
		wait_seconds(1);
		calls = test_fleet_calls(&fleet);
		wait_seconds(4);
		assert_in_range(test_fleet_calls(&fleet) - calls, 0, 8);
		assert_int_equal(count("SELECT count(*) FROM sync_jobs WHERE attempt > 1"), 0);
		test_fleet_tell_simulator(&fleet, "/admin/faults/clear", "{}");
		assert_nothing_was_charged(40);
		tear_down(state);
	}
}

/* In mid-work, and only one endpoint; the others are not held up. */
static void an_outage_of_one_endpoint_in_mid_work_costs_no_attempt(void **state)
{
	struct test_process *worker;

	test_fleet_create(&fleet, 80, (const char *const[]){"--latency-ms", "20", NULL});
	worker = test_fleet_start(
		&fleet, "storesync-worker", (const char *const[]){"WORKER_CONCURRENCY=4", NULL});
	start_logger();
	test_fleet_produce(&fleet, NULL);
	test_wait_for_query(fleet.database.db,
		"SELECT (count(*) > 10)::int FROM sync_jobs WHERE state = 'success'", 1);
	break_tiktok("{\"fault\":\"error_500\",\"endpoint\":\"video_list\",\"count\":-1}");
	test_process_wait_for_output(worker, "waiting for TikTok (video/list)");
	wait_seconds(3);
	test_fleet_tell_simulator(&fleet, "/admin/faults/clear", "{}");
	assert_nothing_was_charged(80);
	test_process_wait_for_output(worker, "TikTok (video/list) is back");
}

/* Refreshes too: the lease is given up while it is waited, and no token is used twice. */
static void an_outage_of_the_token_endpoint_costs_no_account(void **state)
{
	struct test_process *worker;

	test_fleet_create(&fleet, 20, NULL);
	test_execute(fleet.database.db, "UPDATE store_accounts SET token_expires_at = now()");
	break_tiktok("{\"fault\":\"error_500\",\"endpoint\":\"token\",\"count\":-1}");
	test_fleet_produce(&fleet, NULL);
	worker = test_fleet_start(&fleet, "storesync-worker", NULL);
	start_logger();
	test_process_wait_for_output(worker, "waiting for TikTok (oauth/token)");
	wait_seconds(3);
	test_fleet_tell_simulator(&fleet, "/admin/faults/clear", "{}");
	assert_nothing_was_charged(20);
	assert_int_equal(test_fleet_stat(&fleet, "refreshes_granted"), 20);
	assert_int_equal(test_fleet_stat(&fleet, "superseded_refresh_attempts"), 0);
}

/* Accounts for which TikTok always fails, more of them than make an outage, and nobody else calls. */
static void accounts_that_fail_while_others_get_through_are_judged(void **state)
{
	test_fleet_create(&fleet, 10, NULL);
	for (uint32_t n = 0; n < 4; n++) {
		struct world_account account;
		char fault[160];

		world_account(&fleet.world, n, &account);
		snprintf(fault, sizeof fault,
			"{\"fault\":\"error_500\",\"count\":-1,\"account\":\"%s\"}",
			account.open_id);
		break_tiktok(fault);
	}
	test_fleet_start(&fleet, "storesync-worker", NULL);
	test_fleet_produce(&fleet, NULL);
	test_wait_for_query(
		fleet.database.db, "SELECT count(*) FROM sync_jobs WHERE state = 'success'", 6);
	test_wait_for_query(fleet.database.db,
		"SELECT count(*) FROM sync_jobs WHERE state = 'retrying' AND attempt = 2"
		" AND error_class = 'server' AND account_id <= 4",
		4);
}

/* What is held for longer than RabbitMQ allows goes back, uncounted; new deliveries take its place. */
static void jobs_held_too_long_go_back_uncounted(void **state)
{
	static const char *const impatient[] = {"HOLD_TIMEOUT=5", NULL};
	struct test_process *worker;

	test_fleet_create(&fleet, 10, NULL);
	break_tiktok("{\"fault\":\"error_500\",\"count\":-1}");
	test_fleet_produce(&fleet, NULL);
	worker = test_fleet_start(&fleet, "storesync-worker", impatient);
	start_logger();
	test_process_wait_for_output(worker, "waiting for TikTok");
	test_wait_for_query(fleet.database.db,
		"SELECT count(*) FROM sync_jobs WHERE state = 'queued' AND starts > 0", 10);
	test_fleet_tell_simulator(&fleet, "/admin/faults/clear", "{}");
	assert_nothing_was_charged(10);
}

/* The same while a server is away: claims and writers give up what they hold. */
static void jobs_held_too_long_for_the_database_go_back_uncounted(void **state)
{
	struct text setting = {0};
	const char *detoured[] = {NULL, "HOLD_TIMEOUT=5", "WORKER_CONCURRENCY=4", NULL};
	struct test_process *worker;
	struct chaos *wire;

	test_fleet_create(&fleet, 60, (const char *const[]){"--latency-ms", "100", NULL});
	text_append(&setting, "DATABASE_URL=");
	wire = test_detour_start(fleet.database.url, &setting);
	detoured[0] = text_string(&setting);
	worker = test_fleet_start(&fleet, "storesync-worker", detoured);
	start_logger();
	test_fleet_produce(&fleet, NULL);
	test_wait_for_query(fleet.database.db,
		"SELECT (count(*) > 5)::int FROM sync_jobs WHERE state = 'success'", 1);
	chaos_set_door(wire, CHAOS_REFUSE);
	chaos_reset(wire);
	test_process_wait_for_output(worker, "go back without a note in the manifest");
	chaos_heal(wire);
	test_fleet_wait_until_done(&fleet);
	assert_int_equal(
		count("SELECT count(*) FROM sync_jobs WHERE state = 'success' AND attempt = 1"),
		60);
	test_fleet_assert_snapshots(&fleet, NULL);
	test_wait_for_query(fleet.database.db, "SELECT count(*) FROM sync_logs WHERE final", 60);
	assert_int_equal(test_process_stop(worker), 0);
	chaos_stop(wire);
	text_finish(&setting);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
			a_tiktok_that_fails_for_everybody_costs_no_attempt, tear_down),
		cmocka_unit_test_teardown(
			an_outage_of_one_endpoint_in_mid_work_costs_no_attempt, tear_down),
		cmocka_unit_test_teardown(
			an_outage_of_the_token_endpoint_costs_no_account, tear_down),
		cmocka_unit_test_teardown(
			accounts_that_fail_while_others_get_through_are_judged, tear_down),
		cmocka_unit_test_teardown(jobs_held_too_long_go_back_uncounted, tear_down),
		cmocka_unit_test_teardown(
			jobs_held_too_long_for_the_database_go_back_uncounted, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
