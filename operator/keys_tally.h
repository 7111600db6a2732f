/* SPDX-License-Identifier: MIT */
/*
 * Counting token cells by key, and naming those that no configured key opens.
 * Threads: the main thread alone.
 */
#ifndef OPERATOR_KEYS_TALLY_H
#define OPERATOR_KEYS_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "operator/keys_cells.h"

struct keys_unknown {
	char id[TOKEN_KEY_ID_SIZE];
	int64_t cells;
};

/* A cell that does not open. */
struct keys_unreadable {
	int64_t account_id;
	char *store_code;
	char *reason; /* names the column */
};

/* Start from a zeroed struct. */
struct keys_tally {
	int64_t accounts;
	int64_t cells[TOKEN_KEYS_MAX];       /* v1, by the place of their key */
	int64_t older_cells[TOKEN_KEYS_MAX]; /* of the older format, by the key that opens them */
	int64_t damaged;              /* do not open, and name no key that is not configured */
	struct keys_unknown *unknown; /* keys that are not configured, by id */
	size_t unknown_count;
	struct keys_unreadable *unreadable; /* every cell that does not open */
	size_t unreadable_count;
};

void keys_tally_finish(struct keys_tally *tally);
void keys_tally_add(struct keys_tally *tally, const struct token_cipher *cipher,
	const struct keys_account *account);
/* Cells that are to be written anew. */
int64_t keys_tally_outdated(const struct keys_tally *tally);
/* No cell needs the key. */
bool keys_tally_is_spare(const struct keys_tally *tally, size_t key);
/* A line on standard output for each cell that does not open, at most limit. */
void keys_tally_print_unreadable(const struct keys_tally *tally, size_t limit);

#endif
