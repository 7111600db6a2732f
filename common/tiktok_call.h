/* SPDX-License-Identifier: MIT */
/*
 * A call to TikTok as it is written: address, body, bearer. Pure: no I/O.
 * Threads: any.
 */
#ifndef COMMON_TIKTOK_CALL_H
#define COMMON_TIKTOK_CALL_H

#include <stdint.h>

#include "common/http.h"
#include "common/metrics.h"
#include "common/text.h"

/* A call to be made: what differs between the calls of a job. */
struct tiktok_call {
	enum metric_endpoint endpoint;
	struct text url;
	struct text body;   /* may hold secrets */
	const char *bearer; /* borrowed; NULL: none */
};

struct tiktok_app {
	const char *api_url; /* without a trailing slash */
	const char *client_key;
	const char *client_secret;
};

/* Make *call (zeroed, or used before) one to the endpoint at path, with an empty body. */
void tiktok_call_begin(const struct tiktok_app *app, enum metric_endpoint endpoint,
	const char *path, const char *bearer, struct tiktok_call *call);
/* Add a field to the form that is the body, encoded once. */
void tiktok_call_add_field(struct tiktok_call *call, const char *name, const char *value);
void tiktok_call_finish(struct tiktok_call *call);
/* The call as a request, which borrows from it. */
struct http_request tiktok_request(const struct tiktok_call *call, int64_t deadline_ms);

#endif
