/* SPDX-License-Identifier: MIT */
/*
 * PostgreSQL and RabbitMQ go away while a day is being synchronised, and come back: the programs go on
 * by themselves, no attempt is charged for it, and every row and log row is there in the end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "tests/support/fleet.h"
#include "tests/support/wait.h"

#define ACCOUNTS 120

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

/* deploy/servers does to the private servers what command says. */
static void servers(const char *command)
{
	char *env = memory_copy_text(getenv("STORESYNC_TEST_ENV"));
	const char *const argv[] = {getenv("STORESYNC_SERVERS"), command, dirname(env), NULL};
	struct text output = {0};

	if (test_run(argv, NULL, &output) != 0)
		fail_msg("deploy/servers %s failed:\n%s", command, text_string(&output));
	text_finish(&output);
	free(env);
}

static void connect_again(void)
{
	db_close(fleet.database.db);
	fleet.database.db = test_database_connect(&fleet.database, PROGRAM_OPERATOR);
}

static void wait_for_successes(int wanted)
{
	char sql[128];

	snprintf(sql, sizeof sql,
		"SELECT least(count(*), %d) FROM sync_jobs WHERE state = 'success'", wanted);
	test_wait_for_query(fleet.database.db, sql, wanted);
}

static void servers_that_restart_cost_no_attempt_and_lose_nothing(void **state)
{
	static const char *const narrow[] = {"WORKER_CONCURRENCY=8", NULL};
	static const char *const slow[] = {"--latency-ms", "100", NULL};

	world_init(&fleet.world);
	fleet.world.videos_each = 30;
	test_fleet_create(&fleet, ACCOUNTS, slow);
	test_fleet_start(&fleet, "storesync-worker", narrow);
	test_fleet_start(&fleet, "storesync-logger", NULL);
	test_fleet_produce(&fleet, NULL);
	wait_for_successes(10);
	servers("restart-database");
	connect_again();
	assert_true(count("SELECT count(*) FROM sync_jobs WHERE state = 'success'") < ACCOUNTS);
	wait_for_successes(60);
	servers("restart-broker");
	test_fleet_wait_until_done(&fleet);
	test_fleet_assert_snapshots(&fleet, NULL);
	assert_int_equal(
		count("SELECT count(*) FROM sync_jobs WHERE state <> 'success' OR attempt <> 1"),
		0);
	test_wait_for_query(fleet.database.db,
		"SELECT count(*) FROM sync_logs WHERE final AND status = 'SUCCESS'", ACCOUNTS);
	assert_int_equal(count("SELECT count(*) FROM sync_logs"), ACCOUNTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
			servers_that_restart_cost_no_attempt_and_lose_nothing, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
