/* SPDX-License-Identifier: MIT */
/*
 * The audit and the queues: what is on its way is accounted for, and of each message that is taken
 * away the loss is named.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/broker.h"
#include "tests/support/audit.h"
#include "tests/support/wait.h"

static struct test_fleet fleet;
static const char *const all[] = {"--all", NULL};

static int tear_down(void **state)
{
	test_fleet_destroy(&fleet);
	return 0;
}

static void execute(const char *sql)
{
	test_execute(fleet.database.db, sql);
}

static int64_t query(const char *sql)
{
	return test_query_integer(fleet.database.db, sql);
}

/* ---- Days ---- */

static void start_workers(void)
{
	test_fleet_start(&fleet, "storesync-worker", NULL);
	test_fleet_start(&fleet, "storesync-logger", NULL);
}

/* Jobs in the queue, nobody to take them. */
static void create_waiting_day(uint32_t accounts)
{
	test_fleet_create(&fleet, accounts, NULL);
	test_fleet_produce(&fleet, NULL);
}

/* One of two jobs is dead. */
static void create_day_with_a_dead_job(void)
{
	test_fleet_create(&fleet, 2, NULL);
	test_fleet_tell_simulator(&fleet, "/admin/faults",
		"{\"fault\":\"drop_scope\",\"endpoint\":\"user_info\",\"scope\":\"user.info.stats\",\"count\":1}");
	start_workers();
	test_fleet_produce(&fleet, NULL);
	test_fleet_wait_until_done(&fleet);
	test_fleet_wait_for_logs(&fleet);
	assert_int_equal(query("SELECT count(*) FROM sync_jobs WHERE state = 'dead'"), 1);
}

/* Every job has failed once and waits on the ladder. */
static void create_retrying_day(uint32_t accounts)
{
	test_fleet_create(&fleet, accounts, NULL);
	/* A failure that is each account's own: were it TikTok's for all, it would be an outage. */
	test_fleet_tell_simulator(&fleet, "/admin/faults",
		"{\"fault\":\"expire_access\",\"endpoint\":\"user_info\",\"count\":-1}");
	start_workers();
	test_fleet_produce(&fleet, NULL);
	test_wait_for_query(
		fleet.database.db, "SELECT count(*) FROM sync_jobs WHERE state <> 'retrying'", 0);
	test_wait_for_query(fleet.database.db,
		"SELECT count(*) FROM sync_jobs j WHERE NOT EXISTS (SELECT FROM sync_logs l"
		" WHERE l.job_id = j.job_id AND l.status = 'FAILED')",
		0);
}

/* ---- The broker ---- */

static void purge(const char *queue)
{
	struct text path = {0};

	text_append_format(&path, "/api/queues/%s/%s/contents", fleet.vhost.name, queue);
	assert_int_equal(test_management_call("DELETE", text_string(&path), NULL, NULL), 204);
	text_finish(&path);
}

/* Take a message and forget it. */
static void lose_message(const char *queue)
{
	struct text path = {0}, reply = {0};

	text_append_format(&path, "/api/queues/%s/%s/get", fleet.vhost.name, queue);
	assert_int_equal(
		test_management_call("POST", text_string(&path),
			"{\"count\":1,\"ackmode\":\"ack_requeue_false\",\"encoding\":\"auto\"}",
			&reply),
		200);
	assert_non_null(strstr(text_string(&reply), "payload"));
	text_finish(&path);
	text_finish(&reply);
}

/* ---- What the audit says ---- */

/* Plant by SQL, which ends with the id of the job that it harms, and expect exactly that. */
static void plant(const char *sql, const char *name)
{
	char *job_id = test_query_string(fleet.database.db, sql);

	test_fleet_assert_violations(&fleet, 1, name, job_id);
	free(job_id);
}

