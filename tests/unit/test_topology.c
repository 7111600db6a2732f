/* SPDX-License-Identifier: MIT */
/*
 * Tests of the table of queues, of the words for what differs from it, and of the comparison with
 * what the management API shows. The documents are shaped as RabbitMQ 3.10 sends them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/topology.h"
#include "common/topology_check.h"
#include "common/topology_policy.h"

static struct topology_report report;

static int set_up(void **state)
{
	report = (struct topology_report){0};
	return 0;
}

static int tear_down(void **state)
{
	topology_report_finish(&report);
	return 0;
}

static const char *differences(void)
{
	return text_string(&report.differences);
}

static void names_and_keys_are_unique(void **state)
{
	for (int a = 0; a < QUEUES; a++)
		for (int b = 0; b < a; b++) {
			const struct topology_queue *one =
				topology_queue((enum topology_queue_id)a);
			const struct topology_queue *other =
				topology_queue((enum topology_queue_id)b);

			assert_string_not_equal(one->name, other->name);
			assert_string_not_equal(one->key, other->key);
		}
}

static void every_dead_letter_key_leads_to_a_queue(void **state)
{
	for (int id = 0; id < QUEUES; id++) {
		const char *key = topology_queue((enum topology_queue_id)id)->dead_letter_key;
		bool found = key == NULL;

		for (int other = 0; other < QUEUES && !found; other++)
			found = strcmp(key, topology_queue((enum topology_queue_id)other)->key) ==
				0;
		assert_true(found);
	}
}

static void every_queue_that_dead_letters_does_so_at_least_once(void **state)
{
	for (int id = 0; id < QUEUES; id++) {
		const struct topology_queue *queue = topology_queue((enum topology_queue_id)id);
		char text[64];

		assert_string_equal(
			topology_argument_text(queue, "x-queue-type", text, sizeof text), "quorum");
		assert_string_equal(topology_argument_text(queue, "x-overflow", text, sizeof text),
			"reject-publish");
		if (queue->dead_letter_key)
			assert_string_equal(topology_argument_text(queue, "x-dead-letter-strategy",
						    text, sizeof text),
				"at-least-once");
		else
			assert_true(queue->delivery_limit > 1000000);
	}
}

static void rungs_delay_what_their_names_say_and_lead_back_to_the_jobs(void **state)
{
	static const int64_t delays_s[RUNGS] = {10, 60, 300, 1800};

	for (int rung = 0; rung < RUNGS; rung++) {
		const struct topology_queue *queue = topology_rung((enum retry_rung)rung);

		assert_int_equal(
			topology_rung_delay_ms((enum retry_rung)rung), delays_s[rung] * 1000);
		assert_string_equal(queue->dead_letter_key, topology_queue(QUEUE_JOBS)->key);
	}
}

static void a_refusal_names_the_argument_and_both_values(void **state)
{
	topology_report_refusal(&report, topology_queue(QUEUE_JOBS),
		"PRECONDITION_FAILED - inequivalent arg 'x-delivery-limit' for queue 'sync.jobs' "
		"in vhost '/': received '50' but current is '20'");

	assert_string_equal(
		differences(), "queue sync.jobs: x-delivery-limit is 20, should be 50\n");
}

static void a_refusal_names_an_argument_that_is_not_set(void **state)
{
	topology_report_refusal(&report, topology_queue(QUEUE_JOBS),
		"PRECONDITION_FAILED - inequivalent arg 'x-overflow' for queue 'sync.jobs' in vhost "
		"'/': received the value 'reject-publish' of type 'longstr' but current is none");

	assert_string_equal(differences(),
		"queue sync.jobs: x-overflow is not set, should be reject-publish\n");
}

static void a_refusal_names_an_argument_that_should_not_be_set(void **state)
{
	topology_report_refusal(&report, topology_queue(QUEUE_JOBS),
		"PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'sync.jobs' in "
		"vhost '/': received none but current is the value '1000' of type 'signedint'");

	assert_string_equal(
		differences(), "queue sync.jobs: x-message-ttl is 1000, should not be set\n");
}

static void a_queue_without_a_type_is_called_classic(void **state)
{
	topology_report_refusal(&report, topology_queue(QUEUE_JOBS),
		"PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'sync.jobs' in vhost "
		"'/': received the value 'quorum' of type 'longstr' but current is none");

	assert_string_equal(
		differences(), "queue sync.jobs: x-queue-type is classic, should be quorum\n");
}

static void a_refusal_of_the_exchange_names_its_type(void **state)
{
	topology_report_refusal(&report, NULL,
		"PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'sync' in vhost '/': "
		"received 'direct' but current is 'topic'");

	assert_string_equal(differences(), "exchange sync: type is topic, should be direct\n");
}

static void a_refusal_that_is_cut_off_is_passed_on(void **state)
{
	topology_report_refusal(
		&report, topology_queue(QUEUE_JOBS), "PRECONDITION_FAILED - inequivalent arg 'x-o");

	assert_string_equal(
		differences(), "queue sync.jobs: PRECONDITION_FAILED - inequivalent arg 'x-o\n");
	assert_int_equal(report.difference_count, 1);
}

static void a_summary_is_one_line_with_the_way_out(void **state)
{
	struct text line = {0};

	topology_report_missing_queue(&report, topology_queue(QUEUE_RETRY_1M));
	topology_report_missing_queue(&report, topology_queue(QUEUE_RETRY_5M));
	topology_report_summarise(&report, &line);

	assert_string_equal(text_string(&line),
		"queue sync.retry.1m is missing (and 1 more); run: syncctl topology apply");
	text_finish(&line);
}

static void a_queue_that_differs_must_be_deleted_first(void **state)
{
	struct text way_out = {0};

	topology_report_argument(&report, topology_queue(QUEUE_JOBS), "x-delivery-limit", "20");
	topology_report_way_out(&report, &way_out);

	assert_non_null(strstr(text_string(&way_out),
		"delete the queue when it is empty and run syncctl topology apply"));
	text_finish(&way_out);
}

/* All queues as they should be; instead of the one called name, replacement (NULL: left out). */
static struct json *queues_but(const char *name, const char *replacement)
{
	struct text text = {0};
	struct json *document = NULL;
	struct error err = {0};

