/* SPDX-License-Identifier: MIT */
/*
 * One connection to RabbitMQ with channel 1 open on it, from socket to login, and the words for
 * what can go wrong. No reconnecting: that is broker.c's. Everything that waits for an answer ends
 * by the link's deadline. For the files common/broker*.c alone: it is the one header that includes
 * rabbitmq-c's.
 * Threads: one per link. rabbitmq-c 0.11 decodes nested tables recursively: it needs a stack of 8
 *          MB.
 */
#ifndef COMMON_BROKER_LINK_H
#define COMMON_BROKER_LINK_H

#if __has_include(<rabbitmq-c/amqp.h>)
#include <rabbitmq-c/amqp.h>
#include <rabbitmq-c/framing.h>
#else
#include <amqp.h>
#include <amqp_framing.h>
#endif

#include <stdbool.h>
#include <stdint.h>

#include "common/broker_url.h"
#include "common/error.h"

#define BROKER_CHANNEL 1

struct broker_link {
	amqp_connection_state_t state; /* NULL: not connected */
	int64_t deadline_ms;           /* monotonic; of whatever waits for an answer */
	int refusal;                   /* 403, 404, 406: why RabbitMQ closed the channel; else 0 */
	char refusal_text[256];
};

enum broker_farewell {
	FAREWELL_POLITE, /* wait for the broker's answer, so that it has read all we sent */
	FAREWELL_NONE,   /* the link is suspect: an answer may never come */
};

/*
 * Connect, log in and open the channel.
 *
 * Owns:  the caller ends *link with broker_link_close(), also after a failure.
 * Fails: broker - the text says what did not work, naming host and port.
 */
bool broker_link_open(struct broker_link *link, const struct broker_address *address,
	const char *name, int heartbeat_s, int64_t deadline_ms, struct error *err);
void broker_link_close(struct broker_link *link, enum broker_farewell farewell);

/* What rabbitmq-c takes and sends; a link that was opened takes larger ones. */
enum broker_frame_size { FRAMES_AGREED, FRAMES_LARGER };
bool broker_link_set_frames(struct broker_link *link, enum broker_frame_size size);

/* Before a call that waits for an answer: give it what is left of the time. False: nothing is left. */
bool broker_link_may_ask(struct broker_link *link, struct error *err);
/*
 * The outcome of the call just made; doing says what it was for ("cannot consume sync.jobs"). A
 * refusal closed the channel: link->refusal says which, broker_link_renew_channel() opens it again.
 */
bool broker_link_answer(struct broker_link *link, const char *doing, struct error *err);
bool broker_link_renew_channel(struct broker_link *link, struct error *err);

/* Bytes that rabbitmq-c promises not to change. */
amqp_bytes_t broker_bytes(const void *bytes, size_t length);

#endif
