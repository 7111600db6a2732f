/* SPDX-License-Identifier: MIT */
/*
 * What comes in: frames are read until there is none, and each goes to the function that knows it.
 * Deliveries are put together here rather than by amqp_consume_message(), which stops at the
 * confirms that come between them. Runs inside broker_run().
 */
#include <assert.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "common/broker_internal.h"
#include "common/clock.h"
#include "common/log.h"

#define FRAMES_PER_TURN 1000 /* then the caller has its turn, however many wait */

static bool bytes_equal(amqp_bytes_t bytes, const char *string)
{
	return bytes.len == strlen(string) && memcmp(bytes.bytes, string, bytes.len) == 0;
}

/* The consumer's tag begins with the name of its queue. */
static bool is_tag_of(amqp_bytes_t tag, const char *queue)
{
	const char *bytes = tag.bytes;
	size_t length = strlen(queue);

	return tag.len > length && memcmp(bytes, queue, length) == 0 && bytes[length] == '#';
}

static const char *find_consumer_queue(const struct broker *broker, amqp_bytes_t tag)
{
	for (size_t i = 0; i < broker->options.consumer_count; i++)
		if (is_tag_of(tag, broker->options.consumers[i].queue))
			return broker->options.consumers[i].queue;
	return NULL;
}

static void begin_content(struct broker *broker, enum content_kind kind)
{
	struct text body = broker->content.body;

	if (broker->content.kind != CONTENT_NONE)
		broker_fail(broker, "RabbitMQ began a message inside another");
	text_clear(&body);
	broker_properties_destroy(broker->content.properties);
	broker->content = (struct broker_content){.kind = kind, .body = body};
}

static void begin_delivery(struct broker *broker, const amqp_basic_deliver_t *deliver)
{
	begin_content(broker, CONTENT_DELIVERY);
	broker->content.queue = find_consumer_queue(broker, deliver->consumer_tag);
	broker->content.delivery_tag = deliver->delivery_tag;
	broker->content.redelivered = deliver->redelivered;
	if (!broker->content.queue)
		broker_fail(broker, "RabbitMQ delivered for a consumer we do not have");
}

bool broker_delivery_is_whole(const struct broker_delivery *delivery, struct error *err)
{
	if (delivery->sent_length <= delivery->length)
		return true;
	error_set(err, ERROR_BAD_MESSAGE, "%" PRIu64 " bytes, of which the first %zu are kept",
		delivery->sent_length, delivery->length);
	return false;
}

static void finish_delivery(struct broker *broker)
{
	const struct broker_content *content = &broker->content;
	const struct broker_delivery delivery = {
		.tag = content->delivery_tag,
		.epoch = broker->epoch,
		.queue = content->queue,
		.redelivered = content->redelivered,
		.delivery_count = content->delivery_count,
		.message_id = content->message_id,
		.body = text_string(&content->body),
		.length = content->body.length,
		.sent_length = content->sent_length,
		.properties = content->properties,
	};

	if (broker->consuming_stopped)
		broker_requeue(broker, delivery.epoch, delivery.tag);
	else
		broker->options.delivered(broker->options.context, &delivery);
}

static void finish_content(struct broker *broker)
{
	enum content_kind kind = broker->content.kind;

	broker->content.kind = CONTENT_NONE;
	if (kind == CONTENT_DELIVERY)
		finish_delivery(broker);
	else if (!broker_window_mark_returned(&broker->window, broker->content.publish_tag))
		broker_fail(broker, "RabbitMQ returned a message that we did not publish");
}

/* Digits as we write them into correlation_id or x-publish; 0: something else. */
static uint64_t read_publish_tag(amqp_bytes_t digits)
{
	uint64_t tag = 0;

	for (size_t i = 0; i < digits.len; i++) {
		unsigned char digit = ((const unsigned char *)digits.bytes)[i];

		if (digit < '0' || digit > '9' || i > 18)
			return 0;
		tag = tag * 10 + (unsigned)(digit - '0');
	}
	return tag;
}

