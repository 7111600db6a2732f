/* SPDX-License-Identifier: MIT */
/*
 * `syncctl account connect` and `disconnect` end to end: the real program, the simulator's consent
 * page, an HTTP client in the place of the merchant's browser, and a worker that synchronises what was
 * connected.
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

#include "common/memory.h"
#include "tests/support/environment.h"
#include "tests/support/fleet.h"
#include "tests/support/wait.h"
#include "tests/support/web.h"

#define DESKTOP "TIKTOK_REDIRECT_URI=http://127.0.0.1:*/callback/"
#define WEB     "TIKTOK_REDIRECT_URI=https://shops.example/tiktok/"

static struct test_fleet fleet;
static struct test_process *syncctl;
static struct text page;   /* what the browser shows */
static struct text output; /* of commands that ran to their end */

/* ---- The fleet: stores and a TikTok that consents, but no account ---- */

static void create_fleet(const char *const knobs[])
{
	test_fleet_create(&fleet, 3, knobs);
	test_execute(fleet.database.db, "DELETE FROM store_accounts");
}

static int set_up(void **state)
{
	static const char *const consenting[] = {"--knob", "consent=allow", NULL};

	create_fleet(consenting);
	return 0;
}

static int tear_down(void **state)
{
	test_process_destroy(syncctl);
	syncctl = NULL;
	text_finish(&page);
	text_finish(&output);
	test_fleet_destroy(&fleet);
	return 0;
}

static void turn(const char *knob, const char *value)
{
	char body[80];

	snprintf(body, sizeof body, "{\"%s\":\"%s\"}", knob, value);
	test_fleet_tell_simulator(&fleet, "/admin/knobs", body);
}

static int64_t count(const char *sql)
{
	return test_query_integer(fleet.database.db, sql);
}

/* ---- syncctl ---- */

static void fill_environment(const char *redirect_uri, const char *environment[32])
{
	int n = 0;

	for (char **setting = fleet.settings; *setting; setting++)
		environment[n++] = *setting;
	environment[n++] = redirect_uri;
	environment[n] = NULL;
}

/* Run a command to its end; its output is in output. */
static int run(const char *const argv[])
{
	text_clear(&output);
	return test_fleet_run(&fleet, argv, &output);
}

static void assert_printed(const char *text)
{
	if (!strstr(text_string(&output), text))
		fail_msg("\"%s\" is not in:\n%s", text, text_string(&output));
}

/* Begin `syncctl account connect` with an option; returns the address that it shows. */
static char *start_connect(const char *store, const char *option, const char *value)
{
	const char *const argv[] = {
		"syncctl", "account", "connect", store, option, option ? value : NULL, NULL};
	const char *environment[32];
	const char *url;

	test_process_destroy(syncctl);
	fill_environment(DESKTOP, environment);
	syncctl = test_process_start(argv, environment, NULL);
	test_process_wait_for_output(syncctl, "Ctrl-C gives up)");
	url = strstr(test_process_output(syncctl), "http");
	assert_non_null(url);
	return memory_copy_bytes(url, strcspn(url, "\n"));
}

/* The merchant of this account of the world opens the address; returns where TikTok sends them. */
static char *consent(const char *url, int account)
{
	struct text address = {0}, location = {0};

	text_append_format(&address, "%s&account=%d", url, account);
	assert_int_equal(test_web_follow(text_string(&address), &location, NULL), 302);
	text_finish(&address);
	return location.data;
}

/* The browser follows. Returns the status; the page is in page. */
static int browse(const char *address)
{
	struct text location = {0};
	int status;

	text_clear(&page);
	status = test_web_follow(address, &location, &page);
	text_finish(&location);
	return status;
}

static void assert_ends(int code, const char *text)
{
	int status = test_process_wait(syncctl, TEST_WAIT_MS);

	if (status != code || !strstr(test_process_output(syncctl), text))
		fail_msg("syncctl ended with %d, not %d, or did not say \"%s\" but:\n%s", status,
			code, text, test_process_output(syncctl));
}

/* Connect an account of the world to store-0, as it should go. */
static void connect_to_store(int account)
{
	char *url = start_connect("store-0", NULL, NULL);
	char *answer = consent(url, account);

	assert_int_equal(browse(answer), 200);
	assert_non_null(strstr(text_string(&page), "The account is connected"));
	assert_ends(0, "is connected");
	free(answer);
	free(url);
}

static char *open_id_of(uint32_t number)
{
	struct world_account account;

	world_account(&fleet.world, number, &account);
	return memory_copy_text(account.open_id);
}

