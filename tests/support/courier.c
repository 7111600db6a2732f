/* SPDX-License-Identifier: MIT */
/*
 * Frames by hand (AMQP 0-9-1, 4.2.3 "General Frame Format"), over a connection that rabbitmq-c has
 * opened. The test thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/courier.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if __has_include(<rabbitmq-c/amqp.h>)
#include <rabbitmq-c/amqp.h>
#include <rabbitmq-c/framing.h>
#include <rabbitmq-c/tcp_socket.h>
#else
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>
#endif

#include "common/memory.h"
#include "tests/support/wait.h"

#define CHANNEL     1
#define WINDOW      512
#define FLUSH_BYTES 65536
/* RabbitMQ takes seconds of a core for a table that is as deep as a frame allows. */
#define CONFIRM_S      120
#define FRAME_OVERHEAD 8
#define FRAME_END      ((char)0xCE)
#define EXCHANGE       "sync"
/* Room beside the headers: what a header frame begins with, and our other properties. */
#define OTHER_PROPERTIES 1024

/* Bits of the property flags (basic class, 1.8.1). */
enum {
	FLAG_CONTENT_TYPE = 1 << 15,
	FLAG_HEADERS = 1 << 13,
	FLAG_DELIVERY_MODE = 1 << 12,
	FLAG_MESSAGE_ID = 1 << 7
};

struct courier {
	amqp_connection_state_t connection;
	struct text out;
	uint64_t last_tag;
	uint64_t open[WINDOW]; /* tags, each at its number modulo WINDOW; 0: none */
	int unconfirmed;
};

/* ---- Bytes ---- */

static void put_number(struct text *out, uint64_t number, int bytes)
{
	while (bytes--)
		text_append_char(out, (char)(number >> (8 * bytes)));
}

static void put_short_text(struct text *out, const char *string)
{
	size_t length = strlen(string);

	assert_true(length <= 255);
	put_number(out, length, 1);
	text_append(out, string);
}

static void put_frame(struct text *out, int type, const char *payload, size_t length)
{
	assert_true(length <= COURIER_FRAME_MAX - FRAME_OVERHEAD);
	put_number(out, (uint64_t)type, 1);
	put_number(out, CHANNEL, 2);
	put_number(out, length, 4);
	text_append_bytes(out, payload, length);
	text_append_char(out, FRAME_END);
}

static void put_publish(struct text *out, const char *key)
{
	struct text payload = {0};

	put_number(&payload, AMQP_BASIC_PUBLISH_METHOD, 4);
	put_number(&payload, 0, 2);
	put_short_text(&payload, EXCHANGE);
	put_short_text(&payload, key);
	put_number(&payload, 1, 1); /* mandatory */
	put_frame(out, AMQP_FRAME_METHOD, payload.data, payload.length);
	text_finish(&payload);
}

static void put_properties(struct text *out, const struct courier_message *message)
{
	struct text payload = {0};

	put_number(&payload, AMQP_BASIC_CLASS, 2);
	put_number(&payload, 0, 2);
	put_number(&payload, message->length, 8);
	put_number(&payload,
		(uint64_t)(FLAG_DELIVERY_MODE | (message->content_type ? FLAG_CONTENT_TYPE : 0) |
			   (message->headers ? FLAG_HEADERS : 0) |
			   (message->message_id ? FLAG_MESSAGE_ID : 0)),
		2);
	if (message->content_type)
		put_short_text(&payload, message->content_type);
	if (message->headers) {
		put_number(&payload, message->headers_length, 4);
		text_append_bytes(&payload, message->headers, message->headers_length);
	}
	put_number(&payload, 2, 1); /* persistent */
	if (message->message_id)
		put_short_text(&payload, message->message_id);
	put_frame(out, AMQP_FRAME_HEADER, payload.data, payload.length);
	text_finish(&payload);
}

static void put_body(struct text *out, const char *body, size_t length)
{
	size_t most = COURIER_FRAME_MAX - FRAME_OVERHEAD;

	while (length) {
		size_t part = length < most ? length : most;

		put_frame(out, AMQP_FRAME_BODY, body, part);
		body += part;
		length -= part;
	}
}

/* ---- Nests ---- */

#define TABLE_LEVEL_BYTES 6 /* an empty key, 'F', a length of four bytes */
#define ARRAY_LEVEL_BYTES 5 /* 'A', a length of four bytes */

