/* SPDX-License-Identifier: MIT */
/*
 * TikTok's Display API and OAuth v2, as far as a sync needs them: how its calls are written and its
 * replies read. Pure: no I/O, no clock. Names of fields, scopes and error codes are TikTok's
 * (developers.tiktok.com, "Get User Info", "List Videos", "User Access Token Management", "Error
 * Handling").
 * Threads: any.
 */
#ifndef WORKER_TIKTOK_H
#define WORKER_TIKTOK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "common/http.h"
#include "common/metrics.h"
#include "common/text.h"
#include "worker/snapshot.h"

#define TIKTOK_PAGE_VIDEOS 20 /* "List Videos": max_count is at most 20 */

/* A call to be made: what differs between the calls of a job. */
struct tiktok_call {
	enum metric_endpoint endpoint;
	struct text url;
	struct text body;   /* may hold secrets */
	const char *bearer; /* borrowed; NULL: none */
};

void tiktok_call_finish(struct tiktok_call *call);
/* The call as a request, which borrows from it. */
struct http_request tiktok_request(const struct tiktok_call *call, int64_t deadline_ms);

struct tiktok_app {
	const char *api_url; /* without a trailing slash */
	const char *client_key;
	const char *client_secret;
};

/* True if the comma-separated list of granted scopes holds scope. */
bool tiktok_scope_granted(const char *granted, const char *scope);
bool tiktok_can_read_user(const char *granted);
bool tiktok_can_list_videos(const char *granted);

/*
 * Fill *call (zeroed, or used before). Only fields whose scope was granted are asked for: a field
 * beyond them fails the whole call.
 */
void tiktok_write_user_call(const struct tiktok_app *app, const char *granted,
	const char *access_token, struct tiktok_call *call);
/* cursor 0: the first page. */
void tiktok_write_videos_call(const struct tiktok_app *app, int64_t cursor,
	const char *access_token, struct tiktok_call *call);
void tiktok_write_refresh_call(
	const struct tiktok_app *app, const char *refresh_token, struct tiktok_call *call);

/*
 * A call for nobody: without an access token, or with a refresh token that is none, but under our
 * client key and secret. A TikTok that works refuses it.
 */
void tiktok_write_bare_call(
	const struct tiktok_app *app, enum metric_endpoint endpoint, struct tiktok_call *call);
/*
 * True if a reply is one of a TikTok that works and accepts our app: JSON, and no failure of its own.
 * Else *err says what is wrong.
 */
bool tiktok_answers(
	const struct http_reply *reply, enum metric_endpoint endpoint, struct error *err);

struct tiktok_tokens {
	char *access_token;  /* secret */
	char *refresh_token; /* secret; NULL: the old one stays */
	char *scope;         /* NULL: as before */
	int64_t expires_in_s;
	int64_t refresh_expires_in_s; /* 0: as before */
	int64_t issued_at_us; /* when the call was sent, by the database's clock; set by who knows */
};

void tiktok_tokens_finish(struct tiktok_tokens *tokens);

struct tiktok_page {
	int64_t cursor;
	bool has_more;
	int64_t new_videos;
};

/*
 * Read a reply. The classes of *err: network (no answer), server, rate_limited, token_expired (the
 * access token is not accepted: refresh once), scope, bad_request, app_refused, bad_reply; of a refresh
 * also token_revoked (invalid_grant). The text names status, TikTok's code and log_id, never a token.
 */
bool tiktok_read_user(const struct http_reply *reply, const char *open_id, int64_t now_us,
	struct profile *profile, struct error *err);
bool tiktok_read_videos(const struct http_reply *reply, int64_t now_us, struct snapshot *snapshot,
	struct tiktok_page *page, struct error *err);
bool tiktok_read_tokens(
	const struct http_reply *reply, struct tiktok_tokens *tokens, struct error *err);

#endif
