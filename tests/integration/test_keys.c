/* SPDX-License-Identifier: MIT */
/*
 * syncctl keys: what it says of token cells, and that re-encrypting them is seen by nobody. What
 * happens beside a fleet that refreshes is e2e/test_keys_at_work.c's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/token_cipher.h"
#include "tests/support/audit.h"
#include "tests/support/fleet.h"
#include "tests/support/wait.h"

#define NEW_KEY   "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"
#define THIRD_KEY "0f0e0d0c0b0a09080706050403020100ffeeddccbbaa99887766554433221100"
#define ACCOUNTS  40

/* The first tokens of account 0, as the older program writes them; see e2e/test_tokens.c. */
#define OLDER_ACCESS                                                                               \
	"BwcHBwcHBwcHBwcHBwcHB4qKP9O+837CkJCsYJA7aOru5cYJm5OdXB8YDzJJtP7gBSMAng0R44rlk0cqOltv/lJRbOy/x13adeDvww=="
#define OLDER_REFRESH                                                                              \
	"BwcHBwcHBwcHBwcH8LMrPCYTtah3MVLNv0Iue1m8jnZs6sVTIYVnw6eBUk0F2q7tQ0IjWqvVwkpKz7XKOYGBrLYMGrBLz0JN"

static struct test_fleet fleet;
static char *fleet_key;

static int64_t count(const char *sql)
{
	return test_query_integer(fleet.database.db, sql);
}

/* ---- The world: ACCOUNTS accounts whose cells are under the fleet's key ---- */

static int create_fleet(void **state)
{
	test_fleet_create(&fleet, ACCOUNTS, NULL);
	for (char **setting = fleet.settings; *setting; setting++)
		if (strncmp(*setting, "TOKEN_ENC_KEY=", strlen("TOKEN_ENC_KEY=")) == 0)
			fleet_key = *setting + strlen("TOKEN_ENC_KEY=");
	test_execute(fleet.database.db, "CREATE TABLE saved_accounts AS TABLE store_accounts");
	return 0;
}

static int destroy_fleet(void **state)
{
	test_fleet_destroy(&fleet);
	return 0;
}

static int restore_accounts(void **state)
{
	test_execute(fleet.database.db,
		"TRUNCATE store_accounts; INSERT INTO store_accounts TABLE saved_accounts");
	return 0;
}

static void id_of(const char *key, char id[TOKEN_KEY_ID_SIZE])
{
	struct token_cipher *cipher = NULL;
	struct error err;

	assert_true(token_cipher_create(key, NULL, &cipher, &err));
	memcpy(id, token_cipher_key_id(cipher, 0), TOKEN_KEY_ID_SIZE);
	token_cipher_destroy(cipher);
}

/* Accounts both of whose cells are under the key. */
static int64_t accounts_under(const char *key)
{
	char id[TOKEN_KEY_ID_SIZE], sql[300];

	id_of(key, id);
	snprintf(sql, sizeof sql,
		"SELECT count(*) FROM store_accounts WHERE encrypted_access_token LIKE 'v1:%s:%%'"
		" AND encrypted_refresh_token LIKE 'v1:%s:%%'",
		id, id);
	return count(sql);
}

/* ---- Running the command ---- */

struct settings {
	char key[100], old_keys[200];
	const char *environment[4];
};

static void make_settings(struct settings *settings, const char *key, const char *old_keys)
{
	snprintf(settings->key, sizeof settings->key, "TOKEN_ENC_KEY=%s", key);
	snprintf(settings->old_keys, sizeof settings->old_keys, "TOKEN_ENC_OLD_KEYS=%s", old_keys);
	settings->environment[0] = fleet.settings[0]; /* DATABASE_URL */
	settings->environment[1] = settings->key;
	settings->environment[2] = settings->old_keys;
	settings->environment[3] = NULL;
}

static int run(const char *key, const char *old_keys, const char *const argv[], struct text *output)
{
	struct settings settings;

	make_settings(&settings, key, old_keys);
	return test_run(argv, settings.environment, output);
}

static void assert_says(const struct text *output, const char *words)
{
	if (!strstr(text_string(output), words))
		fail_msg("not \"%s\", but:\n%s", words, text_string(output));
}

/* Run with the given words; exit code and words of the output are asserted. */
static void assert_runs(const char *key, const char *old_keys, const char *const argv[], int code,
	const char *words)
{
	struct text output = {0};
	int found = run(key, old_keys, argv, &output);

	if (found != code)
		fail_msg("exit code %d:\n%s", found, text_string(&output));
	assert_says(&output, words);
	assert_null(strstr(text_string(&output), key));
	text_finish(&output);
}