	text_append(&text, "[");
	for (int id = 0; id < QUEUES; id++) {
		const struct topology_queue *queue = topology_queue((enum topology_queue_id)id);
		struct topology_argument arguments[TOPOLOGY_ARGUMENTS_MAX];
		size_t count = topology_arguments(queue, arguments);

		if (name && strcmp(queue->name, name) == 0) {
			if (replacement)
				text_append_format(
					&text, "%s%s", text.length > 1 ? "," : "", replacement);
			continue;
		}
		text_append_format(&text,
			"%s{\"name\":\"%s\",\"type\":\"quorum\",\"durable\":true,",
			text.length > 1 ? "," : "", queue->name);
		text_append(&text, "\"auto_delete\":false,\"exclusive\":false,\"arguments\":{");
		for (size_t i = 0; i < count; i++) {
			text_append_format(&text, "%s\"%s\":", i > 0 ? "," : "", arguments[i].name);
			if (arguments[i].text)
				text_append_format(&text, "\"%s\"", arguments[i].text);
			else
				text_append_format(&text, "%" PRId64, arguments[i].number);
		}
		text_append(&text, "}}");
	}
	text_append(&text, "]");
	if (!json_parse(text.data, text.length, &document, &err))
		fail_msg("%s: %s", text.data, err.text);
	text_finish(&text);
	return document;
}

/* sync.jobs with every argument right, and more members as given. */
static struct json *jobs_with(const char *durable, const char *arguments, const char *members)
{
	struct text queue = {0};
	struct json *document;

	text_append_format(&queue,
		"{\"name\":\"sync.jobs\",\"type\":\"quorum\",\"durable\":%s,\"auto_delete\":false,"
		"\"exclusive\":false,\"arguments\":{\"x-queue-type\":\"quorum\","
		"\"x-overflow\":\"reject-publish\",\"x-dead-letter-exchange\":\"sync\","
		"\"x-dead-letter-routing-key\":\"dead\","
		"\"x-dead-letter-strategy\":\"at-least-once\"%s}%s}",
		durable, arguments, members);
	document = queues_but("sync.jobs", text_string(&queue));
	text_finish(&queue);
	return document;
}

static void expect_of_queues(struct json *queues, const char *expected)
{
	topology_compare_queues(queues, &report);
	topology_compare_effective_policies(queues, &report);

	assert_string_equal(differences(), expected);
	json_destroy(queues);
}

static void a_topology_as_it_should_be_has_no_differences(void **state)
{
	expect_of_queues(queues_but(NULL, NULL), "");
}

