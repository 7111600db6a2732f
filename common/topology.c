/* SPDX-License-Identifier: MIT */
/*
 * The table of exchange, queues and bindings, and the words for what differs from it. Any thread.
 */
#include "common/topology.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/*
 * A crash breaker: the attempts of a job are counted in its message, and every lost connection
 * counts here.
 */
#define DELIVERY_LIMIT 50
/*
 * The dead letters have no further queue to fall into: beyond its limit a quorum queue would drop
 * the message. There is no word for "unlimited" that every broker takes - 4.x means 20 when the
 * argument is absent, 3.10 refuses a negative number - hence a number that nobody reaches.
 */
#define DELIVERY_LIMIT_NEVER 1000000000

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)

/* clang-format off */
static const struct topology_queue queues[QUEUES] = {
	/*                       name                 key            ttl_ms          dead-letter key  delivery limit */
	[QUEUE_JOBS]         = {"sync.jobs",         "job",         0,              "dead",          DELIVERY_LIMIT},
	[QUEUE_JOBS_EXPRESS] = {"sync.jobs.express", "express",     0,              "dead",          DELIVERY_LIMIT},
	[QUEUE_RETRY_10S]    = {"sync.retry.10s",    "retry.10s",   10 * SECOND_MS, "job",           DELIVERY_LIMIT},
	[QUEUE_RETRY_1M]     = {"sync.retry.1m",     "retry.1m",    1 * MINUTE_MS,  "job",           DELIVERY_LIMIT},
	[QUEUE_RETRY_5M]     = {"sync.retry.5m",     "retry.5m",    5 * MINUTE_MS,  "job",           DELIVERY_LIMIT},
	[QUEUE_RETRY_30M]    = {"sync.retry.30m",    "retry.30m",   30 * MINUTE_MS, "job",           DELIVERY_LIMIT},
	[QUEUE_JOBS_DEAD]    = {"sync.jobs.dead",    "dead",        0,              NULL,            DELIVERY_LIMIT_NEVER},
	[QUEUE_RESULTS]      = {"sync.results",      "result",      0,              "result.dead",   DELIVERY_LIMIT},
	[QUEUE_RESULTS_DEAD] = {"sync.results.dead", "result.dead", 0,              NULL,            DELIVERY_LIMIT_NEVER},
};
/* clang-format on */

static const enum topology_queue_id rungs[RUNGS] = {
	[RUNG_10S] = QUEUE_RETRY_10S,
	[RUNG_1M] = QUEUE_RETRY_1M,
	[RUNG_5M] = QUEUE_RETRY_5M,
	[RUNG_30M] = QUEUE_RETRY_30M,
};

const struct topology_queue *topology_queue(enum topology_queue_id id)
{
	assert(id < QUEUES);
	return &queues[id];
}

const struct topology_queue *topology_rung(enum retry_rung rung)
{
	assert(rung < RUNGS);
	return &queues[rungs[rung]];
}

int64_t topology_rung_delay_ms(enum retry_rung rung)
{
	return topology_rung(rung)->ttl_ms;
}

/*
 * At-least-once dead-lettering needs all of quorum, reject-publish and the strategy; without any of
 * them RabbitMQ falls back to losing what it cannot route
 * (rabbitmq.com/docs/quorum-queues#dead-lettering).
 */
size_t topology_arguments(const struct topology_queue *queue,
	struct topology_argument arguments[TOPOLOGY_ARGUMENTS_MAX])
{
	size_t count = 0;

	arguments[count++] = (struct topology_argument){"x-queue-type", "quorum", 0};
	arguments[count++] = (struct topology_argument){"x-overflow", "reject-publish", 0};
	arguments[count++] =
		(struct topology_argument){"x-delivery-limit", NULL, queue->delivery_limit};
	if (queue->ttl_ms > 0)
		arguments[count++] =
			(struct topology_argument){"x-message-ttl", NULL, queue->ttl_ms};
	if (queue->dead_letter_key) {
		arguments[count++] =
			(struct topology_argument){"x-dead-letter-exchange", TOPOLOGY_EXCHANGE, 0};
		arguments[count++] = (struct topology_argument){
			"x-dead-letter-routing-key", queue->dead_letter_key, 0};
		arguments[count++] =
			(struct topology_argument){"x-dead-letter-strategy", "at-least-once", 0};
	}
	assert(count <= TOPOLOGY_ARGUMENTS_MAX);
	return count;
}

const char *topology_argument_text(
	const struct topology_queue *queue, const char *name, char *buffer, size_t size)
{
	struct topology_argument arguments[TOPOLOGY_ARGUMENTS_MAX];
	size_t count = topology_arguments(queue, arguments);

	for (size_t i = 0; i < count; i++) {
		if (strcmp(arguments[i].name, name) != 0)
			continue;
		if (arguments[i].text)
			snprintf(buffer, size, "%s", arguments[i].text);
		else
			snprintf(buffer, size, "%" PRId64, arguments[i].number);
		return buffer;
	}
	return NULL;
}

void topology_report_finish(struct topology_report *report)
{
	text_finish(&report->differences);
	text_finish(&report->actions);
	text_finish(&report->not_checked);
	*report = (struct topology_report){0};
}

void topology_report_add(struct topology_report *report, const struct topology_report *other)
{
	text_append(&report->differences, text_string(&other->differences));
	text_append(&report->actions, text_string(&other->actions));
	text_append(&report->not_checked, text_string(&other->not_checked));
	report->difference_count += other->difference_count;
	report->something_missing |= other->something_missing;
	report->queue_differs |= other->queue_differs;
	report->exchange_differs |= other->exchange_differs;
	report->policy_overrides |= other->policy_overrides;
}

