/* SPDX-License-Identifier: MIT */
/* storesync-logger against the real broker and database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/broker.h"
#include "common/clock.h"
#include "common/crypto.h"
#include "common/result_message.h"
#include "tests/support/database.h"
#include "tests/support/environment.h"
#include "tests/support/process.h"
#include "tests/support/vhost.h"
#include "tests/support/wait.h"

#define COUNT_LOGS "SELECT count(*) FROM sync_logs"

static struct test_database database;
static struct test_vhost vhost;
static const char *environment[5]; /* of the programs under test */
static struct broker *broker;      /* what workers would publish through */
static int unsettled;

/* ---- Results, as workers send them ---- */

static void note_settled(void *context, void *publish_context, enum broker_fate fate)
{
	if (fate != FATE_STORED)
		fail_msg("a result was not stored by the broker: fate %d", (int)fate);
	unsettled--;
}

static void send_bytes(const char *bytes, size_t length)
{
	struct broker_message message = {
		.exchange = TOPOLOGY_EXCHANGE,
		.key = "result",
		.message_id = "test",
		.body = bytes,
		.length = length,
	};

	while (!broker_publish(broker, &message, NULL))
		broker_run(broker, -1, 100);
	unsettled++;
}

static void send_text(const char *body)
{
	send_bytes(body, strlen(body));
}

static void send_result(const struct result_message *result)
{
	struct text body = {0};

	result_message_write(result, &body);
	send_bytes(body.data, body.length);
	text_finish(&body);
}

/* Wait until the broker has everything that was sent. */
static void flush_results(void)
{
	int64_t limit_ms = clock_monotonic_ms() + TEST_WAIT_MS;

	while (unsettled > 0 && clock_monotonic_ms() < limit_ms)
		broker_run(broker, -1, 100);
	assert_int_equal(unsettled, 0);
}

/* A result of its own attempt. */
static struct result_message make_result(enum sync_status status)
{
	struct result_message result = {
		.attempt = 1,
		.account_id = 1,
		.store_code = "store-1",
		.job_type = "daily_sync",
		.snapshot_date = "2026-11-22",
		.status = status,
		.final = status != STATUS_RUNNING,
		.message = "as told",
		.records_processed = 61,
		.api_calls = 4,
		.worker = "host:1",
		.started_at_us = 1780000000000000,
		.completed_at_us = status != STATUS_RUNNING ? 1780000001500000 : 0,
	};

	uuid_random(result.job_id);
	uuid_random(result.run_id);
	job_attempt_id(result.job_id, 1, result.attempt_id);
	return result;
}

static void become_final(struct result_message *result)
{
	result->status = STATUS_SUCCESS;
	result->final = true;
	result->completed_at_us = result->started_at_us;
}

static void become_running(struct result_message *result)
{
	result->status = STATUS_RUNNING;
	result->final = false;
	result->completed_at_us = 0;
}

/* ---- The logger ---- */

static struct test_process *start(void)
{
	return test_process_start(
		(const char *const[]){"storesync-logger", NULL}, environment, NULL);
}

static void stop(struct test_process *logger)
{
	assert_int_equal(test_process_stop(logger), 0);
	test_process_destroy(logger);
}

static void note_delivery(void *context, const struct broker_delivery *delivery)
{
	int *count = context;

	++*count;
}

/* What is left in sync.results, once no logger runs: everything that was not acked. */
static int count_left(void)
{
	static const struct broker_consumer consumer = {.queue = "sync.results", .prefetch = 1000};
	int count = 0;
	struct broker_options options = {
		.url = vhost.amqp_url,
		.name = "test",
		.consumers = &consumer,
		.consumer_count = 1,
		.context = &count,
		.delivered = note_delivery,
	};
	struct broker *watcher = NULL;
	struct error err;

	assert_true(broker_create(&options, &watcher, &err));
	while (!broker_is_up(watcher))
		broker_run(watcher, -1, 100);
	for (int64_t until_ms = clock_monotonic_ms() + 300; clock_monotonic_ms() < until_ms;)
		broker_run(watcher, -1, 100);
	broker_destroy(watcher);
	return count;
}

