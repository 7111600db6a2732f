/* SPDX-License-Identifier: MIT */
/*
 * Keys are changed while workers refresh the tokens of every account, again and again, against a
 * simulator that rotates strictly: one pair that were lost, or one refresh token used twice, would show.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "common/token_cipher.h"
#include "tests/support/fleet.h"
#include "tests/support/wait.h"

#define NEW_KEY  "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"
#define ACCOUNTS 200
#define ROUNDS   10

static struct test_fleet fleet;

static int tear_down(void **state)
{
	test_fleet_destroy(&fleet);
	return 0;
}

static int64_t count(const char *sql)
{
	return test_query_integer(fleet.database.db, sql);
}

/* The workers know both keys and seal with the fleet's. */
static void start_workers(int workers, const char *old_keys)
{
	const char *const overrides[] = {old_keys, NULL};

	for (int i = 0; i < workers; i++)
		test_fleet_start(&fleet, "storesync-worker", overrides);
}

static void refresh_everybody(void)
{
	test_fleet_produce(
		&fleet, (const char *const[]){"--job-type", "token_refresh", "--force", NULL});
}

/* Re-encrypt under key, in small batches, while old_key opens the rest. */
static void rotate(const char *key, const char *old_key)
{
	static const char *const argv[] = {
		"syncctl", "keys", "rotate", "--yes", "--batch", "7", NULL};
	char current[100], old[100];
	const char *const environment[] = {fleet.settings[0], current, old, NULL};
	struct text output = {0};

	snprintf(current, sizeof current, "TOKEN_ENC_KEY=%s", key);
	snprintf(old, sizeof old, "TOKEN_ENC_OLD_KEYS=%s", old_key);
	if (test_run(argv, environment, &output) != 0)
		fail_msg("syncctl keys rotate failed:\n%s", text_string(&output));
	text_finish(&output);
}

static void assert_all_under(const char *key)
{
	struct token_cipher *cipher = NULL;
	struct error err;
	char sql[300];

	assert_true(token_cipher_create(key, NULL, &cipher, &err));
	snprintf(sql, sizeof sql,
		"SELECT count(*) FROM store_accounts WHERE encrypted_access_token LIKE 'v1:%s:%%'"
		" AND encrypted_refresh_token LIKE 'v1:%s:%%'",
		token_cipher_key_id(cipher, 0), token_cipher_key_id(cipher, 0));
	assert_int_equal(count(sql), ACCOUNTS);
	token_cipher_destroy(cipher);
}

static void keys_change_under_workers_that_refresh_and_no_account_is_lost(void **state)
{
	const char *fleet_key = NULL;
	int64_t refreshes;

	test_fleet_create(&fleet, ACCOUNTS, NULL);
	for (char **setting = fleet.settings; *setting; setting++)
		if (strncmp(*setting, "TOKEN_ENC_KEY=", strlen("TOKEN_ENC_KEY=")) == 0)
			fleet_key = *setting + strlen("TOKEN_ENC_KEY=");
	start_workers(4, "TOKEN_ENC_OLD_KEYS=" NEW_KEY);
	for (int round = 0; round < ROUNDS; round++) {
		refresh_everybody();
		rotate(NEW_KEY, fleet_key);
		rotate(fleet_key, NEW_KEY);
	}
	test_fleet_wait_until_done(&fleet);
	rotate(NEW_KEY, fleet_key);
	assert_all_under(NEW_KEY);
	refreshes = test_fleet_stat(&fleet, "refreshes_granted");
	assert_true(refreshes >= INT64_C(2) * ACCOUNTS);
	assert_int_equal(refreshes, count("SELECT sum(token_version) FROM store_accounts"));
	assert_int_equal(test_fleet_stat(&fleet, "superseded_refresh_attempts"), 0);
	assert_int_equal(
		count("SELECT count(*) FROM store_accounts WHERE status <> 'CONNECTED'"
		      " OR refresh_intent_at IS NOT NULL OR refresh_lease_owner IS NOT NULL"),
		0);
	assert_int_equal(count("SELECT count(*) FROM sync_jobs WHERE state <> 'success'"), 0);

	/* What the cells hold now is what TikTok takes: of access tokens, and of refresh tokens. */
	test_fleet_produce(&fleet, NULL);
	test_fleet_wait_until_done(&fleet);
	test_fleet_assert_snapshots(&fleet, NULL);
	assert_int_equal(test_fleet_stat(&fleet, "refreshes_granted"), refreshes);
	refresh_everybody();
	test_fleet_wait_until_done(&fleet);
	assert_int_equal(test_fleet_stat(&fleet, "refreshes_granted"), refreshes + ACCOUNTS);
	assert_int_equal(test_fleet_stat(&fleet, "superseded_refresh_attempts"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
			keys_change_under_workers_that_refresh_and_no_account_is_lost, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
