/* SPDX-License-Identifier: MIT */
/*
 * The HTTP client: many calls at once in one thread over curl_multi. Connections are reused, HTTP/2
 * is spoken over TLS, redirects are never followed (a redirected POST becomes a GET), replies are
 * bounded in size, every call has a deadline. Proxies named by the environment are not used: tokens
 * go to TikTok and nowhere else.
 *
 * Threads: an engine belongs to the thread that runs it; only http_wake() may be called from
 *          others.
 */
#ifndef COMMON_HTTP_H
#define COMMON_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

struct http;
struct http_call;

enum http_method { HTTP_GET, HTTP_POST };

struct http_options {
	size_t max_calls; /* at once; sizes the connection cache */
	int64_t connect_timeout_ms;
	size_t reply_max_bytes; /* after decompression */
	bool plain_allowed;     /* http:// is spoken too, for the simulator */
};

struct http_request {
	enum http_method method;
	const char *url;    /* copied */
	const char *bearer; /* copied and wiped after the call; NULL: no Authorization header */
	const char *content_type; /* of body; NULL: none */
	const char *body;         /* copied and wiped after the call; NULL: empty */
	size_t body_length;
	int64_t deadline_ms; /* for the whole call, from now */
	/*
	 * Sent over a connection of its own. When a kept connection breaks before the reply begins,
	 * libcurl sends the request again, although the server may have acted on it: a refresh
	 * token must not be used twice.
	 */
	bool send_once;
	/* Told with the owner, in http_run(), when the request is about to be written; NULL: nobody asks. */
	void (*began)(void *owner);
};

struct http_reply {
	/* 0: there was no whole answer; error says why (bad_reply: too large or broken). */
	int status;
	const char *body; /* terminated; borrowed until the callback returns */
	size_t length;
	int64_t retry_after_ms; /* of the Retry-After header in seconds, at most a day; -1: none */
	char log_id[64];        /* of the x-tt-logid header; empty: none */
	int64_t elapsed_ms;
	struct error error;
};

/* Called in http_run(), once for each call that was sent and not cancelled. May send others. */
typedef void http_done(void *owner, const struct http_reply *reply);

/* Owns: the caller ends *http with http_destroy(), which drops what is in flight silently. */
bool http_create(const struct http_options *options, struct http **http, struct error *err);
void http_destroy(struct http *http);

/*
 * Send a call; done(owner, reply) follows from a later http_run(), failures included.
 * The handle is valid until done returns.
 */
struct http_call *http_send(
	struct http *http, const struct http_request *request, http_done *done, void *owner);
/* Drop a call; done is not called. */
void http_cancel(struct http *http, struct http_call *call);
/* Calls in flight. */
size_t http_active(const struct http *http);

/*
 * Move everything forward and call back for what ended; sleep at most timeout_ms when nothing is
 * ready. Returns early after http_wake().
 */
void http_run(struct http *http, int64_t timeout_ms);
/* Threads: any. */
void http_wake(struct http *http);

#endif
