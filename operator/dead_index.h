/* SPDX-License-Identifier: MIT */
/*
 * Finds a dead letter's place by its dead_id: a hash table with open addressing. The ids are hashes
 * themselves, so their first digits spread well enough.
 * Threads: one.
 */
#ifndef OPERATOR_DEAD_INDEX_H
#define OPERATOR_DEAD_INDEX_H

#include <stdbool.h>
#include <stddef.h>

#include "common/crypto.h"

struct dead_index_slot;

/* Start from a zeroed struct. */
struct dead_index {
	struct dead_index_slot *slots;
	size_t slot_count; /* a power of two */
	size_t count;
};

void dead_index_finish(struct dead_index *index); /* zeroed again: empty */
/* Put an id that is not there yet, with its place. */
void dead_index_put(struct dead_index *index, const char *id, size_t place);
/* False: the id is not there. */
bool dead_index_find(const struct dead_index *index, const char *id, size_t *place);

#endif
