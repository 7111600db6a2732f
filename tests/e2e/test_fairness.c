/* SPDX-License-Identifier: MIT */
/*
 * Whose turn it is, end to end: a store with many accounts waits behind the others' few, however early
 * its accounts were connected. Asserted by the order in which jobs end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "tests/support/fleet.h"

#define BIG_STORE 150
#define SINGLES   20

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

/*
 * The big store's accounts have the lower ids. The simulator is slow and the worker narrow, so that order decides.
 */
static void synchronise_big_store_beside_singles(const char *before)
{
	world_init(&fleet.world);
	fleet.world.videos_each = 20;
	fleet.big_store = BIG_STORE;
	test_fleet_create(
		&fleet, BIG_STORE + SINGLES, (const char *const[]){"--latency-ms", "20", NULL});
	test_execute(fleet.database.db, before);
	test_fleet_start(
		&fleet, "storesync-worker", (const char *const[]){"WORKER_CONCURRENCY=4", NULL});
	test_fleet_produce(&fleet, NULL);
	test_fleet_wait_until_done(&fleet);
	test_fleet_assert_snapshots(&fleet, NULL);
}

/* In which place among all the singles' jobs ended: the middle one's, and the last one's. */
static void assert_singles_end_within(int64_t middle, int64_t last)
{
	const char *ranked =
		"(SELECT account_id, row_number() OVER (ORDER BY finished_at) AS place FROM sync_jobs) r"
		" WHERE account_id > 150";
	char sql[300];

	snprintf(sql, sizeof sql,
		"SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY place) FROM %s", ranked);
	assert_in_range(count(sql), 1, middle);
	snprintf(sql, sizeof sql, "SELECT max(place) FROM %s", ranked);
	assert_in_range(count(sql), 1, last);
}

/*
 * By themselves the singles would end in places 1 to 20; behind the big store in 151 to 170. Beside it, the first turn is one
 * account's longer, and what ends at about the same time may change places.
 */
static void a_store_with_many_accounts_does_not_keep_the_others_waiting(void **state)
{
	synchronise_big_store_beside_singles("SELECT 1");
	assert_singles_end_within(SINGLES + 1, (BIG_STORE + SINGLES) / 2);
}

static void not_even_when_its_accounts_are_the_stalest(void **state)
{
	synchronise_big_store_beside_singles(
		"UPDATE store_accounts SET last_sync_at = now() WHERE id > 150");
	assert_singles_end_within(SINGLES + 1, (BIG_STORE + SINGLES) / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
			a_store_with_many_accounts_does_not_keep_the_others_waiting, tear_down),
		cmocka_unit_test_teardown(not_even_when_its_accounts_are_the_stalest, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
