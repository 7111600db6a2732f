/* SPDX-License-Identifier: MIT */
/*
 * A binary heap by due time. The server thread runs this.
 */
#include "tests/simulator/delay.h"

#include <stdlib.h>

#include "common/memory.h"

static void swap(struct held *one, struct held *other)
{
	struct held kept = *one;

	*one = *other;
	*other = kept;
}

void delay_finish(struct delay *delay)
{
	free(delay->heap);
	*delay = (struct delay){0};
}

int64_t delay_next_ms(const struct delay *delay)
{
	return delay->count ? delay->heap[0].due_ms : INT64_MAX;
}

void delay_hold(struct delay *delay, void *thing, int64_t due_ms)
{
	struct held *heap;
	size_t at = delay->count++;

	if (delay->count > delay->capacity) {
		delay->capacity = delay->capacity ? delay->capacity * 2 : 64;
		delay->heap = memory_resize(delay->heap, delay->capacity, sizeof(*delay->heap));
	}
	heap = delay->heap;
	heap[at] = (struct held){.due_ms = due_ms, .thing = thing};
	while (at && heap[at].due_ms < heap[(at - 1) / 2].due_ms) {
		swap(&heap[at], &heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
}

void *delay_take(struct delay *delay, int64_t now_ms)
{
	struct held *heap = delay->heap;
	void *thing;
	size_t at = 0;

	if (delay_next_ms(delay) > now_ms)
		return NULL;
	thing = heap[0].thing;
	heap[0] = heap[--delay->count];
	for (;;) {
		size_t least = at;

		for (size_t down = 2 * at + 1; down <= 2 * at + 2 && down < delay->count; down++) {
			if (heap[down].due_ms < heap[least].due_ms)
				least = down;
		}
		if (least == at)
			return thing;
		swap(&heap[at], &heap[least]);
		at = least;
	}
}