/* ---- Connecting ---- */

static bool is_another(uint32_t account)
{
	return account != 0;
}

static void connected_account_is_synchronised(void **state)
{
	turn("pkce", "hex"); /* and the verifier is checked */
	connect_to_store(0);
	assert_int_equal(
		count("SELECT count(*) FROM store_accounts WHERE status = 'CONNECTED'"
		      " AND store_code = 'store-0' AND encrypted_access_token LIKE 'v1:%'"
		      " AND encrypted_refresh_token LIKE 'v1:%' AND display_name IS NOT NULL"
		      " AND token_expires_at BETWEEN now() + interval '110 minutes' AND now() + interval '121 minutes'"
		      " AND refresh_token_expires_at > now() + interval '179 days'"),
		1);
	assert_int_equal(
		count("SELECT count(*) FROM operator_actions WHERE action = 'account_connect'"
		      " AND account_id = (SELECT id FROM store_accounts) AND finished_at IS NOT NULL"),
		1);
	test_fleet_start(&fleet, "storesync-worker", NULL);
	test_fleet_produce(&fleet, NULL);
	test_fleet_wait_until_done(&fleet);
	test_fleet_assert_snapshots(&fleet, is_another);
	assert_int_equal(test_fleet_stat(&fleet, "refreshes_granted"), 0);
}

static void the_life_of_tokens_is_what_tiktok_says(void **state)
{
	turn("token_profile", "legacy");
	turn("lifetimes_as", "string");
	connect_to_store(0);
	assert_int_equal(count("SELECT count(*) FROM store_accounts"
			       " WHERE token_expires_at > now() + interval '23 hours'"
			       " AND refresh_token_expires_at > now() + interval '364 days'"),
		1);
}

static void a_merchant_who_denies_changes_nothing(void **state)
{
	char *url, *answer;

	turn("consent", "deny");
	url = start_connect("store-0", NULL, NULL);
	answer = consent(url, 0);
	assert_int_equal(browse(answer), 400);
	assert_non_null(strstr(text_string(&page), "not connected"));
	assert_ends(1, "TikTok gave no access: access_denied");
	assert_int_equal(count("SELECT count(*) FROM store_accounts"), 0);
	free(answer);
	free(url);
}

static void another_state_is_refused_and_the_wait_goes_on(void **state)
{
	char *url = start_connect("store-0", NULL, NULL);
	char *answer = consent(url, 0);
	char *digit = strstr(answer, "state=") + strlen("state=");
	char right = *digit;

	*digit = right == 'a' ? 'b' : 'a';
	assert_int_equal(browse(answer), 400);
	assert_non_null(strstr(text_string(&page), "another attempt"));
	test_process_wait_for_output(syncctl, "still waiting");
	*digit = right;
	assert_int_equal(browse(answer), 200);
	assert_ends(0, "is connected");
	assert_int_equal(count("SELECT count(*) FROM store_accounts"), 1);
	free(answer);
	free(url);
}

static void other_addresses_and_queries_are_refused_and_escaped(void **state)
{
	char *url = start_connect("store-0", NULL, NULL);
	char *answer = consent(url, 0);
	struct text address = {0};
	size_t base = strcspn(answer, "?");

	text_append_format(&address, "%.*s?state=%%00", (int)base, answer);
	assert_int_equal(browse(address.data), 400);
	text_clear(&address);
	text_append_format(&address, "%.*sfavicon.ico", (int)(base - strlen("callback/")), answer);
	assert_int_equal(browse(address.data), 404);
	text_clear(&address);
	text_append_format(&address, "%s&code=another", answer);
	assert_int_equal(browse(address.data), 400);
	text_clear(&address);
	text_append_format(&address, "%.*s?error=%%3Cscript%%3E%%1b[31m&%s", (int)base, answer,
		strstr(answer, "state="));
	assert_int_equal(browse(address.data), 400);
	assert_null(strstr(text_string(&page), "<script>"));
	assert_ends(1, "<script>?[31m");
	text_finish(&address);
	free(answer);
	free(url);
}

static void an_expired_code_gives_no_account(void **state)
{
	char *url, *answer;

	turn("code_life_s", "0");
	url = start_connect("store-0", NULL, NULL);
	answer = consent(url, 0);
	assert_int_equal(browse(answer), 400);
	assert_ends(1, "Authorization code is expired.");
	assert_int_equal(count("SELECT count(*) FROM store_accounts"), 0);
	free(answer);
	free(url);
}

