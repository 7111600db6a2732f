/* SPDX-License-Identifier: MIT */
/*
 * One AMQP 0-9-1 connection to RabbitMQ with one channel, kept alive: it connects, opens the
 * channel, checks the topology, consumes, and after any fault throws everything away and begins
 * again with full-jitter back-off: first within 0.2 s, then after 2.5 s to 15 s, so that the two
 * connections of a process stay below one connect a second. The only place that knows rabbitmq-c.
 *
 *            broker_run()                              a fault
 *     DOWN ----------------> connect, login, channel -----------> DOWN, back-off
 *                             | topology checked, consuming         ^
 *                             v                                     |
 *                             UP  -- frames, heartbeats, confirms --+
 *
 * A process that consumes and publishes has two: during an alarm the broker stops reading from a
 * connection that publishes, and acks would wait with it.
 *
 * Threads: a broker belongs to the thread that calls broker_run(); every function below is for that
 *          thread alone, and every callback runs inside broker_run(). The thread needs a stack of 8
 *          MB: rabbitmq-c 0.11 decodes nested tables recursively.
 */
#ifndef COMMON_BROKER_H
#define COMMON_BROKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/broker_properties.h"
#include "common/error.h"
#include "common/topology.h"

#define BROKER_WINDOW_MAX     1024
#define BROKER_HEADERS_MAX    12
#define BROKER_MESSAGE_ID_MAX 255
/*
 * Nearly twice the largest message of ours, and less than a frame (broker_link.c). What is longer is
 * no message; of such bodies many may be at hand at once.
 */
#define BROKER_BODY_MAX ((size_t)120 * 1024)

struct broker;

struct broker_delivery {
	uint64_t tag;
	uint64_t epoch; /* which connection it came over: tags die with it */
	const char *queue;
	bool redelivered;
	int64_t delivery_count; /* of x-delivery-count; 0: first time */
	const char *message_id; /* "" when absent */
	const char *body;       /* borrowed until the callback returns; cut at body_max */
	size_t length;
	uint64_t sent_length; /* as it was published; more than length: the body is cut */
	/* Of option with_properties, else NULL; borrowed until the callback returns. */
	const struct broker_properties *properties;
};

/* Fails: bad_message - the body is cut; the text names both lengths. */
bool broker_delivery_is_whole(const struct broker_delivery *delivery, struct error *err);

struct broker_header {
	const char *name;
	const char *text; /* NULL: number counts */
	int64_t number;
};

/*
 * Always persistent, mandatory, content type application/json. The property correlation_id is ours:
 * it carries the number of the publish, by which a returned message is told from another copy of
 * itself.
 *
 * With copy_of the properties and headers are those of a message that was delivered; headers are put in their
 * place or added, and the number of the publish stands in the header x-publish. Left out is what would mean
 * something else: x-delivery-count (the broker's own), CC and BCC (the broker would deliver to more queues),
 * user_id where it is not ours (the broker would refuse it).
 */
struct broker_message {
	const char *exchange;
	const char *key;
	const char *message_id; /* not with copy_of */
	const char *body;
	size_t length;                       /* at most BROKER_BODY_MAX */
	const struct broker_header *headers; /* may be NULL */
	size_t header_count;
	const struct broker_properties
		*copy_of; /* borrowed for the call; NULL: a message of ours */
};

/* What became of a publish. */
enum broker_fate {
	FATE_STORED,   /* confirmed: a majority of replicas wrote it */
	FATE_REFUSED,  /* nacked: the queue is full or failed; try again later */
	FATE_RETURNED, /* no queue is bound to the key: the topology is not there */
	FATE_LOST,     /* the connection broke first: it may or may not be stored */
};

struct broker_consumer {
	const char *queue;
	uint16_t prefetch;
};

struct broker_options {
	const char *url;  /* AMQP_URL; copied */
	const char *name; /* shown by the broker beside the connection; copied */
	const struct broker_consumer *consumers; /* borrowed for ever; NULL: only publishes */
	size_t consumer_count;
	/*
	 * Queues that must be as topology.c has them before it comes up; borrowed for ever, NULL:
	 * none.
	 */
	const enum topology_queue_id *needs;
	size_t need_count;
	size_t window;              /* publishes that may be unconfirmed; 0: does not publish */
	int64_t confirm_timeout_ms; /* 0: 30 s; then the connection is taken for dead */
	int heartbeat_s;            /* 0: 10 */
	size_t body_max;            /* what is kept of a delivery's body; 0: BROKER_BODY_MAX */
	bool with_properties;       /* deliveries carry all their properties */