/* The totals of a report that finds everything accounted for; each member is checked. */
static void expect_totals(const char *const arguments[], int64_t planned, int64_t succeeded,
	int64_t waiting, int64_t unpublished)
{
	struct json *report = NULL;
	int code = test_fleet_audit(&fleet, arguments, &report);
	const struct json *totals = json_object(report, "totals");

	if (code != 0 || test_report_integer(report, "v") != 1 ||
		test_report_integer(totals, "planned") != planned ||
		test_report_integer(totals, "jobs") != planned ||
		test_report_integer(totals, "succeeded") != succeeded ||
		test_report_integer(totals, "waiting") != waiting ||
		test_report_integer(totals, "unpublished") != unpublished ||
		json_array_length(json_array(report, "violations")) != 0)
		test_report_fail(report, "not what was done");
	json_destroy(report);
}

/* ---- What is accounted for ---- */

static void a_selection_is_of_one_run_or_one_day(void **state)
{
	static const char *const other_day[] = {"--date", "2020-01-01", NULL};
	static const char *const no_run[] = {"--run", "99999999-9999-4999-8999-999999999999", NULL};
	const char *run[] = {"--run", NULL, NULL};
	struct json *report = NULL;
	char *run_id;

	create_waiting_day(3);
	test_fleet_produce(&fleet, (const char *const[]){"--date", "2020-01-01", NULL});
	run_id = test_query_string(fleet.database.db,
		"SELECT run_id::text FROM sync_runs WHERE snapshot_date > '2020-01-01'");
	run[1] = run_id;
	execute("UPDATE sync_runs SET started_at = '2020-01-01' WHERE snapshot_date = '2020-01-01'");
	expect_totals(run, 3, 0, 3, 0);
	expect_totals(other_day, 3, 0, 3, 0);
	expect_totals(NULL, 6, 0, 6, 0); /* old, but open */
	assert_int_equal(test_fleet_audit(&fleet, no_run, &report), 1);
	free(run_id);
}

static void jobs_that_were_never_published_are_accounted_for(void **state)
{
	static const char *const nowhere[] = {"AMQP_URL=amqp://guest:guest@127.0.0.1:1/x", NULL};
	struct test_process *producer;

	test_fleet_create(&fleet, 4, NULL);
	producer = test_fleet_start(&fleet, "storesync-producer", nowhere);
	test_wait_for_query(fleet.database.db, "SELECT count(*) FROM sync_jobs", 4);
	test_process_kill(producer);
	expect_totals(all, 4, 0, 0, 4);
}

/* The broker had confirmed two of them, and the producer died before it marked them. */
static void a_run_that_is_half_published_is_accounted_for(void **state)
{
	create_waiting_day(4);
	execute("UPDATE sync_jobs SET published_at = NULL, state = 'planned' WHERE account_id > 2");
	expect_totals(all, 4, 0, 2, 2);
}

static void jobs_of_a_killed_worker_are_accounted_for(void **state)
{
	struct test_process *worker;

	test_fleet_create(&fleet, 8, NULL);
	test_fleet_tell_simulator(&fleet, "/admin/knobs", "{\"latency_ms\":20000}");
	test_fleet_produce(&fleet, NULL);
	worker = test_fleet_start(&fleet, "storesync-worker", NULL);
	test_wait_for_query(
		fleet.database.db, "SELECT count(*) FROM sync_jobs WHERE state = 'running'", 8);
	expect_totals(all, 8, 0, 8, 0);
	test_process_kill(worker);
	expect_totals(all, 8, 0, 8, 0);
}

static void a_profile_that_is_not_granted_is_not_missed(void **state)
{
	test_fleet_create(&fleet, 2, NULL);
	execute("UPDATE store_accounts SET scope = 'user.info.basic,video.list' WHERE id = 1;"
		"UPDATE store_accounts SET scope = 'video.list' WHERE id = 2");
	start_workers();
	test_fleet_produce(&fleet, NULL);
	test_fleet_wait_until_done(&fleet);
	test_fleet_assert_audit_clean(&fleet);
}

