/* SPDX-License-Identifier: MIT */
/*
 * A result that was delivered and is not yet settled: it is written to sync_logs and acked, or goes
 * to the dead letters and is acked, or its connection breaks and it comes again.
 *
 * Threads: the main thread alone.
 */
#ifndef LOGGER_HELD_H
#define LOGGER_HELD_H

#include <stddef.h>
#include <stdint.h>

#include "common/broker.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/result_message.h"

struct held {
	struct held *next;
	uint64_t tag;
	uint64_t epoch;
	int64_t delivered_ms;
	char *message_id;
	char *body; /* as it came, because the dead letters get it unchanged */
	size_t length;
	struct result_message result; /* read from body; zeroed when that failed */
	struct error reason;          /* why it is a dead letter; class ERROR_NONE: it is none */
	char dead_at[CLOCK_TEXT_SIZE];
};

/* Oldest first. Start with held_list_init(). */
struct held_list {
	struct held *first;
	struct held **last;
	int count;
};

/* Copy a delivery and read it; what cannot be read has its reason set. */
struct held *held_create(const struct broker_delivery *delivery);
void held_destroy(struct held *held); /* NULL: nothing to do */

void held_list_init(struct held_list *list);
void held_list_put(struct held_list *list, struct held *held);
/* The oldest, NULL: there is none. */
struct held *held_list_take(struct held_list *list);
/* Destroy every one. */
void held_list_drop(struct held_list *list);

#endif
