/* SPDX-License-Identifier: MIT */
/*
 * What goes out: publishes and the settling of deliveries. Runs in the broker's thread, also from
 * inside its callbacks; a connection that breaks here is ended by the next turn of broker_run().
 */
#include <assert.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/broker_internal.h"
#include "common/clock.h"
#include "common/memory.h"
#include "common/metrics.h"

#define RPC_LIMIT_MS        5000
#define REFUSAL_LIMIT_MS    60000
#define SILENCE_MARGIN_MS   2000
#define PERSISTENT_DELIVERY 2

/*
 * rabbitmq-c 0.11 waits for ever in a publish when two heartbeats were missed and there is nothing
 * to read (its issue 780, mended in 0.14). We stop sending shortly before that moment.
 */
bool broker_can_send(struct broker *broker)
{
	int64_t silence_ms, limit_ms;
	struct pollfd socket;

	if (!broker->up || broker->fault.class != ERROR_NONE)
		return false;
	silence_ms = clock_monotonic_ms() - broker->last_heard_ms;
	limit_ms = 2000 * (int64_t)broker->heartbeat_s - SILENCE_MARGIN_MS;
	if (broker->heartbeat_s == 0 || silence_ms < limit_ms)
		return true;
	socket = (struct pollfd){.fd = amqp_get_sockfd(broker->link.state), .events = POLLIN};
	if (poll(&socket, 1, 0) > 0)
		return true;
	broker_fail(broker, "RabbitMQ has been silent for %" PRId64 " s", silence_ms / 1000);
	return false;
}

size_t broker_room(const struct broker *broker)
{
	if (!broker->up || broker->blocked || broker->fault.class != ERROR_NONE)
		return 0;
	return broker_window_room(&broker->window);
}

size_t broker_unconfirmed(const struct broker *broker)
{
	return broker->window.open;
}

static void write_header(const struct broker_header *header, amqp_table_entry_t *entry)
{
	amqp_field_value_t *value = &entry->value;

	entry->key = amqp_cstring_bytes(header->name);
	if (header->text) {
		value->kind = AMQP_FIELD_KIND_UTF8;
		value->value.bytes = amqp_cstring_bytes(header->text);
	} else {
		value->kind = AMQP_FIELD_KIND_I64;
		value->value.i64 = header->number;
	}
}

static int write_headers(
	const struct broker_message *message, amqp_table_entry_t entries[BROKER_HEADERS_MAX])
{
	assert(message->header_count <= BROKER_HEADERS_MAX);
	for (size_t i = 0; i < message->header_count; i++)
		write_header(&message->headers[i], &entries[i]);
	return (int)message->header_count;
}

static int send_with(struct broker *broker, const struct broker_message *message,
	const amqp_basic_properties_t *properties)
{
	bool is_large = message->length > BROKER_BODY_MAX; /* a copy of somebody else's message */
	int status;

	if (is_large && !broker_link_set_frames(&broker->link, FRAMES_AGREED))
		return AMQP_STATUS_NO_MEMORY;
	status = amqp_basic_publish(broker->link.state, BROKER_CHANNEL,
		amqp_cstring_bytes(message->exchange), amqp_cstring_bytes(message->key),
		/* mandatory */ 1, /* immediate */ 0, properties,
		broker_bytes(message->body, message->length));
	if (is_large && !broker_link_set_frames(&broker->link, FRAMES_LARGER))
		return AMQP_STATUS_NO_MEMORY;
	return status;
}

/* No priority: on RabbitMQ 4.3 it would reorder the queue. */
static int send_message(
	struct broker *broker, const struct broker_message *message, const char *publish_number)
{
	amqp_table_entry_t entries[BROKER_HEADERS_MAX];
	amqp_basic_properties_t properties = {
		._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG |
			  AMQP_BASIC_MESSAGE_ID_FLAG | AMQP_BASIC_CORRELATION_ID_FLAG,
		.content_type = amqp_cstring_bytes("application/json"),
		.delivery_mode = PERSISTENT_DELIVERY,
		.message_id = amqp_cstring_bytes(message->message_id),
		.correlation_id = amqp_cstring_bytes(publish_number),
	};

	if (message->header_count > 0) {
		properties._flags |= AMQP_BASIC_HEADERS_FLAG;
		properties.headers.num_entries = write_headers(message, entries);
		properties.headers.entries = entries;
	}
	return send_with(broker, message, &properties);
}

