/* SPDX-License-Identifier: MIT */
/*
 * Opening and closing a connection to RabbitMQ. Runs in the thread that owns the link.
 */
#include "common/broker_link.h"

#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#if __has_include(<rabbitmq-c/ssl_socket.h>)
#include <rabbitmq-c/ssl_socket.h>
#include <rabbitmq-c/tcp_socket.h>
#else
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#endif

#include "common/clock.h"

#define CONNECT_LIMIT_MS   5000
#define HANDSHAKE_LIMIT_MS 5000
#define FAREWELL_LIMIT_MS  2000
#define FRAME_MAX          131072
#define FRAME_EXCESS       65536
#define PRODUCT            "storesync"

/*
 * How long bytes may stay unacknowledged before the kernel gives the connection up: the only bound
 * on a blocked send.
 */
#define TCP_USER_TIMEOUT_MS 10000
#define KEEPALIVE_IDLE_S    5
#define KEEPALIVE_EVERY_S   5
#define KEEPALIVE_COUNT     3

amqp_bytes_t broker_bytes(const void *bytes, size_t length)
{
	return (amqp_bytes_t){.len = length, .bytes = (void *)(uintptr_t)bytes};
}

static struct timeval as_timeval(int64_t ms)
{
	return (struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
}

/* The smaller of limit_ms and the time left; 0: none is left. */
static int64_t time_left_ms(const struct broker_link *link, int64_t limit_ms)
{
	int64_t left_ms = link->deadline_ms - clock_monotonic_ms();

	if (left_ms < 0)
		return 0;
	return left_ms < limit_ms ? left_ms : limit_ms;
}

static bool set_up_tls(
	amqp_socket_t *socket, const struct broker_address *address, struct error *err)
{
	amqp_ssl_socket_set_verify_peer(socket, 1);
	amqp_ssl_socket_set_verify_hostname(socket, 1);
	if (amqp_ssl_socket_set_ssl_versions(socket, AMQP_TLSv1_2, AMQP_TLSvLATEST) !=
		AMQP_STATUS_OK) {
		error_set(err, ERROR_SETTINGS, "rabbitmq-c does not know TLS 1.2");
		return false;
	}
	if (amqp_ssl_socket_set_cacert(socket, address->ca_file) != AMQP_STATUS_OK) {
		error_set(err, ERROR_SETTINGS,
			"cannot read the certificate authorities in %s (cacertfile of AMQP_URL)",
			address->ca_file);
		return false;
	}
	if (address->certificate_file && amqp_ssl_socket_set_key(socket, address->certificate_file,
						 address->key_file) != AMQP_STATUS_OK) {
		error_set(err, ERROR_SETTINGS,
			"cannot use the certificate %s with the key %s (certfile and keyfile of "
			"AMQP_URL)",
			address->certificate_file, address->key_file);
		return false;
	}
	return true;
}

/* A peer that vanished is noticed by the kernel even while we only listen or are stuck in a send. */
static void watch_socket(int fd)
{
	static const struct {
		int level, option, value;
	} options[] = {
		{IPPROTO_TCP, TCP_USER_TIMEOUT, TCP_USER_TIMEOUT_MS},
		{SOL_SOCKET, SO_KEEPALIVE, 1},
		{IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S},
		{IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_EVERY_S},
		{IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT},
	};

	for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
		int failed = setsockopt(fd, options[i].level, options[i].option, &options[i].value,
			sizeof options[i].value);

		assert(!failed);
	}
}

static bool open_socket(
	struct broker_link *link, const struct broker_address *address, struct error *err)
{
	struct timeval limit = as_timeval(time_left_ms(link, CONNECT_LIMIT_MS));
	amqp_socket_t *socket =
		address->tls ? amqp_ssl_socket_new(link->state) : amqp_tcp_socket_new(link->state);
	const char *hint = "";
	int status;