static const char *const status[] = {"syncctl", "keys", "status", NULL};
static const char *const status_json[] = {"syncctl", "keys", "status", "--json", NULL};
static const char *const rotate[] = {"syncctl", "keys", "rotate", "--yes", NULL};
static const char *const rotate_plan[] = {"syncctl", "keys", "rotate", NULL};

static struct test_process *start_rotation(struct settings *settings)
{
	static const char *const argv[] = {
		"syncctl", "keys", "rotate", "--yes", "--batch", "1", NULL};

	make_settings(settings, NEW_KEY, fleet_key);
	return test_process_start(argv, settings->environment, NULL);
}

/* ---- Status ---- */

static void read_status(const char *key, const char *old_keys, int code, struct json **report)
{
	struct text output = {0};
	struct error err;

	assert_int_equal(run(key, old_keys, status_json, &output), code);
	if (!json_parse(output.data, output.length, report, &err))
		fail_msg("%s: %s", err.text, text_string(&output));
	text_finish(&output);
}

static int64_t key_figure(const struct json *report, size_t place, const char *name)
{
	return test_report_integer(json_array_at(json_array(report, "keys"), place), name);
}

static void status_counts_cells_by_key(void **state)
{
	struct json *report = NULL;
	bool removable;

	assert_runs(NEW_KEY, fleet_key, rotate, 0, "re-encrypted the tokens of 40 accounts");
	test_execute(fleet.database.db,
		"UPDATE store_accounts a SET encrypted_access_token = s.encrypted_access_token"
		" FROM saved_accounts s WHERE s.id = a.id AND a.id <= 7;"
		"UPDATE store_accounts SET encrypted_access_token = '" OLDER_ACCESS
		"', encrypted_refresh_token = '" OLDER_REFRESH "' WHERE id = 1");
	read_status(NEW_KEY, THIRD_KEY, 3, &report);
	json_destroy(report);

	char old_keys[200];

	snprintf(old_keys, sizeof old_keys, "%s,%s", fleet_key, THIRD_KEY);
	read_status(NEW_KEY, old_keys, 0, &report);
	assert_int_equal(test_report_integer(report, "accounts"), ACCOUNTS);
	assert_int_equal(test_report_integer(report, "outdated_cells"), 8);
	assert_int_equal(key_figure(report, 0, "cells"), 2 * ACCOUNTS - 8);
	assert_int_equal(key_figure(report, 1, "cells"), 6);
	assert_int_equal(key_figure(report, 1, "older_format_cells"), 2);
	assert_int_equal(
		json_boolean(json_array_at(json_array(report, "keys"), 1), "removable", &removable),
		JSON_FOUND);
	assert_false(removable);
	assert_int_equal(
		json_boolean(json_array_at(json_array(report, "keys"), 2), "removable", &removable),
		JSON_FOUND);
	assert_true(removable);
	json_destroy(report);
}

static void status_names_what_no_key_opens(void **state)
{
	struct json *report = NULL;
	const struct json *unknown;
	char id[TOKEN_KEY_ID_SIZE];

	test_execute(fleet.database.db,
		"UPDATE store_accounts SET encrypted_access_token = 'v1:access' WHERE id = 9");
	assert_runs(fleet_key, "", status, 3,
		"account 9 (store-8): cannot read encrypted_access_token");
	id_of(fleet_key, id);
	read_status(NEW_KEY, "", 3, &report);
	unknown = json_array_at(json_array(report, "unknown_keys"), 0);
	assert_string_equal(test_report_string(unknown, "id"), id);
	assert_int_equal(test_report_integer(unknown, "cells"), 2 * ACCOUNTS - 1);
	assert_int_equal(test_report_integer(report, "damaged_cells"), 1);
	assert_int_equal(json_array_length(json_array(report, "unreadable")), 2 * ACCOUNTS);
	json_destroy(report);
}

static void a_key_that_is_none_is_a_fault_of_the_settings(void **state)
{
	const char *const without_key[] = {fleet.settings[0], NULL};
	struct text output = {0};

	assert_int_equal(test_run(rotate, without_key, &output), 2);
	assert_says(&output, "TOKEN_ENC_KEY is not set");
	text_finish(&output);
	assert_runs("abc", "", rotate, 2, "TOKEN_ENC_KEY");
}

/* ---- Rotate ---- */

