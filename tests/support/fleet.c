/* SPDX-License-Identifier: MIT */
/*
 * A whole storesync of a test's own. The test thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/fleet.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/json.h"
#include "common/memory.h"
#include "common/token_cipher.h"
#include "tests/support/environment.h"
#include "tests/support/wait.h"
#include "tests/support/web.h"

#define KEY    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define SECRET "fleet-secret"

/* ---- The world in the database ---- */

static void append_sql_text(struct text *sql, const char *string)
{
	text_append_char(sql, '\'');
	for (; *string; string++) {
		if (*string == '\'')
			text_append_char(sql, '\'');
		text_append_char(sql, *string);
	}
	text_append_char(sql, '\'');
}

/* The number of the account's store. */
static uint32_t store_of(const struct test_fleet *fleet, uint32_t account)
{
	return account < fleet->big_store ? 0 : account;
}

static void append_cell(struct text *sql, const struct token_cipher *cipher,
	const struct test_fleet *fleet, const struct world_account *account,
	enum token_column column)
{
	char token[WORLD_TOKEN_SIZE], store[32];
	struct text cell = {0};

	world_token(&fleet->world,
		column == TOKEN_ACCESS ? WORLD_TOKEN_ACCESS : WORLD_TOKEN_REFRESH, account->number,
		1, token);
	snprintf(store, sizeof store, "store-%u", store_of(fleet, account->number));
	token_cipher_seal(cipher, store, account->open_id, column, token, &cell);
	append_sql_text(sql, text_string(&cell));
	text_append(sql, ", ");
	text_finish(&cell);
}

static void connect_accounts(struct test_fleet *fleet)
{
	struct token_cipher *cipher = NULL;
	struct text sql = {0};
	struct error err;

	assert_true(token_cipher_create(KEY, NULL, &cipher, &err));
	for (uint32_t n = 0; n < fleet->world.accounts; n++) {
		struct world_account account;

		world_account(&fleet->world, n, &account);
		text_append_format(&sql,
			"INSERT INTO stores (store_code, store_name, pic_name) VALUES ('store-%u', 'Store', 'Pic');\n"
			"INSERT INTO store_accounts (id, store_code, open_id, encrypted_access_token,"
			" encrypted_refresh_token, token_expires_at, refresh_token_expires_at, scope)"
			" VALUES (%u, 'store-%u', ",
			n, n + 1, store_of(fleet, n));
		append_sql_text(&sql, account.open_id);
		text_append(&sql, ", ");
		append_cell(&sql, cipher, fleet, &account, TOKEN_ACCESS);
		append_cell(&sql, cipher, fleet, &account, TOKEN_REFRESH);
		text_append(&sql, "now() + interval '2 hours', now() + interval '180 days', ");
		append_sql_text(&sql, account.scope);
		text_append(&sql, ");\n");
	}
	test_execute(fleet->database.db, text_string(&sql));
	text_finish(&sql);
	token_cipher_destroy(cipher);
}

/* ---- Programs ---- */

static void add_setting(struct test_fleet *fleet, int *count, const char *name, const char *value)
{
	struct text setting = {0};

	text_append_format(&setting, "%s=%s", name, value);
	fleet->settings[(*count)++] = setting.data;
}

static void make_settings(struct test_fleet *fleet)
{
	int count = 0;

	add_setting(fleet, &count, "DATABASE_URL", fleet->database.url);
	add_setting(fleet, &count, "AMQP_URL", fleet->vhost.amqp_url);
	add_setting(fleet, &count, "TIKTOK_API_URL", fleet->simulator_url);
	add_setting(fleet, &count, "TIKTOK_AUTH_URL", fleet->simulator_url);
	add_setting(fleet, &count, "TIKTOK_CLIENT_KEY", fleet->world.client_key);
	add_setting(fleet, &count, "TIKTOK_CLIENT_SECRET", SECRET);
	add_setting(fleet, &count, "TOKEN_ENC_KEY", KEY);
	add_setting(fleet, &count, "TOKEN_SPOOL_DIR", fleet->spool);
	add_setting(fleet, &count, "QUOTA_USER_INFO", "0");
	add_setting(fleet, &count, "QUOTA_VIDEO_LIST", "0");
	add_setting(fleet, &count, "LOG_FORMAT", "text");
}

