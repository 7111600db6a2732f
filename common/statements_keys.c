/* SPDX-License-Identifier: MIT */
/*
 * The SQL of `syncctl keys`: reading token cells, and writing them anew under another key. Constant:
 * any thread.
 */
#include "common/statements_parts.h"

#include "common/config.h"

/* clang-format off */

/* $1: how cells under the current key begin; NULL: every account is meant. */
#define NOT_CURRENT \
	"($1 IS NULL OR NOT (starts_with(encrypted_access_token, $1) AND starts_with(encrypted_refresh_token, $1)))"

const struct statement_definition statements_of_keys[STATEMENTS] = {
	[STATEMENT_KEYS_COUNT] = {"keys_count", PROGRAM_OPERATOR,
		"SELECT count(*) FROM store_accounts WHERE " NOT_CURRENT, "text", "int8"},

	/* The next accounts after $2, at most $3, whatever their status. */
	[STATEMENT_KEYS_READ] = {"keys_read", PROGRAM_OPERATOR,
		"SELECT id::int8, store_code::text, open_id::text, encrypted_access_token, encrypted_refresh_token, token_version "
		"FROM store_accounts WHERE " NOT_CURRENT " AND id > $2 ORDER BY store_accounts.id LIMIT $3",
		"text,int8,int4", "int8,text,text,text,text,int8"},

	/* In the transaction of the next one: its cells hold the same tokens. Migration 0012's trigger listens. */
	[STATEMENT_KEYS_SAME_TOKENS] = {"keys_same_tokens", PROGRAM_OPERATOR,
		"SELECT set_config('storesync.same_tokens', 'on', true)", "", "text"},

	/*
	 * Compare and swap: $1 accounts, $2 token versions, $3 stores, $4 open_ids and the cells $5 and $6 that were read; $7 and $8
	 * the same tokens, encrypted anew for that store and open_id. Never harms a refresh, wherever it is:
	 *
	 *   - It has the lease: the account is left alone and its cells will be written by the refresh itself, under the current key.
	 *   - It takes the lease or saves its pair at this moment: one of the two has the row's lock. If it is the refresh, this
	 *     statement does not wait (SKIP LOCKED, so that it is in no deadlock either) or, when the other has just committed, compares with
	 *     the row as that left it. If it is this statement, the refresh waits for its few milliseconds.
	 *   - It read the account before and takes the lease after: token_version is what it read, so it gets the lease; the refresh token
	 *     that it has in memory is the one that is stored; and its pair is saved over this one, by the same version. That is
	 *     why re-encrypting must not count as a rotation, or the new pair would be refused and the account lost.
	 *   - It saves long after its lease ran out: the same; its pair wins.
	 *   - It was interrupted: refresh_intent_at stays, and still says that a rotation may have been lost.
	 */
	[STATEMENT_KEYS_REENCRYPT] = {"keys_reencrypt", PROGRAM_OPERATOR,
		"WITH given AS ("
		"	SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8)"
		"	AS g (id, version, store_code, open_id, access, refresh, new_access, new_refresh)), "
		"free AS ("
		"	SELECT a.id, g.new_access, g.new_refresh FROM given g JOIN store_accounts a ON a.id = g.id"
		"	WHERE a.token_version = g.version AND a.store_code = g.store_code AND a.open_id = g.open_id"
		"		AND a.encrypted_access_token = g.access AND a.encrypted_refresh_token = g.refresh"
		"		AND (a.refresh_lease_until IS NULL OR a.refresh_lease_until < now())"
		"	FOR NO KEY UPDATE OF a SKIP LOCKED) "
		"UPDATE store_accounts a SET encrypted_access_token = f.new_access, encrypted_refresh_token = f.new_refresh "
		"FROM free f WHERE a.id = f.id",
		"int8[],int8[],text[],text[],text[],text[],text[],text[]", ""},
};
/* clang-format on */