static void read_properties(
	struct broker_content *content, const amqp_basic_properties_t *properties)
{
	if (properties->_flags & AMQP_BASIC_MESSAGE_ID_FLAG) {
		size_t length = properties->message_id.len; /* one byte on the wire */

		assert(length <= BROKER_MESSAGE_ID_MAX);
		memcpy(content->message_id, properties->message_id.bytes, length);
		content->message_id[length] = '\0';
	}
	if (properties->_flags & AMQP_BASIC_CORRELATION_ID_FLAG)
		content->publish_tag = read_publish_tag(properties->correlation_id);
	if (properties->_flags & AMQP_BASIC_HEADERS_FLAG)
		for (int i = 0; i < properties->headers.num_entries; i++) {
			const amqp_table_entry_t *entry = &properties->headers.entries[i];

			if (bytes_equal(entry->key, "x-delivery-count"))
				broker_field_number(&entry->value, &content->delivery_count);
			else if (bytes_equal(entry->key, BROKER_PUBLISH_HEADER) &&
				 entry->value.kind == AMQP_FIELD_KIND_UTF8)
				content->publish_tag = read_publish_tag(entry->value.value.bytes);
		}
}

static void read_header(struct broker *broker, const amqp_frame_t *frame)
{
	struct broker_content *content = &broker->content;

	if (content->kind == CONTENT_NONE || content->has_header) {
		broker_fail(broker, "RabbitMQ sent a header that belongs to no message");
		return;
	}
	content->has_header = true;
	content->sent_length = frame->payload.properties.body_size;
	content->missing = content->sent_length;
	read_properties(content, frame->payload.properties.decoded);
	if (content->kind == CONTENT_DELIVERY && broker->options.with_properties)
		content->properties = broker_properties_keep(frame->payload.properties.decoded);
	if (content->missing == 0)
		finish_content(broker);
}

static void read_body(struct broker *broker, const amqp_frame_t *frame)
{
	struct broker_content *content = &broker->content;
	amqp_bytes_t fragment = frame->payload.body_fragment;
	size_t room = broker->options.body_max - content->body.length;

	if (content->kind == CONTENT_NONE || !content->has_header ||
		fragment.len > content->missing) {
		broker_fail(broker, "RabbitMQ sent a body that belongs to no message");
		return;
	}
	/* The body of a returned message is our own: it is only waited for. */
	if (content->kind == CONTENT_DELIVERY)
		text_append_bytes(
			&content->body, fragment.bytes, fragment.len < room ? fragment.len : room);
	content->missing -= fragment.len;
	if (content->missing == 0)
		finish_content(broker);
}

static void confirm(struct broker *broker, uint64_t tag, bool multiple, enum broker_fate fate)
{
	if (!broker_window_confirm(
		    &broker->window, tag, multiple, fate, broker_settle_publish, broker))
		broker_fail(broker, "RabbitMQ confirmed publish %" PRIu64 ", which we did not send",
			tag);
}

static void become_blocked(struct broker *broker, const amqp_connection_blocked_t *blocked)
{
	broker_set_blocked(broker, true);
	log_warn("RabbitMQ asks %s to stop publishing (%.*s); it goes on when the alarm is over",
		broker->name, (int)blocked->reason.len, (const char *)blocked->reason.bytes);
}

static void become_unblocked(struct broker *broker)
{
	broker_set_blocked(broker, false);
	broker_window_forgive(&broker->window, clock_monotonic_ms());
	log_info("RabbitMQ's alarm is over, %s publishes again", broker->name);
}