static void a_missing_scope_is_said_with_what_it_costs(void **state)
{
	char *url, *answer;

	turn("withheld_scope", "video.list");
	url = start_connect("store-0", NULL, NULL);
	answer = consent(url, 0);
	assert_int_equal(browse(answer), 200);
	assert_ends(0, "warning: video.list was not granted: no videos");
	assert_int_equal(
		count("SELECT count(*) FROM store_accounts WHERE scope NOT LIKE '%video.list%'"),
		1);
	free(answer);
	free(url);
}

static void an_unapproved_scope_is_refused_with_the_way_out(void **state)
{
	char *url = start_connect("store-0", "--scopes", "user.info.basic,user.info.unapproved");
	char *answer = consent(url, 0);

	assert_int_equal(browse(answer), 400);
	assert_ends(1, "ask for less by --scopes");
	free(answer);
	free(url);
	url = start_connect("store-0", "--scopes", "user.info.basic,video.list");
	answer = consent(url, 0);
	assert_int_equal(browse(answer), 200);
	assert_ends(0, "warning: user.info.stats was not granted");
	free(answer);
	free(url);
}

/* ---- Connecting again ---- */

static void the_same_account_is_connected_again(void **state)
{
	connect_to_store(0);
	test_execute(fleet.database.db,
		"UPDATE store_accounts SET status = 'NEED_RECONNECT', status_reason = 'revoked', failed_syncs = 3,"
		" refresh_lease_owner = 'dead', refresh_lease_until = now() + interval '1 minute',"
		" refresh_intent_at = now()");
	connect_to_store(0);
	assert_non_null(strstr(test_process_output(syncctl), "connected again"));
	assert_int_equal(
		count("SELECT count(*) FROM store_accounts WHERE status = 'CONNECTED'"
		      " AND status_reason IS NULL AND token_version = 1 AND failed_syncs = 0"
		      " AND refresh_lease_owner IS NULL AND refresh_intent_at IS NULL"),
		1);
	test_fleet_start(&fleet, "storesync-worker", NULL);
	test_fleet_produce(&fleet, NULL);
	test_fleet_wait_until_done(&fleet);
	test_fleet_assert_snapshots(&fleet, is_another);
}

static void what_an_operator_disabled_stays_disabled(void **state)
{
	connect_to_store(0);
	test_execute(fleet.database.db,
		"UPDATE store_accounts SET status = 'DISABLED', status_reason = 'on leave'");
	connect_to_store(0);
	assert_non_null(strstr(test_process_output(syncctl), "stays so"));
	assert_int_equal(count("SELECT count(*) FROM store_accounts WHERE status = 'DISABLED'"
			       " AND status_reason = 'on leave' AND token_version = 1"),
		1);
}

static void another_account_is_refused_where_one_is_expected(void **state)
{
	char *url, *answer, *before, *after;
	char id[32];

	connect_to_store(0);
	snprintf(id, sizeof id, "%lld", (long long)count("SELECT id FROM store_accounts"));
	before = test_query_string(fleet.database.db, "SELECT a::text FROM store_accounts a");
	url = start_connect("store-0", "--account", id);
	answer = consent(url, 1);
	assert_int_equal(browse(answer), 400);
	assert_ends(1, "nothing was changed here");
	after = test_query_string(fleet.database.db, "SELECT a::text FROM store_accounts a");
	assert_string_equal(before, after);
	assert_int_equal(count("SELECT count(*) FROM store_accounts"), 1);
	free(after);
	free(before);
	free(answer);
	free(url);
}

static void the_wrong_accounts_new_tokens_are_saved_where_they_belong(void **state)
{
	char *url, *answer;

	connect_to_store(0);
	test_execute(fleet.database.db, "UPDATE store_accounts SET id = 7");
	url = start_connect("store-1", NULL, NULL);
	answer = consent(url, 1);
	assert_int_equal(browse(answer), 200);
	assert_ends(0, "is connected");
	free(answer);
	free(url);
	url = start_connect("store-0", "--account", "7");
	answer = consent(url, 1);
	assert_int_equal(browse(answer), 400);
	assert_ends(1, "its tokens were renewed there");
	assert_int_equal(count("SELECT token_version FROM store_accounts WHERE id = 7"), 0);
	assert_int_equal(
		count("SELECT token_version FROM store_accounts WHERE store_code = 'store-1'"), 1);
	free(answer);
	free(url);
}