static void without_yes_nothing_is_written(void **state)
{
	assert_runs(NEW_KEY, fleet_key, rotate_plan, 0, "would write 80 cells anew under key");
	assert_runs(NEW_KEY, fleet_key, rotate_plan, 0, "make sure that every worker has it");
	assert_int_equal(accounts_under(fleet_key), ACCOUNTS);
}

/* Version, status, intent and every other column stay: only the cells differ. */
static void rotate_changes_nothing_but_the_cells(void **state)
{
	test_execute(fleet.database.db,
		"UPDATE store_accounts SET status = 'NEED_RECONNECT', status_reason = 'revoked' WHERE id = 2;"
		"UPDATE store_accounts SET status = 'DISABLED' WHERE id = 3;"
		"UPDATE store_accounts SET refresh_intent_at = now(), token_version = 7 WHERE id = 4;"
		"UPDATE store_accounts SET refresh_intent_at = now(), refresh_lease_owner = 'gone',"
		" refresh_lease_until = now() - interval '1 second' WHERE id = 5;"
		"CREATE TEMP TABLE before AS TABLE store_accounts");
	assert_runs(NEW_KEY, fleet_key, rotate, 0, "re-encrypted the tokens of 40 accounts");
	assert_int_equal(accounts_under(NEW_KEY), ACCOUNTS);
	assert_int_equal(
		count("SELECT count(*) FROM"
		      " (SELECT to_jsonb(a) - 'encrypted_access_token' - 'encrypted_refresh_token'"
		      "  FROM store_accounts a EXCEPT"
		      "  SELECT to_jsonb(b) - 'encrypted_access_token' - 'encrypted_refresh_token'"
		      "  FROM before b) changed"),
		0);
	test_execute(fleet.database.db, "DROP TABLE before");
	assert_runs(NEW_KEY, "", status, 0, "every cell of 40 accounts is under the current key");
	assert_runs(NEW_KEY, fleet_key, rotate, 0, "re-encrypted the tokens of 0 accounts");
}

static void the_older_programs_cells_are_rewritten(void **state)
{
	test_execute(fleet.database.db,
		"UPDATE store_accounts SET encrypted_access_token = '" OLDER_ACCESS
		"', encrypted_refresh_token = '" OLDER_REFRESH "' WHERE id = 1");
	assert_runs(fleet_key, "", rotate, 0, "re-encrypted the tokens of 1 accounts");
	assert_int_equal(accounts_under(fleet_key), ACCOUNTS);
	assert_runs(fleet_key, "", status, 0, "every cell of 40 accounts");
}

static void unreadable_cells_are_named_and_left_alone(void **state)
{
	test_execute(fleet.database.db,
		"UPDATE store_accounts SET encrypted_access_token = 'damaged' WHERE id = 6");
	assert_runs(NEW_KEY, fleet_key, rotate, 3, "account 6 (store-5): cannot read");
	assert_int_equal(accounts_under(NEW_KEY), ACCOUNTS - 1);
	assert_int_equal(count("SELECT count(*) FROM store_accounts WHERE id = 6"
			       " AND encrypted_access_token = 'damaged'"),
		1);
	restore_accounts(NULL);
	assert_runs(NEW_KEY, THIRD_KEY, rotate, 3, "80 cells are opened by no configured key");
	assert_int_equal(accounts_under(fleet_key), ACCOUNTS);
}

/* The last account is locked, so that the command is certainly at work when it is killed. */
static void a_killed_rotation_goes_on_where_it_stopped(void **state)
{
	struct db *holder = test_database_connect(&fleet.database, (enum program)0);
	struct settings settings;
	struct test_process *process;
	char id[TOKEN_KEY_ID_SIZE], sql[200];

	test_execute(holder, "BEGIN; SELECT FROM store_accounts WHERE id = 40 FOR UPDATE");
	id_of(NEW_KEY, id);
	snprintf(sql, sizeof sql,
		"SELECT (count(*) >= 5)::int FROM store_accounts WHERE encrypted_access_token LIKE 'v1:%s:%%'",
		id);
	process = start_rotation(&settings);
	test_wait_for_query(fleet.database.db, sql, 1);
	test_process_kill(process);
	test_process_destroy(process);
	assert_in_range(accounts_under(NEW_KEY), 5, ACCOUNTS - 1);
	assert_int_equal(accounts_under(NEW_KEY) + accounts_under(fleet_key), ACCOUNTS);
	test_execute(holder, "COMMIT");
	db_close(holder);
	assert_runs(NEW_KEY, fleet_key, rotate, 0, "re-encrypted the tokens of");
	assert_int_equal(accounts_under(NEW_KEY), ACCOUNTS);
	assert_int_equal(count("SELECT max(token_version) FROM store_accounts"), 0);
}

