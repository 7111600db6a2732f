/* SPDX-License-Identifier: MIT */
/*
 * Declaring and comparing the topology over AMQP. Runs in the thread that owns the link.
 */
#include "common/broker_topology.h"

#include <assert.h>

#include "common/broker.h"
#include "common/broker_link.h"
#include "common/clock.h"

#define COMMAND_LIMIT_MS 60000 /* of syncctl: nine queues on a cluster that is busy */

enum declaration {
	DECLARE_PASSIVE, /* is it there? */
	DECLARE_ACTIVE,  /* is it as it should be? creates what is not there */
};

enum answer {
	ANSWER_YES,
	ANSWER_MISSING,
	ANSWER_DIFFERS,
	ANSWER_FORBIDDEN,
	ANSWER_BROKEN, /* the link is unusable */
};

/* Sort the outcome of a declaration; after a refusal the channel is opened again. */
static enum answer read_answer(struct broker_link *link, const char *doing, struct error *err)
{
	enum answer answer;

	if (broker_link_answer(link, doing, err))
		return ANSWER_YES;
	switch (link->refusal) {
	case AMQP_NOT_FOUND:
		answer = ANSWER_MISSING;
		break;
	case AMQP_PRECONDITION_FAILED:
		answer = ANSWER_DIFFERS;
		break;
	case AMQP_ACCESS_REFUSED:
		answer = ANSWER_FORBIDDEN;
		break;
	default:
		return ANSWER_BROKEN;
	}
	return broker_link_renew_channel(link, err) ? answer : ANSWER_BROKEN;
}

static enum answer declare_exchange(
	struct broker_link *link, enum declaration declaration, struct error *err)
{
	if (!broker_link_may_ask(link, err))
		return ANSWER_BROKEN;
	amqp_exchange_declare(link->state, BROKER_CHANNEL, amqp_cstring_bytes(TOPOLOGY_EXCHANGE),
		amqp_cstring_bytes(TOPOLOGY_EXCHANGE_TYPE), declaration == DECLARE_PASSIVE, 1, 0, 0,
		amqp_empty_table);
	return read_answer(link, "cannot declare exchange " TOPOLOGY_EXCHANGE, err);
}

static enum answer declare_queue(struct broker_link *link, const struct topology_queue *queue,
	enum declaration declaration, struct error *err)
{
	struct topology_argument arguments[TOPOLOGY_ARGUMENTS_MAX];
	amqp_table_entry_t entries[TOPOLOGY_ARGUMENTS_MAX];
	size_t count = topology_arguments(queue, arguments);
	amqp_table_t table = {.num_entries = (int)count, .entries = entries};

	for (size_t i = 0; i < count; i++) {
		amqp_field_value_t *value = &entries[i].value;

		entries[i].key = amqp_cstring_bytes(arguments[i].name);
		if (arguments[i].text) {
			value->kind = AMQP_FIELD_KIND_UTF8;
			value->value.bytes = amqp_cstring_bytes(arguments[i].text);
		} else {
			value->kind = AMQP_FIELD_KIND_I64;
			value->value.i64 = arguments[i].number;
		}
	}
	if (!broker_link_may_ask(link, err))
		return ANSWER_BROKEN;
	amqp_queue_declare(link->state, BROKER_CHANNEL, amqp_cstring_bytes(queue->name),
		declaration == DECLARE_PASSIVE, 1, 0, 0, table);
	return read_answer(link, queue->name, err);
}

static bool bind_queue(
	struct broker_link *link, const struct topology_queue *queue, struct error *err)
{
	if (!broker_link_may_ask(link, err))
		return false;
	amqp_queue_bind(link->state, BROKER_CHANNEL, amqp_cstring_bytes(queue->name),
		amqp_cstring_bytes(TOPOLOGY_EXCHANGE), amqp_cstring_bytes(queue->key),
		amqp_empty_table);
	return broker_link_answer(link, "cannot bind", err);
}

/*
 * Passive first, so that the declaration proper creates nothing: a queue that appears behind the
 * operator's back would have no binding.
 */
static bool check_exchange(
	struct broker_link *link, struct topology_report *report, struct error *err)
{
	enum answer answer = declare_exchange(link, DECLARE_PASSIVE, err);

