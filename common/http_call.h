/* SPDX-License-Identifier: MIT */
/*
 * One HTTP call on one curl easy handle: what is set for every call, what a request adds, what is
 * read off the reply. Calls are kept and reused by the engine in http.c; its thread alone touches
 * them.
 */
#ifndef COMMON_HTTP_CALL_H
#define COMMON_HTTP_CALL_H

#include <curl/curl.h>

#include "common/http.h"
#include "common/text.h"

struct http_call {
	struct http_call *next; /* in the list of active or idle calls */
	struct http_call *previous;
	CURL *easy;
	bool is_ended; /* its done is running */
	http_done *done;
	void *owner;
	void (*began)(void *owner);
	int64_t started_ms;
	size_t reply_max_bytes;
	size_t header_bytes;
	struct curl_slist *headers; /* borrowed by easy while the call runs */
	struct text body;           /* likewise */
	struct text reply;
	char reason[CURL_ERROR_SIZE];
};

/* share keeps TLS sessions across calls; borrowed until http_call_destroy(). */
struct http_call *http_call_create(const struct http_options *options, CURLSH *share);
void http_call_destroy(struct http_call *call);
/* Make the call ready to be added to the multi handle. */
void http_call_prepare(struct http_call *call, const struct http_request *request);
/* What came of it; reply borrows from the call until http_call_clear(). */
void http_call_read_reply(struct http_call *call, CURLcode result, struct http_reply *reply);
/* Wipe what the call sent and received; it is ready for the next request. */
void http_call_clear(struct http_call *call);

#endif