	/* Callbacks; NULL where nothing of the kind can happen. context is handed to each. */
	void *context;
	void (*delivered)(void *context, const struct broker_delivery *delivery);
	/* Once for every broker_publish() that returned true, in no particular order. */
	void (*settled)(void *context, void *publish_context, enum broker_fate fate);
	/*
	 * The connection is up, or it went or stays down for another reason than before; reason is
	 * NULL when up. It has been logged. Called before the fates of what was lost.
	 */
	void (*changed)(void *context, const char *reason);
};

/*
 * Owns: *broker is ended with broker_destroy(). Fails: settings - the URL is not one; its password
 * is not quoted.
 */
bool broker_create(const struct broker_options *options, struct broker **broker, struct error *err);
/*
 * Close politely when up (acks on their way arrive), then free. Publishes still open are settled
 * FATE_LOST. NULL: nothing to do.
 */
void broker_destroy(struct broker *broker);

/*
 * Move everything forward: connect when it is time, read frames, call back, send heartbeats; when
 * there was nothing to do, sleep until there is, wake_fd (-1: none) becomes readable, or timeout_ms
 * have passed. Connecting takes 15 s at most (besides a name server that does not answer). Call it
 * at least every 5 s: heartbeats are sent here.
 */
void broker_run(struct broker *broker, int wake_fd, int64_t timeout_ms);
bool broker_is_up(const struct broker *broker);
/* Why it is not up, in the words of topology.h where the topology is what is missing; "" when up. */
const char *broker_problem(const struct broker *broker);
/* The broker has an alarm and asked us not to publish. */
bool broker_is_blocked(const struct broker *broker);
/* Which connection this is; counts up with every connect. */
uint64_t broker_epoch(const struct broker *broker);

/* How many publishes the window has room for; 0 while down or blocked. */
size_t broker_room(const struct broker *broker);
/* How many publishes wait for their fate. */
size_t broker_unconfirmed(const struct broker *broker);
/*
 * Publish; settled(context, publish_context, fate) follows exactly once if this returns true.
 * False: no room, or the connection broke while sending; the message was not taken, and
 * broker_run() deals with the rest.
 */
bool broker_publish(
	struct broker *broker, const struct broker_message *message, void *publish_context);

/* Settle a delivery. One of an earlier epoch is dropped silently: the broker delivers it again. */
void broker_ack(struct broker *broker, uint64_t epoch, uint64_t tag);
/* Give it back to its queue. */
void broker_requeue(struct broker *broker, uint64_t epoch, uint64_t tag);
/*
 * How many messages of a queue are ready. It waits for the answer, and the connection breaks when there is none
 * within 5 s: ask while messages come in. False: not known now; *ready is untouched.
 */
bool broker_count_ready(struct broker *broker, enum topology_queue_id queue, int64_t *ready);
/*
 * Take no deliveries for a while: what was delivered stays ours, what is ready stays in its queue
 * for others. Holds over new connections, and may be asked for before the first one. What a quorum
 * queue had handed out and RabbitMQ not sent yet, it gives back, which counts as a delivery: who
 * minds waits first for all that prefetch and acks made room for.
 */
void broker_pause_consuming(struct broker *broker);
void broker_resume_consuming(struct broker *broker);
/*
 * Stop consuming for good (drain); what was delivered stays ours until settled. Nothing is
 * delivered after this: what is on its way is given back.
 */
void broker_stop_consuming(struct broker *broker);
/*
 * Close the connection and stay down until broker_reconnect(): what was delivered goes back to its
 * queue, all at once. changed() is called with reason, and fates follow. Not inside a callback.
 */
void broker_disconnect(struct broker *broker, const char *reason);
void broker_reconnect(struct broker *broker);

/*
 * For `syncctl topology`, over a connection of their own: create what is missing and name what
 * differs; or name what is missing or differs as far as AMQP shows it (no bindings, no policies).
 *
 * Owns:  the caller ends *report with topology_report_finish(), also after a failure.
 * Fails: settings - the URL; broker - no connection, or something we may not create.
 */
bool broker_apply_topology(const char *url, struct topology_report *report, struct error *err);
bool broker_check_topology(const char *url, struct topology_report *report, struct error *err);

/*
 * What AMQP tells of a queue at this moment. Messages that are delivered and not settled are not
 * among the ready ones; but whoever holds one counts as a consumer, even after it has stopped
 * consuming: without consumers nothing is held.
 */
struct broker_count {
	bool exists;
	int64_t ready;
	int64_t consumers;
};

/*
 * For syncctl, over a connection of its own: one queue, or all of them. A queue that is not there is
 * no failure. Fails as broker_check_topology().
 */
bool broker_count_queue(const char *url, enum topology_queue_id queue, struct broker_count *count,
	struct error *err);
bool broker_count_messages(const char *url, struct broker_count counts[QUEUES], struct error *err);

#endif
