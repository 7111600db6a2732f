/* SPDX-License-Identifier: MIT */
/*
 * syncctl forecast, and the producer's --dry-run: what they make of the accounts and jobs in the
 * database. The arithmetic is unit/test_forecast.c's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"
#include "tests/support/audit.h"
#include "tests/support/database.h"
#include "tests/support/process.h"

/* A day that is not over while the tests run. */
#define DAY "2099-01-01"

static struct test_database database;
static struct text database_url;

static int group_setup(void **state)
{
	test_database_create(&database);
	text_append_format(&database_url, "DATABASE_URL=%s", database.url);
	return 0;
}

static int group_teardown(void **state)
{
	test_database_destroy(&database);
	text_finish(&database_url);
	return 0;
}

static int ten_accounts(void **state)
{
	test_execute(database.db,
		"TRUNCATE stores, store_accounts, sync_jobs, sync_runs, sync_logs,"
		" tiktok_user_daily RESTART IDENTITY CASCADE");
	test_insert_accounts(database.db, 10);
	return 0;
}

/* Run the forecast of DAY with a setting and two more words, NULL: none; its report is *report. */
static int forecast(const char *setting, const char *word, const char *value, struct json **report)
{
	const char *argv[] = {"syncctl", "forecast", "--date", DAY, "--json", word, value, NULL};
	const char *const environment[] = {database_url.data, setting, NULL};
	struct text output = {0};
	struct error err;
	int code = test_run(argv, environment, &output);

	if (!json_parse(output.data, output.length, report, &err))
		fail_msg("%s: %s", err.text, text_string(&output));
	text_finish(&output);
	return code;
}

enum endpoint { USER_INFO, VIDEO_LIST, TOKEN };

static void assert_calls(
	const struct json *report, enum endpoint endpoint, int64_t calls, int64_t left)
{
	const struct json *line = json_array_at(json_array(report, "endpoints"), endpoint);

	assert_int_equal(test_report_integer(line, "calls"), calls);
	assert_int_equal(test_report_integer(line, "left"), left);
}

static void add_job(int account, const char *day, const char *columns, const char *values)
{
	struct text sql = {0};

	text_append_format(&sql,
		"INSERT INTO sync_jobs (job_id, run_id, account_id, store_code, job_type, snapshot_date,"
		"	published_at, %s)"
		" VALUES (gen_random_uuid(), gen_random_uuid(), %d, 'store-%d', 'daily_sync', '%s', now(), %s)",
		columns, account, account, day, values);
	test_execute(database.db, sql.data);
	text_finish(&sql);
}

/*
 * 1 has 100 videos by its last sync, 2 has 45 by its profile, 3 is not connected, 4 is done and has none, 5 is half
 * read, of the others nobody knows. The average of 100, 45 and 0 is 48: 3 pages.
 */
static void create_mixed_day(void)
{
	add_job(1, "2098-12-30", "state, records_processed", "'success', 501");
	add_job(1, "2098-12-31", "state, records_processed", "'success', 101");
	add_job(1, "2098-12-31", "generation, state, records_processed", "1, 'dead', 1");
	add_job(4, DAY, "state, records_processed", "'success', 1");
	add_job(5, DAY, "state, slice, api_calls", "'queued', 1, 3");
	test_execute(database.db,
		"INSERT INTO tiktok_user_daily (store_code, open_id, snapshot_date, video_count) VALUES"
		" ('store-2', 'open-2', '2098-12-30', 1000), ('store-2', 'open-2', '2098-12-31', 45),"
		" ('store-1', 'open-1', '2098-12-31', 7);"
		"UPDATE store_accounts SET status = 'NEED_RECONNECT' WHERE id = 3;"
		"UPDATE store_accounts SET token_expires_at = now() + interval '5 minutes' WHERE id = 6");
}

static void calls_follow_from_what_is_known(void **state)
{
	struct json *report = NULL;

	create_mixed_day();
	assert_int_equal(forecast("QUOTA_VIDEO_LIST=6", NULL, NULL, &report), 0);
	assert_int_equal(test_report_integer(report, "accounts"), 9);
	assert_int_equal(test_report_integer(report, "left"), 8);
	assert_int_equal(test_report_integer(report, "guessed"), 6);
	assert_int_equal(test_report_integer(report, "average_videos"), 48);
	assert_calls(report, USER_INFO, 9, 7);
	assert_calls(report, VIDEO_LIST, 5 + 3 + 1 + 6 * 3, 5 + 3 + 5 * 3 + 1);
	assert_calls(report, TOKEN, 1, 1);
	assert_string_equal(test_report_string(report, "bottleneck"), "video_list");
	assert_int_equal(test_report_integer(report, "left_s"), 244);
	json_destroy(report);
}

