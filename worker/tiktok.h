/* SPDX-License-Identifier: MIT */
/*
 * TikTok's Display API, as far as a sync needs it: how its calls are written and its replies read
 * (OAuth: common/tiktok_oauth.h). Pure: no I/O, no clock. Names of fields and scopes are TikTok's
 * (developers.tiktok.com, "Get User Info", "List Videos").
 * Threads: any.
 */
#ifndef WORKER_TIKTOK_H
#define WORKER_TIKTOK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "common/http.h"
#include "common/metrics.h"
#include "common/tiktok_call.h"
#include "common/tiktok_oauth.h"
#include "common/tiktok_reply.h"
#include "worker/snapshot.h"

#define TIKTOK_PAGE_VIDEOS 20 /* "List Videos": max_count is at most 20 */

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

/*
 * A call for nobody: without an access token, or with a refresh token that is none, but under our
 * client key and secret. A TikTok that works refuses it.
 */
void tiktok_write_bare_call(
	const struct tiktok_app *app, enum metric_endpoint endpoint, struct tiktok_call *call);

struct tiktok_page {
	int64_t cursor;
	bool has_more;
	int64_t new_videos;
};

/*
 * Read a reply. Fails as tiktok_reply_open(); token_expired: the access token is not accepted,
 * refresh once.
 */
bool tiktok_read_user(const struct http_reply *reply, const char *open_id, int64_t now_us,
	struct profile *profile, struct error *err);
bool tiktok_read_videos(const struct http_reply *reply, int64_t now_us, struct snapshot *snapshot,
	struct tiktok_page *page, struct error *err);

#endif
