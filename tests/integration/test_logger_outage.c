/* SPDX-License-Identifier: MIT */
/*
 * The logger's logbook through outages that are longer than RabbitMQ waits for an ack: what is held
 * goes back to the queue before, once, and is written when the database takes writes again. The
 * logbook runs inside the test, with a limit of some hundred milliseconds instead of 20 minutes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "common/broker.h"
#include "common/clock.h"
#include "common/crypto.h"
#include "common/metrics.h"
#include "common/result_message.h"
#include "logger/logbook.h"
#include "tests/support/database.h"
#include "tests/support/environment.h"
#include "tests/support/vhost.h"
#include "tests/support/wait.h"

#define HOLD_MS INT64_C(300)
#define RESULTS 5

static struct test_database database;
static struct test_vhost vhost;
static struct db *admin; /* of another database of the same server */
static struct broker *sender;
static int unsettled;
static struct health *health;
static struct db_pool *pool;
static struct logbook *logbook;
static int64_t repeated_before; /* the test began */

static void note_settled(void *context, void *publish_context, enum broker_fate fate)
{
	assert_int_equal(fate, FATE_STORED);
	unsettled--;
}

/* A result of a store that is ours or not. */
static void send_result(const char *store)
{
	struct result_message result = {
		.attempt = 1,
		.account_id = 1,
		.job_type = "daily_sync",
		.snapshot_date = "2026-11-22",
		.status = STATUS_SUCCESS,
		.final = true,
		.worker = "host:1",
		.started_at_us = 1780000000000000,
		.completed_at_us = 1780000001500000,
	};
	struct text body = {0};
	struct broker_message message = {
		.exchange = TOPOLOGY_EXCHANGE, .key = "result", .message_id = "test"};

	snprintf(result.store_code, sizeof result.store_code, "%s", store);
	uuid_random(result.job_id);
	uuid_random(result.run_id);
	job_attempt_id(result.job_id, 1, result.attempt_id);
	result_message_write(&result, &body);
	message.body = body.data;
	message.length = body.length;
	while (!broker_publish(sender, &message, NULL))
		broker_run(sender, -1, 100);
	unsettled++;
	text_finish(&body);
}

static void flush_results(void)
{
	int64_t limit_ms = clock_monotonic_ms() + TEST_WAIT_MS;

	while (unsettled > 0 && clock_monotonic_ms() < limit_ms)
		broker_run(sender, -1, 100);
	assert_int_equal(unsettled, 0);
}

static int64_t repeated(void)
{
	return metric_value(METRIC_DELIVERIES, DELIVERY_REPEATED);
}

static int set_up(void **state)
{
	struct topology_report report = {0};
	struct config config = {0};
	struct db_pool_options pool_options = {.program = PROGRAM_LOGGER, .size = 2};
	struct error err;

	test_database_create(&database);
	test_insert_accounts(database.db, 1);
	test_vhost_create(&vhost);
	assert_true(db_open(test_setting("DATABASE_URL"), 0, false, &admin, &err));
	assert_true(broker_apply_topology(vhost.amqp_url, &report, &err));
	topology_report_finish(&report);
	assert_true(broker_create(&(struct broker_options){.url = vhost.amqp_url,
					  .name = "test",
					  .window = 100,
					  .settled = note_settled},
		&sender, &err));
	config.amqp_url = vhost.amqp_url;
	pool_options.url = database.url;
	pool = db_pool_create(&pool_options);
	assert_true(health_start(NULL, PROGRAM_LOGGER, &health, &err));
	assert_true(logbook_create(&config, pool, health, &logbook, &err));
	logbook_set_hold_limit(logbook, HOLD_MS);
	repeated_before = repeated();
	return 0;
}

static int tear_down(void **state)
{
	logbook_destroy(logbook);
	logbook = NULL;
	db_pool_destroy(pool);
	pool = NULL;
	health_stop(health);
	health = NULL;
	broker_destroy(sender);
	sender = NULL;
	db_close(admin);
	admin = NULL;
	test_vhost_destroy(&vhost);
	test_database_destroy(&database);
	return 0;
}

static void tell_server(const char *what)
{
	struct text sql = {0};

	text_append_format(&sql, "ALTER DATABASE %s %s", database.name, what);
	test_execute(admin, sql.data);
	text_finish(&sql);
}