	if (!socket) {
		error_set(err, ERROR_BROKER, "rabbitmq-c gives no socket");
		return false;
	}
	if (address->tls && !set_up_tls(socket, address, err))
		return false;
	status = amqp_socket_open_noblock(socket, address->host, address->port, &limit);
	if (status == AMQP_STATUS_OK) {
		watch_socket(amqp_get_sockfd(link->state));
		return true;
	}
	if (status == AMQP_STATUS_SSL_HOSTNAME_VERIFY_FAILED)
		hint = " (rabbitmq-c before 0.14 knows no IP addresses in certificates: connect by "
		       "name)";
	else if (status == AMQP_STATUS_SOCKET_ERROR)
		hint = " (does it run there?)"; /* rabbitmq-c does not pass errno on */
	error_set(err, ERROR_BROKER, "cannot connect to RabbitMQ at %s port %d: %s%s",
		address->host, address->port, amqp_error_string2(status), hint);
	return false;
}

static amqp_table_entry_t flag_entry(const char *name)
{
	return (amqp_table_entry_t){.key = amqp_cstring_bytes(name),
		.value = {.kind = AMQP_FIELD_KIND_BOOLEAN, .value.boolean = 1}};
}

static amqp_table_entry_t text_entry(const char *name, const char *text)
{
	return (amqp_table_entry_t){.key = amqp_cstring_bytes(name),
		.value = {.kind = AMQP_FIELD_KIND_UTF8, .value.bytes = amqp_cstring_bytes(text)}};
}

/*
 * rabbitmq-c by itself announces neither connection.blocked nor consumer_cancel_notify, and without
 * them RabbitMQ keeps alarms and deleted queues to itself. It merges this table into its own.
 */
static amqp_rpc_reply_t log_in(struct broker_link *link, const struct broker_address *address,
	const char *name, int heartbeat_s)
{
	amqp_table_entry_t capabilities[] = {
		flag_entry("connection.blocked"),
		flag_entry("consumer_cancel_notify"),
		flag_entry("basic.nack"),
		flag_entry("publisher_confirms"),
	};
	amqp_table_entry_t properties[] = {
		text_entry("product", PRODUCT),
		text_entry("version", STORESYNC_VERSION),
		text_entry("connection_name", name),
		{.key = amqp_cstring_bytes("capabilities"),
			.value = {.kind = AMQP_FIELD_KIND_TABLE,
				.value.table = {.num_entries = sizeof capabilities /
							       sizeof capabilities[0],
					.entries = capabilities}}},
	};
	amqp_table_t table = {
		.num_entries = sizeof properties / sizeof properties[0], .entries = properties};

	if (address->external)
		return amqp_login_with_properties(link->state, address->vhost, BROKER_CHANNEL,
			FRAME_MAX, heartbeat_s, &table, AMQP_SASL_METHOD_EXTERNAL, "");
	return amqp_login_with_properties(link->state, address->vhost, BROKER_CHANNEL, FRAME_MAX,
		heartbeat_s, &table, AMQP_SASL_METHOD_PLAIN, address->user, address->password);
}

/* Names what a reply says; true when all went well. */
static bool read_reply(
	struct broker_link *link, amqp_rpc_reply_t reply, const char *doing, struct error *err)
{
	link->refusal = 0;
	switch (reply.reply_type) {
	case AMQP_RESPONSE_NORMAL:
		return true;
	case AMQP_RESPONSE_LIBRARY_EXCEPTION:
		error_set(err, ERROR_BROKER, "%s: %s", doing,
			amqp_error_string2(reply.library_error));
		return false;
	case AMQP_RESPONSE_SERVER_EXCEPTION:
		break;
	case AMQP_RESPONSE_NONE:
		error_set(err, ERROR_BROKER, "%s: RabbitMQ hung up", doing);
		return false;
	}
	if (reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD) {
		const amqp_channel_close_t *close = reply.reply.decoded;

		link->refusal = close->reply_code;
		snprintf(link->refusal_text, sizeof link->refusal_text, "%.*s",
			(int)close->reply_text.len, (const char *)close->reply_text.bytes);
		error_set(err, ERROR_BROKER, "%s: %s", doing, link->refusal_text);
	} else if (reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD) {
		const amqp_connection_close_t *close = reply.reply.decoded;

		error_set(err, ERROR_BROKER, "%s: %.*s", doing, (int)close->reply_text.len,
			(const char *)close->reply_text.bytes);
	} else {
		error_set(err, ERROR_BROKER, "%s: RabbitMQ refused", doing);
	}
	return false;
}