void courier_nest_tables(size_t depth, struct text *headers)
{
	while (depth--) {
		put_number(headers, 0, 1);
		text_append_char(headers, 'F');
		put_number(headers, depth * TABLE_LEVEL_BYTES, 4);
	}
}

void courier_nest_arrays(size_t depth, struct text *headers)
{
	put_number(headers, 0, 1); /* the key of the outermost */
	while (depth--) {
		text_append_char(headers, 'A');
		put_number(headers, depth * ARRAY_LEVEL_BYTES, 4);
	}
}

size_t courier_deepest_tables(void)
{
	return (COURIER_FRAME_MAX - FRAME_OVERHEAD - OTHER_PROPERTIES) / TABLE_LEVEL_BYTES;
}

size_t courier_deepest_arrays(void)
{
	return (COURIER_FRAME_MAX - FRAME_OVERHEAD - OTHER_PROPERTIES) / ARRAY_LEVEL_BYTES;
}

/* ---- Connection ---- */

static void expect_answer(struct courier *courier, const char *doing)
{
	amqp_rpc_reply_t reply = amqp_get_rpc_reply(courier->connection);

	if (reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION)
		fail_msg("%s: RabbitMQ answers %s", doing, amqp_method_name(reply.reply.id));
	else if (reply.reply_type != AMQP_RESPONSE_NORMAL)
		fail_msg("%s: %s", doing, amqp_error_string2(reply.library_error));
}

struct courier *courier_create(const char *amqp_url)
{
	struct courier *courier = memory_allocate(1, sizeof *courier);
	char *url = memory_copy_text(amqp_url);
	struct amqp_connection_info info;
	amqp_rpc_reply_t reply;

	assert_int_equal(amqp_parse_url(url, &info), AMQP_STATUS_OK);
	courier->connection = amqp_new_connection();
	if (amqp_socket_open(amqp_tcp_socket_new(courier->connection), info.host, info.port) !=
		AMQP_STATUS_OK)
		fail_msg("cannot connect to RabbitMQ at %s port %d", info.host, info.port);
	reply = amqp_login(courier->connection, info.vhost, CHANNEL, COURIER_FRAME_MAX, 0,
		AMQP_SASL_METHOD_PLAIN, info.user, info.password);
	assert_int_equal(reply.reply_type, AMQP_RESPONSE_NORMAL);
	assert_int_equal(amqp_get_frame_max(courier->connection), COURIER_FRAME_MAX);
	amqp_channel_open(courier->connection, CHANNEL);
	expect_answer(courier, "opening a channel");
	amqp_confirm_select(courier->connection, CHANNEL);
	expect_answer(courier, "asking for confirms");
	memory_free_secret(url);
	return courier;
}

void courier_destroy(struct courier *courier)
{
	if (!courier)
		return;
	amqp_connection_close(courier->connection, AMQP_REPLY_SUCCESS);
	amqp_destroy_connection(courier->connection);
	text_finish(&courier->out);
	free(courier);
}

/* ---- Sending ---- */

static void flush(struct courier *courier)
{
	struct pollfd socket = {.fd = amqp_get_sockfd(courier->connection), .events = POLLOUT};
	size_t sent = 0;

	while (sent < courier->out.length) {
		ssize_t part =
			write(socket.fd, courier->out.data + sent, courier->out.length - sent);

		if (part > 0)
			sent += (size_t)part;
		else if (errno != EAGAIN && errno != EINTR)
			fail_msg("RabbitMQ hung up: %s", strerror(errno));
		else
			poll(&socket, 1, TEST_WAIT_MS);
	}
	text_clear(&courier->out);
}

static void note_confirm(struct courier *courier, uint64_t tag, bool multiple)
{
	for (size_t i = 0; i < WINDOW; i++) {
		uint64_t open = courier->open[i];

		if (open == 0 || (multiple ? open > tag : open != tag))
			continue;
		courier->open[i] = 0;
		courier->unconfirmed--;
	}
}

static void take_frame(struct courier *courier)
{
	struct timeval limit = {.tv_sec = CONFIRM_S};
	amqp_frame_t frame;
	const amqp_basic_ack_t *ack;
	const amqp_channel_close_t *close;
	int status = amqp_simple_wait_frame_noblock(courier->connection, &frame, &limit);

	if (status != AMQP_STATUS_OK)
		fail_msg("RabbitMQ confirms nothing: %s", amqp_error_string2(status));
	if (frame.frame_type == AMQP_FRAME_METHOD) {
		ack = frame.payload.method.decoded;
		close = frame.payload.method.decoded;
		if (frame.payload.method.id == AMQP_CHANNEL_CLOSE_METHOD)
			fail_msg("RabbitMQ closed the channel: %.*s", (int)close->reply_text.len,
				(const char *)close->reply_text.bytes);
		if (frame.payload.method.id != AMQP_BASIC_ACK_METHOD)
			fail_msg("RabbitMQ sent %s instead of a confirm",
				amqp_method_name(frame.payload.method.id));
		note_confirm(courier, ack->delivery_tag, ack->multiple);
	}
	amqp_maybe_release_buffers(courier->connection);
}

