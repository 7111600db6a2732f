/* SPDX-License-Identifier: MIT */
/*
 * Results that cannot be stored go to sync.results.dead, unchanged, with headers that tell why:
 *
 *     x-error-class  a name of the table in common/error.c
 *     x-error-text   a sentence
 *     x-dead-at      RFC 3339
 *
 * They have a connection of their own: during an alarm the broker stops reading from connections
 * that publish, and the acks of all the others would wait with them.
 *
 * Threads: the main thread alone.
 */
#ifndef LOGGER_DEAD_LETTERS_H
#define LOGGER_DEAD_LETTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "logger/held.h"

struct dead_letters;

/*
 * Called once for each dead letter that the broker has confirmed: it can be acked. It is destroyed
 * afterwards.
 */
typedef void dead_letters_buried(void *context, const struct held *held);

/* Fails: settings - as broker_create(). */
bool dead_letters_create(const char *amqp_url, dead_letters_buried *buried, void *context,
	struct dead_letters **letters, struct error *err);
/* What is not confirmed is not buried. NULL: nothing to do. */
void dead_letters_destroy(struct dead_letters *letters);

/* Owns: held, whose reason is set, no longer belongs to the caller. */
void dead_letters_put(struct dead_letters *letters, struct held *held);
/* Publish what can be published, hear what became of it; does not wait. */
void dead_letters_turn(struct dead_letters *letters);
/* The connection over which they were delivered broke: those that are not sent come again. */
void dead_letters_drop(struct dead_letters *letters);
/*
 * Take back one that was delivered before that moment and is not on its way; NULL: there is none.
 * Owns: it belongs to the caller again.
 */
struct held *dead_letters_take_older(struct dead_letters *letters, int64_t delivered_before_ms);
/* How many are not buried yet. */
int dead_letters_count(const struct dead_letters *letters);
/* Why none can be published; "" when they can. */
const char *dead_letters_problem(const struct dead_letters *letters);

#endif