static void a_store_is_looked_at_by_itself(void **state)
{
	struct json *report = NULL;

	create_mixed_day();
	assert_int_equal(forecast(NULL, "--store", "store-1", &report), 0);
	assert_int_equal(test_report_integer(report, "accounts"), 1);
	assert_calls(report, VIDEO_LIST, 5, 5);
	json_destroy(report);
}

static void each_job_type_has_its_own_calls(void **state)
{
	struct json *report = NULL;

	assert_int_equal(forecast(NULL, "--job-type", "user_stats", &report), 0);
	assert_calls(report, USER_INFO, 10, 10);
	assert_calls(report, VIDEO_LIST, 0, 0);
	assert_int_equal(test_report_integer(report, "guessed"), 0);
	json_destroy(report);
	assert_int_equal(forecast(NULL, "--job-type", "video_stats", &report), 0);
	assert_calls(report, USER_INFO, 0, 0);
	assert_calls(report, VIDEO_LIST, 10, 10);
	json_destroy(report);
	test_execute(database.db,
		"UPDATE store_accounts SET token_expires_at = now() + interval '19 minutes' WHERE id < 4");
	assert_int_equal(forecast(NULL, "--job-type", "token_refresh", &report), 0);
	assert_calls(report, USER_INFO, 0, 0);
	assert_calls(report, TOKEN, 3, 3);
	json_destroy(report);
}

static void jobs_that_died_are_not_called_done(void **state)
{
	struct json *report = NULL;

	for (int account = 1; account <= 8; account++)
		add_job(account, DAY, "state", account < 4 ? "'dead'" : "'success'");
	assert_int_equal(forecast(NULL, NULL, NULL, &report), 0);
	assert_int_equal(test_report_integer(report, "left"), 2);
	assert_int_equal(test_report_integer(report, "dead"), 3);
	json_destroy(report);
}

static void what_an_account_did_not_grant_is_not_called(void **state)
{
	struct json *report = NULL;

	test_execute(database.db,
		"UPDATE store_accounts SET scope = 'user.info.basic' WHERE id = 1;"
		"UPDATE store_accounts SET scope = 'video.list' WHERE id IN (2, 3)");
	assert_int_equal(forecast(NULL, NULL, NULL, &report), 0);
	assert_calls(report, USER_INFO, 8, 8);
	assert_calls(report, VIDEO_LIST, 9, 9);
	json_destroy(report);
}

/* At one call a minute the k-th account's turn is in k times 61 s, and a token is refreshed ten minutes early. */
static void tokens_that_expire_before_their_turn_are_counted(void **state)
{
	struct json *report = NULL;

	test_execute(database.db,
		"UPDATE store_accounts SET token_expires_at = now() + interval '15 minutes'");
	assert_int_equal(forecast("QUOTA_USER_INFO=1", NULL, NULL, &report), 0);
	assert_calls(report, TOKEN, 6, 6);
	json_destroy(report);
}

static void a_day_that_does_not_suffice_exits_with_3(void **state)
{
	struct json *report = NULL;
	bool suffices;

	test_execute(database.db,
		"INSERT INTO tiktok_user_daily (store_code, open_id, snapshot_date, video_count)"
		" VALUES ('store-1', 'open-1', '2098-12-31', 10000000)");
	assert_int_equal(forecast(NULL, "--store", "store-1", &report), 0);
	json_destroy(report);
	assert_int_equal(forecast("QUOTA_VIDEO_LIST=100", "--store", "store-1", &report), 3);
	assert_int_equal(json_boolean(report, "day_suffices", &suffices), JSON_FOUND);
	assert_false(suffices);
	json_destroy(report);
}

