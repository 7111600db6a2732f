/* SPDX-License-Identifier: MIT */
/*
 * A new token pair, encrypted as it will stand in the account's row, with all that is needed to save
 * it: what STATEMENT_SAVE_TOKEN takes, and what a file of the spool holds. No plain token is in it.
 *
 *     {"v":1,"account_id":17,"token_version":3,"access_token":"v1:..","refresh_token":"v1:..",
 *      "issued_at_us":..,"expires_at_us":..,"refresh_expires_at_us":..,"scope":".."}
 *     <SHA-256 of the line above, its end left out, in 64 hex digits>
 *
 * Pure functions.
 */
#ifndef WORKER_SEALED_PAIR_H
#define WORKER_SEALED_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/text.h"

#define SEALED_PAIR_MAX 65536 /* bytes of a file */

struct sealed_pair {
	int64_t account_id;
	int64_t token_version; /* of the pair that it replaces */
	char *access_cell;     /* token cells (common/token_cipher.h) */
	char *refresh_cell;
	char *scope; /* NULL: as before */
	/* Microseconds since 1970, by the database's clock. */
	int64_t issued_at_us;
	int64_t expires_at_us;
	int64_t refresh_expires_at_us; /* 0: as before */
};

void sealed_pair_finish(struct sealed_pair *pair);
/* Append the bytes of a file. */
void sealed_pair_write(const struct sealed_pair *pair, struct text *file);
/*
 * Read the bytes of a file.
 *
 * Owns:  the caller ends *pair with sealed_pair_finish().
 * Fails: bad_message - of another version, damaged, or never whole; *pair untouched. The sentence
 *        quotes nothing of it.
 */
bool sealed_pair_read(
	const char *bytes, size_t length, struct sealed_pair *pair, struct error *err);

#endif