static void make_simulator_arguments(struct test_fleet *fleet, const char *const arguments[])
{
	const char *const first[] = {"tiktok-sim", "--client-secret", SECRET, "--set",
		"rate_limit=0", "--accounts", NULL};
	char **argument = fleet->simulator_arguments;
	struct text number = {0};

	for (size_t i = 0; first[i]; i++)
		*argument++ = memory_copy_text(first[i]);
	text_append_format(&number, "%u", fleet->world.accounts);
	*argument++ = memory_copy_text(number.data);
	*argument++ = memory_copy_text("--videos-average");
	text_clear(&number);
	text_append_format(&number, "%u", fleet->world.videos_average);
	*argument++ = memory_copy_text(number.data);
	if (fleet->world.videos_each) {
		*argument++ = memory_copy_text("--videos-each");
		text_clear(&number);
		text_append_format(&number, "%u", fleet->world.videos_each);
		*argument++ = memory_copy_text(number.data);
	}
	if (fleet->world.videos_first) {
		*argument++ = memory_copy_text("--videos-first");
		text_clear(&number);
		text_append_format(&number, "%u", fleet->world.videos_first);
		*argument++ = memory_copy_text(number.data);
	}
	while (arguments && *arguments &&
		argument < fleet->simulator_arguments + TEST_FLEET_ARGUMENTS - 1)
		*argument++ = memory_copy_text(*arguments++);
	text_finish(&number);
}

void test_fleet_start_simulator(struct test_fleet *fleet)
{
	const char *argv[TEST_FLEET_ARGUMENTS + 2];
	const char *address = "127.0.0.1:0";
	size_t count = 0;

	for (; fleet->simulator_arguments[count]; count++)
		argv[count] = fleet->simulator_arguments[count];
	if (fleet->simulator_url)
		address = fleet->simulator_url + strlen("http://");
	argv[count++] = "--listen";
	argv[count++] = address;
	argv[count] = NULL;
	fleet->simulator = test_process_start(argv, NULL, NULL);
	test_process_wait_for_output(fleet->simulator, "listening on http://127.0.0.1:");
	if (fleet->simulator_url)
		return;
	address = strstr(test_process_output(fleet->simulator), "http://");
	fleet->simulator_url = memory_copy_bytes(address, strcspn(address, "\r\n "));
}

void test_fleet_kill_simulator(struct test_fleet *fleet)
{
	test_process_destroy(fleet->simulator);
	fleet->simulator = NULL;
}

void test_fleet_create(
	struct test_fleet *fleet, uint32_t accounts, const char *const simulator_arguments[])
{
	static const char *const apply[] = {"syncctl", "topology", "apply", NULL};
	struct text output = {0};

	*fleet = (struct test_fleet){.world = fleet->world, .big_store = fleet->big_store};
	if (!fleet->world.client_key[0])
		world_init(&fleet->world);
	fleet->world.accounts = accounts;
	test_database_create(&fleet->database);
	test_vhost_create(&fleet->vhost);
	make_simulator_arguments(fleet, simulator_arguments);
	test_fleet_start_simulator(fleet);
	fleet->spool = test_temporary_path("spool");
	make_settings(fleet);
	connect_accounts(fleet);
	if (test_fleet_run(fleet, apply, &output) != 0)
		fail_msg("syncctl topology apply failed:\n%s", text_string(&output));
	text_finish(&output);
}

/* Files of workers that were killed are left in it; nothing else is. */
static void remove_spool(struct test_fleet *fleet)
{
	DIR *files = fleet->spool ? opendir(fleet->spool) : NULL;
	const struct dirent *file;

	while (files && (file = readdir(files)))
		unlinkat(dirfd(files), file->d_name, 0);
	if (files)
		closedir(files);
	if (fleet->spool)
		rmdir(fleet->spool);
	free(fleet->spool);
}