bool broker_link_may_ask(struct broker_link *link, struct error *err)
{
	int64_t left_ms = time_left_ms(link, INT64_MAX);
	struct timeval limit = as_timeval(left_ms);

	if (left_ms == 0) {
		error_set(err, ERROR_BROKER, "RabbitMQ answers too slowly");
		return false;
	}
	amqp_set_rpc_timeout(link->state, &limit);
	return true;
}

bool broker_link_answer(struct broker_link *link, const char *doing, struct error *err)
{
	return read_reply(link, amqp_get_rpc_reply(link->state), doing, err);
}

/*
 * RabbitMQ keeps to the agreed frame size in bodies only: the properties of a message that filled a
 * frame do not fit into one when x-delivery-count or x-death has been added, and are sent all the
 * same. rabbitmq-c would break the connection, the same message would come again, and all that is
 * prefetched would reach its delivery limit. So we take larger frames than were agreed. rabbitmq-c
 * then sends larger ones as well: whoever sends a body beyond BROKER_BODY_MAX, which no message of
 * ours has, first asks for the agreed ones.
 */
bool broker_link_set_frames(struct broker_link *link, enum broker_frame_size size)
{
	int max = size == FRAMES_LARGER ? FRAME_MAX + FRAME_EXCESS : FRAME_MAX;

	if (amqp_get_frame_max(link->state) < FRAME_MAX) /* RabbitMQ wants small ones */
		return true;
	return amqp_tune_connection(link->state, amqp_get_channel_max(link->state), max,
		       amqp_get_heartbeat(link->state)) == AMQP_STATUS_OK;
}

static bool take_larger_frames(struct broker_link *link, struct error *err)
{
	if (broker_link_set_frames(link, FRAMES_LARGER))
		return true;
	error_set(err, ERROR_BROKER, "rabbitmq-c takes no larger frames");
	return false;
}

bool broker_link_open(struct broker_link *link, const struct broker_address *address,
	const char *name, int heartbeat_s, int64_t deadline_ms, struct error *err)
{
	struct timeval limit;
	char doing[300];

	*link = (struct broker_link){.state = amqp_new_connection(), .deadline_ms = deadline_ms};
	assert(link->state);
	if (!open_socket(link, address, err))
		return false;
	limit = as_timeval(time_left_ms(link, HANDSHAKE_LIMIT_MS));
	amqp_set_handshake_timeout(link->state, &limit);
	snprintf(doing, sizeof doing, "RabbitMQ at %s port %d does not let us in", address->host,
		address->port);
	if (!read_reply(link, log_in(link, address, name, heartbeat_s), doing, err))
		return false;
	if (!take_larger_frames(link, err) || !broker_link_may_ask(link, err))
		return false;
	amqp_channel_open(link->state, BROKER_CHANNEL);
	return broker_link_answer(link, "cannot open a channel", err);
}

bool broker_link_renew_channel(struct broker_link *link, struct error *err)
{
	amqp_channel_close_ok_t close_ok = {0};
	int status = amqp_send_method(
		link->state, BROKER_CHANNEL, AMQP_CHANNEL_CLOSE_OK_METHOD, &close_ok);

	if (status != AMQP_STATUS_OK) {
		error_set(err, ERROR_BROKER, "cannot close a channel: %s",
			amqp_error_string2(status));
		return false;
	}
	if (!broker_link_may_ask(link, err))
		return false;
	amqp_channel_open(link->state, BROKER_CHANNEL);
	return broker_link_answer(link, "cannot open a channel", err);
}

void broker_link_close(struct broker_link *link, enum broker_farewell farewell)
{
	if (!link->state)
		return;
	if (farewell == FAREWELL_POLITE) {
		struct timeval limit = as_timeval(FAREWELL_LIMIT_MS);

		amqp_set_rpc_timeout(link->state, &limit);
		amqp_connection_close(link->state, AMQP_REPLY_SUCCESS);
	}
	amqp_destroy_connection(link->state);
	*link = (struct broker_link){0};
}
