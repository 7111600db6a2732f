/* SPDX-License-Identifier: MIT */
/*
 * `syncctl store` and `syncctl account` but for what talks to TikTok (e2e.test_connect), the real
 * program on a database of its own; and imports, from files and from the database of an older program.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/crypto.h"
#include "common/json.h"
#include "common/memory.h"
#include "common/token_cipher.h"
#include "tests/support/database.h"
#include "tests/support/environment.h"
#include "tests/support/process.h"

#define KEY      "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define OLD_KEY  "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define DONE     0
#define FAILED   1
#define MISUSED  2
#define ARGS_MAX 16

#define FUTURE "2099-01-01T00:00:00Z"
#define HEADER                                                                                     \
	"store_code,open_id,access_token,refresh_token,token_expires_at,refresh_token_expires_at,scope,display_name\n"

static struct test_database database;
static struct text output;
static char *file;       /* that a test may write */
static char *import_url; /* "IMPORT_DATABASE_URL=..."; NULL: not set */

static int create_database(void **state)
{
	test_database_create(&database);
	file = test_temporary_path("accounts");
	return 0;
}

static int destroy_database(void **state)
{
	test_database_destroy(&database);
	text_finish(&output);
	unlink(file);
	free(file);
	return 0;
}

static int empty_tables(void **state)
{
	test_execute(database.db,
		"TRUNCATE stores, sync_jobs, sync_runs, operator_actions RESTART IDENTITY CASCADE");
	test_insert_accounts(database.db, 2);
	return 0;
}

/* Run syncctl with words, ended by NULL. */
static int run(const char *first, ...)
{
	const char *argv[ARGS_MAX] = {"syncctl", first};
	struct text url = {0};
	va_list words;
	int n = 1, status;

	va_start(words, first);
	while (argv[n] && n + 1 < ARGS_MAX)
		argv[++n] = va_arg(words, const char *);
	va_end(words);
	text_append_format(&url, "DATABASE_URL=%s", database.url);
	const char *const environment[] = {url.data, "TOKEN_ENC_KEY=" KEY,
		"TOKEN_ENC_OLD_KEYS=" OLD_KEY, "LOG_FORMAT=text", import_url, NULL};

	text_clear(&output);
	status = test_run(argv, environment, &output);
	text_finish(&url);
	return status;
}

static void assert_printed(const char *expected)
{
	if (!strstr(text_string(&output), expected))
		fail_msg("\"%s\" is not in:\n%s", expected, text_string(&output));
}

static void assert_not_printed(const char *unexpected)
{
	if (strstr(text_string(&output), unexpected))
		fail_msg("\"%s\" is in:\n%s", unexpected, text_string(&output));
}

static int64_t count(const char *sql)
{
	return test_query_integer(database.db, sql);
}

static void assert_action(const char *action)
{
	struct text sql = {0};

	text_append_format(&sql,
		"SELECT count(*) FROM operator_actions WHERE action = '%s' AND actor LIKE '%%@%%'"
		" AND finished_at IS NOT NULL",
		action);
	assert_int_equal(count(text_string(&sql)), 1);
	text_finish(&sql);
}

/* The output as JSON; the caller ends it. */
static struct json *parse_output(void)
{
	struct json *document = NULL;
	struct error err;

	if (!json_parse(output.data, output.length, &document, &err))
		fail_msg("%s: %s", err.text, text_string(&output));
	return document;
}

static void assert_member(const struct json *object, const char *name, const char *expected)
{
	const char *value = NULL;

	assert_int_equal(json_string(object, name, 1000, &value), JSON_FOUND);
	assert_string_equal(value, expected);
}

/* ---- Stores ---- */

