/* SPDX-License-Identifier: MIT */
/*
 * The engine: one curl multi handle, the calls in flight, and idle ones kept for reuse. Its owner's
 * thread sends, runs and cancels; only http_wake() comes from elsewhere.
 */
#include "common/http.h"

#include <assert.h>
#include <curl/curl.h>
#include <limits.h>
#include <stdlib.h>

#include "common/http_call.h"
#include "common/memory.h"

struct http {
	struct http_options options;
	CURLM *multi;
	CURLSH *share; /* of TLS sessions: a new connection resumes one instead of a full handshake */
	struct http_call *active;
	struct http_call *idle; /* singly linked */
	size_t active_count;
};

static void list_add(struct http *http, struct http_call *call)
{
	call->previous = NULL;
	call->next = http->active;
	if (call->next)
		call->next->previous = call;
	http->active = call;
	http->active_count++;
}

static void list_remove(struct http *http, struct http_call *call)
{
	if (call->next)
		call->next->previous = call->previous;
	if (call->previous)
		call->previous->next = call->next;
	else
		http->active = call->next;
	http->active_count--;
}

bool http_create(const struct http_options *options, struct http **http, struct error *err)
{
	struct http *engine;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		error_set(err, ERROR_INTERNAL, "cannot start libcurl");
		return false;
	}
	engine = memory_allocate(1, sizeof *engine);
	engine->options = *options;
	engine->multi = curl_multi_init();
	engine->share = curl_share_init();
	assert(engine->multi && engine->share);
	curl_share_setopt(engine->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
	curl_multi_setopt(engine->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
	curl_multi_setopt(engine->multi, CURLMOPT_MAXCONNECTS, (long)options->max_calls);
	*http = engine;
	return true;
}

/* Take a call off curl and off the list; it is not yet idle. */
static void detach(struct http *http, struct http_call *call)
{
	CURLMcode result = curl_multi_remove_handle(http->multi, call->easy);

	assert(result == CURLM_OK);
	list_remove(http, call);
}

static void make_idle(struct http *http, struct http_call *call)
{
	http_call_clear(call);
	call->next = http->idle;
	http->idle = call;
}

void http_destroy(struct http *http)
{
	if (!http)
		return;
	while (http->active) {
		struct http_call *call = http->active;

		detach(http, call);
		make_idle(http, call);
	}
	while (http->idle) {
		struct http_call *call = http->idle;

		http->idle = call->next;
		http_call_destroy(call);
	}
	curl_multi_cleanup(http->multi);
	curl_share_cleanup(http->share);
	curl_global_cleanup();
	free(http);
}

struct http_call *http_send(
	struct http *http, const struct http_request *request, http_done *done, void *owner)
{
	struct http_call *call = http->idle;
	CURLMcode result;

	if (call)
		http->idle = call->next;
	else
		call = http_call_create(&http->options, http->share);
	call->done = done;
	call->owner = owner;
	http_call_prepare(call, request);
	list_add(http, call);
	result = curl_multi_add_handle(http->multi, call->easy);
	assert(result == CURLM_OK);
	return call;
}

void http_cancel(struct http *http, struct http_call *call)
{
	if (call->is_ended)
		return; /* by its own done */
	detach(http, call);
	make_idle(http, call);
}

size_t http_active(const struct http *http)
{
	return http->active_count;
}

static void end_call(struct http *http, struct http_call *call, CURLcode result)
{
	struct http_reply reply;

	http_call_read_reply(call, result, &reply);
	detach(http, call);
	call->is_ended = true;
	call->done(call->owner, &reply);
	make_idle(http, call);
}

/*
 * Call back for what ended. Callbacks send and cancel: curl's list of messages is asked anew each
 * time.
 */
static size_t end_calls(struct http *http)
{
	size_t ended = 0;
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(http->multi, &left))) {
		struct http_call *call = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
		end_call(http, call, message->data.result);
		ended++;
	}
	return ended;
}

/*
 * curl_multi_poll() sleeps although messages are unread or handles were just added, so it comes
 * only after a turn in which nothing ended, and not at all after one in which something did: the
 * owner has news to act upon.
 */
void http_run(struct http *http, int64_t timeout_ms)
{
	size_t ended, ended_now;
	CURLMcode result;
	int running;

	ended = 0;
	do {
		result = curl_multi_perform(http->multi, &running);
		assert(result == CURLM_OK);
		ended_now = end_calls(http);
		ended += ended_now;
	} while (ended_now);
	if (ended || timeout_ms <= 0)
		return;
	result = curl_multi_poll(
		http->multi, NULL, 0, timeout_ms < INT_MAX ? (int)timeout_ms : INT_MAX, NULL);
	assert(result == CURLM_OK);
}

void http_wake(struct http *http)
{
	curl_multi_wakeup(http->multi);
}
