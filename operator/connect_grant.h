/* SPDX-License-Identifier: MIT */
/*
 * From a code to an account: the exchange at TikTok, the pair in the database, the profile. A pair
 * that TikTok gave is never thrown away while some row could use it: a new consent may end the one
 * that the row has.
 * Threads: the main thread alone.
 */
#ifndef OPERATOR_CONNECT_GRANT_H
#define OPERATOR_CONNECT_GRANT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "common/job_message.h"
#include "common/tiktok_oauth.h"
#include "operator/account_session.h"

struct connect_grant {
	struct account_session *session;
	char store_code[STORE_CODE_SIZE]; /* to be connected to */
	char open_id[OPEN_ID_SIZE];       /* the TikTok account that is expected; "": any */
	struct tiktok_tokens tokens;

	/* what became of it */
	int64_t account_id;
	bool is_new;
	bool is_disabled;   /* an operator has disabled the account, and it stays so */
	char *display_name; /* NULL: not known */
};

/* Fails: as tiktok_read_tokens(), and bad_reply where something is missing that an account needs. */
bool connect_grant_exchange(struct connect_grant *grant, const char *code, const char *redirect_uri,
	const char *verifier, struct error *err);
/*
 * Save the pair, encrypted.
 *
 * Fails: settings - the grant is another account's than the one expected, or the account is connected to
 *        another store: then the pair is saved for the account that it belongs to, if we have that, and
 *        nothing else is changed; database, internal - as db_query().
 */
bool connect_grant_save(struct connect_grant *grant, struct error *err);
/* Ask TikTok for name and avatar and save them; false: it could not be done, which does no harm. */
bool connect_grant_fetch_profile(struct connect_grant *grant, struct error *err);
void connect_grant_finish(struct connect_grant *grant);

#endif