	if (answer == ANSWER_YES)
		answer = declare_exchange(link, DECLARE_ACTIVE, err);
	switch (answer) {
	case ANSWER_YES:
		break;
	case ANSWER_MISSING:
		topology_report_missing_exchange(report);
		break;
	case ANSWER_DIFFERS:
		topology_report_refusal(report, NULL, link->refusal_text);
		break;
	case ANSWER_FORBIDDEN:
		text_append(&report->not_checked, "the type of exchange " TOPOLOGY_EXCHANGE
						  ": the user has no configure permission\n");
		break;
	case ANSWER_BROKEN:
		return false;
	}
	return true;
}

static bool check_queue(struct broker_link *link, const struct topology_queue *queue,
	struct topology_report *report, struct error *err)
{
	enum answer answer = declare_queue(link, queue, DECLARE_PASSIVE, err);

	if (answer == ANSWER_YES)
		answer = declare_queue(link, queue, DECLARE_ACTIVE, err);
	switch (answer) {
	case ANSWER_YES:
		break;
	case ANSWER_MISSING:
		topology_report_missing_queue(report, queue);
		break;
	case ANSWER_DIFFERS:
		topology_report_refusal(report, queue, link->refusal_text);
		break;
	case ANSWER_FORBIDDEN:
		text_append_format(&report->not_checked,
			"the arguments of queue %s: the user has no configure permission\n",
			queue->name);
		break;
	case ANSWER_BROKEN:
		return false;
	}
	return true;
}

bool broker_topology_check(struct broker_link *link, const enum topology_queue_id *queues,
	size_t count, struct topology_report *report, struct error *err)
{
	if (!check_exchange(link, report, err))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!check_queue(link, topology_queue(queues[i]), report, err))
			return false;
	return true;
}

/* Create an exchange (queue NULL) or a queue, or find that it is there. False: it is neither. */
static bool create(struct broker_link *link, const struct topology_queue *queue,
	struct topology_report *report, struct error *err)
{
	const char *kind = queue ? "queue" : "exchange";
	const char *name = queue ? queue->name : TOPOLOGY_EXCHANGE;
	enum answer before = queue ? declare_queue(link, queue, DECLARE_PASSIVE, err)
				   : declare_exchange(link, DECLARE_PASSIVE, err);
	enum answer after;

	if (before == ANSWER_BROKEN)
		return false;
	after = queue ? declare_queue(link, queue, DECLARE_ACTIVE, err)
		      : declare_exchange(link, DECLARE_ACTIVE, err);
	if (after == ANSWER_DIFFERS) {
		topology_report_refusal(report, queue, link->refusal_text);
		return true;
	}
	if (after != ANSWER_YES) {
		error_wrap(err, "cannot create %s %s", kind, name);
		return false;
	}
	text_append_format(&report->actions, "%s %s: %s\n", kind, name,
		before == ANSWER_MISSING ? "created" : "already there");
	return true;
}

bool broker_topology_apply(
	struct broker_link *link, struct topology_report *report, struct error *err)
{
	if (!create(link, NULL, report, err))
		return false;
	for (int id = 0; id < QUEUES; id++) {
		const struct topology_queue *queue = topology_queue((enum topology_queue_id)id);

		if (!create(link, queue, report, err))
			return false;
		if (!bind_queue(link, queue, err)) {
			error_wrap(err, "queue %s", queue->name);
			return false;
		}
	}
	return true;
}

enum command { COMMAND_CHECK, COMMAND_APPLY };

static bool run_command(
	enum command command, const char *url, struct topology_report *report, struct error *err)
{
	enum topology_queue_id all[QUEUES];
	struct broker_address address;
	struct broker_link link = {0};
	bool ok = false;

	for (int id = 0; id < QUEUES; id++)
		all[id] = (enum topology_queue_id)id;
	if (broker_url_parse(url, &address, err) &&
		broker_link_open(&link, &address, "syncctl", 0,
			clock_monotonic_ms() + COMMAND_LIMIT_MS, err))
		ok = command == COMMAND_APPLY
			     ? broker_topology_apply(&link, report, err)
			     : broker_topology_check(&link, all, QUEUES, report, err);
	broker_link_close(&link, ok ? FAREWELL_POLITE : FAREWELL_NONE);
	broker_address_finish(&address);
	return ok;
}

bool broker_apply_topology(const char *url, struct topology_report *report, struct error *err)
{
	return run_command(COMMAND_APPLY, url, report, err);
}

bool broker_check_topology(const char *url, struct topology_report *report, struct error *err)
{
	return run_command(COMMAND_CHECK, url, report, err);
}
