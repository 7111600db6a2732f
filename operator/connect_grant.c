/* SPDX-License-Identifier: MIT */
/*
 * Exchanging codes and saving what comes of it. One thread.
 */
#include "operator/connect_grant.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"
#include "common/metrics.h"
#include "common/quota.h"
#include "common/tiktok_reply.h"
#include "common/utf8.h"

#define OPEN_ID_CHARACTERS 100 /* varchar(100) */
#define NAME_CHARACTERS    255 /* varchar(255) */
#define SLOT_WITHIN_MS     2000

struct exchange {
	struct connect_grant *grant;
	struct error *err;
	bool ok;
};

static void read_tokens(void *context, const struct http_reply *reply)
{
	struct exchange *exchange = context;

	exchange->ok = tiktok_read_tokens(reply, &exchange->grant->tokens, exchange->err);
}

static bool is_complete(const struct tiktok_tokens *tokens, struct error *err)
{
	const char *missing = !tokens->open_id         ? "open_id"
			      : !tokens->refresh_token ? "refresh_token"
						       : NULL;

	if (missing) {
		error_set(err, ERROR_BAD_REPLY, "TikTok's answer has no %s", missing);
		return false;
	}
	if (!utf8_is_valid(tokens->open_id, strlen(tokens->open_id)) ||
		utf8_count(tokens->open_id) > OPEN_ID_CHARACTERS) {
		error_set(err, ERROR_BAD_REPLY, "TikTok's open_id is longer than %d characters",
			OPEN_ID_CHARACTERS);
		return false;
	}
	return true;
}

bool connect_grant_exchange(struct connect_grant *grant, const char *code, const char *redirect_uri,
	const char *verifier, struct error *err)
{
	struct tiktok_client *client = grant->session->tiktok;
	struct tiktok_call call = {0};
	struct exchange exchange = {.grant = grant, .err = err};

	tiktok_write_exchange_call(tiktok_client_app(client), code, redirect_uri, verifier, &call);
	tiktok_client_call(client, &call, read_tokens, &exchange);
	if (exchange.ok && is_complete(&grant->tokens, err))
		return true;
	error_wrap(err, "TikTok does not give tokens for its code, which is used up: start again");
	return false;
}

/* ---- Saving ---- */

/* Save the pair for the account in store_code; the row is made if need be. */
static bool save_for(struct connect_grant *grant, const char *store_code, struct error *err)
{
	const struct account_session *session = grant->session;
	const struct tiktok_tokens *tokens = &grant->tokens;
	struct db_params params = account_action_params(session);
	struct text access = {0}, refresh = {0};
	struct db_result *saved = NULL;
	bool ok;

	token_cipher_seal(session->cipher, store_code, tokens->open_id, TOKEN_ACCESS,
		tokens->access_token, &access);
	token_cipher_seal(session->cipher, store_code, tokens->open_id, TOKEN_REFRESH,
		tokens->refresh_token, &refresh);
	db_param_text(&params, store_code);
	db_param_text(&params, tokens->open_id);
	db_param_text(&params, text_string(&access));
	db_param_text(&params, text_string(&refresh));
	db_param_integer(&params, tokens->expires_in_s);
	db_param_integer(&params, tokens->refresh_expires_in_s);
	db_param_text(&params, tokens->scope ? tokens->scope : "");
	ok = db_query(session->db, STATEMENT_ACCOUNT_CONNECT, &params, &saved, err);
	if (ok) {
		grant->account_id = db_integer(saved, 0, 0);
		grant->is_disabled = strcmp(db_text(saved, 0, 1), "DISABLED") == 0;
		grant->is_new = db_boolean(saved, 0, 2);
	}
	db_result_destroy(saved);
	text_finish(&access);
	text_finish(&refresh);
	return ok;
}

