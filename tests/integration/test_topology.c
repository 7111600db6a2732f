/* SPDX-License-Identifier: MIT */
/*
 * `syncctl topology apply` and `check` against the real RabbitMQ: applying twice is the same as
 * once, and every kind of difference that is planted is named.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "common/broker.h"
#include "common/clock.h"
#include "common/topology_check.h"
#include "tests/support/environment.h"
#include "tests/support/vhost.h"

/* RabbitMQ gathers some of what the management API shows every few seconds. */
#define WAIT_MS 30000

static struct test_vhost vhost;
static struct topology_report report;

static void apply(void)
{
	struct error err = {0};

	topology_report_finish(&report);
	if (!broker_apply_topology(vhost.amqp_url, &report, &err))
		fail_msg("%s", err.text);
}

static int set_up(void **state)
{
	test_vhost_create(&vhost);
	apply();
	return 0;
}

static int tear_down(void **state)
{
	topology_report_finish(&report);
	test_vhost_destroy(&vhost);
	return 0;
}

static void check_over_amqp(void)
{
	struct error err = {0};

	topology_report_finish(&report);
	if (!broker_check_topology(vhost.amqp_url, &report, &err))
		fail_msg("%s", err.text);
}

static void check_over_management(void)
{
	struct error err = {0};

	topology_report_finish(&report);
	if (!topology_check_management(
		    test_setting("AMQP_MANAGEMENT_URL"), vhost.name, &report, &err))
		fail_msg("%s", err.text);
}

/* Check through the management API until it says so; fails the test when it never does. */
static void expect_over_management(const char *differences)
{
	int64_t deadline_ms = clock_monotonic_ms() + WAIT_MS;

	do {
		check_over_management();
		if (strcmp(text_string(&report.differences), differences) == 0)
			return;
		usleep(200000);
	} while (clock_monotonic_ms() < deadline_ms);
	assert_string_equal(text_string(&report.differences), differences);
}

static void expect_over_amqp(const char *differences)
{
	check_over_amqp();
	assert_string_equal(text_string(&report.differences), differences);
}

/* Call /api/<kind>/<our vhost>/<name>. */
static void management(
	const char *method, const char *kind, const char *name, const char *body, int status)
{
	struct text path = {0};

	text_append_format(&path, "/api/%s/%s/%s", kind, vhost.name, name);
	assert_int_equal(test_management_call(method, path.data, body, NULL), status);
	text_finish(&path);
}

static void replace_queue(const char *name, const char *body)
{
	management("DELETE", "queues", name, NULL, 204);
	management("PUT", "queues", name, body, 201);
}

static void bind_to_exchange(const char *queue, const char *key)
{
	struct text path = {0}, body = {0};

	text_append_format(&path, "/api/bindings/%s/e/sync/q/%s", vhost.name, queue);
	text_append_format(&body, "{\"routing_key\":\"%s\"}", key);
	assert_int_equal(test_management_call("POST", path.data, body.data, NULL), 201);
	text_finish(&path);
	text_finish(&body);
}

static void applying_creates_everything_and_says_so(void **state)
{
	const char *actions = text_string(&report.actions);

	assert_int_equal(report.difference_count, 0);
	assert_non_null(strstr(actions, "exchange sync: created\n"));
	for (int id = 0; id < QUEUES; id++)
		assert_non_null(strstr(actions, topology_queue((enum topology_queue_id)id)->name));
	assert_null(strstr(actions, "already there"));
	expect_over_amqp("");
	expect_over_management("");
}

static void applying_twice_is_the_same_as_once(void **state)
{
	apply();

	assert_int_equal(report.difference_count, 0);
	assert_null(strstr(text_string(&report.actions), "created"));
	assert_non_null(
		strstr(text_string(&report.actions), "queue sync.results.dead: already there\n"));
}

static void an_empty_vhost_lacks_everything(void **state)
{
	test_vhost_destroy(&vhost);
	test_vhost_create(&vhost);

	check_over_amqp();
	assert_int_equal(report.difference_count, 1 + QUEUES);
	check_over_management();
	assert_int_equal(report.difference_count, 1 + QUEUES);
}

static void a_missing_queue_is_named_and_applied(void **state)
{
	management("DELETE", "queues", "sync.retry.1m", NULL, 204);

	expect_over_amqp("queue sync.retry.1m is missing\n");
	expect_over_management("queue sync.retry.1m is missing\n");
	apply();
	assert_non_null(strstr(text_string(&report.actions), "queue sync.retry.1m: created\n"));
	expect_over_management("");
}

static void a_missing_binding_is_named_and_applied(void **state)
{
	management("DELETE", "bindings", "e/sync/q/sync.jobs/job", NULL, 204);

	expect_over_management("queue sync.jobs is not bound to exchange sync with key job\n");
	apply();
	expect_over_management("");
}

