/* SPDX-License-Identifier: MIT */
/*
 * OAuth v2 with TikTok (developers.tiktok.com, "User Access Token Management"): its calls and its
 * replies. Pure: no I/O, no clock.
 * Threads: any.
 */
#ifndef COMMON_TIKTOK_OAUTH_H
#define COMMON_TIKTOK_OAUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "common/http.h"
#include "common/tiktok_call.h"

/* True if the comma-separated list of granted scopes holds scope. */
bool tiktok_scope_granted(const char *granted, const char *scope);

/* What stands in the address to which a merchant is sent ("Login Kit for Web", "for Desktop"). */
struct tiktok_consent {
	const char *auth_url; /* without a trailing slash */
	const char *client_key;
	const char *scopes; /* comma-separated */
	const char *redirect_uri;
	const char *state;
	const char *verifier; /* of PKCE; NULL: none, as for web redirects */
};

#define TIKTOK_CHALLENGE_SIZE 65 /* 64 hex digits and the NUL */

/* TikTok's code_challenge is lower-case hex of SHA-256, not base64url as in RFC 7636 ("Login Kit for Desktop"). */
void tiktok_challenge(const char *verifier, char challenge[TIKTOK_CHALLENGE_SIZE]);
/* Append the address. */
void tiktok_write_consent_url(const struct tiktok_consent *consent, struct text *url);

struct tiktok_tokens {
	char *open_id;       /* NULL: not told */
	char *access_token;  /* secret */
	char *refresh_token; /* secret; NULL: the old one stays */
	char *scope;         /* NULL: as before */
	int64_t expires_in_s;
	int64_t refresh_expires_in_s; /* 0: as before */
	int64_t issued_at_us; /* when the call was sent, by the database's clock; set by who knows */
};

void tiktok_tokens_finish(struct tiktok_tokens *tokens);

/* Fill *call (zeroed, or used before). */
void tiktok_write_refresh_call(
	const struct tiktok_app *app, const char *refresh_token, struct tiktok_call *call);
/* code is decoded already; verifier NULL: none. */
void tiktok_write_exchange_call(const struct tiktok_app *app, const char *code,
	const char *redirect_uri, const char *verifier, struct tiktok_call *call);
void tiktok_write_revoke_call(
	const struct tiktok_app *app, const char *access_token, struct tiktok_call *call);
/* Of a refresh or an exchange. Fails as tiktok_reply_open(). */
bool tiktok_read_tokens(
	const struct http_reply *reply, struct tiktok_tokens *tokens, struct error *err);
/* The same of a revocation, whose success has no body, or {}. */
bool tiktok_read_revocation(const struct http_reply *reply, struct error *err);

#endif