static void an_account_that_is_being_refreshed_is_waited_for(void **state)
{
	struct settings settings;
	struct test_process *process;
	char id[TOKEN_KEY_ID_SIZE], sql[200];

	test_execute(fleet.database.db,
		"UPDATE store_accounts SET refresh_lease_owner = 'worker', refresh_intent_at = now(),"
		" refresh_lease_until = now() + interval '1 hour' WHERE id = 3");
	id_of(NEW_KEY, id);
	snprintf(sql, sizeof sql,
		"SELECT count(*) FROM store_accounts WHERE encrypted_refresh_token LIKE 'v1:%s:%%'",
		id);
	process = start_rotation(&settings);
	test_wait_for_query(fleet.database.db, sql, ACCOUNTS - 1);
	assert_true(test_process_is_running(process));
	assert_int_equal(accounts_under(fleet_key), 1);
	test_execute(fleet.database.db,
		"UPDATE store_accounts SET refresh_lease_owner = NULL, refresh_lease_until = NULL WHERE id = 3");
	assert_int_equal(test_process_wait(process, TEST_WAIT_MS), 0);
	test_process_destroy(process);
	assert_int_equal(accounts_under(NEW_KEY), ACCOUNTS);
	assert_int_equal(
		count("SELECT count(*) FROM store_accounts WHERE refresh_intent_at IS NOT NULL"),
		1);
}

static void a_rotation_that_is_told_to_stop_says_what_remains(void **state)
{
	struct settings settings;
	struct test_process *process;

	test_execute(fleet.database.db,
		"UPDATE store_accounts SET refresh_lease_owner = 'worker',"
		" refresh_lease_until = now() + interval '1 hour' WHERE id = 3");
	process = start_rotation(&settings);
	test_wait_for_query(fleet.database.db,
		"SELECT count(*) FROM store_accounts a JOIN saved_accounts s USING (id)"
		" WHERE a.encrypted_refresh_token = s.encrypted_refresh_token",
		1);
	test_process_signal(process, SIGTERM);
	assert_int_equal(test_process_wait(process, TEST_WAIT_MS), 1);
	assert_non_null(strstr(test_process_output(process), "1 accounts remain"));
	test_process_destroy(process);
}

/* ---- The compare and swap ---- */

/* As syncctl does for account 1, whose row was read as it was saved. Returns how many rows were written. */
static int64_t reencrypt(void)
{
	static const enum db_type types[] = {
		DB_INT8, DB_INT8, DB_TEXT, DB_TEXT, DB_TEXT, DB_TEXT, DB_TEXT, DB_TEXT};
	static const char *const columns[] = {
		"store_code", "open_id", "encrypted_access_token", "encrypted_refresh_token"};
	struct db_array arrays[8];
	struct db_params none = {0}, params = {0};
	struct db_step steps[] = {{.statement = STATEMENT_KEYS_SAME_TOKENS, .params = &none},
		{.statement = STATEMENT_KEYS_REENCRYPT, .params = &params}};
	struct error err;
	int64_t rows;

	for (int i = 0; i < 8; i++) {
		db_array_init(&arrays[i], types[i]);
		db_param_array(&params, &arrays[i]);
	}
	db_array_integer(&arrays[0], 1);
	db_array_integer(&arrays[1], 0);
	for (int i = 0; i < 4; i++) {
		char sql[100];
		char *value;

		snprintf(sql, sizeof sql, "SELECT %s FROM saved_accounts WHERE id = 1", columns[i]);
		value = test_query_string(fleet.database.db, sql);
		db_array_text(&arrays[2 + i], value);
		free(value);
	}
	db_array_text(&arrays[6], "v1:new:access");
	db_array_text(&arrays[7], "v1:new:refresh");
	if (!db_transact(fleet.database.db, steps, 2, &err))
		fail_msg("%s", err.text);
	rows = db_rows_affected(steps[1].result);
	db_steps_finish(steps, 2);
	for (int i = 0; i < 8; i++)
		db_array_finish(&arrays[i]);
	return rows;
}

static int64_t lease(struct db *db, int64_t version)
{
	struct db_params params = {0};
	struct db_result *result = NULL;
	struct error err;
	int64_t rows;

	db_param_integer(&params, 1);
	db_param_text(&params, "worker-a");
	db_param_integer(&params, version);
	if (!db_query(db, STATEMENT_LEASE_TOKEN, &params, &result, &err))
		fail_msg("%s", err.text);
	rows = db_row_count(result);
	db_result_destroy(result);
	return rows;
}

