/* SPDX-License-Identifier: MIT */
/*
 * What does not go well, end to end: temporary failures climb the retry ladder, permanent ones end
 * in the dead letters with their reason, foreign and broken messages harm nobody.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/json.h"
#include "tests/support/fleet.h"
#include "tests/support/wait.h"

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

static void start_worker_and_logger(void)
{
	test_fleet_start(&fleet, "storesync-worker", NULL);
	test_fleet_start(&fleet, "storesync-logger", NULL);
}

/* ---- The broker as another program sees it ---- */

static void publish(const char *key, const char *body)
{
	struct text path = {0}, request = {0}, reply = {0};

	text_append_format(&path, "/api/exchanges/%s/sync/publish", fleet.vhost.name);
	text_append_format(&request,
		"{\"routing_key\":\"%s\",\"payload_encoding\":\"string\","
		"\"properties\":{\"delivery_mode\":2},\"payload\":\"",
		key);
	text_append_json(&request, body);
	text_append(&request, "\"}");
	assert_int_equal(
		test_management_call("POST", text_string(&path), text_string(&request), &reply),
		200);
	assert_non_null(strstr(text_string(&reply), "\"routed\":true"));
	text_finish(&path);
	text_finish(&request);
	text_finish(&reply);
}

/* What the management API shows of the messages of a queue, without taking them. */
static void look_into(const char *queue, struct text *reply)
{
	struct text path = {0};

	text_append_format(&path, "/api/queues/%s/%s/get", fleet.vhost.name, queue);
	text_clear(reply);
	assert_int_equal(
		test_management_call("POST", text_string(&path),
			"{\"count\":100,\"ackmode\":\"ack_requeue_true\",\"encoding\":\"auto\"}",
			reply),
		200);
	text_finish(&path);
}

struct sought {
	const char *queue;
	const char *text;
	struct text seen;
};

static bool queue_shows(void *context)
{
	struct sought *sought = context;

	look_into(sought->queue, &sought->seen);
	return strstr(text_string(&sought->seen), sought->text) != NULL;
}

static void assert_queue_shows(const char *queue, const char *text)
{
	struct sought sought = {.queue = queue, .text = text};

	if (!test_wait_until(queue_shows, &sought))
		fail_msg("%s holds no %s, but %s", queue, text, text_string(&sought.seen));
	text_finish(&sought.seen);
}

static void publish_job(const char *job_id, int account, const char *store, const char *more)
{
	struct text body = {0};

	text_append_format(&body,
		"{\"v\":1,\"job_id\":\"%s\",\"run_id\":\"99999999-9999-4999-8999-999999999999\","
		"\"account_id\":%d,\"store_code\":\"%s\",\"job_type\":\"daily_sync\","
		"\"snapshot_date\":\"2026-11-22\",\"attempt\":1,\"enqueued_at\":\"2026-11-22T10:00:00Z\"%s}",
		job_id, account, store, more);
	publish("job", text_string(&body));
	text_finish(&body);
}

/* ---- Claims ---- */

static int occurrences(const char *text, const char *part)
{
	int count = 0;

	while ((text = strstr(text, part))) {
		text += strlen(part);
		count++;
	}
	return count;
}

/* TikTok fails for this account alone. */
static void fail_always(uint32_t number)
{
	struct world_account account;
	struct text fault = {0};

	world_account(&fleet.world, number, &account);
	text_append_format(&fault, "{\"fault\":\"error_500\",\"count\":-1,\"account\":\"%s\"}",
		account.open_id);
	test_fleet_tell_simulator(&fleet, "/admin/faults", text_string(&fault));
	text_finish(&fault);
}

/*
 * A report has two messages. While the queue of one refuses, the other, once stored, must not be
 * published again and again: every copy of a retry would run the job once more.
 */
static void a_full_results_queue_multiplies_no_retry(void **state)
{
	const struct timespec several_rounds = {.tv_sec = 4};
	struct text path = {0}, seen = {0};

	test_fleet_create(&fleet, 8, NULL);
	for (uint32_t n = 0; n < 3; n++)
		fail_always(n);
	for (int i = 0; i < 3; i++)
		publish("result", "{}");
	text_append_format(&path, "/api/policies/%s/full", fleet.vhost.name);
	assert_int_equal(
		test_management_call("PUT", text_string(&path),
			"{\"pattern\":\"^sync.results$\",\"definition\":{\"max-length\":1}}", NULL),
		201);
	test_fleet_produce(&fleet, NULL);
	test_fleet_start(&fleet, "storesync-worker", NULL);
	test_wait_for_query(fleet.database.db,
		"SELECT count(*) FROM sync_jobs WHERE state = 'retrying' AND attempt = 2", 3);
	nanosleep(&several_rounds, NULL);
	look_into("sync.retry.10s", &seen);
	assert_int_equal(occurrences(text_string(&seen), "\\\"attempt\\\":2"), 3);
	text_finish(&path);
	text_finish(&seen);
}