static void a_store_is_added_shown_and_changed(void **state)
{
	struct json *document, *stores;

	assert_int_equal(
		run("store", "add", "shop", "--name", "The Shop", "--pic", "Ann", NULL), DONE);
	assert_action("store_add");
	assert_int_equal(
		run("store", "add", "shop", "--name", "Again", "--pic", "Ann", NULL), FAILED);
	assert_printed("there is a store shop already");
	assert_int_equal(
		run("store", "edit", "shop", "--contact", "555", "--pic", "Bob", NULL), DONE);
	assert_int_equal(
		count("SELECT count(*) FROM stores WHERE store_code = 'shop'"
		      " AND store_name = 'The Shop' AND pic_name = 'Bob' AND pic_contact = '555'"),
		1);
	assert_int_equal(run("store", "edit", "shop", "--contact", "", NULL), DONE);
	assert_int_equal(count("SELECT count(*) FROM stores WHERE pic_contact IS NULL"
			       " AND store_code = 'shop'"),
		1);
	assert_int_equal(run("store", "edit", "nowhere", "--pic", "Bob", NULL), FAILED);
	assert_printed("there is no store nowhere");
	assert_int_equal(run("store", "list", NULL), DONE);
	assert_printed("The Shop");
	assert_int_equal(run("store", "list", "--json", NULL), DONE);
	document = parse_output();
	stores = json_array(document, "stores");
	assert_int_equal(json_array_length(stores), 3);
	assert_member(json_array_at(stores, 0), "store_code", "shop");
	json_destroy(document);
}

static void every_fault_of_a_store_is_named(void **state)
{
	assert_int_equal(run("store", "add", " x", "--name", "a\nb", NULL), MISUSED);
	assert_printed("must not begin or end with a space");
	assert_printed("--name must have 1 to 255 characters");
	assert_printed("--name and --pic are needed");
	assert_int_equal(run("store", "edit", "x", NULL), MISUSED);
	assert_printed("nothing to change");
}

static void a_store_is_removed_only_when_nothing_works_with_it(void **state)
{
	test_execute(database.db,
		"INSERT INTO tiktok_video_daily (store_code, video_id, snapshot_date)"
		" SELECT 'store-1', 'v' || n, '2026-01-01' FROM generate_series(1, 7) n");
	assert_int_equal(run("store", "remove", "store-1", "--yes", NULL), FAILED);
	assert_printed("1 accounts that are not disabled");
	test_execute(database.db, "UPDATE store_accounts SET status = 'DISABLED'");
	assert_int_equal(run("store", "remove", "store-1", NULL), DONE);
	assert_printed("7 days of videos");
	assert_printed("nothing was done");
	assert_int_equal(count("SELECT count(*) FROM stores"), 2);
	assert_int_equal(
		run("store", "remove", "store-1", "--yes", "--reason", "closed", NULL), DONE);
	assert_int_equal(count("SELECT count(*) FROM tiktok_video_daily"), 0);
	assert_int_equal(count("SELECT count(*) FROM stores"), 1);
	assert_int_equal(
		count("SELECT count(*) FROM operator_actions WHERE action = 'store_remove'"
		      " AND store_code = 'store-1' AND reason = 'closed' AND selection LIKE '%7 days of videos%'"),
		1);
	assert_int_equal(run("store", "remove", "store-1", "--yes", NULL), FAILED);
	assert_printed("there is no store store-1");
}

/* ---- Accounts ---- */

static void accounts_are_listed_by_store_and_status(void **state)
{
	struct json *document, *accounts;

	test_execute(database.db,
		"UPDATE store_accounts SET status = 'NEED_RECONNECT', status_reason = 'revoked'"
		" WHERE id = 2");
	assert_int_equal(run("account", "list", NULL), DONE);
	assert_printed("store-1");
	assert_printed("NEED_RECONNECT");
	assert_int_equal(run("account", "list", "--status", "NEED_RECONNECT", NULL), DONE);
	assert_not_printed("store-1");
	assert_int_equal(run("account", "list", "--status", "GONE", NULL), MISUSED);
	assert_int_equal(run("account", "list", "--store", "store-1", "--json", NULL), DONE);
	document = parse_output();
	accounts = json_array(document, "accounts");
	assert_int_equal(json_array_length(accounts), 1);
	assert_member(json_array_at(accounts, 0), "open_id", "open-1");
	json_destroy(document);
}

