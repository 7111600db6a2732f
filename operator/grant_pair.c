/* SPDX-License-Identifier: MIT */
/*
 * Leasing, refreshing and ending a pair. One thread.
 */
#include "operator/grant_pair.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/tiktok_oauth.h"

/* The order of STATEMENT_ACCOUNT_PAIR. */
enum column {
	STORE,
	OPEN_ID,
	ACCESS_CELL,
	REFRESH_CELL,
	VERSION,
	ACCESS_LIVES,
	INTERRUPTED,
	DISCONNECTED,
	LEASE_OWNER,
};

void grant_pair_finish(struct grant_pair *pair)
{
	free(pair->access_cell);
	free(pair->refresh_cell);
	text_finish_secret(&pair->access_token);
	text_finish_secret(&pair->refresh_token);
	*pair = (struct grant_pair){0};
}

bool grant_pair_read(struct account_session *session, int64_t account_id, struct grant_pair *pair,
	struct error *err)
{
	struct db_params params = {0};
	struct db_result *row = NULL;
	bool found;

	db_param_integer(&params, account_id);
	if (!db_query(session->db, STATEMENT_ACCOUNT_PAIR, &params, &row, err))
		return false;
	grant_pair_finish(pair);
	found = db_row_count(row) == 1;
	if (found) {
		pair->account_id = account_id;
		pair->version = db_integer(row, 0, VERSION);
		snprintf(pair->store_code, sizeof pair->store_code, "%s", db_text(row, 0, STORE));
		snprintf(pair->open_id, sizeof pair->open_id, "%s", db_text(row, 0, OPEN_ID));
		snprintf(pair->lease_owner, sizeof pair->lease_owner, "%.255s",
			db_text(row, 0, LEASE_OWNER));
		pair->access_lives = db_boolean(row, 0, ACCESS_LIVES);
		pair->was_interrupted = db_boolean(row, 0, INTERRUPTED);
		pair->is_disconnected = db_boolean(row, 0, DISCONNECTED);
		pair->access_cell = memory_copy_text(db_text(row, 0, ACCESS_CELL));
		pair->refresh_cell = memory_copy_text(db_text(row, 0, REFRESH_CELL));
	} else {
		error_set(err, ERROR_SETTINGS,
			"there is no account %" PRId64 "; syncctl account list shows them",
			account_id);
	}
	db_result_destroy(row);
	return found;
}

bool grant_pair_lease(
	struct account_session *session, struct grant_pair *pair, bool *leased, struct error *err)
{
	struct db_params params = {0};
	struct db_result *row = NULL;

	db_param_integer(&params, pair->account_id);
	db_param_text(&params, session->action_id); /* nobody else has this name */
	db_param_integer(&params, pair->version);
	if (!db_query(session->db, STATEMENT_ACCOUNT_LEASE, &params, &row, err))
		return false;
	*leased = db_row_count(row) == 1;
	pair->leased_at_us = *leased ? db_integer(row, 0, 0) : 0;
	db_result_destroy(row);
	return true;
}

bool grant_pair_open(struct account_session *session, struct grant_pair *pair, struct error *err)
{
	return token_cipher_open(session->cipher, pair->store_code, pair->open_id, TOKEN_ACCESS,
		       pair->access_cell, &pair->access_token, err) &&
	       token_cipher_open(session->cipher, pair->store_code, pair->open_id, TOKEN_REFRESH,
		       pair->refresh_cell, &pair->refresh_token, err);
}

/* ---- Refreshing ---- */

struct refreshing {
	struct grant_pair *pair;
	struct tiktok_tokens tokens;
	struct error *err;
	bool ok;
};

static void read_tokens(void *context, const struct http_reply *reply)
{
	struct refreshing *refreshing = context;

	refreshing->ok = tiktok_read_tokens(reply, &refreshing->tokens, refreshing->err);
}

static bool save_once(struct account_session *session, void *context, struct error *err)
{
	const struct refreshing *refreshing = context;
	const struct tiktok_tokens *tokens = &refreshing->tokens;
	struct grant_pair *pair = refreshing->pair;
	struct text access = {0}, refresh = {0};
	struct db_params params = {0};
	struct db_result *saved = NULL;
	bool ok;

	token_cipher_seal(session->cipher, pair->store_code, pair->open_id, TOKEN_ACCESS,
		tokens->access_token, &access);
	token_cipher_seal(session->cipher, pair->store_code, pair->open_id, TOKEN_REFRESH,
		tokens->refresh_token ? tokens->refresh_token : text_string(&pair->refresh_token),
		&refresh);
	db_param_integer(&params, pair->account_id);
	db_param_integer(&params, pair->version);
	db_param_text(&params, text_string(&access));
	db_param_text(&params, text_string(&refresh));
	db_param_integer(&params, pair->leased_at_us);
	db_param_integer(&params, pair->leased_at_us + tokens->expires_in_s * 1000000);
	if (tokens->refresh_expires_in_s > 0)
		db_param_integer(
			&params, pair->leased_at_us + tokens->refresh_expires_in_s * 1000000);
	else
		db_param_text(&params, NULL);
	db_param_text(&params, tokens->scope);
	ok = db_query(session->db, STATEMENT_SAVE_TOKEN, &params, &saved, err);
	if (ok && db_row_count(saved) == 0) {
		error_set(err, ERROR_INTERNAL,
			"somebody else has replaced the account's tokens: start again");
		ok = false;
	}
	db_result_destroy(saved);
	text_finish(&access);
	text_finish(&refresh);
	return ok;
}