static void a_missing_queue_is_named(void **state)
{
	expect_of_queues(queues_but("sync.retry.1m", NULL), "queue sync.retry.1m is missing\n");
}

static void a_classic_queue_is_named_with_everything_it_lacks(void **state)
{
	expect_of_queues(queues_but("sync.results.dead",
				 "{\"name\":\"sync.results.dead\",\"type\":\"classic\","
				 "\"durable\":true,\"arguments\":{}}"),
		"queue sync.results.dead: x-queue-type is classic, should be quorum\n"
		"queue sync.results.dead: x-overflow is not set, should be reject-publish\n"
		"queue sync.results.dead: x-delivery-limit is not set, should be 1000000000\n");
}

static void wrong_missing_and_surplus_arguments_are_named(void **state)
{
	expect_of_queues(jobs_with("false", ",\"x-delivery-limit\":20,\"x-max-length\":5", ""),
		"queue sync.jobs: durable is false, should be true\n"
		"queue sync.jobs: x-delivery-limit is 20, should be 50\n"
		"queue sync.jobs: x-max-length is 5, should not be set\n");
}

static void a_policy_that_drops_messages_is_named(void **state)
{
	expect_of_queues(jobs_with("true", ",\"x-delivery-limit\":50",
				 ",\"policy\":\"lazy\",\"effective_policy_definition\":"
				 "{\"overflow\":\"drop-head\",\"max-length\":10}"),
		"policy \"lazy\" on sync.jobs overrides overflow with drop-head\n");
}

static void a_policy_counts_only_where_it_is_stricter_than_the_argument(void **state)
{
	expect_of_queues(jobs_with("true", ",\"x-delivery-limit\":50",
				 ",\"operator_policy\":\"limits\",\"effective_policy_definition\":"
				 "{\"overflow\":\"reject-publish\",\"delivery-limit\":3,"
				 "\"message-ttl\":1000,\"dead-letter-exchange\":\"other\"}"),
		"policy \"limits\" on sync.jobs overrides delivery-limit with 3\n"
		"policy \"limits\" on sync.jobs overrides message-ttl with 1000\n");
}

static void a_policy_that_asks_for_less_than_the_argument_is_no_difference(void **state)
{
	expect_of_queues(jobs_with("true", ",\"x-delivery-limit\":50",
				 ",\"policy\":\"limits\",\"effective_policy_definition\":"
				 "{\"delivery-limit\":100,\"max-length\":1000000}"),
		"");
}

static void an_empty_policy_definition_may_be_an_array(void **state)
{
	expect_of_queues(jobs_with("true", ",\"x-delivery-limit\":50",
				 ",\"effective_policy_definition\":[]"),
		"");
}

/* Whether a list of policies could be compared. */
static bool compare_policies(const char *text)
{
	struct json *policies = NULL;
	struct error err = {0};
	bool compared;

	assert_true(json_parse(text, strlen(text), &policies, &err));
	compared = topology_compare_policies(policies, &report);
	json_destroy(policies);
	return compared;
}

static void a_listed_policy_counts_where_its_pattern_matches(void **state)
{
	assert_true(compare_policies(
		"[{\"name\":\"lazy\",\"pattern\":\"^sync\\\\.jobs$\",\"apply-to\":\"queues\","
		"\"definition\":{\"overflow\":\"drop-head\"},\"priority\":0},"
		"{\"name\":\"elsewhere\",\"pattern\":\"^other\",\"apply-to\":\"all\","
		"\"definition\":{\"expires\":1},\"priority\":9}]"));

	assert_string_equal(
		differences(), "policy \"lazy\" on sync.jobs overrides overflow with drop-head\n");
}

static void of_several_policies_the_highest_priority_counts(void **state)
{
	assert_true(compare_policies(
		"[{\"name\":\"low\",\"pattern\":\"jobs.dead\",\"apply-to\":\"queues\","
		"\"definition\":{\"expires\":1},\"priority\":1},"
		"{\"name\":\"high\",\"pattern\":\"jobs.dead\",\"apply-to\":\"quorum_queues\","
		"\"definition\":{\"message-ttl\":5},\"priority\":2}]"));

	assert_string_equal(
		differences(), "policy \"high\" on sync.jobs.dead overrides message-ttl with 5\n");
}