static void show_says_when_a_job_runs_again(void **state)
{
	test_execute(database.db,
		"INSERT INTO sync_jobs (job_id, run_id, account_id, store_code, job_type, snapshot_date, state, attempt,"
		" error_class, retry_at) VALUES (gen_random_uuid(), gen_random_uuid(), 1, 'store-1', 'daily_sync',"
		" '2099-01-01', 'retrying', 2, 'server', '2099-01-01 00:05 UTC')");
	assert_int_equal(run("account", "show", "1", NULL), DONE);
	assert_printed("retrying  2");
	assert_printed("again at 2099-01-01T00:05:00Z  server");
}

static void an_account_is_shown_without_its_tokens(void **state)
{
	struct json *document;

	test_execute(database.db,
		"UPDATE store_accounts SET scope = 'user.info.basic,video.list', display_name = E'Sh\\x1b[31mop',"
		" token_expires_at = now() - interval '1 hour', refresh_intent_at = now() WHERE id = 1;"
		"INSERT INTO sync_jobs (job_id, run_id, account_id, store_code, job_type, snapshot_date, state, message)"
		" VALUES (gen_random_uuid(), gen_random_uuid(), 1, 'store-1', 'daily_sync', '2026-01-01', 'success', 'done so')");
	assert_int_equal(run("account", "show", "1", NULL), DONE);
	assert_printed("Sh?[31mop");
	assert_printed("missing scopes   user.info.profile,user.info.stats");
	assert_printed("(over; the next sync refreshes it)");
	assert_printed("a refresh began then");
	assert_printed("done so");
	assert_not_printed("v1:access");
	assert_int_equal(run("account", "show", "1", "--json", NULL), DONE);
	document = parse_output();
	assert_member(document, "status", "CONNECTED");
	assert_member(document, "missing_scopes", "user.info.profile,user.info.stats");
	assert_int_equal(json_array_length(json_array(document, "jobs")), 1);
	assert_not_printed("v1:access");
	json_destroy(document);
	assert_int_equal(run("account", "show", "99", NULL), FAILED);
	assert_printed("there is no account 99");
	assert_int_equal(run("account", "show", "one", NULL), MISUSED);
}

static void an_account_is_disabled_and_enabled(void **state)
{
	assert_int_equal(run("account", "disable", "1", "--reason", "on leave", NULL), DONE);
	assert_action("account_disable");
	assert_int_equal(count("SELECT count(*) FROM store_accounts WHERE id = 1"
			       " AND status = 'DISABLED' AND status_reason = 'on leave'"),
		1);
	assert_int_equal(run("account", "disable", "1", NULL), DONE);
	assert_printed("disabled already: on leave");
	assert_action("account_disable");
	assert_int_equal(run("account", "enable", "1", NULL), DONE);
	assert_action("account_enable");
	assert_int_equal(count("SELECT count(*) FROM store_accounts WHERE id = 1"
			       " AND status = 'CONNECTED' AND status_reason IS NULL"),
		1);
	assert_int_equal(run("account", "enable", "1", NULL), DONE);
	assert_printed("enabled already");
	assert_int_equal(run("account", "show", "1", NULL), DONE);
	assert_printed("account_enable");
}

static void enabling_gives_no_grant(void **state)
{
	test_execute(database.db,
		"UPDATE store_accounts SET status = 'NEED_RECONNECT', status_reason = 'revoked' WHERE id = 1;"
		"UPDATE store_accounts SET status = 'ERROR', failed_syncs = 3 WHERE id = 2");
	assert_int_equal(run("account", "enable", "1", NULL), FAILED);
	assert_printed("the merchant has to consent again");
	assert_int_equal(run("account", "enable", "2", NULL), DONE);
	assert_int_equal(
		count("SELECT count(*) FROM store_accounts WHERE id = 2 AND failed_syncs = 0"
		      " AND status = 'CONNECTED'"),
		1);
}

static void disconnecting_needs_no_tiktok_to_forget(void **state)
{
	assert_int_equal(run("account", "disconnect", "1", "--yes", NULL), MISUSED);
	assert_printed("TIKTOK_CLIENT_KEY is not set");
	test_execute(database.db,
		"UPDATE store_accounts SET refresh_lease_owner = 'dead', refresh_lease_until = now() - interval '1 s'"
		" WHERE id = 1");
	assert_int_equal(
		run("account", "disconnect", "1", "--yes", "--forget", "--reason", "left us", NULL),
		DONE);
	assert_printed("until the merchant removes it");
	assert_action("account_disconnect");
	assert_int_equal(
		count("SELECT count(*) FROM store_accounts WHERE id = 1 AND status = 'DISABLED'"
		      " AND status_reason LIKE 'disconnected by %: left us' AND disconnected_at IS NOT NULL"
		      " AND token_version = 1 AND refresh_lease_owner IS NULL"),
		1);
}

