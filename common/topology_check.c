/* SPDX-License-Identifier: MIT */
/*
 * The comparison of the management API with the table of topology.c. Runs in syncctl's one thread.
 */
#include "common/topology_check.h"

#include <string.h>

#include "common/http.h"
#include "common/text.h"
#include "common/topology_policy.h"

#define VALUE_MAX        255 /* an AMQP short string, as names and keys are */
#define REPLY_MAX_BYTES  ((size_t)32 * 1024 * 1024)
#define DEADLINE_MS      20000
#define CONNECT_LIMIT_MS 5000

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

struct fetched {
	bool done;
	int status;
	struct json *document;
	struct error error;
};

static void keep_reply(void *owner, const struct http_reply *reply)
{
	struct fetched *fetched = owner;

	fetched->done = true;
	fetched->status = reply->status;
	fetched->error = reply->error;
	if (reply->status == 200 &&
		!json_parse(reply->body, reply->length, &fetched->document, &fetched->error))
		fetched->document = NULL;
}

/* GET one document. Owns: *document is the caller's; NULL after 404. */
static bool fetch(struct http *http, const char *url, const char *path, const char *vhost,
	struct json **document, struct error *err)
{
	struct fetched fetched = {0};
	struct text address = {0};
	struct http_request request = {.method = HTTP_GET, .deadline_ms = DEADLINE_MS};
	const char *rest = strstr(path, "%s");
	bool ok = false;

	text_append_bytes(&address, url, strlen(url));
	while (address.length > 0 && address.data[address.length - 1] == '/')
		address.data[--address.length] = '\0';
	text_append_bytes(&address, path, (size_t)(rest - path));
	text_append_url(&address, vhost);
	text_append(&address, rest + 2);
	request.url = text_string(&address);
	http_send(http, &request, keep_reply, &fetched);
	while (!fetched.done)
		http_run(http, DEADLINE_MS);

	if (fetched.status == 0) {
		error_set(err, ERROR_BROKER, "the management API does not answer: %s",
			fetched.error.text);
	} else if (fetched.status == 404) {
		*document = NULL;
		ok = true;
	} else if (fetched.status == 401) {
		error_set(err, ERROR_BROKER,
			"the management API refuses the user of AMQP_MANAGEMENT_URL (it needs the "
			"tag \"management\" or \"monitoring\" and access to the vhost)");
	} else if (!fetched.document) {
		error_set(err, ERROR_BROKER,
			"the management API answered with status %d and nothing we understand",
			fetched.status);
	} else {
		*document = fetched.document;
		ok = true;
	}
	text_finish_secret(&address);
	return ok;
}

/*
 * The lists of policies are exact at once but need the tags that may read them, and patterns that
 * we understand; otherwise the policies are read off the queues.
 */
static void check_policies(struct http *http, const char *url, const char *vhost,
	const struct json *queues, struct topology_report *report)
{
	struct json *policies = NULL, *operator_policies = NULL;
	struct topology_report found = {0};
	struct error unused;

	if (fetch(http, url, TOPOLOGY_POLICIES_PATH, vhost, &policies, &unused) && policies &&
		fetch(http, url, TOPOLOGY_OPERATOR_POLICIES_PATH, vhost, &operator_policies,
			&unused) &&
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
	const struct http_options options = {
		.max_calls = 1,
		.connect_timeout_ms = CONNECT_LIMIT_MS,
		.reply_max_bytes = REPLY_MAX_BYTES,
		.plain_allowed = true,
	};
	struct http *http = NULL;
	struct json *exchange = NULL, *queues = NULL, *bindings = NULL;
	bool ok = false;

	if (!http_create(&options, &http, err) ||
		!fetch(http, url, TOPOLOGY_EXCHANGE_PATH, vhost, &exchange, err) ||
		!fetch(http, url, TOPOLOGY_QUEUES_PATH, vhost, &queues, err))
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
	check_policies(http, url, vhost, queues, report);
	if (exchange) {
		if (!fetch(http, url, TOPOLOGY_BINDINGS_PATH, vhost, &bindings, err))
			goto out;
		if (bindings)
			topology_compare_bindings(queues, bindings, report);
	}
	ok = true;
out:
	json_destroy(bindings);
	json_destroy(queues);
	json_destroy(exchange);
	http_destroy(http);
	return ok;
}