static void adopt(struct grant_pair *pair, const struct tiktok_tokens *tokens)
{
	pair->version++;
	text_finish_secret(&pair->access_token);
	text_append(&pair->access_token, tokens->access_token);
	if (!tokens->refresh_token)
		return;
	text_finish_secret(&pair->refresh_token);
	text_append(&pair->refresh_token, tokens->refresh_token);
}

bool grant_pair_refresh(struct account_session *session, struct grant_pair *pair, struct error *err)
{
	struct refreshing refreshing = {.pair = pair, .err = err};
	struct tiktok_call call = {0};
	bool ok;

	tiktok_write_refresh_call(
		tiktok_client_app(session->tiktok), text_string(&pair->refresh_token), &call);
	tiktok_client_call(session->tiktok, &call, read_tokens, &refreshing);
	if (!refreshing.ok) {
		pair->rotation_unknown |= error_rule(err->class)->may_have_acted;
		error_wrap(err, "refreshing the token");
		return false;
	}
	ok = account_session_insist(session, save_once, &refreshing, err);
	pair->rotation_unknown |= !ok;
	if (ok)
		adopt(pair, &refreshing.tokens);
	tiktok_tokens_finish(&refreshing.tokens);
	return ok;
}

/* ---- The end ---- */

struct revoking {
	struct error *err;
	bool ok;
};

static void read_revocation(void *context, const struct http_reply *reply)
{
	struct revoking *revoking = context;

	revoking->ok = tiktok_read_revocation(reply, revoking->err);
}

bool grant_pair_revoke(struct account_session *session, struct grant_pair *pair, struct error *err)
{
	struct revoking revoking = {.err = err};
	struct tiktok_call call = {0};

	tiktok_write_revoke_call(
		tiktok_client_app(session->tiktok), text_string(&pair->access_token), &call);
	tiktok_client_call(session->tiktok, &call, read_revocation, &revoking);
	if (!revoking.ok)
		error_wrap(err, "revoking the grant");
	return revoking.ok;
}

struct forgetting {
	const struct grant_pair *pair;
	const char *reason;
};

static bool forget_once(struct account_session *session, void *context, struct error *err)
{
	const struct forgetting *forgetting = context;
	const struct grant_pair *pair = forgetting->pair;
	struct db_params params = account_action_params(session);
	struct text access = {0}, refresh = {0};
	struct db_result *changed = NULL;
	bool ok;

	token_cipher_seal(
		session->cipher, pair->store_code, pair->open_id, TOKEN_ACCESS, "", &access);
	token_cipher_seal(
		session->cipher, pair->store_code, pair->open_id, TOKEN_REFRESH, "", &refresh);
	db_param_integer(&params, pair->account_id);
	db_param_integer(&params, pair->version);
	db_param_text(&params, text_string(&access));
	db_param_text(&params, text_string(&refresh));
	db_param_text(&params, forgetting->reason);
	ok = db_query(session->db, STATEMENT_ACCOUNT_DISCONNECT, &params, &changed, err);
	if (ok && db_row_count(changed) == 0) {
		error_set(err, ERROR_INTERNAL,
			"somebody else has replaced the account's tokens meanwhile: start again");
		ok = false;
	}
	db_result_destroy(changed);
	text_finish(&access);
	text_finish(&refresh);
	return ok;
}

bool grant_pair_forget(struct account_session *session, struct grant_pair *pair, const char *reason,
	struct error *err)
{
	struct forgetting forgetting = {.pair = pair, .reason = reason};

	return account_session_insist(session, forget_once, &forgetting, err);
}

void grant_pair_release(struct account_session *session, struct grant_pair *pair)
{
	struct db_params params = {0};
	struct error ignored;

	db_param_integer(&params, pair->account_id);
	db_param_text(&params, session->action_id);
	db_param_boolean(&params, pair->rotation_unknown || pair->was_interrupted);
	if (session->db)
		db_query(session->db, STATEMENT_RELEASE_TOKEN, &params, NULL, &ignored);
}
