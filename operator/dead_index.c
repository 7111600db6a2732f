/* SPDX-License-Identifier: MIT */
/*
 * The index of dead letters, see dead_index.h. One thread.
 */
#include "operator/dead_index.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

#define FIRST_SLOTS 64

struct dead_index_slot {
	char id[UUID_TEXT_SIZE]; /* "": free */
	size_t place;
};

static size_t first_slot(const struct dead_index *index, const char *id)
{
	size_t hash = 0;

	for (size_t i = 0; i < 8; i++)
		hash = hash << 4 | ((size_t)crypto_hex_digit(id[i]) & 15);
	return hash & (index->slot_count - 1);
}

/* The slot of an id, or the free one where it belongs. */
static struct dead_index_slot *find_slot(const struct dead_index *index, const char *id)
{
	size_t at = first_slot(index, id);

	while (index->slots[at].id[0] && strcmp(index->slots[at].id, id) != 0)
		at = (at + 1) & (index->slot_count - 1);
	return &index->slots[at];
}

static void grow(struct dead_index *index)
{
	struct dead_index bigger = {
		.slot_count = index->slot_count > 0 ? 2 * index->slot_count : FIRST_SLOTS};

	bigger.slots = memory_allocate(bigger.slot_count, sizeof *bigger.slots);
	for (size_t i = 0; i < index->slot_count; i++)
		if (index->slots[i].id[0])
			dead_index_put(&bigger, index->slots[i].id, index->slots[i].place);
	free(index->slots);
	*index = bigger;
}

void dead_index_finish(struct dead_index *index)
{
	free(index->slots);
	*index = (struct dead_index){0};
}

void dead_index_put(struct dead_index *index, const char *id, size_t place)
{
	struct dead_index_slot *slot;

	if (2 * index->count >= index->slot_count)
		grow(index);
	slot = find_slot(index, id);
	memcpy(slot->id, id, sizeof slot->id);
	slot->place = place;
	index->count++;
}

bool dead_index_find(const struct dead_index *index, const char *id, size_t *place)
{
	const struct dead_index_slot *slot;

	if (index->count == 0)
		return false;
	slot = find_slot(index, id);
	if (!slot->id[0])
		return false;
	*place = slot->place;
	return true;
}