/* TikTok may end the older grant with the new consent: the new tokens must not be lost. */
static void an_account_of_another_store_keeps_its_grant(void **state)
{
	char *url, *answer;

	connect_to_store(0);
	url = start_connect("store-1", NULL, NULL);
	answer = consent(url, 0);
	assert_int_equal(browse(answer), 400);
	assert_ends(1, "of store store-0");
	assert_int_equal(count("SELECT count(*) FROM store_accounts"), 1);
	test_execute(fleet.database.db,
		"UPDATE store_accounts SET token_expires_at = now() + interval '1 minute'");
	test_fleet_start(&fleet, "storesync-worker", NULL);
	test_fleet_produce(&fleet, NULL);
	test_fleet_wait_until_done(&fleet);
	test_fleet_assert_snapshots(&fleet, is_another);
	assert_int_equal(test_fleet_stat(&fleet, "superseded_refresh_attempts"), 0);
	free(answer);
	free(url);
}

/* ---- Ends ---- */

static void waiting_ends_by_time_and_by_signal(void **state)
{
	char *url = start_connect("store-0", "--timeout", "1");

	free(url);
	assert_ends(1, "no answer of TikTok came within 1 s");
	url = start_connect("store-0", NULL, NULL);
	free(url);
	test_process_signal(syncctl, SIGINT);
	assert_ends(1, "given up: nothing was changed");
	assert_int_equal(count("SELECT count(*) FROM store_accounts"), 0);
}

/* ---- Pasting ---- */

/* Run connect with the answer on standard input. An address like one of a web app has no PKCE. */
static void paste(const char *redirect_uri, const char *pasted)
{
	char *path = test_temporary_path("pasted");
	struct text command = {0};
	const char *environment[32];

	text_append_format(&command,
		"exec \"$STORESYNC_BIN_DIR/syncctl\" account connect store-0 --paste <'%s'", path);
	test_write_file(path, pasted);
	fill_environment(redirect_uri, environment);
	const char *const argv[] = {"/bin/sh", "-c", text_string(&command), NULL};

	test_process_destroy(syncctl);
	syncctl = test_process_start(argv, environment, NULL);
	test_process_wait(syncctl, TEST_WAIT_MS);
	text_finish(&command);
	free(path);
}

static void pasted_nonsense_is_refused(void **state)
{
	paste(WEB, "hello\nhttps://shops.example/tiktok/?code=x&state=y\n");
	assert_ends(1, "standard input has ended");
	assert_non_null(strstr(test_process_output(syncctl), "paste the whole address"));
	assert_null(strstr(test_process_output(syncctl), "code_challenge"));
}

/* Through a pipe that is fed once the address is known. */
static void a_pasted_answer_connects_without_pkce(void **state)
{
	char *path = test_temporary_path("answer");
	struct text command = {0};
	const char *environment[32];
	const char *at;
	char *url, *answer;

	text_append_format(&command,
		"mkfifo '%s' && exec \"$STORESYNC_BIN_DIR/syncctl\" account connect store-0 <>'%s'",
		path, path);
	fill_environment(WEB, environment);
	const char *const argv[] = {"/bin/sh", "-c", text_string(&command), NULL};

	syncctl = test_process_start(argv, environment, NULL);
	test_process_wait_for_output(syncctl, "Ctrl-C gives up):");
	at = strstr(test_process_output(syncctl), "http://127");
	assert_non_null(at);
	url = memory_copy_bytes(at, strcspn(at, "\n"));
	assert_null(strstr(url, "code_challenge"));
	answer = consent(url, 2);
	text_clear(&command);
	text_append_format(&command, "%s\n", answer);
	test_write_file(path, text_string(&command));
	assert_ends(0, "is connected");
	assert_int_equal(
		count("SELECT count(*) FROM store_accounts WHERE status = 'CONNECTED'"), 1);
	text_finish(&command);
	remove(path);
	free(answer);
	free(url);
	free(path);
}

/* ---- Disconnecting ---- */

static const char *const disconnect_first[] = {
	"syncctl", "account", "disconnect", "1", "--yes", NULL};

static void connect_as_account_1(void)
{
	connect_to_store(0);
	test_execute(fleet.database.db, "UPDATE store_accounts SET id = 1");
}