static bool bytes_equal(amqp_bytes_t bytes, const char *string)
{
	return bytes.len == strlen(string) && memcmp(bytes.bytes, string, bytes.len) == 0;
}

/* Does a copy of the message have a header of its own in place of this one, or none? */
static bool copy_leaves_out(const struct broker_message *message, amqp_bytes_t header)
{
	static const char *const never[] = {"x-delivery-count", "CC", "BCC", BROKER_PUBLISH_HEADER};

	for (size_t i = 0; i < sizeof never / sizeof *never; i++)
		if (bytes_equal(header, never[i]))
			return true;
	for (size_t i = 0; i < message->header_count; i++)
		if (bytes_equal(header, message->headers[i].name))
			return true;
	return false;
}

static int copy_headers(const struct broker_message *message, const char *publish_number,
	amqp_table_entry_t *entries)
{
	const amqp_basic_properties_t *original = &message->copy_of->list;
	const struct broker_header number = {BROKER_PUBLISH_HEADER, publish_number, 0};
	int count = 0;

	if (original->_flags & AMQP_BASIC_HEADERS_FLAG)
		for (int i = 0; i < original->headers.num_entries; i++)
			if (!copy_leaves_out(message, original->headers.entries[i].key))
				entries[count++] = original->headers.entries[i];
	count += write_headers(message, entries + count);
	write_header(&number, &entries[count++]);
	return count;
}

static int send_copy(
	struct broker *broker, const struct broker_message *message, const char *publish_number)
{
	amqp_basic_properties_t properties = message->copy_of->list;
	bool has_headers = properties._flags & AMQP_BASIC_HEADERS_FLAG;
	size_t entries_max =
		(has_headers ? (size_t)properties.headers.num_entries : 0) + BROKER_HEADERS_MAX + 1;
	amqp_table_entry_t *entries = memory_allocate(entries_max, sizeof *entries);
	int status;

	properties._flags |= AMQP_BASIC_HEADERS_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG;
	properties.delivery_mode = PERSISTENT_DELIVERY;
	if (broker->address.external || !bytes_equal(properties.user_id, broker->address.user))
		properties._flags &= ~(amqp_flags_t)AMQP_BASIC_USER_ID_FLAG;
	properties.headers.num_entries = copy_headers(message, publish_number, entries);
	properties.headers.entries = entries;
	status = send_with(broker, message, &properties);
	free(entries);
	return status;
}

bool broker_publish(
	struct broker *broker, const struct broker_message *message, void *publish_context)
{
	char number[24];
	uint64_t tag;
	int status;

	assert(message->copy_of || strlen(message->message_id) <= BROKER_MESSAGE_ID_MAX);
	assert(message->copy_of || message->length <= BROKER_BODY_MAX);
	if (broker_room(broker) == 0 || !broker_can_send(broker))
		return false;
	tag = broker_window_add(&broker->window, publish_context, clock_monotonic_ms());
	snprintf(number, sizeof number, "%" PRIu64, tag);
	status = message->copy_of ? send_copy(broker, message, number)
				  : send_message(broker, message, number);
	if (status != AMQP_STATUS_OK) {
		broker_window_take_back(&broker->window, tag);
		broker_fail(broker, "cannot publish: %s", amqp_error_string2(status));
		return false;
	}
	metric_add(METRIC_UNCONFIRMED, 0, 1);
	return true;
}

/*
 * A channel may go on refusing after the limit that it ran into was lifted (seen with 3.10.8, after
 * a policy with max-length was removed). While publishes are refused we therefore begin with a new
 * channel once a minute.
 */
static void note_refusal(struct broker *broker)
{
	int64_t now_ms = clock_monotonic_ms();

	if (broker->refused_since_ms == 0)
		broker->refused_since_ms = now_ms;
	else if (now_ms - broker->refused_since_ms >= REFUSAL_LIMIT_MS)
		broker_fail(broker, "RabbitMQ keeps refusing messages (is a queue full?)");
}