static void temporary_failure_goes_through_the_ladder_and_succeeds(void **state)
{
	test_fleet_create(&fleet, 4, NULL);
	test_fleet_tell_simulator(&fleet, "/admin/faults",
		"[{\"fault\":\"error_500\",\"endpoint\":\"user_info\",\"count\":1},"
		"{\"fault\":\"truncated_json\",\"endpoint\":\"user_info\",\"count\":1,\"after\":1}]");
	start_worker_and_logger();
	test_fleet_produce(&fleet, NULL);
	test_wait_for_query(fleet.database.db,
		"SELECT count(*) FROM sync_jobs WHERE state = 'retrying' AND attempt = 2"
		" AND retry_at > finished_at",
		2);
	assert_queue_shows("sync.retry.1m", "\\\"attempt\\\":2");
	test_wait_for_query(fleet.database.db,
		"SELECT count(*) FROM sync_jobs WHERE state = 'success' AND attempt = 2", 1);
	assert_int_equal(count("SELECT count(*) FROM sync_jobs WHERE state = 'success'"), 3);
	test_wait_for_query(fleet.database.db,
		"SELECT count(*) FROM sync_logs l JOIN sync_logs m USING (job_id)"
		" WHERE l.attempt = 1 AND l.status = 'FAILED' AND NOT l.final AND l.error_class = 'server'"
		" AND m.attempt = 2 AND m.status = 'SUCCESS' AND m.final",
		1);
}

/*
 * libcurl itself repeats a call whose kept connection breaks before the answer, so a single drop
 * may cost no attempt.
 */
static void dropped_and_html_answers_are_temporary_too(void **state)
{
	test_fleet_create(&fleet, 3, NULL);
	test_fleet_tell_simulator(&fleet, "/admin/faults",
		"[{\"fault\":\"drop\",\"endpoint\":\"user_info\",\"count\":1},"
		"{\"fault\":\"html_502\",\"endpoint\":\"video_list\",\"count\":1}]");
	start_worker_and_logger();
	test_fleet_produce(&fleet, NULL);
	test_wait_for_query(
		fleet.database.db, "SELECT count(*) FROM sync_jobs WHERE state = 'success'", 3);
	assert_true(count("SELECT count(*) FROM sync_jobs WHERE attempt = 2") >= 1);
	assert_int_equal(test_fleet_stat(&fleet, "faults_given"), 2);
	test_fleet_assert_snapshots(&fleet, NULL);
	assert_int_equal(
		count("SELECT count(*) FROM store_accounts WHERE status = 'CONNECTED'"), 3);
}

static void a_429_costs_no_attempt(void **state)
{
	test_fleet_create(&fleet, 3, NULL);
	test_fleet_tell_simulator(&fleet, "/admin/faults",
		"{\"fault\":\"error_429\",\"endpoint\":\"user_info\",\"count\":2}");
	start_worker_and_logger();
	test_fleet_produce(&fleet, NULL);
	test_fleet_wait_until_done(&fleet);
	assert_int_equal(
		count("SELECT count(*) FROM sync_jobs WHERE state = 'success' AND attempt = 1"), 3);
	test_fleet_assert_snapshots(&fleet, NULL);
}

static void permanent_failure_ends_in_the_dead_letters_with_its_reason(void **state)
{
	test_fleet_create(&fleet, 2, NULL);
	test_fleet_tell_simulator(&fleet, "/admin/faults",
		"{\"fault\":\"drop_scope\",\"endpoint\":\"user_info\",\"scope\":\"user.info.stats\",\"count\":1}");
	start_worker_and_logger();
	test_fleet_produce(&fleet, NULL);
	test_fleet_wait_until_done(&fleet);
	assert_int_equal(
		count("SELECT count(*) FROM sync_jobs WHERE state = 'dead' AND error_class = 'scope'"),
		1);
	assert_int_equal(count("SELECT count(*) FROM sync_jobs WHERE state = 'success'"), 1);
	assert_queue_shows("sync.jobs.dead", "\"x-error-class\":\"scope\"");
	assert_queue_shows("sync.jobs.dead", "scope_not_authorized");
	test_wait_for_query(fleet.database.db,
		"SELECT count(*) FROM sync_logs WHERE status = 'FAILED' AND final AND error_class = 'scope'"
		" AND error_details LIKE '%scope_not_authorized%log_id%'",
		1);
}