static void disconnecting_waits_for_a_refresh_that_is_under_way(void **state)
{
	test_execute(database.db,
		"UPDATE store_accounts SET refresh_lease_owner = 'worker-7',"
		" refresh_lease_until = now() + interval '2 s', refresh_intent_at = now() WHERE id = 1");
	assert_int_equal(run("account", "disconnect", "1", "--yes", "--forget", NULL), DONE);
	assert_printed("waiting for worker-7");
	assert_int_equal(count("SELECT count(*) FROM store_accounts WHERE id = 1"
			       " AND disconnected_at IS NOT NULL AND refresh_intent_at IS NULL"),
		1);
}

/* A worker was refreshing the older pair: what TikTok gave it must not replace the merchant's new consent. */
static void a_refresh_that_ends_late_does_not_undo_a_new_consent(void **state)
{
	struct db_params lease = {0}, connect = {0}, save = {0};
	struct db_result *result = NULL;
	struct error err;

	db_param_integer(&lease, 1);
	db_param_text(&lease, "worker-7");
	db_param_integer(&lease, 0);
	assert_true(db_query(database.db, STATEMENT_LEASE_TOKEN, &lease, &result, &err));
	assert_int_equal(db_row_count(result), 1);
	db_result_destroy(result);

	db_param_text(&connect, "00000000-0000-4000-8000-000000000001");
	db_param_text(&connect, "ann@desk");
	db_param_text(&connect, "store-1");
	db_param_text(&connect, "open-1");
	db_param_text(&connect, "v1:new access");
	db_param_text(&connect, "v1:new refresh");
	db_param_integer(&connect, 7200);
	db_param_integer(&connect, 0);
	db_param_text(&connect, "video.list");
	assert_true(db_query(database.db, STATEMENT_ACCOUNT_CONNECT, &connect, &result, &err));
	assert_int_equal(db_integer(result, 0, 0), 1);
	assert_false(db_boolean(result, 0, 2));
	db_result_destroy(result);

	db_param_integer(&save, 1);
	db_param_integer(&save, 0);
	db_param_text(&save, "v1:late access");
	db_param_text(&save, "v1:late refresh");
	db_param_integer(&save, 1);
	db_param_integer(&save, 7200);
	db_param_integer(&save, 7200);
	db_param_text(&save, NULL);
	assert_true(db_query(database.db, STATEMENT_SAVE_TOKEN, &save, &result, &err));
	assert_int_equal(db_row_count(result), 0);
	db_result_destroy(result);
	assert_int_equal(
		count("SELECT count(*) FROM store_accounts WHERE id = 1"
		      " AND encrypted_refresh_token = 'v1:new refresh' AND token_version = 1"
		      " AND refresh_lease_owner IS NULL AND refresh_intent_at IS NULL"),
		1);
}

static void connecting_says_what_it_lacks(void **state)
{
	assert_int_equal(run("account", "connect", "store-1", NULL), MISUSED);
	assert_printed("TIKTOK_REDIRECT_URI is not set");
	assert_int_equal(
		run("account", "connect", "store-1", "--port", "x", "--timeout", "0", NULL),
		MISUSED);
	assert_printed("--port: \"x\"");
	assert_printed("--timeout: \"0\"");
}

/* ---- Imports from files ---- */

/* A cell as a Node program writes it: base64(iv 12 | tag | ciphertext), no AAD. */
static void append_older_cell(struct text *out, const char *key_digits, const char *token)
{
	unsigned char key[CRYPTO_KEY_SIZE], iv[12];
	struct text sealed = {0}, bytes = {0};
	size_t length = strlen(token);

	assert_true(crypto_unhex(key_digits, key, sizeof key));
	random_bytes(iv, sizeof iv);
	crypto_seal(key, iv, sizeof iv, NULL, 0, token, length, &sealed);
	text_append_bytes(&bytes, iv, sizeof iv);
	text_append_bytes(&bytes, sealed.data + length, CRYPTO_TAG_SIZE);
	text_append_bytes(&bytes, sealed.data, length);
	crypto_base64(bytes.data, bytes.length, out);
	text_finish(&sealed);
	text_finish(&bytes);
}