static void refuse_other(
	const struct connect_grant *grant, const char *owner_store, struct error *err)
{
	if (owner_store)
		error_set(err, ERROR_SETTINGS,
			"the merchant consented for TikTok account %s, which is account %" PRId64
			" of store %s; its tokens were renewed there, and the account that was to be "
			"connected again is as it was: let the merchant sign in at TikTok as that one",
			grant->tokens.open_id, grant->account_id, owner_store);
	else
		error_set(err, ERROR_SETTINGS,
			"the merchant consented for TikTok account %s, but the account to be connected "
			"again is %s: nothing was changed here. At TikTok the grant of the other one "
			"now exists: let the merchant remove it in TikTok's settings, or connect it "
			"without --account",
			grant->tokens.open_id, grant->open_id);
}

static void refuse_shared(
	const struct connect_grant *grant, const char *owner_store, struct error *err)
{
	error_set(err, ERROR_SETTINGS,
		"TikTok account %s is account %" PRId64
		" of store %s; two accounts with one grant would end "
		"each other's refresh token, so nothing was connected to store %s, and the new tokens were "
		"saved there. To move it: syncctl account disconnect %" PRId64
		" --yes, then connect again",
		grant->tokens.open_id, grant->account_id, owner_store, grant->store_code,
		grant->account_id);
}

/* The store whose account has this grant: the one that is asked for, else the first; NULL: nobody. */
static const char *find_owner(const struct connect_grant *grant, const struct db_result *sharers)
{
	const char *owner = NULL;

	for (int row = 0; row < db_row_count(sharers); row++) {
		const char *store = db_text(sharers, row, 1);

		if (strcmp(store, grant->store_code) == 0)
			return store;
		if (!owner)
			owner = store;
	}
	return owner;
}

static void warn_of_sharers(const struct connect_grant *grant, const struct db_result *sharers)
{
	for (int row = 0; row < db_row_count(sharers); row++)
		if (strcmp(db_text(sharers, row, 1), grant->store_code) != 0)
			fprintf(stderr,
				"warning: account %s of store %s has the same TikTok account: their "
				"refreshes end each other's grant; disable one of them\n",
				db_text(sharers, row, 0), db_text(sharers, row, 1));
}

/* *refused: the pair is where it belongs, but that is not where it was wanted; *err says so. */
static bool save_where_it_belongs(struct connect_grant *grant, const struct db_result *sharers,
	bool *refused, struct error *err)
{
	const char *owner = find_owner(grant, sharers);
	bool is_expected = !*grant->open_id || strcmp(grant->open_id, grant->tokens.open_id) == 0;
	bool is_ours = !owner || strcmp(owner, grant->store_code) == 0;

	*refused = !is_expected || !is_ours;
	if (!is_expected && !owner) {
		refuse_other(grant, NULL, err);
		return true;
	}
	if (!save_for(grant, owner ? owner : grant->store_code, err))
		return false;
	if (!is_expected)
		refuse_other(grant, owner, err);
	else if (!is_ours)
		refuse_shared(grant, owner, err);
	else
		warn_of_sharers(grant, sharers);
	return true;
}

struct saving {
	struct connect_grant *grant;
	bool refused;
	struct error refusal;
};

static bool save_once(struct account_session *session, void *context, struct error *err)
{
	struct saving *saving = context;
	struct db_params find = {0};
	struct db_result *sharers = NULL;
	bool ok;

	db_param_text(&find, saving->grant->tokens.open_id);
	if (!db_begin(session->db, err))
		return false;
	ok = db_query(session->db, STATEMENT_ACCOUNT_LOCK_GRANTS, NULL, NULL, err) &&
	     db_query(session->db, STATEMENT_ACCOUNT_SHARERS, &find, &sharers, err) &&
	     save_where_it_belongs(saving->grant, sharers, &saving->refused, &saving->refusal);
	if (!ok && saving->refusal.class != ERROR_NONE)
		*err = saving->refusal;
	if (ok)
		ok = db_commit(session->db, err);
	else
		db_rollback(session->db);
	db_result_destroy(sharers);
	return ok;
}