void test_fleet_destroy(struct test_fleet *fleet)
{
	/* An orderly end, so that leaks would show under LeakSanitizer. */
	for (int i = 0; i < fleet->program_count; i++)
		test_process_signal(fleet->programs[i], SIGTERM);
	for (int i = 0; i < fleet->program_count; i++) {
		test_process_wait(fleet->programs[i], TEST_WAIT_MS);
		test_process_destroy(fleet->programs[i]);
	}
	test_process_destroy(fleet->simulator);
	for (char **setting = fleet->settings; *setting; setting++)
		free(*setting);
	for (char **argument = fleet->simulator_arguments; *argument; argument++)
		free(*argument);
	remove_spool(fleet);
	free(fleet->simulator_url);
	test_vhost_destroy(&fleet->vhost);
	test_database_destroy(&fleet->database);
	*fleet = (struct test_fleet){0};
}

struct test_process *test_fleet_start(
	struct test_fleet *fleet, const char *program, const char *const overrides[])
{
	const char *const argv[] = {program, NULL};
	const char *environment[32] = {0};
	int count = 0;

	for (char **setting = fleet->settings; *setting; setting++)
		environment[count++] = *setting;
	while (overrides && *overrides && count < 31)
		environment[count++] = *overrides++;
	assert_true(fleet->program_count < TEST_FLEET_PROGRAMS);
	return fleet->programs[fleet->program_count++] =
		       test_process_start(argv, environment, NULL);
}

int test_fleet_run(struct test_fleet *fleet, const char *const argv[], struct text *output)
{
	return test_run(argv, (const char *const *)fleet->settings, output);
}

void test_fleet_produce(struct test_fleet *fleet, const char *const arguments[])
{
	const char *argv[16] = {"storesync-producer"};
	struct text output = {0};
	int count = 1;

	while (arguments && *arguments && count < 15)
		argv[count++] = *arguments++;
	if (test_fleet_run(fleet, argv, &output) != 0)
		fail_msg("the producer failed:\n%s", text_string(&output));
	text_finish(&output);
}

/* ---- The simulator's admin side ---- */

void test_fleet_tell_simulator(struct test_fleet *fleet, const char *path, const char *body)
{
	struct text url = {0}, reply = {0};

	text_append_format(&url, "%s%s", fleet->simulator_url, path);
	if (test_web_call("POST", text_string(&url), body, &reply) != 200)
		fail_msg("the simulator refuses %s %s: %s", path, body, text_string(&reply));
	text_finish(&url);
	text_finish(&reply);
}

int64_t test_fleet_stat(struct test_fleet *fleet, const char *name)
{
	struct text url = {0}, reply = {0};
	struct json *stats = NULL;
	const struct json *object;
	const char *dot = strchr(name, '.');
	int64_t value = -1;
	struct error err;

	text_append_format(&url, "%s/admin/stats", fleet->simulator_url);
	assert_int_equal(test_web_call("GET", text_string(&url), NULL, &reply), 200);
	assert_true(json_parse(reply.data, reply.length, &stats, &err));
	object = stats;
	if (dot) {
		char *endpoint = memory_copy_bytes(name, (size_t)(dot - name));

		object = json_object(json_object(stats, "endpoints"), endpoint);
		name = dot + 1;
		free(endpoint);
	}
	if (json_integer(object, name, &value) != JSON_FOUND)
		fail_msg("the simulator's stats have no %s", name);
	json_destroy(stats);
	text_finish(&url);
	text_finish(&reply);
	return value;
}

int64_t test_fleet_calls(struct test_fleet *fleet)
{
	return test_fleet_stat(fleet, "calls");
}

/* ---- What the snapshots must hold ---- */

void test_fleet_wait_until_done(struct test_fleet *fleet)
{
	test_wait_for_query(fleet->database.db,
		"SELECT count(*) FROM sync_jobs WHERE state NOT IN ('success', 'skipped', 'dead')",
		0);
}

static void append_user(
	struct text *sql, const struct test_fleet *fleet, const struct world_account *account)
{
	text_append_format(sql, "INSERT INTO expected_users VALUES ('store-%u', ",
		store_of(fleet, account->number));
	append_sql_text(sql, account->open_id);
	text_append(sql, ", ");
	append_sql_text(sql, account->display_name);
	text_append(sql, ", ");
	append_sql_text(sql, account->avatar_url);
	text_append_format(sql, ", %lld, %lld, %lld, %lld);\n", (long long)account->follower_count,
		(long long)account->following_count, (long long)account->likes_count,
		(long long)account->public_videos);
}