static void accounts_that_are_disabled_meanwhile_are_skipped(void **state)
{
	test_fleet_create(&fleet, 3, NULL);
	test_fleet_produce(&fleet, NULL);
	test_execute(fleet.database.db,
		"UPDATE store_accounts SET status = 'DISABLED' WHERE id = 1;"
		"UPDATE store_accounts SET status = 'NEED_RECONNECT', status_reason = 'revoked' WHERE id = 2");
	start_worker_and_logger();
	test_fleet_wait_until_done(&fleet);
	assert_int_equal(test_fleet_stat(&fleet, "user_info.calls"), 1);
	test_wait_for_query(fleet.database.db,
		"SELECT count(*) FROM sync_logs WHERE status = 'SKIPPED' AND final"
		" AND message IN ('account is DISABLED', 'account is NEED_RECONNECT: revoked')",
		2);
}

static void a_job_that_another_program_publishes_gets_the_same_care(void **state)
{
	static const char *const id = "AAAAAAAA-AAAA-4AAA-8AAA-AAAAAAAAAAAA";

	test_fleet_create(&fleet, 2, NULL);
	start_worker_and_logger();
	publish_job(id, 1, "store-0", ",\"note\":\"kept\"");
	test_wait_for_query(fleet.database.db,
		"SELECT count(*) FROM sync_jobs WHERE state = 'success' AND generation = 0", 1);
	test_wait_for_query(fleet.database.db, "SELECT count(*) FROM sync_logs WHERE final", 1);

	/* Delivered again: no call, no second row. */
	int64_t calls = test_fleet_calls(&fleet);
	publish_job(id, 1, "store-0", "");
	publish_job("bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb", 2, "store-1", "");
	test_wait_for_query(fleet.database.db, "SELECT count(*) FROM sync_logs WHERE final", 2);
	assert_int_equal(count("SELECT count(*) FROM sync_jobs"), 2);
	assert_int_equal(test_fleet_calls(&fleet),
		calls + 1 + (world_video_count(&fleet.world, 1) + 19) / 20 +
			(world_video_count(&fleet.world, 1) == 0));
}

static void messages_that_are_no_jobs_end_in_the_dead_letters(void **state)
{
	static const char *const broken[] = {
		"", "not json", "{\"v\":2}", "{\"v\":1,\"job_id\":7}", "[]"};

	test_fleet_create(&fleet, 1, NULL);
	start_worker_and_logger();
	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
		publish("job", broken[i]);
	publish_job("cccccccc-cccc-4ccc-8ccc-cccccccccccc", 999, "store-0", "");
	publish_job("dddddddd-dddd-4ddd-8ddd-dddddddddddd", 1, "store-other", "");
	publish_job("eeeeeeee-eeee-4eee-8eee-eeeeeeeeeeee", 1, "store-0", "");
	test_wait_for_query(
		fleet.database.db, "SELECT count(*) FROM sync_jobs WHERE state = 'success'", 1);
	test_wait_for_query(fleet.database.db,
		"SELECT count(*) FROM sync_jobs WHERE state = 'dead' AND error_class = 'bad_message'",
		2);
	assert_queue_shows("sync.jobs.dead", "there is no account with this account_id");
	assert_queue_shows("sync.jobs.dead", "belongs to another store_code");
	assert_queue_shows("sync.jobs.dead", "not json");
	assert_queue_shows("sync.jobs.dead", "\"message_count\":0");
	assert_queue_shows("sync.results.dead", "store-other");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_full_results_queue_multiplies_no_retry, tear_down),
		cmocka_unit_test_teardown(
			temporary_failure_goes_through_the_ladder_and_succeeds, tear_down),
		cmocka_unit_test_teardown(dropped_and_html_answers_are_temporary_too, tear_down),
		cmocka_unit_test_teardown(a_429_costs_no_attempt, tear_down),
		cmocka_unit_test_teardown(
			permanent_failure_ends_in_the_dead_letters_with_its_reason, tear_down),
		cmocka_unit_test_teardown(
			accounts_that_are_disabled_meanwhile_are_skipped, tear_down),
		cmocka_unit_test_teardown(
			a_job_that_another_program_publishes_gets_the_same_care, tear_down),
		cmocka_unit_test_teardown(
			messages_that_are_no_jobs_end_in_the_dead_letters, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
