/* SPDX-License-Identifier: MIT */
/*
 * Replies of TikTok: is it one, or a refusal, and of which class? Codes are TikTok's
 * (developers.tiktok.com, "Error Handling"). Pure: no I/O, no clock.
 * Threads: any.
 */
#ifndef COMMON_TIKTOK_REPLY_H
#define COMMON_TIKTOK_REPLY_H

#include <stdbool.h>

#include "common/error.h"
#include "common/http.h"
#include "common/json.h"
#include "common/metrics.h"

#define TIKTOK_TEXT_MAX 65536 /* bytes of any text that is kept; columns are narrower still */

/*
 * The document of a reply that is JSON and no refusal.
 *
 * Owns:  the caller ends *document with json_destroy(); NULL after a failure.
 * Fails: with the class of TikTok's code, or else of the status: network (no answer), server,
 *        rate_limited, token_expired, token_revoked (invalid_grant), scope, bad_request, app_refused (of calls for tokens), bad_reply. The
 *        text names status, TikTok's code and log_id, never a token.
 */
bool tiktok_reply_open(const struct http_reply *reply, enum metric_endpoint endpoint,
	struct json **document, struct error *err);
/* Say in *err why the reply is of no use; returns false. */
bool tiktok_reply_refuse(const struct http_reply *reply, enum error_class class, const char *code,
	const char *words, struct error *err);
/* A member that is a text; NULL: it is none. Borrowed from the document. */
const char *tiktok_reply_text(const struct json *object, const char *name);
/*
 * True if a reply is one of a TikTok that works and accepts our app: JSON, and no failure of its own.
 * Else *err says what is wrong.
 */
bool tiktok_answers(
	const struct http_reply *reply, enum metric_endpoint endpoint, struct error *err);

#endif
