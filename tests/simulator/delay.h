/* SPDX-License-Identifier: MIT */
/*
 * Things that wait for their time: thousands can wait at once, and none holds a thread. No clock of
 * its own.
 *
 * Threads: one at a time.
 */
#ifndef TESTS_SIMULATOR_DELAY_H
#define TESTS_SIMULATOR_DELAY_H

#include <stddef.h>
#include <stdint.h>

struct held {
	int64_t due_ms;
	void *thing;
};

/* Zeroed: nothing waits. */
struct delay {
	struct held *heap; /* heap[0] is due first; owned */
	size_t count;
	size_t capacity;
};

void delay_finish(struct delay *delay);
void delay_hold(struct delay *delay, void *thing, int64_t due_ms);
/* A thing that is due at now_ms, taken out, the earliest first; NULL: none is. */
void *delay_take(struct delay *delay, int64_t now_ms);
/* When the first is due; INT64_MAX: nothing waits. */
int64_t delay_next_ms(const struct delay *delay);

#endif
