/* SPDX-License-Identifier: MIT */
/*
 * OAuth with TikTok: how its calls are written and its replies read. Pure functions.
 */
#include "common/tiktok_oauth.h"

#include <stdlib.h>
#include <string.h>

#include "common/crypto.h"
#include "common/json.h"
#include "common/memory.h"
#include "common/tiktok_reply.h"

#define TOKEN_MAX  4096 /* tokens are opaque; samples have about 70 bytes */
#define LIFE_MAX_S (INT64_C(20) * 366 * 86400)
/* When a new token comes without expires_in: it must be saved all the same. */
#define DEFAULT_LIFE_S 3600

void tiktok_tokens_finish(struct tiktok_tokens *tokens)
{
	memory_free_secret(tokens->access_token);
	memory_free_secret(tokens->refresh_token);
	free(tokens->scope);
	free(tokens->open_id);
	*tokens = (struct tiktok_tokens){0};
}

bool tiktok_scope_granted(const char *granted, const char *scope)
{
	size_t length = strlen(scope);

	while (*granted) {
		size_t word;

		granted += strspn(granted, ", ");
		word = strcspn(granted, ", ");
		if (word == length && memcmp(granted, scope, length) == 0)
			return true;
		granted += word;
	}
	return false;
}

void tiktok_challenge(const char *verifier, char challenge[TIKTOK_CHALLENGE_SIZE])
{
	unsigned char hash[CRYPTO_HASH_SIZE];

	crypto_sha256(verifier, strlen(verifier), hash);
	crypto_hex(hash, sizeof hash, challenge);
}

static void add_parameter(
	struct text *url, const char *separator, const char *name, const char *value)
{
	text_append_format(url, "%s%s=", separator, name);
	text_append_url(url, value);
}

void tiktok_write_consent_url(const struct tiktok_consent *consent, struct text *url)
{
	char challenge[TIKTOK_CHALLENGE_SIZE];

	text_append_format(url, "%s/v2/auth/authorize/", consent->auth_url);
	add_parameter(url, "?", "client_key", consent->client_key);
	add_parameter(url, "&", "response_type", "code");
	add_parameter(url, "&", "scope", consent->scopes);
	add_parameter(url, "&", "redirect_uri", consent->redirect_uri);
	add_parameter(url, "&", "state", consent->state);
	if (!consent->verifier)
		return;
	tiktok_challenge(consent->verifier, challenge);
	add_parameter(url, "&", "code_challenge", challenge);
	add_parameter(url, "&", "code_challenge_method", "S256");
}

void tiktok_write_refresh_call(
	const struct tiktok_app *app, const char *refresh_token, struct tiktok_call *call)
{
	tiktok_call_begin(app, ENDPOINT_TOKEN, "/v2/oauth/token/", NULL, call);
	tiktok_call_add_field(call, "client_key", app->client_key);
	tiktok_call_add_field(call, "client_secret", app->client_secret);
	tiktok_call_add_field(call, "grant_type", "refresh_token");
	tiktok_call_add_field(call, "refresh_token", refresh_token);
}

void tiktok_write_exchange_call(const struct tiktok_app *app, const char *code,
	const char *redirect_uri, const char *verifier, struct tiktok_call *call)
{
	tiktok_call_begin(app, ENDPOINT_TOKEN, "/v2/oauth/token/", NULL, call);
	tiktok_call_add_field(call, "client_key", app->client_key);
	tiktok_call_add_field(call, "client_secret", app->client_secret);
	tiktok_call_add_field(call, "code", code);
	tiktok_call_add_field(call, "grant_type", "authorization_code");
	tiktok_call_add_field(call, "redirect_uri", redirect_uri);
	if (verifier)
		tiktok_call_add_field(call, "code_verifier", verifier);
}

void tiktok_write_revoke_call(
	const struct tiktok_app *app, const char *access_token, struct tiktok_call *call)
{
	tiktok_call_begin(app, ENDPOINT_TOKEN, "/v2/oauth/revoke/", NULL, call);
	tiktok_call_add_field(call, "client_key", app->client_key);
	tiktok_call_add_field(call, "client_secret", app->client_secret);
	tiktok_call_add_field(call, "token", access_token);
}

/* Nonsense must not keep a new token pair from being saved. */
static void read_lifetime(const struct json *document, const char *name, int64_t *seconds)
{
	int64_t read;

	if (json_lenient_integer(document, name, &read) == JSON_FOUND && read >= 0 &&
		read <= LIFE_MAX_S)
		*seconds = read;
}

bool tiktok_read_tokens(
	const struct http_reply *reply, struct tiktok_tokens *tokens, struct error *err)
{
	struct json *document = NULL;
	struct tiktok_tokens read = {.expires_in_s = DEFAULT_LIFE_S};
	const char *access = NULL, *refresh = NULL, *scope = NULL, *open_id = NULL;
	bool ok = false;

	if (!tiktok_reply_open(reply, ENDPOINT_TOKEN, &document, err))
		return false;
	if (json_string(document, "access_token", TOKEN_MAX, &access) != JSON_FOUND || !*access) {
		tiktok_reply_refuse(reply, ERROR_BAD_REPLY, "without access_token", "", err);
		goto out;
	}
	read_lifetime(document, "expires_in", &read.expires_in_s);
	read_lifetime(document, "refresh_expires_in", &read.refresh_expires_in_s);
	if (json_string(document, "refresh_token", TOKEN_MAX, &refresh) == JSON_FOUND && *refresh)
		read.refresh_token = memory_copy_text(refresh);
	if (json_string(document, "scope", TOKEN_MAX, &scope) == JSON_FOUND && *scope)
		read.scope = memory_copy_text(scope);
	if (json_string(document, "open_id", TOKEN_MAX, &open_id) == JSON_FOUND && *open_id)
		read.open_id = memory_copy_text(open_id);
	read.access_token = memory_copy_text(access);
	*tokens = read;
	ok = true;
out:
	json_destroy(document);
	return ok;
}

bool tiktok_read_revocation(const struct http_reply *reply, struct error *err)
{
	struct json *document = NULL;

	if (reply->status >= 200 && reply->status <= 299 && reply->length == 0)
		return true;
	if (!tiktok_reply_open(reply, ENDPOINT_TOKEN, &document, err))
		return false;
	json_destroy(document);
	return true;
}