/* Take dead letters out of their queue until there are expected ones; their JSON is added to letters. */
static void collect_dead_letters(int expected, struct text *letters)
{
	char path[200];
	int64_t limit_ms = clock_monotonic_ms() + TEST_WAIT_MS;
	int count = 0;

	snprintf(path, sizeof path, "/api/queues/%s/sync.results.dead/get", vhost.name);
	while (count < expected && clock_monotonic_ms() < limit_ms) {
		size_t before = letters->length;

		test_management_call("POST", path,
			"{\"count\":100,\"ackmode\":\"ack_requeue_false\",\"encoding\":\"auto\"}",
			letters);
		for (const char *at = letters->data + before;
			(at = strstr(at, "\"payload\":")) != NULL; at++)
			count++;
	}
	if (count != expected)
		fail_msg("%d dead letters instead of %d: %s", count, expected, letters->data);
}

static int group_setup(void **state)
{
	static struct text database_url;
	static struct text amqp_url;
	struct broker_options options = {.name = "test", .window = 500, .settled = note_settled};
	struct error err;

	test_database_create(&database);
	test_vhost_create(&vhost);
	text_append_format(&database_url, "DATABASE_URL=%s", database.url);
	text_append_format(&amqp_url, "AMQP_URL=%s", vhost.amqp_url);
	environment[0] = database_url.data;
	environment[1] = amqp_url.data;
	environment[2] = "LOG_FORMAT=text";
	environment[3] = "HTTP_LISTEN=127.0.0.1:0";
	test_insert_accounts(database.db, 1);
	options.url = vhost.amqp_url;
	assert_true(broker_create(&options, &broker, &err));
	return test_run(
		(const char *const[]){"syncctl", "topology", "apply", NULL}, environment, NULL);
}

static int group_teardown(void **state)
{
	broker_destroy(broker);
	test_database_destroy(&database);
	test_vhost_destroy(&vhost);
	return 0;
}

static int setup(void **state)
{
	test_execute(database.db, "TRUNCATE sync_logs");
	return 0;
}

/* ---- What it does ---- */

static void every_column_is_stored(void **state)
{
	struct result_message result = make_result(STATUS_FAILED);
	struct test_process *logger = start();
	char *row;

	result_text_copy(result.error_class, sizeof result.error_class, "network");
	result_text_copy(result.error_details, sizeof result.error_details,
		"no \"answer\" \xf0\x9f\x98\x80");
	send_result(&result);
	flush_results();
	test_wait_for_query(database.db, COUNT_LOGS, 1);
	stop(logger);

	row = test_query_string(database.db,
		"SELECT concat_ws('|', store_code, job_type, status, message, records_processed, error_details,"
		" extract(epoch FROM started_at)::bigint, extract(epoch FROM completed_at - started_at)::numeric(5, 1),"
		" account_id, snapshot_date, attempt, final, error_class, api_calls, worker) FROM sync_logs");
	assert_string_equal(row,
		"store-1|daily_sync|FAILED|as told|61|no \"answer\" \xf0\x9f\x98\x80|1780000000|1.5|1|2026-11-22|1|t|network|4|host:1");
	free(row);
	assert_int_equal(count_left(), 0);
}

static void thousands_of_repeated_results_are_stored_once(void **state)
{
	struct test_process *logger = start();

	for (int i = 0; i < 3000; i++) {
		struct result_message result = make_result(STATUS_SUCCESS);

		send_result(&result);
		send_result(&result);
	}
	flush_results();
	test_wait_for_query(database.db, COUNT_LOGS, 3000);
	stop(logger);

	assert_int_equal(count_left(), 0);
	assert_int_equal(test_query_integer(database.db, COUNT_LOGS), 3000);
}

static void final_word_wins_in_either_order(void **state)
{
	struct result_message first = make_result(STATUS_RUNNING);
	struct result_message second = make_result(STATUS_SUCCESS);
	struct test_process *logger = start();

	send_result(&first);
	send_result(&second);
	flush_results();
	test_wait_for_query(database.db, COUNT_LOGS, 2);
	become_final(&first);
	send_result(&first);
	become_running(&second);
	send_result(&second);
	flush_results();
	test_wait_for_query(database.db,
		COUNT_LOGS " WHERE status = 'SUCCESS' AND final AND completed_at IS NOT NULL", 2);
	stop(logger);

	assert_int_equal(test_query_integer(database.db, COUNT_LOGS), 2);
	assert_int_equal(count_left(), 0);
}