static void read_channel_method(struct broker *broker, const amqp_method_t *method)
{
	const amqp_basic_ack_t *ack = method->decoded;
	const amqp_basic_nack_t *nack = method->decoded;
	const amqp_basic_cancel_t *cancel = method->decoded;
	const amqp_channel_close_t *close = method->decoded;

	switch (method->id) {
	case AMQP_BASIC_DELIVER_METHOD:
		begin_delivery(broker, method->decoded);
		break;
	case AMQP_BASIC_RETURN_METHOD:
		begin_content(broker, CONTENT_RETURN);
		break;
	case AMQP_BASIC_ACK_METHOD:
		confirm(broker, ack->delivery_tag, ack->multiple, FATE_STORED);
		break;
	case AMQP_BASIC_NACK_METHOD:
		confirm(broker, nack->delivery_tag, nack->multiple, FATE_REFUSED);
		break;
	case AMQP_BASIC_CANCEL_METHOD:
		broker_fail(broker,
			"RabbitMQ cancelled the consumer of %.*s: the queue was deleted "
			"or its node went away",
			(int)cancel->consumer_tag.len, (const char *)cancel->consumer_tag.bytes);
		break;
	case AMQP_CHANNEL_CLOSE_METHOD:
		broker_fail(broker, "RabbitMQ closed the channel: %d %.*s", close->reply_code,
			(int)close->reply_text.len, (const char *)close->reply_text.bytes);
		break;
	default:
		broker_fail(broker, "RabbitMQ sent %s, which we did not ask for",
			amqp_method_name(method->id));
	}
}

static void read_connection_method(struct broker *broker, const amqp_method_t *method)
{
	const amqp_connection_close_t *close = method->decoded;

	switch (method->id) {
	case AMQP_CONNECTION_BLOCKED_METHOD:
		become_blocked(broker, method->decoded);
		break;
	case AMQP_CONNECTION_UNBLOCKED_METHOD:
		become_unblocked(broker);
		break;
	case AMQP_CONNECTION_CLOSE_METHOD:
		broker_fail(broker, "RabbitMQ closed the connection: %d %.*s", close->reply_code,
			(int)close->reply_text.len, (const char *)close->reply_text.bytes);
		break;
	default:
		broker_fail(broker, "RabbitMQ sent %s, which we did not ask for",
			amqp_method_name(method->id));
	}
}

static void read_frame(struct broker *broker, const amqp_frame_t *frame)
{
	switch (frame->frame_type) {
	case AMQP_FRAME_METHOD:
		if (frame->channel == BROKER_CHANNEL)
			read_channel_method(broker, &frame->payload.method);
		else
			read_connection_method(broker, &frame->payload.method);
		break;
	case AMQP_FRAME_HEADER:
		read_header(broker, frame);
		break;
	case AMQP_FRAME_BODY:
		read_body(broker, frame);
		break;
	default:
		break;
	}
}

/*
 * rabbitmq-c reads ahead, and OpenSSL holds decrypted bytes: only its own word that there is no
 * frame (TIMEOUT) means that poll() may be slept in. Asking also sends a heartbeat when one is due,
 * and notices when the broker's stay away.
 */
size_t broker_read_frames(struct broker *broker)
{
	struct pollfd socket = {.fd = amqp_get_sockfd(broker->link.state), .events = POLLIN};
	size_t count = 0;

	if (poll(&socket, 1, 0) > 0)
		broker->last_heard_ms = clock_monotonic_ms();
	while (count < FRAMES_PER_TURN && broker->fault.class == ERROR_NONE) {
		struct timeval no_time = {0};
		amqp_frame_t frame;
		int status = amqp_simple_wait_frame_noblock(broker->link.state, &frame, &no_time);

		if (status == AMQP_STATUS_TIMEOUT)
			break;
		if (status != AMQP_STATUS_OK) {
			broker_fail(broker, "the connection to RabbitMQ broke: %s",
				amqp_error_string2(status));
			break;
		}
		read_frame(broker, &frame);
		/* Everything that is kept was copied; without this, the frames of a burst pile up. */
		amqp_maybe_release_buffers(broker->link.state);
		count++;
	}
	return count;
}
