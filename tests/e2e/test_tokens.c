/* SPDX-License-Identifier: MIT */
/*
 * Token refreshes end to end, against a simulator that rotates strictly: a refresh token that is
 * used twice is counted as a superseded attempt, and there must be none.
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

#define EXPIRE_SOON "UPDATE store_accounts SET token_expires_at = now() + interval '1 minute'"

/*
 * The first tokens of account 0, sealed by node's crypto with the fleet's key: base64 of iv (16 and
 * 12 bytes of 7), tag and ciphertext of createCipheriv("aes-256-gcm").
 */
#define LEGACY_ACCESS                                                                              \
	"BwcHBwcHBwcHBwcHBwcHB4qKP9O+837CkJCsYJA7aOru5cYJm5OdXB8YDzJJtP7gBSMAng0R44rlk0cqOltv/lJRbOy/x13adeDvww=="
#define LEGACY_REFRESH                                                                             \
	"BwcHBwcHBwcHBwcH8LMrPCYTtah3MVLNv0Iue1m8jnZs6sVTIYVnw6eBUk0F2q7tQ0IjWqvVwkpKz7XKOYGBrLYMGrBLz0JN"

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

static void assert_no_superseded_attempt(void)
{
	assert_int_equal(test_fleet_stat(&fleet, "superseded_refresh_attempts"), 0);
	assert_int_equal(
		count("SELECT count(*) FROM store_accounts WHERE refresh_lease_owner IS NOT NULL"
		      " OR refresh_intent_at IS NOT NULL"),
		0);
}

static void expiring_tokens_are_refreshed_once_each_and_saved(void **state)
{
	test_fleet_create(&fleet, 40, NULL);
	test_execute(fleet.database.db, EXPIRE_SOON);
	for (int i = 0; i < 3; i++)
		test_fleet_start(&fleet, "storesync-worker", NULL);
	test_fleet_produce(&fleet, NULL);
	test_fleet_wait_until_done(&fleet);
	test_fleet_assert_snapshots(&fleet, NULL);
	assert_int_equal(test_fleet_stat(&fleet, "refreshes_granted"), 40);
	assert_no_superseded_attempt();
	assert_int_equal(count("SELECT count(*) FROM store_accounts WHERE token_version = 1"
			       " AND token_expires_at > now() + interval '1 hour'"
			       " AND encrypted_access_token LIKE 'v1:%'"),
		40);
}

static void the_saved_pair_is_the_one_that_tiktok_takes_next(void **state)
{
	static const char *const refresh[] = {
		"--job-type", "token_refresh", "--store", "store-0", NULL};

	test_fleet_create(&fleet, 1, NULL);
	test_fleet_start(&fleet, "storesync-worker", NULL);
	for (int round = 1; round <= 3; round++) {
		test_fleet_produce(&fleet, refresh);
		test_fleet_wait_until_done(&fleet);
		assert_int_equal(count("SELECT token_version FROM store_accounts"), round);
	}
	assert_int_equal(test_fleet_stat(&fleet, "refreshes_granted"), 3);
	assert_int_equal(count("SELECT count(*) FROM sync_jobs WHERE state = 'success'"), 3);
	assert_int_equal(count("SELECT count(*) FROM tiktok_user_daily"), 0);
	assert_no_superseded_attempt();
}

/* The stored expiry is wrong, or TikTok ended the token early: the data call says so. */
static void token_that_tiktok_refuses_is_refreshed_and_the_call_made_again(void **state)
{
	test_fleet_create(&fleet, 10, NULL);
	test_fleet_tell_simulator(&fleet, "/admin/expire-all-tokens", "{}");
	test_fleet_start(&fleet, "storesync-worker", NULL);
	test_fleet_produce(&fleet, NULL);
	test_fleet_wait_until_done(&fleet);
	test_fleet_assert_snapshots(&fleet, NULL);
	assert_int_equal(test_fleet_stat(&fleet, "refreshes_granted"), 10);
	assert_no_superseded_attempt();
}

/* Two jobs of each account, in several workers, are told so by their data calls. */
static void many_that_are_refused_at_once_refresh_once_an_account(void **state)
{
	test_fleet_create(&fleet, 40, (const char *const[]){"--latency-ms", "50", NULL});
	test_fleet_tell_simulator(&fleet, "/admin/expire-all-tokens", "{}");
	test_fleet_produce(&fleet, NULL);
	test_fleet_produce(&fleet, (const char *const[]){"--job-type", "user_stats", NULL});
	for (int i = 0; i < 3; i++)
		test_fleet_start(&fleet, "storesync-worker", NULL);
	test_fleet_wait_until_done(&fleet);
	test_fleet_assert_snapshots(&fleet, NULL);
	assert_int_equal(
		count("SELECT count(*) FROM sync_jobs WHERE state = 'success' AND attempt = 1"),
		80);
	assert_int_equal(test_fleet_stat(&fleet, "refreshes_granted"), 40);
	assert_no_superseded_attempt();
}

static void a_scope_that_is_missing_refreshes_nothing(void **state)
{
	test_fleet_create(&fleet, 5, NULL);
	test_fleet_tell_simulator(&fleet, "/admin/faults",
		"{\"fault\":\"drop_scope\",\"scope\":\"video.list\",\"count\":-1}");
	test_fleet_start(&fleet, "storesync-worker", NULL);
	test_fleet_produce(&fleet, NULL);
	test_fleet_wait_until_done(&fleet);
	assert_int_equal(
		count("SELECT count(*) FROM sync_jobs WHERE state = 'dead' AND error_class = 'scope'"),
		5);
	assert_int_equal(test_fleet_stat(&fleet, "token.calls"), 0);
}

