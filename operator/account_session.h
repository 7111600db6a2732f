/* SPDX-License-Identifier: MIT */
/*
 * What the commands about accounts and stores work with: the database, and where they need it the
 * token cipher and TikTok.
 * Threads: the main thread alone.
 */
#ifndef OPERATOR_ACCOUNT_SESSION_H
#define OPERATOR_ACCOUNT_SESSION_H

#include "common/crypto.h"
#include "common/db.h"
#include "common/token_cipher.h"
#include "operator/command.h"
#include "operator/tiktok_client.h"

enum account_need {
	ACCOUNT_NEEDS_DATABASE = 0,
	ACCOUNT_NEEDS_TOKENS = 1, /* TOKEN_ENC_KEY */
	ACCOUNT_NEEDS_TIKTOK = 2, /* TIKTOK_CLIENT_KEY and its secret */
};

struct account_session {
	const struct command_context *context;
	struct db *db;
	struct token_cipher *cipher; /* NULL: not asked for, as the next one */
	struct tiktok_client *tiktok;
	char action_id[UUID_TEXT_SIZE]; /* for the one thing that the command does */
	struct text actor;
};

/*
 * Begin; needs is a set of enum account_need. What is missing, or why it fails, is said on standard
 * error.
 *
 * Owns: the caller ends it with account_session_finish(), also after a failure.
 * Returns EXIT_DONE, or the exit code.
 */
enum exit_code account_session_open(
	struct account_session *session, const struct command_context *context, int needs);
void account_session_finish(struct account_session *session);

/*
 * Save something that TikTok will not give again: while PostgreSQL is away, connect and call save
 * once more, for a minute. save is safe to repeat. Fails as save does.
 */
bool account_session_insist(struct account_session *session,
	bool (*save)(struct account_session *session, void *context, struct error *err),
	void *context, struct error *err);
/* Say on standard error that the command failed; returns EXIT_FAILED. */
enum exit_code account_failed(const struct account_session *session, const struct error *err);
/* A line on standard output. It may quote others: control characters become "?". */
void account_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Parameters that begin with $1 action and $2 actor. They borrow from the session. */
struct db_params account_action_params(const struct account_session *session);

#endif