static void policies_for_other_things_do_not_count(void **state)
{
	assert_true(compare_policies(
		"[{\"name\":\"a\",\"pattern\":\".*\",\"apply-to\":\"exchanges\","
		"\"definition\":{\"expires\":1},\"priority\":1},"
		"{\"name\":\"b\",\"pattern\":\".*\",\"apply-to\":\"classic_queues\","
		"\"definition\":{\"expires\":1},\"priority\":2}]"));

	assert_string_equal(differences(), "");
}

static void a_pattern_of_perl_is_left_to_rabbitmq(void **state)
{
	static const char *const patterns[] = {
		"^(?!amq).*", "^sync\\\\.retry\\\\.\\\\d+s", "a{", "["};

	for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
		struct text policies = {0};

		text_append_format(&policies,
			"[{\"name\":\"a\",\"pattern\":\"%s\",\"apply-to\":\"all\","
			"\"definition\":{\"expires\":1},\"priority\":0}]",
			patterns[i]);
		if (compare_policies(policies.data))
			fail_msg("%s was compared", patterns[i]);
		text_finish(&policies);
	}

	assert_int_equal(report.difference_count, 0);
}

static void a_missing_binding_is_named_unless_its_queue_is_missing_too(void **state)
{
	struct json *queues = queues_but("sync.retry.1m", NULL);
	struct text text = {0};
	struct json *bindings = NULL;
	struct error err = {0};

	text_append(&text, "[{\"source\":\"sync\",\"destination\":\"sync.jobs\","
			   "\"destination_type\":\"queue\",\"routing_key\":\"wrong\"}");
	for (int id = QUEUE_JOBS_EXPRESS; id < QUEUES; id++)
		text_append_format(&text,
			",{\"source\":\"sync\",\"destination\":\"%s\",\"destination_type\":"
			"\"queue\",\"routing_key\":\"%s\"}",
			topology_queue((enum topology_queue_id)id)->name,
			topology_queue((enum topology_queue_id)id)->key);
	text_append(&text, "]");
	assert_true(json_parse(text.data, text.length, &bindings, &err));

	topology_compare_bindings(queues, bindings, &report);

	assert_string_equal(
		differences(), "queue sync.jobs is not bound to exchange sync with key job\n");
	json_destroy(queues);
	json_destroy(bindings);
	text_finish(&text);
}

static void an_exchange_of_another_type_is_named(void **state)
{
	static const char text[] = "{\"name\":\"sync\",\"type\":\"topic\",\"durable\":false,"
				   "\"auto_delete\":false,\"internal\":false,\"arguments\":{}}";
	struct json *exchange = NULL;
	struct error err = {0};

	assert_true(json_parse(text, strlen(text), &exchange, &err));

	topology_compare_exchange(exchange, &report);

	assert_string_equal(differences(), "exchange sync: type is topic, should be direct\n"
					   "exchange sync: durable is false, should be true\n");
	json_destroy(exchange);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(names_and_keys_are_unique),
		TEST(every_dead_letter_key_leads_to_a_queue),
		TEST(every_queue_that_dead_letters_does_so_at_least_once),
		TEST(rungs_delay_what_their_names_say_and_lead_back_to_the_jobs),
		TEST(a_refusal_names_the_argument_and_both_values),
		TEST(a_refusal_names_an_argument_that_is_not_set),
		TEST(a_refusal_names_an_argument_that_should_not_be_set),
		TEST(a_queue_without_a_type_is_called_classic),
		TEST(a_refusal_of_the_exchange_names_its_type),
		TEST(a_refusal_that_is_cut_off_is_passed_on),
		TEST(a_summary_is_one_line_with_the_way_out),
		TEST(a_queue_that_differs_must_be_deleted_first),
		TEST(a_topology_as_it_should_be_has_no_differences),
		TEST(a_missing_queue_is_named),
		TEST(a_classic_queue_is_named_with_everything_it_lacks),
		TEST(wrong_missing_and_surplus_arguments_are_named),
		TEST(a_policy_that_drops_messages_is_named),
		TEST(a_policy_counts_only_where_it_is_stricter_than_the_argument),
		TEST(a_policy_that_asks_for_less_than_the_argument_is_no_difference),
		TEST(an_empty_policy_definition_may_be_an_array),
		TEST(a_listed_policy_counts_where_its_pattern_matches),
		TEST(of_several_policies_the_highest_priority_counts),
		TEST(policies_for_other_things_do_not_count),
		TEST(a_pattern_of_perl_is_left_to_rabbitmq),
		TEST(a_missing_binding_is_named_unless_its_queue_is_missing_too),
		TEST(an_exchange_of_another_type_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
