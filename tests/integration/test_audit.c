/* SPDX-License-Identifier: MIT */
/*
 * The audit, checked itself: a good day is accounted for, and of each damage that is planted into
 * the database exactly that is named. The damage to queues is test_audit_queues.c's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tests/support/audit.h"
#include "tests/support/wait.h"

static struct test_fleet fleet;
static const char *const all[] = {"--all", NULL};

static void execute(const char *sql)
{
	test_execute(fleet.database.db, sql);
}

static void start_workers(void)
{
	test_fleet_start(&fleet, "storesync-worker", NULL);
	test_fleet_start(&fleet, "storesync-logger", NULL);
}

/* Accounts 1 to 3 were synchronised; the workers are idle now. Each test gets the day unharmed. */
static int create_finished_day(void **state)
{
	test_fleet_create(&fleet, 3, NULL);
	start_workers();
	test_fleet_produce(&fleet, NULL);
	test_fleet_wait_until_done(&fleet);
	test_fleet_wait_for_logs(&fleet);
	execute("CREATE TABLE saved_runs AS TABLE sync_runs; CREATE TABLE saved_jobs AS TABLE sync_jobs;"
		"CREATE TABLE saved_logs AS TABLE sync_logs;"
		"CREATE TABLE saved_users AS TABLE tiktok_user_daily;"
		"CREATE TABLE saved_accounts AS TABLE store_accounts");
	return 0;
}

static int restore_day(void **state)
{
	execute("TRUNCATE sync_runs, sync_jobs, sync_logs, tiktok_user_daily, store_accounts;"
		"INSERT INTO sync_runs TABLE saved_runs; INSERT INTO sync_jobs TABLE saved_jobs;"
		"INSERT INTO sync_logs TABLE saved_logs;"
		"INSERT INTO tiktok_user_daily TABLE saved_users;"
		"INSERT INTO store_accounts TABLE saved_accounts");
	return 0;
}

static int destroy_day(void **state)
{
	test_fleet_destroy(&fleet);
	return 0;
}

/* Plant by SQL, which ends with the id of the job that it harms, and expect exactly that. */
static void plant(const char *sql, const char *name)
{
	char *job_id = test_query_string(fleet.database.db, sql);

	test_fleet_assert_violations(&fleet, 1, name, job_id);
	free(job_id);
}

/* ---- What is accounted for ---- */

static void a_finished_day_is_clean_in_json_and_in_text(void **state)
{
	static const char *const text[] = {"syncctl", "audit", NULL};
	struct text output = {0};
	struct json *report = NULL;
	const struct json *totals;

	test_fleet_assert_audit_clean(&fleet);
	assert_int_equal(test_fleet_audit(&fleet, all, &report), 0);
	totals = json_object(report, "totals");
	assert_int_equal(test_report_integer(report, "v"), 1);
	assert_int_equal(test_report_integer(totals, "planned"), 3);
	assert_int_equal(test_report_integer(totals, "jobs"), 3);
	assert_int_equal(test_report_integer(totals, "succeeded"), 3);
	json_destroy(report);
	assert_int_equal(test_fleet_run(&fleet, text, &output), 0);
	assert_non_null(strstr(text_string(&output), "every job is accounted for"));
	assert_non_null(strstr(text_string(&output), "        3 =         3        0        0"));
	text_finish(&output);
}

static void jobs_of_other_programs_have_a_line_of_their_own(void **state)
{
	struct json *report = NULL;
	const struct json *line;

	execute("DELETE FROM sync_runs");
	assert_int_equal(test_fleet_audit(&fleet, all, &report), 0);
	assert_int_equal(json_array_length(json_array(report, "runs")), 1);
	line = json_array_at(json_array(report, "runs"), 0);
	assert_string_equal(test_report_string(line, "kind"), "adopted");
	assert_int_equal(test_report_integer(line, "succeeded"), 3);
	json_destroy(report);
}

/* ---- Planted ---- */

static void a_deleted_job_row_is_named(void **state)
{
	plant("DELETE FROM sync_jobs WHERE account_id = 2 RETURNING job_id::text", "run_count");
}