static void warnings_leave_every_job_accounted_for(void **state)
{
	struct json *report = NULL;

	create_waiting_day(2);
	execute("UPDATE store_accounts SET refresh_intent_at = now() - interval '11 minutes' WHERE id = 2;"
		"UPDATE sync_jobs SET state = 'running', started_at = now() - interval '2 hours' WHERE account_id = 1;"
		"INSERT INTO sync_jobs (job_id, run_id, account_id, store_code, job_type, snapshot_date, generation)"
		" SELECT gen_random_uuid(), gen_random_uuid(), account_id, store_code, job_type, snapshot_date, 1"
		" FROM sync_jobs WHERE account_id = 2");
	assert_int_equal(test_fleet_audit(&fleet, all, &report), 0);
	assert_int_equal(test_report_warnings(report, "open_intent"), 1);
	assert_int_equal(test_report_warnings(report, "stuck"), 1);
	assert_int_equal(test_report_warnings(report, "double_job"), 2);
	assert_int_equal(json_array_length(json_array(report, "warnings")), 4);
	json_destroy(report);
}

/* A dead job is repeated by a new one, in the same run or in another: neither is a job too many. */
static void jobs_that_repeat_dead_ones_are_no_surplus(void **state)
{
	struct json *report = NULL;

	create_day_with_a_dead_job();
	execute("INSERT INTO sync_jobs (job_id, run_id, account_id, store_code, job_type, snapshot_date,"
		" generation, origin_job_id)"
		" SELECT gen_random_uuid(), run_id, account_id, store_code, job_type, snapshot_date, 1, job_id"
		" FROM sync_jobs WHERE state = 'dead'");
	assert_int_equal(test_fleet_audit(&fleet, all, &report), 0);
	assert_int_equal(json_array_length(json_array(report, "runs")), 2);
	assert_int_equal(test_report_integer(json_object(report, "totals"), "unpublished"), 1);
	json_destroy(report);

	execute("UPDATE sync_jobs SET run_id = gen_random_uuid() WHERE origin_job_id IS NOT NULL;"
		"INSERT INTO sync_runs (run_id, job_type, snapshot_date, selection, planned)"
		" SELECT run_id, job_type, snapshot_date, 'dead', 1 FROM sync_jobs WHERE origin_job_id IS NOT NULL");
	assert_int_equal(test_fleet_audit(&fleet, all, &report), 0);
	assert_string_equal(
		test_report_string(json_array_at(json_array(report, "runs"), 1), "kind"), "run");
	json_destroy(report);
}

static void note_delivery(void *context, const struct broker_delivery *delivery)
{
	++*(int *)context;
}

/*
 * RabbitMQ counts whoever holds a message as a consumer, even after it has stopped consuming: a
 * draining worker must not look like nobody.
 */
static void messages_held_without_consuming_are_not_taken_for_lost(void **state)
{
	static const char *const text[] = {"syncctl", "audit", NULL};
	static const struct broker_consumer consumer = {.queue = "sync.jobs", .prefetch = 10};
	int held = 0;
	struct broker_options options = {.name = "test",
		.consumers = &consumer,
		.consumer_count = 1,
		.context = &held,
		.delivered = note_delivery};
	struct broker *holder = NULL;
	struct text output = {0};
	struct error err;

	create_waiting_day(3);
	options.url = fleet.vhost.amqp_url;
	assert_true(broker_create(&options, &holder, &err));
	while (held < 3)
		broker_run(holder, -1, 100);
	broker_stop_consuming(holder);
	broker_run(holder, -1, 100);
	assert_int_equal(test_fleet_run(&fleet, text, &output), 0);
	assert_non_null(strstr(text_string(&output), "warning cannot_tell"));
	broker_run(holder, -1, 100);
	expect_totals(all, 3, 0, 3, 0);
	broker_destroy(holder);
	text_finish(&output);
}

/* ---- Planted ---- */