/* The same as iv:tag:ciphertext in hex, with an iv of 16. */
static void append_hex_cell(struct text *out, const char *key_digits, const char *token)
{
	unsigned char key[CRYPTO_KEY_SIZE], iv[16];
	struct text sealed = {0};
	size_t length = strlen(token);
	char hex[256];

	assert_true(crypto_unhex(key_digits, key, sizeof key));
	random_bytes(iv, sizeof iv);
	crypto_seal(key, iv, sizeof iv, NULL, 0, token, length, &sealed);
	crypto_hex(iv, sizeof iv, hex);
	text_append_format(out, "%s:", hex);
	crypto_hex(sealed.data + length, CRYPTO_TAG_SIZE, hex);
	text_append_format(out, "%s:", hex);
	crypto_hex(sealed.data, length, hex);
	text_append(out, hex);
	text_finish(&sealed);
}

/* Does the cell of the account, in our format, hold this token? */
static void assert_token(const char *open_id, enum token_column column, const char *expected)
{
	struct token_cipher *cipher = NULL;
	struct text sql = {0}, token = {0};
	char *store, *cell;
	struct error err = {0};

	text_append_format(
		&sql, "SELECT store_code FROM store_accounts WHERE open_id = '%s'", open_id);
	store = test_query_string(database.db, sql.data);
	text_clear(&sql);
	text_append_format(&sql,
		"SELECT encrypted_%s_token FROM store_accounts WHERE open_id = '%s'",
		column == TOKEN_ACCESS ? "access" : "refresh", open_id);
	cell = test_query_string(database.db, sql.data);
	assert_true(token_cipher_create(KEY, NULL, &cipher, &err));
	assert_true(token_cipher_is_current(cipher, cell));
	if (!token_cipher_open(cipher, store, open_id, column, cell, &token, &err))
		fail_msg("%s", err.text);
	assert_string_equal(text_string(&token), expected);
	token_cipher_destroy(cipher);
	text_finish(&token);
	text_finish(&sql);
	free(cell);
	free(store);
}

static void tokens_of_every_shape_are_imported_and_sealed(void **state)
{
	struct text csv = {0};

	text_append(&csv, "\xef\xbb\xbf" HEADER);
	text_append(&csv, "new,-plain,act.p!6410.e1,rft.p," FUTURE
			  ",4102444800,user.info.basic,\"Shop, the \"\"best\"\"\"\r\n");
	text_append(&csv, "new,-base64,");
	append_older_cell(&csv, KEY, "act.b");
	text_append(&csv, ",");
	append_older_cell(&csv, OLD_KEY, "rft.b");
	text_append(&csv, "," FUTURE ",4102444800000,\"user.info.basic,video.list\",\n");
	text_append(&csv, "store-1,-hex,");
	append_hex_cell(&csv, KEY, "act.h");
	text_append(&csv, ",");
	append_hex_cell(&csv, KEY, "rft.h");
	text_append(&csv, ",2099-01-01 07:00:00+07,,video.list,\n");
	test_write_file(file, csv.data);
	assert_int_equal(run("account", "import", file, "--dry-run", NULL), DONE);
	assert_printed("would import: 3 new accounts");
	assert_int_equal(count("SELECT count(*) FROM store_accounts"), 2);
	assert_int_equal(run("account", "import", file, NULL), DONE);
	assert_printed("Stop the program that these accounts come from");
	assert_printed(
		"imported: 3 new accounts, 0 with newer tokens, 0 left as they are; 1 new stores");
	assert_action("account_import");
	assert_token("-plain", TOKEN_ACCESS, "act.p!6410.e1");
	assert_token("-base64", TOKEN_ACCESS, "act.b");
	assert_token("-base64", TOKEN_REFRESH, "rft.b");
	assert_token("-hex", TOKEN_REFRESH, "rft.h");
	assert_int_equal(count("SELECT count(*) FROM store_accounts WHERE open_id LIKE '-%'"
			       " AND token_expires_at = '" FUTURE "' AND status = 'CONNECTED'"),
		3);
	assert_int_equal(count("SELECT count(*) FROM store_accounts WHERE"
			       " refresh_token_expires_at = '2100-01-01T00:00:00Z'"),
		2);
	assert_int_equal(
		count("SELECT count(*) FROM store_accounts WHERE display_name = 'Shop, the \"best\"'"),
		1);
	text_finish(&csv);
}