#define LOSE_ANSWER "{\"fault\":\"drop\",\"endpoint\":\"token\",\"count\":1,\"works\":true}"

/* TikTok has rotated, and the connection broke: one more try with the same token tells. */
static void a_lost_answer_of_a_strict_tiktok_is_a_lost_rotation(void **state)
{
	test_fleet_create(&fleet, 1, NULL);
	test_execute(fleet.database.db, EXPIRE_SOON);
	test_fleet_tell_simulator(&fleet, "/admin/faults", LOSE_ANSWER);
	test_fleet_start(&fleet, "storesync-worker", NULL);
	test_fleet_produce(&fleet, NULL);
	test_wait_for_query(fleet.database.db,
		"SELECT count(*) FROM store_accounts WHERE status = 'NEED_RECONNECT'"
		" AND status_reason LIKE 'lost_rotation%'",
		1);
	assert_int_equal(test_fleet_stat(&fleet, "superseded_refresh_attempts"), 1);
}

static void a_lost_answer_of_a_tiktok_with_grace_loses_nothing(void **state)
{
	test_fleet_create(&fleet, 1, (const char *const[]){"--set", "rotation=grace", NULL});
	test_execute(fleet.database.db, EXPIRE_SOON);
	test_fleet_tell_simulator(&fleet, "/admin/faults", LOSE_ANSWER);
	test_fleet_start(&fleet, "storesync-worker", NULL);
	test_fleet_produce(&fleet, NULL);
	test_fleet_wait_until_done(&fleet);
	assert_int_equal(count("SELECT count(*) FROM sync_jobs WHERE state = 'success'"), 1);
	assert_no_superseded_attempt();
}

static void revoked_account_needs_reconnect_and_the_others_do_not(void **state)
{
	struct world_account account;
	char path[128];

	test_fleet_create(&fleet, 5, NULL);
	world_account(&fleet.world, 3, &account);
	snprintf(path, sizeof path, "/admin/account/%s", account.open_id);
	test_fleet_tell_simulator(&fleet, path, "{\"revoke\":true}");
	test_fleet_start(&fleet, "storesync-worker", NULL);
	test_fleet_start(&fleet, "storesync-logger", NULL);
	test_fleet_produce(&fleet, NULL);
	test_fleet_wait_until_done(&fleet);
	assert_int_equal(count("SELECT count(*) FROM store_accounts WHERE status = 'NEED_RECONNECT'"
			       " AND status_reason LIKE 'revoked%' AND store_code = 'store-3'"),
		1);
	assert_int_equal(
		count("SELECT count(*) FROM store_accounts WHERE status = 'CONNECTED'"), 4);
	assert_int_equal(count("SELECT count(*) FROM sync_jobs WHERE state = 'dead'"
			       " AND error_class = 'token_revoked'"),
		1);
	test_wait_for_query(fleet.database.db,
		"SELECT count(*) FROM sync_logs WHERE status = 'FAILED' AND final"
		" AND error_class = 'token_revoked'",
		1);
	assert_no_superseded_attempt();
}

static void cells_of_the_older_program_are_read_and_rewritten_at_the_refresh(void **state)
{
	char sql[512];

	world_init(&fleet.world);
	test_fleet_create(&fleet, 1, NULL);
	snprintf(sql, sizeof sql,
		"UPDATE store_accounts SET encrypted_access_token = '%s', encrypted_refresh_token = '%s'",
		LEGACY_ACCESS, LEGACY_REFRESH);
	test_execute(fleet.database.db, sql);
	test_execute(fleet.database.db, EXPIRE_SOON);
	test_fleet_start(&fleet, "storesync-worker", NULL);
	test_fleet_produce(&fleet, NULL);
	test_fleet_wait_until_done(&fleet);
	assert_int_equal(count("SELECT count(*) FROM sync_jobs WHERE state = 'success'"), 1);
	assert_int_equal(
		count("SELECT count(*) FROM store_accounts WHERE encrypted_access_token LIKE 'v1:%'"
		      " AND encrypted_refresh_token LIKE 'v1:%'"),
		1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
			expiring_tokens_are_refreshed_once_each_and_saved, tear_down),
		cmocka_unit_test_teardown(
			the_saved_pair_is_the_one_that_tiktok_takes_next, tear_down),
		cmocka_unit_test_teardown(
			token_that_tiktok_refuses_is_refreshed_and_the_call_made_again, tear_down),
		cmocka_unit_test_teardown(
			many_that_are_refused_at_once_refresh_once_an_account, tear_down),
		cmocka_unit_test_teardown(a_scope_that_is_missing_refreshes_nothing, tear_down),
		cmocka_unit_test_teardown(
			a_lost_answer_of_a_strict_tiktok_is_a_lost_rotation, tear_down),
		cmocka_unit_test_teardown(
			a_lost_answer_of_a_tiktok_with_grace_loses_nothing, tear_down),
		cmocka_unit_test_teardown(
			revoked_account_needs_reconnect_and_the_others_do_not, tear_down),
		cmocka_unit_test_teardown(
			cells_of_the_older_program_are_read_and_rewritten_at_the_refresh,
			tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
