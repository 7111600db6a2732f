/* SPDX-License-Identifier: MIT */
/*
 * The comparison of the management API with the table of topology.c. Runs in syncctl's one thread.
 */
#include "common/topology_check.h"

#include <string.h>

#include "common/management.h"
#include "common/text.h"
#include "common/topology_policy.h"

#define VALUE_MAX 255 /* an AMQP short string, as names and keys are */

/*
 * Every argument that means something to a queue of ours; one that is not in the table must not be
 * set.
 */
static const char *const known_arguments[] = {
	"x-queue-type",
	"x-overflow",
	"x-delivery-limit",
	"x-message-ttl",
	"x-dead-letter-exchange",
	"x-dead-letter-routing-key",
	"x-dead-letter-strategy",
	"x-max-length",
	"x-max-length-bytes",
	"x-expires",
	"x-single-active-consumer",
};

static bool texts_equal(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* A yes-or-no property of a queue (or, queue NULL, the exchange). */
static void compare_property(const struct json *object, const struct topology_queue *queue,
	const char *name, bool wanted, struct topology_report *report)
{
	bool found = wanted;

	/* A broker that leaves a property out has nothing to say against it. */
	if (json_boolean(object, name, &found) != JSON_ABSENT && found != wanted)
		topology_report_argument(report, queue, name, found ? "true" : "false");
}

static void compare_arguments(const struct json *object, const struct topology_queue *queue,
	struct topology_report *report)
{
	const struct json *arguments = json_object(object, "arguments");
	char found_buffer[VALUE_MAX + 1], wanted_buffer[VALUE_MAX + 1];

	for (size_t i = 0; i < sizeof known_arguments / sizeof known_arguments[0]; i++) {
		const char *name = known_arguments[i];
		const char *wanted =
			topology_argument_text(queue, name, wanted_buffer, sizeof wanted_buffer);
		const char *found =
			topology_member_text(arguments, name, found_buffer, sizeof found_buffer);

		if (!texts_equal(found, wanted))
			topology_report_argument(report, queue, name, found);
	}
}

void topology_compare_exchange(const struct json *exchange, struct topology_report *report)
{
	const char *type = "unknown";

	json_string(exchange, "type", VALUE_MAX, &type);
	if (strcmp(type, TOPOLOGY_EXCHANGE_TYPE) != 0)
		topology_report_argument(report, NULL, "type", type);
	compare_property(exchange, NULL, "durable", true, report);
	compare_property(exchange, NULL, "auto_delete", false, report);
	compare_property(exchange, NULL, "internal", false, report);
}

void topology_compare_queues(const struct json *queues, struct topology_report *report)
{
	for (int id = 0; id < QUEUES; id++) {
		const struct topology_queue *queue = topology_queue((enum topology_queue_id)id);
		const struct json *found = topology_find_element(queues, "name", queue->name);

		if (!found) {
			topology_report_missing_queue(report, queue);
			continue;
		}
		compare_property(found, queue, "durable", true, report);
		compare_property(found, queue, "auto_delete", false, report);
		compare_property(found, queue, "exclusive", false, report);
		compare_arguments(found, queue, report);
	}
}

static bool is_bound(const struct json *bindings, const struct topology_queue *queue)
{
	for (size_t i = 0; i < json_array_length(bindings); i++) {
		const struct json *binding = json_array_at(bindings, i);
		const char *destination, *type, *key;

		if (json_string(binding, "destination", VALUE_MAX, &destination) == JSON_FOUND &&
			json_string(binding, "destination_type", VALUE_MAX, &type) == JSON_FOUND &&
			json_string(binding, "routing_key", VALUE_MAX, &key) == JSON_FOUND &&
			strcmp(destination, queue->name) == 0 && strcmp(type, "queue") == 0 &&
			strcmp(key, queue->key) == 0)
			return true;
	}
	return false;
}

void topology_compare_bindings(
	const struct json *queues, const struct json *bindings, struct topology_report *report)
{
	for (int id = 0; id < QUEUES; id++) {
		const struct topology_queue *queue = topology_queue((enum topology_queue_id)id);

		if (topology_find_element(queues, "name", queue->name) &&
			!is_bound(bindings, queue))
			topology_report_missing_binding(report, queue);
	}
}

/*
 * The lists of policies are exact at once but need the tags that may read them, and patterns that
 * we understand; otherwise the policies are read off the queues.
 */
static void check_policies(struct management *management, const char *vhost,
	const struct json *queues, struct topology_report *report)
{
	struct json *policies = NULL, *operator_policies = NULL;
	struct topology_report found = {0};
	struct error unused;

	if (management_get(management, TOPOLOGY_POLICIES_PATH, vhost, &policies, &unused) &&
		policies &&
		management_get(management, TOPOLOGY_OPERATOR_POLICIES_PATH, vhost,
			&operator_policies, &unused) &&
		operator_policies && topology_compare_policies(policies, &found) &&
		topology_compare_policies(operator_policies, &found))
		topology_report_add(report, &found);
	else
		topology_compare_effective_policies(queues, report);
	topology_report_finish(&found);
	json_destroy(policies);
	json_destroy(operator_policies);
}

bool topology_check_management(
	const char *url, const char *vhost, struct topology_report *report, struct error *err)
{
	struct management *management = NULL;
	struct json *exchange = NULL, *queues = NULL, *bindings = NULL;
	bool ok = false;

	if (!management_create(url, &management, err) ||
		!management_get(management, TOPOLOGY_EXCHANGE_PATH, vhost, &exchange, err) ||
		!management_get(management, TOPOLOGY_QUEUES_PATH, vhost, &queues, err))
		goto out;
	if (!queues) {
		error_set(err, ERROR_BROKER, "the vhost %s of AMQP_URL is unknown to %s", vhost,
			"the management API");
		goto out;
	}
	if (exchange)
		topology_compare_exchange(exchange, report);
	else
		topology_report_missing_exchange(report);
	topology_compare_queues(queues, report);
	check_policies(management, vhost, queues, report);
	if (exchange) {
		if (!management_get(management, TOPOLOGY_BINDINGS_PATH, vhost, &bindings, err))
			goto out;
		if (bindings)
			topology_compare_bindings(queues, bindings, report);
	}
	ok = true;
out:
	json_destroy(bindings);
	json_destroy(queues);
	json_destroy(exchange);
	management_destroy(management);
	return ok;
}
