/* SPDX-License-Identifier: MIT */
/*
 * The window of unconfirmed publishes: a ring of slots. The broker's own thread.
 */
#include "common/broker_window.h"

#include <assert.h>
#include <stdlib.h>

#include "common/memory.h"

/*
 * A publish that is confirmed late (its queue elects a leader) holds the oldest tag while younger
 * ones come and go; the ring has room for that many times the limit before it would stop them.
 */
#define RING_FACTOR 8

enum slot_state { SLOT_FREE, SLOT_OPEN, SLOT_RETURNED };

struct broker_window_slot {
	enum slot_state state;
	void *publish_context;
	int64_t sent_ms;
};

void broker_window_init(struct broker_window *window, size_t limit)
{
	assert(limit <= BROKER_WINDOW_MAX);
	*window = (struct broker_window){.limit = limit, .first = 1, .next = 1};
	window->slot_count = limit * RING_FACTOR;
	window->slots = memory_allocate(window->slot_count, sizeof window->slots[0]);
}

void broker_window_finish(struct broker_window *window)
{
	assert(window->open == 0);
	free(window->slots);
	*window = (struct broker_window){0};
}

void broker_window_restart(struct broker_window *window)
{
	assert(window->open == 0);
	window->first = 1;
	window->next = 1;
}

static struct broker_window_slot *slot_of(const struct broker_window *window, uint64_t tag)
{
	return &window->slots[tag % window->slot_count];
}

size_t broker_window_room(const struct broker_window *window)
{
	size_t by_limit = window->limit - window->open;
	size_t by_ring = window->slot_count - (size_t)(window->next - window->first);

	return by_limit < by_ring ? by_limit : by_ring;
}

uint64_t broker_window_add(struct broker_window *window, void *publish_context, int64_t now_ms)
{
	struct broker_window_slot *slot;

	assert(broker_window_room(window) > 0);
	slot = slot_of(window, window->next);
	assert(slot->state == SLOT_FREE);
	*slot = (struct broker_window_slot){SLOT_OPEN, publish_context, now_ms};
	window->open++;
	return window->next++;
}

/* Empty a slot; the window begins at the oldest tag that is still open. */
static void release(struct broker_window *window, uint64_t tag)
{
	slot_of(window, tag)->state = SLOT_FREE;
	window->open--;
	while (window->first < window->next && slot_of(window, window->first)->state == SLOT_FREE)
		window->first++;
}

void broker_window_take_back(struct broker_window *window, uint64_t tag)
{
	assert(tag + 1 == window->next && slot_of(window, tag)->state == SLOT_OPEN);
	release(window, tag);
}

bool broker_window_mark_returned(struct broker_window *window, uint64_t tag)
{
	if (tag < window->first || tag >= window->next || slot_of(window, tag)->state != SLOT_OPEN)
		return false;
	slot_of(window, tag)->state = SLOT_RETURNED;
	return true;
}

/*
 * A publish leaves, unless it has left before. The slot is free before anybody is called: they may
 * publish, and a new publish may then stand in the slot of an old tag.
 */
static void settle(struct broker_window *window, uint64_t tag, enum broker_fate fate,
	broker_window_settled *settled, void *owner)
{
	struct broker_window_slot slot = *slot_of(window, tag);

	if (tag < window->first || slot.state == SLOT_FREE)
		return;
	release(window, tag);
	settled(owner, slot.publish_context, slot.state == SLOT_RETURNED ? FATE_RETURNED : fate);
}

bool broker_window_confirm(struct broker_window *window, uint64_t tag, bool multiple,
	enum broker_fate fate, broker_window_settled *settled, void *owner)
{
	if (tag == 0 || tag >= window->next)
		return false;
	if (!multiple)
		settle(window, tag, fate, settled, owner);
	for (uint64_t each = window->first; multiple && each <= tag; each++)
		settle(window, each, fate, settled, owner);
	return true;
}

void broker_window_lose(struct broker_window *window, broker_window_settled *settled, void *owner)
{
	for (uint64_t each = window->first; each < window->next; each++)
		settle(window, each, FATE_LOST, settled, owner);
}

int64_t broker_window_oldest_ms(const struct broker_window *window)
{
	return window->open > 0 ? slot_of(window, window->first)->sent_ms : INT64_MAX;
}

void broker_window_forgive(struct broker_window *window, int64_t now_ms)
{
	for (uint64_t each = window->first; each < window->next; each++)
		slot_of(window, each)->sent_ms = now_ms;
}