bool connect_grant_save(struct connect_grant *grant, struct error *err)
{
	struct saving saving = {.grant = grant};

	if (!account_session_insist(grant->session, save_once, &saving, err)) {
		error_wrap(err, "TikTok gave access, but it could not be saved: start again");
		return false;
	}
	if (saving.refused)
		*err = saving.refusal;
	return !saving.refused;
}

/* ---- The profile ---- */

struct profile_reading {
	char *display_name, *avatar_url;
	struct error *err;
	bool ok;
};

static void read_profile(void *context, const struct http_reply *reply)
{
	struct profile_reading *reading = context;
	struct json *document = NULL, *user;
	const char *name, *avatar;

	reading->ok = tiktok_reply_open(reply, ENDPOINT_USER_INFO, &document, reading->err);
	if (!reading->ok)
		return;
	user = json_object(json_object(document, "data"), "user");
	name = user ? tiktok_reply_text(user, "display_name") : NULL;
	avatar = user ? tiktok_reply_text(user, "avatar_url") : NULL;
	if (name)
		reading->display_name = memory_copy_bytes(name, utf8_prefix(name, NAME_CHARACTERS));
	reading->avatar_url = memory_copy_text(avatar);
	json_destroy(document);
}

/*
 * Of the quota that the fleet shares, the call is one like any other: wait for a slot. While a 429 is
 * waited out there is none; then the next sync learns the profile.
 */
static bool wait_for_slot(struct connect_grant *grant, struct error *err)
{
	const struct config *config = &grant->session->context->config;
	struct db_params params = {0};
	struct db_result *lease = NULL;
	int64_t wait_us;
	bool granted;

	if (!config->quota_user_info)
		return true;
	db_param_text(&params, config->tiktok_client_key);
	db_param_text(&params, metric_endpoint_name(ENDPOINT_USER_INFO));
	db_param_integer(&params, quota_step_us(config->quota_user_info));
	db_param_integer(&params, SLOT_WITHIN_MS * INT64_C(1000));
	db_param_integer(&params, 1);
	db_param_integer(&params, 1);
	if (!db_query(grant->session->db, STATEMENT_LEASE_QUOTA, &params, &lease, err))
		return false;
	granted = db_integer(lease, 0, 0) == 1;
	wait_us = db_integer(lease, 0, 1) - db_integer(lease, 0, 4);
	db_result_destroy(lease);
	if (granted)
		usleep(wait_us > 0 ? (useconds_t)wait_us : 0);
	else
		error_set(err, ERROR_RATE_LIMITED,
			"TikTok's quota is used up for now; the next sync learns it");
	return granted;
}

bool connect_grant_fetch_profile(struct connect_grant *grant, struct error *err)
{
	struct tiktok_client *client = grant->session->tiktok;
	struct profile_reading reading = {.err = err};
	struct tiktok_call call = {0};
	struct db_params params = {0};
	bool ok;

	if (!wait_for_slot(grant, err))
		return false;
	tiktok_call_begin(tiktok_client_app(client), ENDPOINT_USER_INFO,
		"/v2/user/info/?fields=open_id,display_name,avatar_url", grant->tokens.access_token,
		&call);
	tiktok_client_call(client, &call, read_profile, &reading);
	db_param_integer(&params, grant->account_id);
	db_param_text(&params, reading.display_name);
	db_param_text(&params, reading.avatar_url);
	ok = reading.ok &&
	     db_query(grant->session->db, STATEMENT_ACCOUNT_PROFILE, &params, NULL, err);
	free(reading.avatar_url);
	grant->display_name = reading.display_name;
	return ok;
}

void connect_grant_finish(struct connect_grant *grant)
{
	tiktok_tokens_finish(&grant->tokens);
	free(grant->display_name);
	grant->display_name = NULL;
}
