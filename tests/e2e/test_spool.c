/* SPDX-License-Identifier: MIT */
/*
 * New token pairs and a PostgreSQL that is away when they are to be saved, end to end: they are saved
 * when it is back, by the worker that has them, or by the next one of its host if that dies.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/support/detour.h"
#include "tests/support/fleet.h"
#include "tests/support/wait.h"

#define EXPIRE_SOON "UPDATE store_accounts SET token_expires_at = now() + interval '1 minute'"
#define ACCOUNTS    4

static struct test_fleet fleet;
static struct chaos *wire; /* between the worker and PostgreSQL */

static int64_t count(const char *sql)
{
	return test_query_integer(fleet.database.db, sql);
}

static int tear_down(void **state)
{
	test_fleet_destroy(&fleet);
	chaos_stop(wire);
	wire = NULL;
	return 0;
}

/* Files of pairs in the spool. */
static bool are_spooled(void *context)
{
	DIR *files = opendir(fleet.spool);
	const struct dirent *file;
	int pairs = 0;

	while (files && (file = readdir(files)))
		pairs += strncmp(file->d_name, "pair-", 5) == 0;
	if (files)
		closedir(files);
	return pairs == *(int *)context;
}

static bool are_granted(void *context)
{
	return test_fleet_stat(&fleet, "refreshes_granted") == *(int *)context;
}

/* TikTok has rotated every token, PostgreSQL is away, and the pairs are in the spool. */
static struct test_process *worker_with_unsaved_pairs(void)
{
	static struct text setting;
	const char *detoured[] = {NULL, NULL};
	struct test_process *worker;
	int accounts = ACCOUNTS;

	text_clear(&setting);
	text_append(&setting, "DATABASE_URL=");
	test_fleet_create(&fleet, ACCOUNTS, (const char *const[]){"--latency-ms", "2000", NULL});
	test_execute(fleet.database.db, EXPIRE_SOON);
	wire = test_detour_start(fleet.database.url, &setting);
	detoured[0] = text_string(&setting);
	worker = test_fleet_start(&fleet, "storesync-worker", detoured);
	test_fleet_produce(&fleet, NULL);
	assert_true(test_wait_until(are_granted, &accounts));
	chaos_set_door(wire, CHAOS_REFUSE);
	chaos_reset(wire);
	assert_true(test_wait_until(are_spooled, &accounts));
	assert_int_equal(
		count("SELECT count(*) FROM store_accounts WHERE token_version = 0"), ACCOUNTS);
	text_finish(&setting);
	return worker;
}

static void assert_all_is_well(void)
{
	int none = 0;

	test_fleet_tell_simulator(&fleet, "/admin/knobs", "{\"latency_ms\":0}");
	test_fleet_wait_until_done(&fleet);
	test_fleet_assert_snapshots(&fleet, NULL);
	assert_int_equal(test_fleet_stat(&fleet, "superseded_refresh_attempts"), 0);
	assert_int_equal(test_fleet_stat(&fleet, "refreshes_granted"), ACCOUNTS);
	assert_int_equal(count("SELECT count(*) FROM store_accounts WHERE token_version = 1"
			       " AND status = 'CONNECTED' AND refresh_intent_at IS NULL"
			       " AND refresh_lease_owner IS NULL"),
		ACCOUNTS);
	assert_true(test_wait_until(are_spooled, &none));
}

static void a_pair_is_saved_when_postgresql_is_back(void **state)
{
	struct test_process *worker = worker_with_unsaved_pairs();

	chaos_heal(wire);
	assert_all_is_well();
	assert_int_equal(test_process_stop(worker), 0);
}

/* Its successor sees PostgreSQL; the lease of the dead one is not waited for. */
static void a_pair_of_a_worker_that_was_killed_is_saved_by_the_next(void **state)
{
	struct test_process *next;

	test_process_kill(worker_with_unsaved_pairs());
	next = test_fleet_start(&fleet, "storesync-worker", NULL);
	test_process_wait_for_output(next, "is saved");
	assert_all_is_well();
}