static void a_wrong_argument_is_named_and_left_as_it_is(void **state)
{
	replace_queue("sync.jobs.dead",
		"{\"durable\":true,\"arguments\":{\"x-queue-type\":\"quorum\","
		"\"x-overflow\":\"reject-publish\",\"x-delivery-limit\":20}}");
	bind_to_exchange("sync.jobs.dead", "dead");

	expect_over_amqp("queue sync.jobs.dead: x-delivery-limit is 20, should be 1000000000\n");
	expect_over_management(
		"queue sync.jobs.dead: x-delivery-limit is 20, should be 1000000000\n");
	apply();
	assert_string_equal(text_string(&report.differences),
		"queue sync.jobs.dead: x-delivery-limit is 20, should be 1000000000\n");
}

static void a_classic_queue_is_named(void **state)
{
	replace_queue("sync.jobs.dead", "{\"durable\":true,\"arguments\":{}}");
	bind_to_exchange("sync.jobs.dead", "dead");

	/* Over AMQP RabbitMQ chooses which of the differing arguments it names. */
	check_over_amqp();
	assert_int_equal(report.difference_count, 1);
	assert_non_null(strstr(text_string(&report.differences), "queue sync.jobs.dead: x-"));
	expect_over_management(
		"queue sync.jobs.dead: x-queue-type is classic, should be quorum\n"
		"queue sync.jobs.dead: x-overflow is not set, should be reject-publish\n"
		"queue sync.jobs.dead: x-delivery-limit is not set, should be 1000000000\n");
}

static void an_exchange_of_another_type_is_named(void **state)
{
	management("DELETE", "exchanges", "sync", NULL, 204);
	management("PUT", "exchanges", "sync", "{\"type\":\"topic\",\"durable\":true}", 201);
	for (int id = 0; id < QUEUES; id++) {
		const struct topology_queue *queue = topology_queue((enum topology_queue_id)id);

		bind_to_exchange(queue->name, queue->key);
	}

	expect_over_amqp("exchange sync: type is topic, should be direct\n");
	expect_over_management("exchange sync: type is topic, should be direct\n");
}

static void a_policy_that_drops_messages_is_named(void **state)
{
	management("PUT", "policies", "lazy",
		"{\"pattern\":\"^sync.jobs$\",\"apply-to\":\"queues\","
		"\"definition\":{\"overflow\":\"drop-head\"}}",
		201);

	expect_over_management("policy \"lazy\" on sync.jobs overrides overflow with drop-head\n");
}

static void an_operators_policy_is_named(void **state)
{
	management("PUT", "policies", "length",
		"{\"pattern\":\"^sync.jobs$\",\"apply-to\":\"queues\","
		"\"definition\":{\"max-length\":1000000}}",
		201);
	management("PUT", "operator-policies", "limits",
		"{\"pattern\":\"^sync.jobs$\",\"apply-to\":\"queues\","
		"\"definition\":{\"delivery-limit\":3}}",
		201);

	expect_over_management("policy \"limits\" on sync.jobs overrides delivery-limit with 3\n");
}

static void a_policy_with_a_pattern_of_perl_is_named(void **state)
{
	management("PUT", "policies", "lazy",
		"{\"pattern\":\"^sync\\\\.\\\\w+$\",\"apply-to\":\"queues\","
		"\"definition\":{\"expires\":100000000}}",
		201);

	expect_over_management(
		"policy \"lazy\" on sync.jobs overrides expires with 100000000\n"
		"policy \"lazy\" on sync.results overrides expires with 100000000\n");
}

static void an_unknown_vhost_is_told(void **state)
{
	struct error err = {0};

	assert_false(topology_check_management(
		test_setting("AMQP_MANAGEMENT_URL"), "no-such-vhost", &report, &err));

	assert_int_equal(err.class, ERROR_BROKER);
	assert_non_null(strstr(err.text, "no-such-vhost"));
}

static void nobody_at_the_management_url_is_told_without_the_password(void **state)
{
	struct error err = {0};

	assert_false(topology_check_management(
		"http://user:sesame@127.0.0.1:1", vhost.name, &report, &err));

	assert_int_equal(err.class, ERROR_BROKER);
	assert_null(strstr(err.text, "sesame"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(applying_creates_everything_and_says_so),
		TEST(applying_twice_is_the_same_as_once),
		TEST(an_empty_vhost_lacks_everything),
		TEST(a_missing_queue_is_named_and_applied),
		TEST(a_missing_binding_is_named_and_applied),
		TEST(a_wrong_argument_is_named_and_left_as_it_is),
		TEST(a_classic_queue_is_named),
		TEST(an_exchange_of_another_type_is_named),
		TEST(a_policy_that_drops_messages_is_named),
		TEST(an_operators_policy_is_named),
		TEST(a_policy_with_a_pattern_of_perl_is_named),
		TEST(an_unknown_vhost_is_told),
		TEST(nobody_at_the_management_url_is_told_without_the_password),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