static void a_day_that_is_over_exits_with_3(void **state)
{
	static const char *const argv[] = {"syncctl", "forecast", "--date", "2020-01-01", NULL};
	const char *const environment[] = {
		database_url.data, "SYNC_TIMEZONE=Asia/Ho_Chi_Minh", NULL};
	struct text output = {0};

	assert_int_equal(test_run(argv, environment, &output), 3);
	assert_non_null(strstr(text_string(&output), "2020-01-01 is over in Asia/Ho_Chi_Minh"));
	text_finish(&output);
}

/* A quarter of the jobs took half a second for each call; the others waited. */
static void useful_workers_follow_from_jobs_that_did_not_wait(void **state)
{
	struct json *report = NULL;

	test_execute(database.db,
		"INSERT INTO sync_logs (store_code, job_type, status, started_at, completed_at, api_calls)"
		" SELECT 'store-1', 'daily_sync', 'SUCCESS', now() - interval '1 hour',"
		"  now() - interval '1 hour' + CASE WHEN n <= 2 THEN 1 ELSE 60 END * interval '1 second', 2"
		" FROM generate_series(1, 5) n");
	assert_int_equal(forecast("WORKER_CONCURRENCY=1", NULL, NULL, &report), 0);
	assert_int_equal(test_report_integer(report, "call_us"), 500000);
	assert_int_equal(test_report_integer(report, "workers_by_backlog"), 10);
	/* 20 calls of half a second in 2 s. */
	assert_int_equal(test_report_integer(report, "workers_by_quota"), 5);
	assert_int_equal(test_report_integer(report, "useful_workers"), 5);
	json_destroy(report);
}

static void wrong_arguments_are_named(void **state)
{
	static const char *const words[][2] = {{"--store", "nowhere"}, {"--date", "tomorrow"},
		{"--job-type", "weekly"}, {"--account", "1"}};
	static const int codes[] = {1, 2, 2, 2};
	static const char *const reasons[] = {"there is no store \"nowhere\"",
		"\"tomorrow\" is not a day", "\"weekly\" is none of", "unknown or incomplete"};

	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		const char *const argv[] = {"syncctl", "forecast", words[i][0], words[i][1], NULL};
		const char *const environment[] = {database_url.data, NULL};
		struct text output = {0};

		assert_int_equal(test_run(argv, environment, &output), codes[i]);
		assert_non_null(strstr(text_string(&output), reasons[i]));
		text_finish(&output);
	}
}

static void the_producers_dry_run_says_the_same(void **state)
{
	static const char *const dry_run[] = {
		"storesync-producer", "--dry-run", "--date", DAY, NULL};
	static const char *const command[] = {"syncctl", "forecast", "--date", DAY, NULL};
	const char *const environment[] = {database_url.data,
		"AMQP_URL=amqp://nobody:none@127.0.0.1:1/", "QUOTA_VIDEO_LIST=6", NULL};
	struct text output = {0}, expected = {0};

	create_mixed_day();
	assert_int_equal(test_run(dry_run, environment, &output), 0);
	assert_int_equal(test_run(command, environment, &expected), 0);
	assert_non_null(strstr(text_string(&output), "would plan 7, publish 7"));
	*strstr(expected.data, "finished at") = '\0'; /* at what minute may differ */
	assert_non_null(strstr(text_string(&output), expected.data));
	assert_int_equal(test_query_integer(database.db,
				 "SELECT count(*) FROM sync_jobs WHERE snapshot_date = '" DAY "'"),
		2);
	text_finish(&output);
	text_finish(&expected);
}

#define WITH_ACCOUNTS(claim) cmocka_unit_test_setup(claim, ten_accounts)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_ACCOUNTS(calls_follow_from_what_is_known),
		WITH_ACCOUNTS(a_store_is_looked_at_by_itself),
		WITH_ACCOUNTS(each_job_type_has_its_own_calls),
		WITH_ACCOUNTS(jobs_that_died_are_not_called_done),
		WITH_ACCOUNTS(what_an_account_did_not_grant_is_not_called),
		WITH_ACCOUNTS(tokens_that_expire_before_their_turn_are_counted),
		WITH_ACCOUNTS(a_day_that_does_not_suffice_exits_with_3),
		WITH_ACCOUNTS(a_day_that_is_over_exits_with_3),
		WITH_ACCOUNTS(useful_workers_follow_from_jobs_that_did_not_wait),
		WITH_ACCOUNTS(wrong_arguments_are_named),
		WITH_ACCOUNTS(the_producers_dry_run_says_the_same),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
