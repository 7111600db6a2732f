/* SPDX-License-Identifier: MIT */
/*
 * The window of publishes that RabbitMQ has not confirmed yet. Tags count from 1 on every
 * connection, as the broker counts them after confirm.select; confirms come singly or for
 * everything up to a tag, in any order. Each publish leaves the window exactly once, with its fate.
 *
 *	add --> OPEN -- ack ------------------> STORED
 *	         |  \-- nack -----------------> REFUSED
 *	         |   \- connection lost ------> LOST
 *	         v
 *	       RETURNED -- ack, nack, lost ---> RETURNED     (RabbitMQ acks what it returned)
 *
 * Threads: the broker's own.
 */
#ifndef COMMON_BROKER_WINDOW_H
#define COMMON_BROKER_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/broker.h"

struct broker_window_slot;

struct broker_window {
	struct broker_window_slot *slots; /* a ring, indexed by tag */
	size_t slot_count;
	size_t limit;   /* how many may be open */
	size_t open;    /* how many are */
	uint64_t first; /* the oldest tag that may be open */
	uint64_t next;  /* the tag of the next publish */
};

/* Called for each publish that leaves. May add to the window. */
typedef void broker_window_settled(void *owner, void *publish_context, enum broker_fate fate);

/* limit 0: a window for nothing. */
void broker_window_init(struct broker_window *window, size_t limit);
void broker_window_finish(struct broker_window *window);
/* Begin to count from 1 again, for a new connection. The window must be empty. */
void broker_window_restart(struct broker_window *window);

size_t broker_window_room(const struct broker_window *window);
/* Take a publish in, which must have room. Returns its tag. */
uint64_t broker_window_add(struct broker_window *window, void *publish_context, int64_t now_ms);
/* The publish just added was not sent after all. */
void broker_window_take_back(struct broker_window *window, uint64_t tag);
/* basic.return. False: no such publish is open. */
bool broker_window_mark_returned(struct broker_window *window, uint64_t tag);
/*
 * basic.ack (FATE_STORED) or basic.nack (FATE_REFUSED) of a tag, or of everything up to it.
 * False: the tag was never given out.
 */
bool broker_window_confirm(struct broker_window *window, uint64_t tag, bool multiple,
	enum broker_fate fate, broker_window_settled *settled, void *owner);
/* Settle everything that is open: the connection is gone. */
void broker_window_lose(struct broker_window *window, broker_window_settled *settled, void *owner);

/* When the oldest open publish was sent; INT64_MAX: none is open. */
int64_t broker_window_oldest_ms(const struct broker_window *window);
/* Count the time from now on for everything open: the broker had asked us to wait. */
void broker_window_forgive(struct broker_window *window, int64_t now_ms);

#endif
