/* SPDX-License-Identifier: MIT */
/*
 * How many messages the queues hold, as AMQP tells it: a passive declaration is answered by the
 * queue's leader with what is ready now and who holds or may take messages. Runs in the caller's
 * thread, over a connection of its own.
 */
#include "common/broker.h"
#include "common/broker_link.h"
#include "common/clock.h"

#define COUNT_LIMIT_MS 20000

static bool count_queue(struct broker_link *link, const struct topology_queue *queue,
	struct broker_count *count, struct error *err)
{
	const amqp_queue_declare_ok_t *answer;

	if (!broker_link_may_ask(link, err))
		return false;
	answer = amqp_queue_declare(link->state, BROKER_CHANNEL, amqp_cstring_bytes(queue->name), 1,
		1, 0, 0, amqp_empty_table);
	if (broker_link_answer(link, queue->name, err)) {
		*count = (struct broker_count){.exists = true,
			.ready = answer->message_count,
			.consumers = answer->consumer_count};
		amqp_maybe_release_buffers(link->state);
		return true;
	}
	*count = (struct broker_count){0};
	return link->refusal == AMQP_NOT_FOUND && broker_link_renew_channel(link, err);
}

/* The queues from first to last. */
static bool count(
	const char *url, int first, int last, struct broker_count *counts, struct error *err)
{
	struct broker_address address;
	struct broker_link link = {0};
	bool ok;

	ok = broker_url_parse(url, &address, err) &&
	     broker_link_open(
		     &link, &address, "syncctl", 0, clock_monotonic_ms() + COUNT_LIMIT_MS, err);
	for (int id = first; ok && id <= last; id++)
		ok = count_queue(&link, topology_queue((enum topology_queue_id)id),
			&counts[id - first], err);
	broker_link_close(&link, ok ? FAREWELL_POLITE : FAREWELL_NONE);
	broker_address_finish(&address);
	return ok;
}

bool broker_count_queue(const char *url, enum topology_queue_id queue, struct broker_count *state,
	struct error *err)
{
	return count(url, (int)queue, (int)queue, state, err);
}

bool broker_count_messages(const char *url, struct broker_count counts[QUEUES], struct error *err)
{
	return count(url, 0, QUEUES - 1, counts, err);
}