static void a_job_row_too_many_is_named(void **state)
{
	execute("INSERT INTO sync_jobs (job_id, run_id, account_id, store_code, job_type, snapshot_date)"
		" SELECT gen_random_uuid(), run_id, 99, 'store-0', job_type, snapshot_date FROM sync_runs");
	test_fleet_assert_violations(&fleet, 1, "run_count", NULL);
}

static void a_second_final_row_is_named(void **state)
{
	plant("INSERT INTO sync_logs (store_code, job_type, status, started_at, job_id, attempt, attempt_id, final)"
	      " SELECT store_code, job_type, 'FAILED', now(), job_id, 1, gen_random_uuid(), true"
	      " FROM sync_jobs WHERE account_id = 1 RETURNING job_id::text",
		"double_final");
}

static void a_state_that_the_log_contradicts_is_named(void **state)
{
	plant("UPDATE sync_jobs SET state = 'skipped' WHERE account_id = 1 RETURNING job_id::text",
		"wrong_final");
}

static void records_that_the_log_contradicts_are_named(void **state)
{
	plant("UPDATE sync_logs SET records_processed = records_processed + 1 WHERE account_id = 1"
	      " RETURNING job_id::text",
		"records_differ");
}

static void a_missing_snapshot_is_named_and_a_deleted_account_is_not(void **state)
{
	execute("DELETE FROM tiktok_user_daily WHERE store_code IN ('store-0', 'store-1');"
		"DELETE FROM store_accounts WHERE store_code = 'store-1'");
	plant("SELECT job_id::text FROM sync_jobs WHERE store_code = 'store-0'",
		"missing_snapshot");
}

static void a_deleted_log_row_is_named(void **state)
{
	plant("DELETE FROM sync_logs WHERE account_id = 2 RETURNING job_id::text", "missing_log");
}

/* ---- Asking in vain ---- */

static void whoever_does_not_answer_is_named(void **state)
{
	static const char *const argv[] = {"syncctl", "audit", NULL};
	struct text output = {0}, database_url = {0};

	text_append_format(&database_url, "DATABASE_URL=%s", fleet.database.url);
	assert_int_equal(test_run(argv,
				 (const char *const[]){text_string(&database_url),
					 "AMQP_URL=amqp://guest:guest@127.0.0.1:1/x", NULL},
				 &output),
		1);
	assert_non_null(strstr(text_string(&output), "cannot ask the broker"));
	text_clear(&output);
	assert_int_equal(
		test_run(argv,
			(const char *const[]){"DATABASE_URL=postgresql://nobody@127.0.0.1:1/x",
				"AMQP_URL=amqp://guest:guest@127.0.0.1:1/x", NULL},
			&output),
		1);
	assert_non_null(strstr(text_string(&output), "cannot ask the database"));
	text_finish(&output);
	text_finish(&database_url);
}

static void wrong_arguments_are_refused(void **state)
{
	static const char *const wrong[][4] = {{"--run", "x"}, {"--date", "2026-02-30"},
		{"--all", "--date", "2026-02-03"}, {"--what"}, {"--run"}, {"more"}};

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct json *report = NULL;

		assert_int_equal(test_fleet_audit(&fleet, wrong[i], &report), 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_finished_day_is_clean_in_json_and_in_text, restore_day),
		cmocka_unit_test_setup(
			jobs_of_other_programs_have_a_line_of_their_own, restore_day),
		cmocka_unit_test_setup(a_deleted_job_row_is_named, restore_day),
		cmocka_unit_test_setup(a_job_row_too_many_is_named, restore_day),
		cmocka_unit_test_setup(a_second_final_row_is_named, restore_day),
		cmocka_unit_test_setup(a_state_that_the_log_contradicts_is_named, restore_day),
		cmocka_unit_test_setup(records_that_the_log_contradicts_are_named, restore_day),
		cmocka_unit_test_setup(
			a_missing_snapshot_is_named_and_a_deleted_account_is_not, restore_day),
		cmocka_unit_test_setup(a_deleted_log_row_is_named, restore_day),
		cmocka_unit_test_setup(whoever_does_not_answer_is_named, restore_day),
		cmocka_unit_test_setup(wrong_arguments_are_refused, restore_day),
	};

	return cmocka_run_group_tests(tests, create_finished_day, destroy_day);
}