static int64_t save_pair(int64_t version)
{
	struct db_params params = {0};
	struct db_result *result = NULL;
	struct error err;
	int64_t rows;

	db_param_integer(&params, 1);
	db_param_integer(&params, version);
	db_param_text(&params, "v1:pair:access");
	db_param_text(&params, "v1:pair:refresh");
	db_param_integer(&params, 1);
	db_param_integer(&params, 7200000001);
	db_param_text(&params, NULL);
	db_param_text(&params, NULL);
	if (!db_query(fleet.database.db, STATEMENT_SAVE_TOKEN, &params, &result, &err))
		fail_msg("%s", err.text);
	rows = db_row_count(result);
	db_result_destroy(result);
	return rows;
}

static void a_worker_that_read_the_account_before_leases_and_saves_after(void **state)
{
	assert_int_equal(reencrypt(), 1);
	assert_int_equal(lease(fleet.database.db, 0), 1);
	assert_int_equal(save_pair(0), 1);
	assert_int_equal(
		count("SELECT count(*) FROM store_accounts WHERE id = 1 AND token_version = 1"
		      " AND encrypted_refresh_token = 'v1:pair:refresh'"),
		1);
}

static void a_pair_saved_after_its_lease_ran_out_wins(void **state)
{
	assert_int_equal(lease(fleet.database.db, 0), 1);
	assert_int_equal(reencrypt(), 0);
	test_execute(fleet.database.db,
		"UPDATE store_accounts SET refresh_lease_until = now() - interval '1 second' WHERE id = 1");
	assert_int_equal(reencrypt(), 1);
	assert_int_equal(
		count("SELECT count(*) FROM store_accounts WHERE id = 1"
		      " AND refresh_intent_at IS NOT NULL AND refresh_lease_owner = 'worker-a'"),
		1);
	assert_int_equal(save_pair(0), 1);
}

/* The refresh has the row's lock: it is not waited for, and once it has the lease it is seen. */
static void a_refresh_that_begins_meanwhile_is_seen(void **state)
{
	struct db *worker = test_database_connect(&fleet.database, (enum program)0);

	test_execute(worker, "BEGIN");
	assert_int_equal(lease(worker, 0), 1);
	assert_int_equal(reencrypt(), 0);
	test_execute(worker, "COMMIT");
	assert_int_equal(reencrypt(), 0);
	db_close(worker);
}

static void a_pair_that_was_saved_meanwhile_is_not_overwritten(void **state)
{
	assert_int_equal(save_pair(0), 1);
	assert_int_equal(reencrypt(), 0);
}

/* Sealed for another row, the cells could never be opened again. */
static void an_account_that_moved_to_another_store_is_left_alone(void **state)
{
	test_execute(
		fleet.database.db, "UPDATE store_accounts SET store_code = 'store-1' WHERE id = 1");
	assert_int_equal(reencrypt(), 0);
}

static void a_pair_of_another_program_still_counts_as_a_rotation(void **state)
{
	assert_int_equal(reencrypt(), 1);
	test_execute(fleet.database.db,
		"UPDATE store_accounts SET encrypted_refresh_token = 'foreign' WHERE id = 1");
	assert_int_equal(count("SELECT token_version FROM store_accounts WHERE id = 1"), 1);
}

#define FRESH(claim) cmocka_unit_test_setup(claim, restore_accounts)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FRESH(status_counts_cells_by_key),
		FRESH(status_names_what_no_key_opens),
		FRESH(a_key_that_is_none_is_a_fault_of_the_settings),
		FRESH(without_yes_nothing_is_written),
		FRESH(rotate_changes_nothing_but_the_cells),
		FRESH(the_older_programs_cells_are_rewritten),
		FRESH(unreadable_cells_are_named_and_left_alone),
		FRESH(a_killed_rotation_goes_on_where_it_stopped),
		FRESH(an_account_that_is_being_refreshed_is_waited_for),
		FRESH(a_rotation_that_is_told_to_stop_says_what_remains),
		FRESH(a_worker_that_read_the_account_before_leases_and_saves_after),
		FRESH(a_pair_saved_after_its_lease_ran_out_wins),
		FRESH(a_refresh_that_begins_meanwhile_is_seen),
		FRESH(a_pair_that_was_saved_meanwhile_is_not_overwritten),
		FRESH(an_account_that_moved_to_another_store_is_left_alone),
		FRESH(a_pair_of_another_program_still_counts_as_a_rotation),
	};

	return cmocka_run_group_tests(tests, create_fleet, destroy_fleet);
}