static void disconnecting_revokes_and_forgets(void **state)
{
	static const char *const plan[] = {"syncctl", "account", "disconnect", "1", NULL};

	connect_as_account_1();
	assert_int_equal(run(plan), 0);
	assert_printed("nothing was done");
	assert_int_equal(test_fleet_stat(&fleet, "grants_revoked"), 0);
	assert_int_equal(run(disconnect_first), 0);
	assert_printed("revoked at TikTok");
	assert_int_equal(test_fleet_stat(&fleet, "grants_revoked"), 1);
	assert_int_equal(
		count("SELECT count(*) FROM store_accounts WHERE status = 'DISABLED'"
		      " AND status_reason LIKE 'disconnected by %' AND disconnected_at IS NOT NULL"
		      " AND token_version = 1 AND refresh_lease_owner IS NULL AND refresh_intent_at IS NULL"
		      " AND length(encrypted_access_token) < 60"),
		1);
	assert_int_equal(run(disconnect_first), 0);
	assert_printed("disconnected already");
	test_fleet_produce(&fleet, NULL);
	assert_int_equal(count("SELECT count(*) FROM sync_jobs"), 0);
}

static void an_expired_token_is_refreshed_before_it_revokes(void **state)
{
	connect_as_account_1();
	test_fleet_tell_simulator(&fleet, "/admin/expire-all-tokens", "{}");
	assert_int_equal(run(disconnect_first), 0);
	assert_printed("revoked at TikTok");
	assert_int_equal(test_fleet_stat(&fleet, "refreshes_granted"), 1);
	assert_int_equal(test_fleet_stat(&fleet, "grants_revoked"), 1);
	assert_int_equal(test_fleet_stat(&fleet, "superseded_refresh_attempts"), 0);
}

static void a_grant_that_is_gone_already_is_forgotten(void **state)
{
	char *open_id = open_id_of(0);
	char path[128];

	connect_as_account_1();
	snprintf(path, sizeof path, "/admin/account/%s", open_id);
	test_fleet_tell_simulator(&fleet, path, "{\"revoke\":true}");
	assert_int_equal(run(disconnect_first), 0);
	assert_printed("ended the grant already");
	assert_int_equal(
		count("SELECT count(*) FROM store_accounts WHERE disconnected_at IS NOT NULL"), 1);
	free(open_id);
}

static void tiktok_away_leaves_the_account_disabled_with_its_grant(void **state)
{
	connect_as_account_1();
	test_fleet_kill_simulator(&fleet);
	assert_int_equal(run(disconnect_first), 1);
	assert_printed("the grant is not ended");
	assert_int_equal(count("SELECT count(*) FROM store_accounts WHERE status = 'DISABLED'"
			       " AND disconnected_at IS NULL AND refresh_lease_owner IS NULL"),
		1);
	test_fleet_start_simulator(&fleet);
	assert_int_equal(run(disconnect_first), 0);
	assert_int_equal(
		count("SELECT count(*) FROM store_accounts WHERE disconnected_at IS NOT NULL"), 1);
}

static void what_was_disconnected_can_be_connected_again(void **state)
{
	static const char *const enable[] = {"syncctl", "account", "enable", "1", NULL};

	connect_as_account_1();
	assert_int_equal(run(disconnect_first), 0);
	assert_int_equal(run(enable), 1);
	assert_printed("the merchant has to consent again");
	connect_to_store(0);
	assert_int_equal(
		count("SELECT count(*) FROM store_accounts WHERE id = 1 AND status = 'CONNECTED'"
		      " AND disconnected_at IS NULL"),
		1);
	test_fleet_start(&fleet, "storesync-worker", NULL);
	test_fleet_produce(&fleet, NULL);
	test_fleet_wait_until_done(&fleet);
	test_fleet_assert_snapshots(&fleet, is_another);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(connected_account_is_synchronised),
		TEST(the_life_of_tokens_is_what_tiktok_says),
		TEST(a_merchant_who_denies_changes_nothing),
		TEST(another_state_is_refused_and_the_wait_goes_on),
		TEST(other_addresses_and_queries_are_refused_and_escaped),
		TEST(an_expired_code_gives_no_account),
		TEST(a_missing_scope_is_said_with_what_it_costs),
		TEST(an_unapproved_scope_is_refused_with_the_way_out),
		TEST(the_same_account_is_connected_again),
		TEST(what_an_operator_disabled_stays_disabled),
		TEST(another_account_is_refused_where_one_is_expected),
		TEST(the_wrong_accounts_new_tokens_are_saved_where_they_belong),
		TEST(an_account_of_another_store_keeps_its_grant),
		TEST(waiting_ends_by_time_and_by_signal),
		TEST(pasted_nonsense_is_refused),
		TEST(a_pasted_answer_connects_without_pkce),
		TEST(disconnecting_revokes_and_forgets),
		TEST(an_expired_token_is_refreshed_before_it_revokes),
		TEST(a_grant_that_is_gone_already_is_forgotten),
		TEST(tiktok_away_leaves_the_account_disabled_with_its_grant),
		TEST(what_was_disconnected_can_be_connected_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
