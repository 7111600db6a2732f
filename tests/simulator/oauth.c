/* SPDX-License-Identifier: MIT */
/*
 * OAuth over HTTP; the rules themselves stand in grant.c. The server thread runs this.
 */
#include "tests/simulator/oauth.h"

#include <string.h>

#include "tests/simulator/scopes.h"
#include "tests/simulator/simulator.h"

static const struct refusal secret_missing = {
	"invalid_request", "Client secret is missed in request."};
static const struct refusal grant_type_unknown = {
	"unsupported_grant_type", "The grant type is not supported."};

/* NULL: the form can be read and comes from our app. */
static const struct refusal *check_client(
	const struct simulator *simulator, const struct call *call)
{
	const char *key = form_get(&call->form, "client_key");
	const char *secret = form_get(&call->form, "client_secret");

	if (!call->form_is_valid || call->body_too_large || !key)
		return &refusal_malformed;
	if (!secret)
		return &secret_missing;
	if (strcmp(key, simulator->setup.world.client_key) != 0 ||
		strcmp(secret, simulator->setup.client_secret) != 0)
		return &refusal_invalid_client;
	return NULL;
}

static void write_life(
	struct call *call, const struct knobs *knobs, const char *name, int64_t life_s)
{
	const char *quote = knobs_get(knobs, KNOB_LIFETIMES_AS) == LIFETIMES_AS_STRING ? "\"" : "";

	text_append_format(&call->reply, "\"%s\":%s%lld%s,", name, quote, (long long)life_s, quote);
}

static void answer_set(
	const struct simulator *simulator, struct call *call, const struct token_set *set)
{
	struct world_account account;

	world_account(&simulator->setup.world, set->account, &account);
	call_begin_json(call, 200);
	text_append_format(&call->reply, "{\"access_token\":\"%s\",", set->access);
	write_life(call, &simulator->knobs, "expires_in", set->access_life_s);
	text_append_format(&call->reply, "\"open_id\":\"%s\",", account.open_id);
	write_life(call, &simulator->knobs, "refresh_expires_in", set->refresh_life_s);
	text_append_format(&call->reply, "\"refresh_token\":\"%s\",\"scope\":\"", set->refresh);
	scopes_write(set->scopes, &call->reply);
	text_append(&call->reply, "\",\"token_type\":\"Bearer\"}");
}

static const struct refusal *exchange_code(
	struct simulator *simulator, const struct call *call, struct token_set *set)
{
	const char *code = form_get(&call->form, "code");
	const char *redirect_uri = form_get(&call->form, "redirect_uri");

	if (!code || !redirect_uri)
		return &refusal_malformed;
	return grant_exchange(&simulator->grants, code, redirect_uri,
		form_get(&call->form, "code_verifier"), simulator_now_ms(simulator), set);
}

static const struct refusal *refresh(
	struct simulator *simulator, const struct call *call, struct token_set *set)
{
	const char *token = form_get(&call->form, "refresh_token");

	if (!token)
		return &refusal_malformed;
	return grant_refresh(&simulator->grants, token, simulator_now_ms(simulator), set);
}

static const struct refusal *grant_tokens(
	struct simulator *simulator, const struct call *call, struct token_set *set)
{
	const char *grant_type = form_get(&call->form, "grant_type");
	const struct refusal *refusal = check_client(simulator, call);

	if (refusal)
		return refusal;
	if (!grant_type)
		return &refusal_malformed;
	if (strcmp(grant_type, "authorization_code") == 0)
		return exchange_code(simulator, call, set);
	if (strcmp(grant_type, "refresh_token") == 0)
		return refresh(simulator, call, set);
	return &grant_type_unknown;
}

void oauth_answer_token(struct simulator *simulator, struct call *call)
{
	struct token_set set;
	const struct refusal *refusal = grant_tokens(simulator, call, &set);

	if (refusal)
		call_refuse_oauth(call, &simulator->knobs, refusal);
	else
		answer_set(simulator, call, &set);
}

void oauth_answer_revoke(struct simulator *simulator, struct call *call)
{
	const struct refusal *refusal = check_client(simulator, call);
	const char *token = form_get(&call->form, "token");

	if (!refusal && !token)
		refusal = &refusal_malformed;
	if (!refusal)
		refusal = grant_revoke(&simulator->grants, token, simulator_now_ms(simulator));
	if (refusal) {
		call_refuse_oauth(call, &simulator->knobs, refusal);
		return;
	}
	call_begin_json(call, 200);
	if (knobs_get(&simulator->knobs, KNOB_REVOKE_REPLY) == REVOKE_REPLY_OBJECT)
		text_append(&call->reply, "{}");
}