static void append_video(struct text *sql, const struct test_fleet *fleet,
	const struct world_account *account, const struct world_video *video)
{
	char share_url[sizeof video->share_url];

	snprintf(share_url, sizeof share_url, "%.*s", (int)strcspn(video->share_url, "?"),
		video->share_url);
	text_append_format(sql, "INSERT INTO expected_videos VALUES ('store-%u', '%s', ",
		store_of(fleet, account->number), video->id);
	append_sql_text(sql, video->video_description);
	text_append(sql, ", ");
	append_sql_text(sql, video->cover_image_url);
	text_append(sql, ", ");
	append_sql_text(sql, share_url);
	text_append_format(sql, ", to_timestamp(%lld), %lld, %lld, %lld, %lld);\n",
		(long long)video->create_time_s, (long long)video->view_count,
		(long long)video->like_count, (long long)video->comment_count,
		(long long)video->share_count);
}

static void expect_world(struct test_fleet *fleet, bool (*is_left_out)(uint32_t account))
{
	struct text sql = {0};

	text_append(&sql,
		"CREATE TEMP TABLE expected_users (store_code text, open_id text, display_name text,"
		" avatar_url text, follower_count int8, following_count int8, likes_count int8, video_count int8);\n"
		"CREATE TEMP TABLE expected_videos (store_code text, video_id text, description text,"
		" cover_image_url text, share_url text, create_time timestamptz, view_count int8,"
		" like_count int8, comment_count int8, share_count int8);\n");
	for (uint32_t n = 0; n < fleet->world.accounts; n++) {
		struct world_account account;
		struct world_video video;

		if (is_left_out && is_left_out(n))
			continue;
		world_account(&fleet->world, n, &account);
		append_user(&sql, fleet, &account);
		for (uint32_t v = 0; v < account.video_count; v++) {
			world_video(&fleet->world, &account, v, &video);
			append_video(&sql, fleet, &account, &video);
		}
	}
	test_execute(fleet->database.db, text_string(&sql));
	text_finish(&sql);
}

/* Rows of one query that the other does not have, both ways; the first one is added to differences. */
static void compare_rows(struct test_fleet *fleet, const char *columns, const char *expected,
	const char *actual, struct text *differences)
{
	struct text sql = {0};
	char *difference;

	text_append_format(&sql,
		"SELECT coalesce(min(difference), '') FROM ("
		" SELECT 'expected ' || e::text AS difference FROM (SELECT %s FROM %s EXCEPT SELECT %s FROM %s) e"
		" UNION ALL"
		" SELECT 'found ' || f::text FROM (SELECT %s FROM %s EXCEPT SELECT %s FROM %s) f) d",
		columns, expected, columns, actual, columns, actual, columns, expected);
	difference = test_query_string(fleet->database.db, text_string(&sql));
	if (*difference)
		text_append_format(
			differences, "%s and %s differ: %s\n", expected, actual, difference);
	free(difference);
	text_finish(&sql);
}

void test_fleet_compare_snapshots(
	struct test_fleet *fleet, bool (*is_left_out)(uint32_t account), struct text *differences)
{
	struct db *db = fleet->database.db;
	int64_t surplus;

	expect_world(fleet, is_left_out);
	compare_rows(fleet,
		"store_code, open_id, display_name, avatar_url, follower_count, following_count,"
		" likes_count, video_count",
		"expected_users", "tiktok_user_daily", differences);
	compare_rows(fleet,
		"store_code, video_id, description, cover_image_url, share_url, create_time,"
		" view_count, like_count, comment_count, share_count",
		"expected_videos", "tiktok_video_daily", differences);
	surplus = test_query_integer(db, "SELECT (SELECT count(*) FROM tiktok_video_daily) -"
					 " (SELECT count(*) FROM expected_videos)");
	if (surplus != 0)
		text_append_format(
			differences, "there are %lld video rows too many\n", (long long)surplus);
	test_execute(db, "DROP TABLE expected_users; DROP TABLE expected_videos");
}

void test_fleet_assert_snapshots(struct test_fleet *fleet, bool (*is_left_out)(uint32_t account))
{
	struct text differences = {0};

	test_fleet_compare_snapshots(fleet, is_left_out, &differences);
	if (differences.length > 0)
		fail_msg("%s", differences.data);
	text_finish(&differences);
}