static void importing_again_changes_nothing(void **state)
{
	char *before, *after;

	test_write_file(file, HEADER "new,-a,act.a,rft.a," FUTURE "," FUTURE ",video.list,\n");
	assert_int_equal(run("account", "import", file, NULL), DONE);
	before = test_query_string(
		database.db, "SELECT a::text FROM store_accounts a WHERE open_id = '-a'");
	assert_int_equal(run("account", "import", file, NULL), DONE);
	assert_printed(
		"imported: 0 new accounts, 0 with newer tokens, 1 left as they are; 0 new stores");
	after = test_query_string(
		database.db, "SELECT a::text FROM store_accounts a WHERE open_id = '-a'");
	assert_string_equal(before, after);
	free(before);
	free(after);
}

static void only_newer_tokens_replace_those_that_are_there(void **state)
{
	test_execute(database.db,
		"UPDATE store_accounts SET token_expires_at = '2090-01-01', status = 'NEED_RECONNECT',"
		" refresh_lease_owner = 'w', refresh_lease_until = now() + interval '1 minute'");
	test_write_file(file,
		HEADER "store-1,open-1,act.1,rft.1,2089-01-01T00:00:00Z,,video.list,\n"
		       "store-2,open-2,act.2,rft.2,2091-01-01T00:00:00Z,,video.list,\n");
	assert_int_equal(run("account", "import", file, NULL), DONE);
	assert_printed("0 new accounts, 1 with newer tokens, 1 left as they are");
	assert_int_equal(count("SELECT count(*) FROM store_accounts WHERE id = 1"
			       " AND encrypted_access_token = 'v1:access' AND token_version = 0"),
		1);
	assert_token("open-2", TOKEN_ACCESS, "act.2");
	assert_int_equal(
		count("SELECT count(*) FROM store_accounts WHERE id = 2 AND token_version = 1"
		      " AND status = 'CONNECTED' AND refresh_lease_owner IS NULL"),
		1);
	assert_int_equal(run("account", "import", file, "--replace", NULL), DONE);
	assert_token("open-1", TOKEN_REFRESH, "rft.1");
}

static void unknown_expiry_and_scope_make_the_first_sync_refresh(void **state)
{
	test_write_file(file,
		"{\"accounts\":[{\"store_code\":\"new\",\"open_id\":\"-a\",\"access_token\":\"act.a\","
		"\"refresh_token_enc\":\"rft.a\",\"expires_at\":4070908800}]}");
	assert_int_equal(run("account", "import", file, "--format", "json", NULL), DONE);
	assert_int_equal(
		count("SELECT count(*) FROM store_accounts WHERE open_id = '-a'"
		      " AND token_expires_at <= now() AND refresh_token_expires_at > now() + interval '170 days'"
		      " AND scope = 'user.info.basic,user.info.profile,user.info.stats,video.list'"),
		1);
	assert_int_equal(run("account", "import", file, NULL), DONE);
	assert_printed("1 left as they are");
}

