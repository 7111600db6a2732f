/* SPDX-License-Identifier: MIT */
/*
 * The token pair of an account in the hands of an operator, under the rules that workers keep to: one
 * refresh of an account at a time in the whole fleet, and a new pair is saved, by compare-and-swap,
 * before it is used.
 *
 *     read -> lease -> open -> (refresh) -> revoke -> forget
 *                                      \-> release
 *
 * Threads: the main thread alone.
 */
#ifndef OPERATOR_GRANT_PAIR_H
#define OPERATOR_GRANT_PAIR_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "common/job_message.h"
#include "operator/account_session.h"

struct grant_pair {
	int64_t account_id;
	int64_t version;
	char store_code[STORE_CODE_SIZE];
	char open_id[OPEN_ID_SIZE];
	char lease_owner[256]; /* who else is refreshing; "" nobody */
	bool access_lives;     /* for another minute */
	bool was_interrupted;  /* an earlier refresh: the rotation may be lost */
	bool rotation_unknown; /* ours was interrupted */
	bool is_disconnected;
	int64_t leased_at_us; /* by the database's clock: no token of the refresh is older */
	char *access_cell, *refresh_cell;
	struct text access_token, refresh_token; /* secret; empty before grant_pair_open() */
};

/* Read the row, ending what *pair held. Fails: settings - there is no such account; as db_query(). */
bool grant_pair_read(struct account_session *session, int64_t account_id, struct grant_pair *pair,
	struct error *err);
/* Become the one who refreshes. *leased false: somebody else is, or the pair was replaced: read again. */
bool grant_pair_lease(
	struct account_session *session, struct grant_pair *pair, bool *leased, struct error *err);
/* Decrypt. Fails: as token_cipher_open(). */
bool grant_pair_open(struct account_session *session, struct grant_pair *pair, struct error *err);
/*
 * Refresh, and save the new pair before it is used. Fails: token_revoked - TikTok knows no such grant; as
 * tiktok_read_tokens(); database.
 */
bool grant_pair_refresh(
	struct account_session *session, struct grant_pair *pair, struct error *err);
/* Fails: token_revoked, token_expired - TikTok does not know the access token; as tiktok_read_revocation(). */
bool grant_pair_revoke(struct account_session *session, struct grant_pair *pair, struct error *err);
/* Replace both cells by ones of the empty token, and mark the account disconnected. */
bool grant_pair_forget(struct account_session *session, struct grant_pair *pair, const char *reason,
	struct error *err);
/* Give the lease back after a failure; if that fails, it lapses. */
void grant_pair_release(struct account_session *session, struct grant_pair *pair);
void grant_pair_finish(struct grant_pair *pair);

#endif