void courier_send(struct courier *courier, const struct courier_message *message)
{
	while (courier->unconfirmed == WINDOW || courier->open[(courier->last_tag + 1) % WINDOW]) {
		flush(courier);
		take_frame(courier);
	}
	put_publish(&courier->out, message->key);
	put_properties(&courier->out, message);
	put_body(&courier->out, message->body, message->length);
	courier->last_tag++;
	courier->open[courier->last_tag % WINDOW] = courier->last_tag;
	courier->unconfirmed++;
	if (courier->out.length >= FLUSH_BYTES)
		flush(courier);
}

void courier_wait(struct courier *courier)
{
	flush(courier);
	while (courier->unconfirmed)
		take_frame(courier);
}

/* ---- Fetching ---- */

int courier_count(struct courier *courier, const char *queue)
{
	const amqp_queue_declare_ok_t *declared;
	int count;

	courier_wait(courier);
	declared = amqp_queue_declare(courier->connection, CHANNEL, amqp_cstring_bytes(queue), 1, 0,
		0, 0, amqp_empty_table);
	expect_answer(courier, queue);
	count = (int)declared->message_count;
	amqp_maybe_release_buffers(courier->connection);
	return count;
}

static void copy_bytes(char *field, size_t size, amqp_bytes_t bytes)
{
	snprintf(field, size, "%.*s", (int)bytes.len, (const char *)bytes.bytes);
}

static void read_letter(const amqp_message_t *message, struct courier_letter *letter)
{
	const amqp_basic_properties_t *properties = &message->properties;

	letter->message_id[0] = letter->error_class[0] = letter->error_text[0] = '\0';
	if (properties->_flags & AMQP_BASIC_MESSAGE_ID_FLAG)
		copy_bytes(letter->message_id, sizeof letter->message_id, properties->message_id);
	if (properties->_flags & AMQP_BASIC_HEADERS_FLAG)
		for (int i = 0; i < properties->headers.num_entries; i++) {
			const amqp_table_entry_t *entry = &properties->headers.entries[i];
			char name[64];

			copy_bytes(name, sizeof name, entry->key);
			if (strcmp(name, "x-error-class") == 0)
				copy_bytes(letter->error_class, sizeof letter->error_class,
					entry->value.value.bytes);
			else if (strcmp(name, "x-error-text") == 0)
				copy_bytes(letter->error_text, sizeof letter->error_text,
					entry->value.value.bytes);
		}
	text_clear(&letter->body);
	text_append_bytes(&letter->body, message->body.bytes, message->body.len);
}

bool courier_fetch(struct courier *courier, const char *queue, struct courier_letter *letter)
{
	amqp_message_t message;
	amqp_rpc_reply_t reply;

	courier_wait(courier);
	reply = amqp_basic_get(courier->connection, CHANNEL, amqp_cstring_bytes(queue), 1);
	assert_int_equal(reply.reply_type, AMQP_RESPONSE_NORMAL);
	if (reply.reply.id == AMQP_BASIC_GET_EMPTY_METHOD)
		return false;
	reply = amqp_read_message(courier->connection, CHANNEL, &message, 0);
	assert_int_equal(reply.reply_type, AMQP_RESPONSE_NORMAL);
	read_letter(&message, letter);
	amqp_destroy_message(&message);
	amqp_maybe_release_buffers(courier->connection);
	return true;
}

int courier_letter_number(const struct courier_letter *letter, const char *stem)
{
	size_t length = strlen(stem);
	const char *digits = letter->message_id + length + 1;
	char *end;
	long number;

	if (strncmp(letter->message_id, stem, length) != 0 || digits[-1] != '-')
		return -1;
	number = strtol(digits, &end, 10);
	return *digits != '\0' && *end == '\0' && number <= INT32_MAX ? (int)number : -1;
}

void courier_letter_finish(struct courier_letter *letter)
{
	text_finish(&letter->body);
}
