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

struct tiktok_tokens {
	char *access_token;  /* secret */
	char *refresh_token; /* secret; NULL: the old one stays */
	char *scope;         /* NULL: as before */
	int64_t expires_in_s;
	int64_t refresh_expires_in_s; /* 0: as before */
};

void tiktok_tokens_finish(struct tiktok_tokens *tokens);

/* Fill *call (zeroed, or used before). */
void tiktok_write_refresh_call(
	const struct tiktok_app *app, const char *refresh_token, struct tiktok_call *call);
/* Fails as tiktok_reply_open(). */
bool tiktok_read_tokens(
	const struct http_reply *reply, struct tiktok_tokens *tokens, struct error *err);

#endif