static void final_word_wins_inside_one_batch(void **state)
{
	struct result_message result = make_result(STATUS_RUNNING);
	struct result_message other = make_result(STATUS_SUCCESS);
	struct test_process *logger;

	send_result(&result);
	send_result(&other);
	become_final(&result);
	send_result(&result);
	become_running(&other);
	send_result(&other);
	flush_results();
	logger = start();
	test_wait_for_query(database.db, COUNT_LOGS " WHERE status = 'SUCCESS' AND final", 2);
	stop(logger);

	assert_int_equal(test_query_integer(database.db, COUNT_LOGS), 2);
}

static void retried_attempts_have_a_row_each(void **state)
{
	struct result_message result = make_result(STATUS_FAILED);
	struct test_process *logger = start();

	for (int attempt = 1; attempt <= 3; attempt++) {
		result.attempt = attempt;
		result.final = attempt == 3;
		job_attempt_id(result.job_id, attempt, result.attempt_id);
		send_result(&result);
	}
	flush_results();
	test_wait_for_query(database.db, COUNT_LOGS, 3);
	stop(logger);

	assert_int_equal(test_query_integer(database.db, COUNT_LOGS " WHERE final"), 1);
}

/* ---- What cannot be stored ---- */

static void unstorable_results_go_to_the_dead_letters(void **state)
{
	struct result_message good = make_result(STATUS_SUCCESS);
	struct result_message homeless = make_result(STATUS_SUCCESS);
	struct text body = {0};
	struct text letters = {0};
	struct test_process *logger;

	result_text_copy(homeless.store_code, sizeof homeless.store_code, "nowhere");
	send_text("not JSON");
	send_text("");
	send_text("{\"v\":1}");
	send_bytes("{\"v\":1,\0\"x\":2}", 14);
	send_bytes("{\"v\":1,\"message\":\"\xff\xfe\"}", 21);
	send_result(&homeless);
	send_result(&good);
	/* The good one, with a NUL in the message, and with a job type of 60 characters. */
	result_message_write(&good, &body);
	memcpy(strstr(body.data, "as told"), "\\u0000x", 7);
	send_text(body.data);
	text_clear(&body);
	uuid_random(good.attempt_id);
	result_text_copy(good.job_type, sizeof good.job_type, "0123456789");
	result_message_write(&good, &body);
	text_append(&body, "                                                  ");
	memmove(strstr(body.data, "0123456789") + 50, strstr(body.data, "0123456789"),
		strlen(strstr(body.data, "0123456789")) - 50);
	send_text(body.data);
	flush_results();
	logger = start();
	collect_dead_letters(8, &letters);
	test_wait_for_query(database.db, COUNT_LOGS, 1);
	stop(logger);

	assert_non_null(strstr(letters.data, "\"x-error-class\":\"bad_message\""));
	assert_non_null(strstr(letters.data, "\"x-error-text\":\"store_code \\\"nowhere\\\""));
	assert_non_null(strstr(letters.data, "\"x-dead-at\":\"20"));
	assert_non_null(strstr(letters.data, "\"payload\":\"not JSON\""));
	assert_int_equal(count_left(), 0);
	text_finish(&body);
	text_finish(&letters);
}

static void refused_row_does_not_take_its_batch_along(void **state)
{
	struct text letters = {0};
	struct test_process *logger;

	test_execute(database.db,
		"ALTER TABLE sync_logs ADD CONSTRAINT no_poison CHECK (message <> 'poison')");
	for (int i = 0; i < 50; i++) {
		struct result_message result = make_result(STATUS_SUCCESS);

		if (i == 20)
			result_text_copy(result.message, sizeof result.message, "poison");
		send_result(&result);
	}
	flush_results();
	logger = start();
	collect_dead_letters(1, &letters);
	test_wait_for_query(database.db, COUNT_LOGS, 49);
	stop(logger);
	test_execute(database.db, "ALTER TABLE sync_logs DROP CONSTRAINT no_poison");

	assert_non_null(strstr(letters.data, "\"x-error-class\":\"internal\""));
	assert_non_null(strstr(letters.data, "no_poison"));
	assert_int_equal(count_left(), 0);
	text_finish(&letters);
}