/* PostgreSQL is still away when the successor starts, and two of them share the directory. */
static void two_successors_wait_for_postgresql_and_save_each_pair_once(void **state)
{
	struct text setting = {0};
	const char *detoured[] = {NULL, NULL};

	test_process_kill(worker_with_unsaved_pairs());
	text_append_format(&setting, "DATABASE_URL=");
	chaos_stop(wire);
	wire = test_detour_start(fleet.database.url, &setting);
	chaos_set_door(wire, CHAOS_REFUSE);
	detoured[0] = text_string(&setting);
	test_process_wait_for_output(
		test_fleet_start(&fleet, "storesync-worker", detoured), "waiting for PostgreSQL");
	test_process_wait_for_output(
		test_fleet_start(&fleet, "storesync-worker", detoured), "waiting for PostgreSQL");
	chaos_heal(wire);
	assert_all_is_well();
	text_finish(&setting);
}

/* Another worker was told meanwhile that the replaced token is not good: that is mended, too. */
static void an_account_that_was_taken_for_lost_is_connected_again(void **state)
{
	struct test_process *next;

	test_process_kill(worker_with_unsaved_pairs());
	test_execute(fleet.database.db,
		"UPDATE store_accounts SET status = 'NEED_RECONNECT', status_reason = 'lost_rotation: x',"
		" refresh_lease_owner = NULL, refresh_lease_until = NULL");
	next = test_fleet_start(&fleet, "storesync-worker", NULL);
	test_process_wait_for_output(next, "is saved");
	assert_all_is_well();
}

static void a_pair_that_was_replaced_meanwhile_is_dropped(void **state)
{
	struct test_process *next;
	int none = 0;

	test_process_kill(worker_with_unsaved_pairs());
	test_execute(fleet.database.db, "UPDATE store_accounts SET token_version = 2");
	next = test_fleet_start(&fleet, "storesync-worker", NULL);
	test_process_wait_for_output(next, "has this pair or a newer one");
	assert_true(test_wait_until(are_spooled, &none));
	assert_int_equal(
		count("SELECT count(*) FROM store_accounts WHERE token_version = 2"), ACCOUNTS);
}

/* The key is missing: the files stay until it is given. */
static void a_pair_under_a_key_that_is_missing_stays(void **state)
{
	static const char *const other_key[] = {
		"TOKEN_ENC_KEY=ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
		NULL};
	struct test_process *next;
	int accounts = ACCOUNTS;

	test_process_kill(worker_with_unsaved_pairs());
	next = test_fleet_start(&fleet, "storesync-worker", other_key);
	test_process_wait_for_output(next, "TOKEN_ENC_OLD_KEYS");
	assert_true(are_spooled(&accounts));
}

static void a_directory_that_cannot_be_used_is_said_and_work_goes_on(void **state)
{
	struct test_process *worker;

	test_fleet_create(&fleet, ACCOUNTS, NULL);
	test_execute(fleet.database.db, EXPIRE_SOON);
	assert_int_equal(mkdir(fleet.spool, 0755), 0);
	assert_int_equal(chmod(fleet.spool, 0755), 0);
	worker = test_fleet_start(&fleet, "storesync-worker", NULL);
	test_process_wait_for_output(worker, "TOKEN_SPOOL_DIR");
	test_process_wait_for_output(worker, "the merchant must connect the account again");
	test_fleet_produce(&fleet, NULL);
	assert_all_is_well();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_pair_is_saved_when_postgresql_is_back, tear_down),
		cmocka_unit_test_teardown(
			a_pair_of_a_worker_that_was_killed_is_saved_by_the_next, tear_down),
		cmocka_unit_test_teardown(
			two_successors_wait_for_postgresql_and_save_each_pair_once, tear_down),
		cmocka_unit_test_teardown(
			an_account_that_was_taken_for_lost_is_connected_again, tear_down),
		cmocka_unit_test_teardown(a_pair_that_was_replaced_meanwhile_is_dropped, tear_down),
		cmocka_unit_test_teardown(a_pair_under_a_key_that_is_missing_stays, tear_down),
		cmocka_unit_test_teardown(
			a_directory_that_cannot_be_used_is_said_and_work_goes_on, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
