/* SPDX-License-Identifier: MIT */
/*
 * A pass from the inside, for dead_pass.c (the way through) and dead_settle.c (what becomes of each
 * message) alone.
 * Threads: the main thread, callbacks of the broker included.
 */
#ifndef OPERATOR_DEAD_PASS_INTERNAL_H
#define OPERATOR_DEAD_PASS_INTERNAL_H

#include "common/broker.h"
#include "common/queue.h"
#include "operator/command_progress.h"
#include "operator/dead_index.h"
#include "operator/dead_pass.h"

struct held {
	struct queue_item link; /* first */
	struct pass *pass;
	uint64_t tag;
	struct broker_properties *properties;
	char *body;
	size_t length;
	struct dead_letter letter;
	enum dead_decision decision; /* of a publish that is open */
	bool decided; /* a publish of it was refused: it is not decided a second time */
	struct dead_issue issue;
};

struct pass {
	const struct config *config;
	const struct dead_visitor *visitor;
	struct broker *broker;
	char id[UUID_TEXT_SIZE]; /* stamped on the copies: met again, they end the pass */
	int64_t depth;           /* messages at the beginning */
	int64_t delivered;
	int64_t done; /* copied, issued or taken */
	uint16_t prefetch;
	struct queue waiting;         /* of held, to be decided */
	struct dead_index kept;       /* stamped ones of which a copy was made */
	uint64_t acks[DEAD_PREFETCH]; /* that wait, by tag */
	size_t ack_count;
	int64_t acked;
	bool cancelled;  /* nothing new comes */
	bool ending;     /* what still comes is kept */
	bool fell_short; /* somebody took messages away meanwhile */
	bool came_up, lost;
	int64_t next_issue_us; /* not before */
	int64_t pause_until_ms;
	int64_t moved_ms; /* when something last went forward */
	struct command_progress progress;
	struct error trouble; /* why it ends early; class ERROR_NONE: it does not */
};

/* What broker_options calls back; the context is the pass. */
void dead_take_delivery(void *context, const struct broker_delivery *delivery);
void dead_take_fate(void *context, void *publish_context, enum broker_fate fate);

/* Decide the next message and send what follows from it. False: there is none, or no room. */
bool dead_settle_next(struct pass *pass);
/* Is this a moment for the next message? */
bool dead_may_settle(const struct pass *pass);
/* Acknowledge what may be. */
void dead_release_acks(struct pass *pass);
/* Forget what waits: RabbitMQ delivers it again. */
void dead_drop_waiting(struct pass *pass);
/* End early, in order; the first reason counts. */
void dead_pass_fail(struct pass *pass, const struct error *err);

#endif