void topology_report_missing_exchange(struct topology_report *report)
{
	text_append(&report->differences, "exchange " TOPOLOGY_EXCHANGE " is missing\n");
	report->difference_count++;
	report->something_missing = true;
}

void topology_report_missing_queue(
	struct topology_report *report, const struct topology_queue *queue)
{
	text_append_format(&report->differences, "queue %s is missing\n", queue->name);
	report->difference_count++;
	report->something_missing = true;
}

void topology_report_missing_binding(
	struct topology_report *report, const struct topology_queue *queue)
{
	text_append_format(&report->differences,
		"queue %s is not bound to exchange " TOPOLOGY_EXCHANGE " with key %s\n",
		queue->name, queue->key);
	report->difference_count++;
	report->something_missing = true;
}

/*
 * What a property of the exchange, or one of a queue that is not an argument, should be; NULL: we
 * do not set it.
 */
static const char *wanted_property(const struct topology_queue *queue, const char *name)
{
	if (strcmp(name, "durable") == 0)
		return "true";
	if (strcmp(name, "auto_delete") == 0 || strcmp(name, "exclusive") == 0 ||
		strcmp(name, "internal") == 0)
		return "false";
	if (!queue && strcmp(name, "type") == 0)
		return TOPOLOGY_EXCHANGE_TYPE;
	return NULL;
}

void topology_report_argument(struct topology_report *report, const struct topology_queue *queue,
	const char *name, const char *found)
{
	struct text *out = &report->differences;
	char buffer[32];
	const char *wanted =
		queue ? topology_argument_text(queue, name, buffer, sizeof buffer) : NULL;

	if (!wanted)
		wanted = wanted_property(queue, name);
	/* A queue declared without a type is a classic one: say what it is, not how it was written. */
	if (!found && strcmp(name, "x-queue-type") == 0)
		found = "classic";
	if (queue)
		text_append_format(out, "queue %s: %s ", queue->name, name);
	else
		text_append_format(out, "exchange " TOPOLOGY_EXCHANGE ": %s ", name);
	if (found)
		text_append_format(out, "is %s, ", found);
	else
		text_append(out, "is not set, ");
	if (wanted)
		text_append_format(out, "should be %s\n", wanted);
	else
		text_append(out, "should not be set\n");
	report->difference_count++;
	*(queue ? &report->queue_differs : &report->exchange_differs) = true;
}

void topology_report_policy(struct topology_report *report, const struct topology_queue *queue,
	const char *policy, const char *key, const char *value)
{
	text_append_format(&report->differences, "policy \"%s\" on %s overrides %s with %s\n",
		policy, queue->name, key, value);
	report->difference_count++;
	report->policy_overrides = true;
}

/* Copy what stands between quotes at from; false: there are none, or it does not fit. */
static bool copy_quoted(const char *from, char *buffer, size_t size)
{
	const char *end = *from == '\'' ? strchr(from + 1, '\'') : NULL;
	size_t length = end ? (size_t)(end - from) - 1 : 0;

	if (!end || length >= size)
		return false;
	memcpy(buffer, from + 1, length);
	buffer[length] = '\0';
	return true;
}

void topology_report_refusal(
	struct topology_report *report, const struct topology_queue *queue, const char *reply_text)
{
	static const char before_name[] = "inequivalent arg ";
	static const char before_found[] = "but current is ";
	static const char before_value[] = "the value ";
	char name[64], found[128];
	const char *at_name = strstr(reply_text, before_name);
	const char *at_found = strstr(reply_text, before_found);

	if (at_name && at_found) {
		at_name += strlen(before_name);
		at_found += strlen(before_found);
		if (strncmp(at_found, before_value, strlen(before_value)) == 0)
			at_found += strlen(before_value);
		if (copy_quoted(at_name, name, sizeof name)) {
			bool has_value = copy_quoted(at_found, found, sizeof found);

			topology_report_argument(report, queue, name, has_value ? found : NULL);
			return;
		}
	}
	/* A long vhost name cuts the text off (255 bytes); other brokers may word it otherwise. */
	text_append_format(&report->differences, "%s %s: %s\n", queue ? "queue" : "exchange",
		queue ? queue->name : TOPOLOGY_EXCHANGE, reply_text);
	report->difference_count++;
	*(queue ? &report->queue_differs : &report->exchange_differs) = true;
}

static void append_sentence(struct text *out, bool *first, const char *sentence)
{
	if (!*first)
		text_append(out, "; ");
	text_append(out, sentence);
	*first = false;
}

void topology_report_way_out(const struct topology_report *report, struct text *out)
{
	bool first = true;

	if (report->exchange_differs)
		append_sentence(out, &first,
			"RabbitMQ does not change what exists: delete the exchange and run syncctl "
			"topology apply");
	if (report->queue_differs)
		append_sentence(out, &first,
			"RabbitMQ does not change what exists: delete the queue when it is empty "
			"and run syncctl topology apply");
	if (report->something_missing && first)
		append_sentence(out, &first, "run: syncctl topology apply");
	if (report->policy_overrides)
		append_sentence(out, &first,
			"change the policy, or its pattern so that it leaves " TOPOLOGY_EXCHANGE
			".* alone (rabbitmqctl list_policies)");
}

void topology_report_summarise(const struct topology_report *report, struct text *out)
{
	const char *text = text_string(&report->differences);

	text_append_bytes(out, text, strcspn(text, "\n"));
	if (report->difference_count > 1)
		text_append_format(out, " (and %zu more)", report->difference_count - 1);
	if (report->difference_count > 0)
		text_append(out, "; ");
	topology_report_way_out(report, out);
}