static void become_read_only(void)
{
	tell_server("SET default_transaction_read_only = on");
	test_execute(database.db,
		"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
		" WHERE datname = current_database() AND application_name = 'storesync-logger'");
}

static int64_t count_logs(void)
{
	return test_query_integer(database.db, "SELECT count(*) FROM sync_logs");
}

static bool is_ready(void)
{
	return health_is_ready(health);
}

static bool results_are_written(void)
{
	return count_logs() == RESULTS;
}

static bool everything_is_written(void)
{
	return results_are_written() && logbook_held(logbook) == 0;
}

static bool something_is_held(void)
{
	return logbook_held(logbook) > 0;
}

static bool everything_is_held(void)
{
	return logbook_held(logbook) == RESULTS;
}

static bool nothing_is_held(void)
{
	return logbook_held(logbook) == 0;
}

static void turn_until(bool (*holds)(void))
{
	int64_t limit_ms = clock_monotonic_ms() + TEST_WAIT_MS;

	while (!holds()) {
		assert_true(clock_monotonic_ms() < limit_ms);
		logbook_turn(logbook, -1);
	}
}

static void what_is_held_for_long_goes_back_once_and_is_written_later(void **state)
{
	int64_t until_ms;

	turn_until(is_ready);
	become_read_only();
	for (int i = 0; i < RESULTS; i++)
		send_result("store-1");
	flush_results();
	turn_until(something_is_held);
	turn_until(nothing_is_held);

	/* It is not taken again while the database is away, though that lasts many times the limit. */
	for (until_ms = clock_monotonic_ms() + 10 * HOLD_MS; clock_monotonic_ms() < until_ms;) {
		logbook_turn(logbook, -1);
		assert_int_equal(logbook_held(logbook), 0);
		assert_false(is_ready());
	}
	assert_int_equal(repeated(), repeated_before);
	assert_int_equal(count_logs(), 0);

	tell_server("RESET default_transaction_read_only");
	turn_until(everything_is_written);
	assert_in_range(repeated() - repeated_before, 1, RESULTS);
	turn_until(is_ready);
}

static void a_short_outage_gives_nothing_back(void **state)
{
	logbook_set_hold_limit(logbook, TEST_WAIT_MS);
	turn_until(is_ready);
	become_read_only();
	for (int i = 0; i < RESULTS; i++)
		send_result("store-1");
	flush_results();
	turn_until(everything_is_held);
	tell_server("RESET default_transaction_read_only");

	turn_until(everything_is_written);
	assert_int_equal(repeated(), repeated_before);
}

static void manage(const char *method, const char *kind, const char *name, const char *body)
{
	char path[200];

	snprintf(path, sizeof path, "/api/%s/%s/%s", kind, vhost.name, name);
	test_management_call(method, path, body, NULL);
}

static bool dead_letter_is_settled(void)
{
	return nothing_is_held() || repeated() > repeated_before;
}

/* Their queue is full: they do not stop the others, and go back alone. */
static void dead_letters_that_nobody_takes_go_back_alone(void **state)
{
	manage("PUT", "policies", "full",
		"{\"pattern\":\"^sync.results.dead$\",\"apply-to\":\"queues\","
		"\"definition\":{\"max-length\":1}}");
	turn_until(is_ready);
	for (int i = 0; i < 100 && repeated() == repeated_before; i++) {
		send_result("no store of ours");
		flush_results();
		logbook_turn(logbook, -1);
		turn_until(dead_letter_is_settled);
	}
	assert_true(repeated() > repeated_before);
	for (int i = 0; i < RESULTS; i++)
		send_result("store-1");
	flush_results();
	turn_until(results_are_written);

	/* RabbitMQ compares length and limit again when something leaves the queue. */
	manage("DELETE", "queues", "sync.results.dead/contents", NULL);
	manage("DELETE", "policies", "full", NULL);
	turn_until(nothing_is_held);
}

#define TEST(claim) cmocka_unit_test_setup_teardown(claim, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(dead_letters_that_nobody_takes_go_back_alone),
		TEST(what_is_held_for_long_goes_back_once_and_is_written_later),
		TEST(a_short_outage_gives_nothing_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