static void a_published_job_that_is_still_planned_is_named(void **state)
{
	create_waiting_day(2);
	plant("UPDATE sync_jobs SET state = 'planned' WHERE account_id = 1 RETURNING job_id::text",
		"odd_state");
}

static void a_lost_message_is_counted_and_may_be_any_of_the_waiting(void **state)
{
	struct json *report = NULL;
	const struct json *violation;

	create_waiting_day(3);
	lose_message("sync.jobs");
	test_fleet_audit(&fleet, all, &report);
	violation = json_array_at(json_array(report, "violations"), 0);
	assert_int_equal(test_report_integer(violation, "count"), 1);
	assert_int_equal(json_array_length(json_array(violation, "candidates")), 3);
	json_destroy(report);
	test_fleet_assert_violations(&fleet, 1, "lost_jobs", NULL);
}

/* Idle workers might hold what is missing: only the management API shows that they do not. */
static void lost_messages_are_named_beside_idle_workers(void **state)
{
	static const char *const text[] = {"syncctl", "audit", NULL};
	struct text output = {0};

	create_waiting_day(25);
	purge("sync.jobs");
	start_workers();
	test_fleet_assert_violations(&fleet, 25, "lost_jobs", NULL);

	/* Without it nothing is claimed; nor is it passed over. */
	assert_int_equal(test_fleet_run(&fleet, text, &output), 0);
	assert_non_null(strstr(text_string(&output), "warning cannot_tell"));
	text_finish(&output);
}

static void a_long_list_is_cut_in_text_only(void **state)
{
	static const char *const text[] = {"syncctl", "audit", NULL};
	struct text output = {0};

	create_waiting_day(25);
	purge("sync.jobs");
	assert_int_equal(test_fleet_run(&fleet, text, &output), 3);
	assert_non_null(strstr(text_string(&output), "and 5 more lost_jobs"));
	assert_non_null(
		strstr(text_string(&output), "not every job is accounted for: 25 violations"));
	text_finish(&output);
}

static void a_retry_that_the_ladder_lost_is_named(void **state)
{
	create_retrying_day(2);
	test_fleet_assert_audit_clean(&fleet);
	purge("sync.retry.10s");
	purge("sync.retry.1m");
	purge("sync.retry.5m");
	test_fleet_assert_violations(&fleet, 2, "lost_jobs", NULL);
}

static void a_deleted_queue_is_missed_with_its_messages(void **state)
{
	struct json *report = NULL;
	struct text path = {0};

	create_waiting_day(2);
	text_append_format(&path, "/api/queues/%s/sync.jobs", fleet.vhost.name);
	assert_int_equal(test_management_call("DELETE", text_string(&path), NULL, NULL), 204);
	test_fleet_audit(&fleet, all, &report);
	assert_int_equal(test_report_warnings(report, "missing_queue"), 1);
	json_destroy(report);
	test_fleet_assert_violations(&fleet, 2, "lost_jobs", NULL);
	text_finish(&path);
}

static void the_row_of_an_earlier_attempt_is_missed_too(void **state)
{
	create_retrying_day(2);
	plant("UPDATE sync_logs SET status = 'RUNNING' WHERE account_id = 1 RETURNING job_id::text",
		"missing_log");
}

/* Its results are in sync.results: on their way, not lost. */
static void results_that_no_logger_took_are_not_missed(void **state)
{
	struct json *report = NULL;

	test_fleet_create(&fleet, 3, NULL);
	test_fleet_start(&fleet, "storesync-worker", NULL);
	test_fleet_produce(&fleet, NULL);
	test_fleet_wait_until_done(&fleet);
	test_fleet_assert_audit_clean(&fleet);
	assert_int_equal(test_fleet_audit(&fleet, all, &report), 0);
	assert_int_equal(test_report_integer(report, "unlogged"), 3);
	json_destroy(report);

	purge("sync.results");
	test_fleet_assert_violations(&fleet, 3, "missing_log", NULL);
}

