/* SPDX-License-Identifier: MIT */
/*
 * A broker from the inside, for the files common/broker*.c alone: broker.c has its life cycle,
 * broker_publish.c what goes out, broker_frames.c what comes in.
 * Threads: the one that calls broker_run().
 */
#ifndef COMMON_BROKER_INTERNAL_H
#define COMMON_BROKER_INTERNAL_H

#include "common/backoff.h"
#include "common/broker.h"
#include "common/broker_link.h"
#include "common/broker_window.h"
#include "common/text.h"

#define BROKER_PUBLISH_HEADER "x-publish" /* the number of the publish, in a copy */

/* A message comes as a method, a header and bodies; this is what has come of it so far. */
enum content_kind { CONTENT_NONE, CONTENT_DELIVERY, CONTENT_RETURN };

struct broker_content {
	enum content_kind kind;
	bool has_header;
	const char *queue; /* NULL: of no consumer of ours */
	uint64_t delivery_tag;
	bool redelivered;
	int64_t delivery_count;
	char message_id[BROKER_MESSAGE_ID_MAX + 1];
	uint64_t publish_tag; /* of the correlation_id; 0: none */
	uint64_t sent_length; /* bytes of the body as it was published */
	uint64_t missing;     /* of them, those that have not come yet */
	struct text body;
	struct broker_properties
		*properties; /* of a delivery, when they are asked for; else NULL */
};

struct broker_properties {
	amqp_pool_t pool; /* holds all that list points at */
	amqp_basic_properties_t list;
};

struct broker {
	struct broker_options options; /* url and name are not kept here */
	struct broker_address address;
	char *name;

	struct broker_link link;
	bool up;
	bool blocked;
	bool consuming_paused;
	bool consuming_stopped;
	unsigned consumptions; /* begun on this connection; in the consumer tags */
	bool disconnected;     /* down because the caller wants it so */
	uint64_t epoch;
	int heartbeat_s;       /* as agreed with the broker; 0: none */
	int64_t last_heard_ms; /* at the latest, bytes came from the broker then */
	/* Class ERROR_NONE: the connection is fine; else broker_run() ends it. */
	struct error fault;
	struct broker_window window;
	int64_t refused_since_ms; /* the first refusal on this connection; 0: none */
	struct broker_content content;

	char problem[sizeof(struct error) + 64]; /* why it is not up; "" when up */
	struct backoff backoff;
	int64_t retry_at_ms;
	int64_t up_since_ms;
};

/*
 * The connection is of no more use; the first reason counts. broker_run() ends it when the current
 * frame is dealt with.
 */
void broker_fail(struct broker *broker, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void broker_set_blocked(struct broker *broker, bool blocked);

/*
 * "sync.jobs#3": the queue, and how often consuming has begun. RabbitMQ 3.10.8 may close the channel
 * when a tag that was just cancelled is used again.
 */
#define BROKER_CONSUMER_TAG_SIZE 128
void broker_consumer_tag(const struct broker *broker, const struct broker_consumer *consumer,
	char tag[BROKER_CONSUMER_TAG_SIZE]);
bool broker_start_consumer(
	struct broker *broker, const struct broker_consumer *consumer, struct error *err);
/*
 * Up, without a fault, and heard of lately enough that sending cannot hang; fails the broker
 * otherwise.
 */
bool broker_can_send(struct broker *broker);

/*
 * Read the frames that have come and call back for them. Returns how many there were that meant
 * something to the caller. Stops at a fault, and after so many that others want their turn.
 */
size_t broker_read_frames(struct broker *broker);

/* Owns: the caller ends what it gets with broker_properties_destroy(). */
struct broker_properties *broker_properties_keep(const amqp_basic_properties_t *properties);
/* A field of a table as a number. False: it is none. */
bool broker_field_number(const amqp_field_value_t *value, int64_t *number);

/* Hand the fate of a publish to the caller; a broker_window_settled. */
void broker_settle_publish(void *owner, void *publish_context, enum broker_fate fate);

#endif