/* ---- What happens to it ---- */

static void send_many(int count)
{
	for (int i = 0; i < count; i++) {
		struct result_message result = make_result(STATUS_SUCCESS);

		send_result(&result);
	}
	flush_results();
}

static void killed_logger_loses_nothing(void **state)
{
	struct test_process *logger;

	send_many(5000);
	logger = start();
	while (test_query_integer(database.db, COUNT_LOGS) == 0)
		assert_true(test_process_is_running(logger));
	test_process_kill(logger);
	test_process_destroy(logger);

	logger = start();
	test_wait_for_query(database.db, COUNT_LOGS, 5000);
	stop(logger);

	assert_int_equal(count_left(), 0);
}

static void stopped_logger_acks_what_it_wrote(void **state)
{
	struct test_process *logger;
	int left;

	send_many(5000);
	logger = start();
	while (test_query_integer(database.db, COUNT_LOGS) == 0)
		assert_true(test_process_is_running(logger));
	stop(logger);

	/* The watcher sees at most its prefetch. */
	left = (int)(5000 - test_query_integer(database.db, COUNT_LOGS));
	assert_int_equal(count_left(), left < 1000 ? left : 1000);
	logger = start();
	test_wait_for_query(database.db, COUNT_LOGS, 5000);
	stop(logger);
}

static void admit_connections(struct db *admin, const char *admitted)
{
	struct text sql = {0};

	text_append_format(&sql, "ALTER DATABASE %s ALLOW_CONNECTIONS %s", database.name, admitted);
	test_execute(admin, sql.data);
	text_finish(&sql);
}

static void outage_of_the_database_is_waited_for(void **state)
{
	struct test_process *logger;
	struct db *admin = NULL;
	struct error err;

	assert_true(db_open(test_setting("DATABASE_URL"), 0, false, &admin, &err));
	logger = start();
	send_many(10);
	test_wait_for_query(database.db, COUNT_LOGS, 10);
	admit_connections(admin, "false");
	test_execute(database.db,
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
		" WHERE datname = current_database() AND application_name = 'storesync-logger'");
	send_many(2000);
	test_process_wait_for_output(logger, "waiting for PostgreSQL");
	assert_int_equal(test_query_integer(database.db, COUNT_LOGS), 10);
	admit_connections(admin, "true");

	test_wait_for_query(database.db, COUNT_LOGS, 2010);
	stop(logger);
	assert_int_equal(count_left(), 0);
	db_close(admin);
}

static void missing_queue_is_waited_for(void **state)
{
	struct test_process *logger;
	char path[200];

	snprintf(path, sizeof path, "/api/queues/%s/sync.results", vhost.name);
	test_management_call("DELETE", path, NULL, NULL);
	logger = start();
	test_process_wait_for_output(logger, "queue sync.results is missing");
	test_run((const char *const[]){"syncctl", "topology", "apply", NULL}, environment, NULL);
	send_many(10);

	test_wait_for_query(database.db, COUNT_LOGS, 10);
	stop(logger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_column_is_stored, setup),
		cmocka_unit_test_setup(thousands_of_repeated_results_are_stored_once, setup),
		cmocka_unit_test_setup(final_word_wins_in_either_order, setup),
		cmocka_unit_test_setup(final_word_wins_inside_one_batch, setup),
		cmocka_unit_test_setup(retried_attempts_have_a_row_each, setup),
		cmocka_unit_test_setup(unstorable_results_go_to_the_dead_letters, setup),
		cmocka_unit_test_setup(refused_row_does_not_take_its_batch_along, setup),
		cmocka_unit_test_setup(killed_logger_loses_nothing, setup),
		cmocka_unit_test_setup(stopped_logger_acks_what_it_wrote, setup),
		cmocka_unit_test_setup(outage_of_the_database_is_waited_for, setup),
		cmocka_unit_test_setup(missing_queue_is_waited_for, setup),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