/* The audit names the way out: publish again what is open. */
static void the_way_out_of_lost_messages_leads_out(void **state)
{
	struct json *report = NULL;
	const struct json *violation;
	const char *way_out;
	char *today;

	create_waiting_day(2);
	purge("sync.jobs");
	assert_int_equal(test_fleet_audit(&fleet, all, &report), 3);
	violation = json_array_at(json_array(report, "violations"), 0);
	today = test_query_string(
		fleet.database.db, "SELECT max(snapshot_date)::text FROM sync_jobs");
	way_out = test_report_string(violation, "way_out");
	assert_non_null(
		strstr(way_out, "storesync-producer --republish --job-type daily_sync --date 20"));
	assert_non_null(strstr(way_out, today));
	json_destroy(report);
	test_fleet_produce(&fleet, (const char *const[]){"--republish", "--job-type", "daily_sync",
					   "--date", today, NULL});
	expect_totals(all, 2, 0, 2, 0);
	free(today);
}

static void a_lost_dead_letter_is_named_until_somebody_decides(void **state)
{
	const char *discard[] = {"syncctl", "dead", "discard", "--job", NULL, "--yes", "--reason",
		"its letter was purged", NULL};
	struct json *report = NULL;
	char *job_id;

	create_day_with_a_dead_job();
	job_id = test_query_string(
		fleet.database.db, "SELECT job_id::text FROM sync_jobs WHERE state = 'dead'");
	test_fleet_assert_audit_clean(&fleet);
	purge("sync.jobs.dead");
	plant("SELECT job_id::text FROM sync_jobs WHERE state = 'dead'", "lost_dead_letters");

	discard[4] = job_id;
	assert_int_equal(test_fleet_run(&fleet, discard, NULL), 0);
	assert_int_equal(test_fleet_audit(&fleet, all, &report), 0);
	assert_int_equal(test_report_integer(json_object(report, "totals"), "failed"), 1);
	assert_int_equal(test_report_integer(json_object(report, "totals"), "dead"), 0);
	json_destroy(report);
	free(job_id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_selection_is_of_one_run_or_one_day, tear_down),
		cmocka_unit_test_teardown(
			jobs_that_were_never_published_are_accounted_for, tear_down),
		cmocka_unit_test_teardown(a_run_that_is_half_published_is_accounted_for, tear_down),
		cmocka_unit_test_teardown(jobs_of_a_killed_worker_are_accounted_for, tear_down),
		cmocka_unit_test_teardown(a_profile_that_is_not_granted_is_not_missed, tear_down),
		cmocka_unit_test_teardown(warnings_leave_every_job_accounted_for, tear_down),
		cmocka_unit_test_teardown(jobs_that_repeat_dead_ones_are_no_surplus, tear_down),
		cmocka_unit_test_teardown(
			messages_held_without_consuming_are_not_taken_for_lost, tear_down),
		cmocka_unit_test_teardown(
			a_published_job_that_is_still_planned_is_named, tear_down),
		cmocka_unit_test_teardown(
			a_lost_message_is_counted_and_may_be_any_of_the_waiting, tear_down),
		cmocka_unit_test_teardown(lost_messages_are_named_beside_idle_workers, tear_down),
		cmocka_unit_test_teardown(a_long_list_is_cut_in_text_only, tear_down),
		cmocka_unit_test_teardown(a_retry_that_the_ladder_lost_is_named, tear_down),
		cmocka_unit_test_teardown(a_deleted_queue_is_missed_with_its_messages, tear_down),
		cmocka_unit_test_teardown(the_row_of_an_earlier_attempt_is_missed_too, tear_down),
		cmocka_unit_test_teardown(results_that_no_logger_took_are_not_missed, tear_down),
		cmocka_unit_test_teardown(the_way_out_of_lost_messages_leads_out, tear_down),
		cmocka_unit_test_teardown(
			a_lost_dead_letter_is_named_until_somebody_decides, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