void broker_settle_publish(void *owner, void *publish_context, enum broker_fate fate)
{
	struct broker *broker = owner;

	metric_add(METRIC_UNCONFIRMED, 0, -1);
	switch (fate) {
	case FATE_STORED:
		metric_add(METRIC_PUBLISHED, CONFIRM_ACKED, 1);
		break;
	case FATE_REFUSED:
		metric_add(METRIC_PUBLISHED, CONFIRM_NACKED, 1);
		note_refusal(broker);
		break;
	case FATE_RETURNED:
		metric_add(METRIC_PUBLISHED, CONFIRM_RETURNED, 1);
		break;
	case FATE_LOST:
		break;
	}
	broker->options.settled(broker->options.context, publish_context, fate);
}

void broker_ack(struct broker *broker, uint64_t epoch, uint64_t tag)
{
	int status;

	if (epoch != broker->epoch || !broker_can_send(broker))
		return;
	status = amqp_basic_ack(broker->link.state, BROKER_CHANNEL, tag, 0);
	if (status != AMQP_STATUS_OK)
		broker_fail(broker, "cannot acknowledge: %s", amqp_error_string2(status));
}

/*
 * basic.nack rather than basic.reject: from RabbitMQ 4.3 on it does not count towards the delivery
 * limit.
 */
void broker_requeue(struct broker *broker, uint64_t epoch, uint64_t tag)
{
	int status;

	if (epoch != broker->epoch || !broker_can_send(broker))
		return;
	status = amqp_basic_nack(broker->link.state, BROKER_CHANNEL, tag, 0, 1);
	if (status != AMQP_STATUS_OK)
		broker_fail(broker, "cannot give a message back: %s", amqp_error_string2(status));
}

void broker_consumer_tag(const struct broker *broker, const struct broker_consumer *consumer,
	char tag[BROKER_CONSUMER_TAG_SIZE])
{
	snprintf(tag, BROKER_CONSUMER_TAG_SIZE, "%s#%u", consumer->queue, broker->consumptions);
}

/* What is delivered before RabbitMQ answers is kept by rabbitmq-c and comes with the next frames. */
static void cancel_consumers(struct broker *broker)
{
	struct error err;

	broker->link.deadline_ms = clock_monotonic_ms() + RPC_LIMIT_MS;
	for (size_t i = 0; i < broker->options.consumer_count; i++) {
		char tag[BROKER_CONSUMER_TAG_SIZE];

		if (!broker_can_send(broker))
			return;
		if (broker_link_may_ask(&broker->link, &err)) {
			broker_consumer_tag(broker, &broker->options.consumers[i], tag);
			amqp_basic_cancel(
				broker->link.state, BROKER_CHANNEL, amqp_cstring_bytes(tag));
			if (broker_link_answer(&broker->link, "cannot stop consuming", &err))
				continue;
		}
		broker_fail(broker, "%s", err.text);
		return;
	}
}

bool broker_count_ready(struct broker *broker, enum topology_queue_id queue, int64_t *ready)
{
	const amqp_queue_declare_ok_t *answer;
	struct error err;

	if (!broker_can_send(broker))
		return false;
	broker->link.deadline_ms = clock_monotonic_ms() + RPC_LIMIT_MS;
	answer = amqp_queue_declare(broker->link.state, BROKER_CHANNEL,
		amqp_cstring_bytes(topology_queue(queue)->name), 1, 1, 0, 0, amqp_empty_table);
	if (!broker_link_answer(&broker->link, "cannot count messages", &err)) {
		broker_fail(broker, "%s", err.text);
		return false;
	}
	*ready = answer->message_count;
	return true;
}

void broker_pause_consuming(struct broker *broker)
{
	if (broker->consuming_paused)
		return;
	broker->consuming_paused = true;
	if (!broker->consuming_stopped)
		cancel_consumers(broker);
}

void broker_resume_consuming(struct broker *broker)
{
	struct error err;

	if (!broker->consuming_paused)
		return;
	broker->consuming_paused = false;
	if (broker->consuming_stopped)
		return;
	broker->consumptions++;
	broker->link.deadline_ms = clock_monotonic_ms() + RPC_LIMIT_MS;
	for (size_t i = 0; i < broker->options.consumer_count && broker_can_send(broker); i++)
		if (!broker_start_consumer(broker, &broker->options.consumers[i], &err))
			broker_fail(broker, "%s", err.text);
}

void broker_stop_consuming(struct broker *broker)
{
	if (broker->consuming_stopped)
		return;
	broker->consuming_stopped = true;
	if (!broker->consuming_paused)
		cancel_consumers(broker);
}
