/* SPDX-License-Identifier: MIT */
/*
 * Walking through the token cells of every account, page by page, and judging each: under which key it
 * is, and does it open. What `keys status` counts and `keys rotate` rewrites.
 * Threads: the main thread alone.
 */
#ifndef OPERATOR_KEYS_CELLS_H
#define OPERATOR_KEYS_CELLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/config.h"
#include "common/db.h"
#include "common/error.h"
#include "common/text.h"
#include "common/token_cipher.h"

#define KEYS_COLUMNS 2 /* enum token_column */

struct keys_cell {
	const char *stored; /* borrowed from the page */
	bool is_older_format;
	bool opens;
	struct error fault; /* why not */
	size_t key;         /* the one that opens it: its place, see token_cipher.h */
	struct text token;  /* a secret */
};

struct keys_account {
	int64_t id;
	const char *store_code; /* these are borrowed from the page */
	const char *open_id;
	int64_t token_version;
	struct keys_cell cells[KEYS_COLUMNS];
};

struct keys_session {
	const struct config *config;
	struct db *db;
	struct token_cipher *cipher;
	char current_prefix[4 + TOKEN_KEY_ID_SIZE]; /* how cells under the current key begin */
};

/*
 * Connect, and make the cipher of the settings.
 *
 * Owns:  ended with keys_session_finish(), also after a failure.
 * Fails: settings - TOKEN_ENC_KEY is not given, or a key is none; otherwise as db_open().
 */
bool keys_session_open(
	struct keys_session *session, const struct config *config, struct error *err);
void keys_session_finish(struct keys_session *session);

enum keys_scope {
	KEYS_EVERY_ACCOUNT,
	KEYS_NOT_CURRENT, /* with a cell that is not v1 under the current key */
};

bool keys_count_accounts(
	struct keys_session *session, enum keys_scope scope, int64_t *count, struct error *err);

/* Called for every account of a page; context is the caller's. */
typedef void keys_visit(void *context, const struct keys_account *account);
/*
 * Show the page of at most limit accounts behind *after to visit, and move *after to its end; *count
 * is how many there were, 0 at the end. What the account and its cells hold is wiped after the call.
 */
bool keys_visit_page(struct keys_session *session, enum keys_scope scope, int64_t *after, int limit,
	keys_visit *visit, void *context, int *count, struct error *err);

/* True for a cell that opens, but has to be written anew under the current key. */
bool keys_cell_is_outdated(const struct keys_cell *cell);

/* "TOKEN_ENC_KEY", "key 2 of TOKEN_ENC_OLD_KEYS". */
void keys_append_setting(size_t key, struct text *out);

#endif