static void every_bad_line_is_named_and_nothing_is_imported(void **state)
{
	test_write_file(file,
		HEADER "new,-good,act.a,rft.a," FUTURE "," FUTURE ",video.list,\n"
		       ",-b,act.b,rft.b,tomorrow," FUTURE ",video.list,\n"
		       "new,,,rft.c," FUTURE "," FUTURE ",video.list,\n"
		       "new,-d,act.d,rft.d\n"
		       "new,-good,act.e,rft.e," FUTURE "," FUTURE ",video.list,\n"
		       "new,-f,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA,rft.f,,,,\n"
		       "new,-g,a b,rft.g,,,,\n"
		       "new,open-1,act.h,rft.h,,,,\n");
	assert_int_equal(run("account", "import", file, NULL), FAILED);
	assert_printed("line 3: store_code is missing");
	assert_printed("line 3: token_expires_at is \"tomorrow\"");
	assert_printed("line 4: open_id is missing");
	assert_printed("line 4: access_token is missing");
	assert_printed("line 5: it has another number of columns");
	assert_printed("line 6: TikTok account -good stands at line 2 already");
	assert_printed("line 7: access_token cannot be read");
	assert_printed("line 8: access_token is not a token");
	assert_printed("nothing was imported");
	assert_not_printed("rft.");
	assert_int_equal(count("SELECT count(*) FROM store_accounts"), 2);
	assert_int_equal(count("SELECT count(*) FROM stores"), 2);
	assert_int_equal(count("SELECT count(*) FROM operator_actions"), 0);
}

static void a_grant_of_another_store_is_not_given_twice(void **state)
{
	test_write_file(file, HEADER "new,open-1,act.h,rft.h,,,,\n");
	assert_int_equal(run("account", "import", file, NULL), FAILED);
	assert_printed("line 2: TikTok account open-1 is account 1 of store store-1");
	assert_int_equal(run("account", "disconnect", "1", "--yes", "--forget", NULL), DONE);
	assert_int_equal(run("account", "import", file, NULL), DONE);
	assert_int_equal(count("SELECT count(*) FROM store_accounts WHERE open_id = 'open-1'"
			       " AND store_code = 'new' AND status = 'CONNECTED'"),
		1);
}

static void a_file_that_is_none_is_refused(void **state)
{
	assert_int_equal(run("account", "import", NULL), MISUSED);
	assert_printed("the file is missing");
	assert_int_equal(run("account", "import", "/nowhere", NULL), FAILED);
	assert_printed("cannot read /nowhere");
	test_write_file(file, "a,b\n1,2\n");
	assert_int_equal(run("account", "import", file, NULL), FAILED);
	assert_printed("the first line of the CSV must name its columns");
	test_write_file(file, "[1,");
	assert_int_equal(run("account", "import", file, NULL), FAILED);
	assert_printed("this is not JSON");
	test_write_file(file, HEADER "new,-a,\"act.a,rft.a\n");
	assert_int_equal(run("account", "import", file, NULL), FAILED);
	assert_printed("line 2: its quotes have no end");
}

/* ---- Imports from the older program's database ---- */

static struct test_database older;

static int create_older(void **state)
{
	struct text setting = {0};

	empty_tables(state);
	test_database_create_empty(&older);
	text_append_format(&setting, "IMPORT_DATABASE_URL=%s", older.url);
	import_url = setting.data;
	return 0;
}

static int destroy_older(void **state)
{
	test_database_destroy(&older);
	free(import_url);
	import_url = NULL;
	return 0;
}

static void insert_older_account(const char *columns, const char *store, const char *open_id)
{
	struct text sql = {0};

	text_append_format(&sql, "INSERT INTO store_accounts (%s) VALUES (%s, '%s', '", columns,
		store, open_id);
	append_older_cell(&sql, KEY, "act.older");
	text_append(&sql, "', '");
	append_older_cell(&sql, KEY, "rft.older");
	text_append(&sql, "', '2099-01-01T00:00:00Z')");
	test_execute(older.db, sql.data);
	text_finish(&sql);
}

static void the_older_database_is_taken_over(void **state)
{
	test_execute(older.db,
		"CREATE TABLE stores (store_code text PRIMARY KEY, store_name text, pic_name text);"
		"INSERT INTO stores VALUES ('s1', 'Store One', 'Ann');"
		"CREATE TABLE store_accounts (id serial, store_code text, open_id text, access_token_enc text,"
		" refresh_token_enc text, token_expired_at timestamptz, display_name text, status text DEFAULT 'active')");
	insert_older_account(
		"store_code, open_id, access_token_enc, refresh_token_enc, token_expired_at",
		"'s1'", "-older");
	assert_int_equal(run("account", "import", "--from-database", NULL), DONE);
	assert_printed(
		"imported: 1 new accounts, 0 with newer tokens, 0 left as they are; 1 new stores");
	assert_token("-older", TOKEN_REFRESH, "rft.older");
	assert_int_equal(
		count("SELECT count(*) FROM stores WHERE store_code = 's1' AND store_name = 'Store One'"
		      " AND pic_name = 'Ann'"),
		1);
	assert_int_equal(run("account", "import", "--from-database", NULL), DONE);
	assert_printed("1 left as they are");
}

