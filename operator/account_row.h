/* SPDX-License-Identifier: MIT */
/*
 * An account as people and programs are told of it: rows of STATEMENT_ACCOUNT_LIST and
 * STATEMENT_ACCOUNT_SHOW. Never a token.
 * Threads: the main thread alone.
 */
#ifndef OPERATOR_ACCOUNT_ROW_H
#define OPERATOR_ACCOUNT_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "common/db.h"
#include "common/error.h"
#include "common/text.h"

/* The order of ACCOUNT_VIEW in statements_accounts.c. */
enum account_column {
	ACCOUNT_ID,
	ACCOUNT_STORE,
	ACCOUNT_OPEN_ID,
	ACCOUNT_NAME,
	ACCOUNT_STATUS,
	ACCOUNT_REASON,
	ACCOUNT_SCOPE,
	ACCOUNT_CONNECTED_AT,
	ACCOUNT_DISCONNECTED_AT,
	ACCOUNT_LAST_SYNC_AT,
	ACCOUNT_FAILED_SYNCS,
	ACCOUNT_TOKEN_EXPIRES_AT,
	ACCOUNT_TOKEN_EXPIRED,
	ACCOUNT_REFRESH_EXPIRES_AT,
	ACCOUNT_REFRESH_EXPIRED,
	ACCOUNT_TOKEN_VERSION,
	ACCOUNT_LEASE_OWNER,
	ACCOUNT_LEASE_UNTIL,
	ACCOUNT_INTENT_AT,
};

/* A scope that we ask for, and what its absence costs. The table ends with a NULL name. */
struct wanted_scope {
	const char *name;
	const char *cost;
};

extern const struct wanted_scope wanted_scopes[];

/* Append the wanted scopes, comma-separated. */
void account_append_wanted_scopes(struct text *out);
/* Append the wanted scopes that were not granted, comma-separated; nothing when all were. */
void account_append_missing_scopes(const char *granted, struct text *out);

/*
 * Find an account. Owns: *rows, of one row, is ended with db_result_destroy().
 * Fails: settings - there is none; as db_query().
 */
bool account_find(struct db *db, int64_t account_id, struct db_result **rows, struct error *err);
/* Append text of whatever source, made safe for a terminal; "-" for none. */
void account_append_clean(const char *text, struct text *out);
/* Append the row as a JSON object. */
void account_append_json(const struct db_result *rows, int row, struct text *out);
/* Append "name":"value", or null for an empty value; a comma before it unless first. */
void account_append_member(const char *name, const char *value, struct text *out);

#endif