/* Stores by number, and the address in a file instead of the setting. */
static void stores_are_found_by_their_id(void **state)
{
	test_execute(older.db,
		"CREATE TABLE stores (id serial, code text, name text);"
		"INSERT INTO stores (code, name) VALUES ('s1', 'One'), ('s2', 'Two');"
		"CREATE TABLE store_accounts (store_id int, open_id text, access_token_enc text,"
		" refresh_token_enc text, token_expired_at timestamp, scope text DEFAULT 'video.list')");
	insert_older_account(
		"store_id, open_id, access_token_enc, refresh_token_enc, token_expired_at", "2",
		"-older");
	test_write_file(file, strchr(import_url, '=') + 1);
	free(import_url);
	import_url = NULL;
	assert_int_equal(run("account", "import", "--from-database", NULL), MISUSED);
	assert_printed("IMPORT_DATABASE_URL is not set");
	assert_int_equal(
		run("account", "import", "--from-database", "postgresql://u:p@h/d", NULL), MISUSED);
	assert_printed("must not stand on a command line");
	assert_int_equal(run("account", "import", "--from-database", file, NULL), DONE);
	assert_int_equal(count("SELECT count(*) FROM store_accounts JOIN stores USING (store_code)"
			       " WHERE store_code = 's2' AND store_name = 'Two'"
			       " AND token_expires_at = '2099-01-01T00:00:00Z'"),
		1);
}

static void what_the_older_database_lacks_is_named(void **state)
{
	assert_int_equal(run("account", "import", "--from-database", NULL), FAILED);
	assert_printed("has no table store_accounts");
	test_execute(older.db, "CREATE TABLE store_accounts (open_id text, access_token_enc text)");
	assert_int_equal(run("account", "import", "--from-database", NULL), FAILED);
	assert_printed(
		"lacks the columns refresh_token_enc (or encrypted_refresh_token) (or refresh_token), "
		"token_expired_at (or token_expires_at) (or expires_at), store_code (or store_id)");
}

int main(void)
{
#define TEST(name)  cmocka_unit_test_setup(name, empty_tables)
#define OLDER(name) cmocka_unit_test_setup_teardown(name, create_older, destroy_older)
	const struct CMUnitTest tests[] = {
		TEST(a_store_is_added_shown_and_changed),
		TEST(every_fault_of_a_store_is_named),
		TEST(a_store_is_removed_only_when_nothing_works_with_it),
		TEST(accounts_are_listed_by_store_and_status),
		TEST(show_says_when_a_job_runs_again),
		TEST(an_account_is_shown_without_its_tokens),
		TEST(an_account_is_disabled_and_enabled),
		TEST(enabling_gives_no_grant),
		TEST(disconnecting_needs_no_tiktok_to_forget),
		TEST(disconnecting_waits_for_a_refresh_that_is_under_way),
		TEST(a_refresh_that_ends_late_does_not_undo_a_new_consent),
		TEST(connecting_says_what_it_lacks),
		TEST(tokens_of_every_shape_are_imported_and_sealed),
		TEST(importing_again_changes_nothing),
		TEST(only_newer_tokens_replace_those_that_are_there),
		TEST(unknown_expiry_and_scope_make_the_first_sync_refresh),
		TEST(every_bad_line_is_named_and_nothing_is_imported),
		TEST(a_grant_of_another_store_is_not_given_twice),
		TEST(a_file_that_is_none_is_refused),
		OLDER(the_older_database_is_taken_over),
		OLDER(stores_are_found_by_their_id),
		OLDER(what_the_older_database_lacks_is_named),
	};

	return cmocka_run_group_tests(tests, create_database, destroy_database);
}
