/* SPDX-License-Identifier: MIT */
/*
 * Requests in, replies out of a curl easy handle. Runs in the thread of the engine.
 */
#include "common/http_call.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/clock.h"
#include "common/memory.h"

#define HEADERS_MAX_BYTES 65536
/* A token reply fits, so that no copy of it is left behind by growing. */
#define REPLY_START_BYTES 4096
#define REPLY_KEPT_BYTES  262144 /* larger buffers are not kept for the next call */
#define TRANSFER_BYTES    16384L /* curl would take 64 KiB to send; our requests are small */
#define RETRY_AFTER_MAX_S 86400
#define KEEPALIVE_SECONDS 60L

static void set_number(CURL *easy, CURLoption option, long number)
{
	CURLcode result = curl_easy_setopt(easy, option, number);

	assert(result == CURLE_OK);
}

static void set_pointer(CURL *easy, CURLoption option, const void *pointer)
{
	CURLcode result = curl_easy_setopt(easy, option, pointer);

	assert(result == CURLE_OK);
}

/*
 * The cap counts what comes out of decompression. Returning less than was given makes curl fail the
 * transfer with CURLE_WRITE_ERROR.
 */
static size_t take_body(char *bytes, size_t size, size_t count, void *argument)
{
	struct http_call *call = argument;
	size_t length = size * count;

	if (length > call->reply_max_bytes - call->reply.length)
		return 0;
	text_append_bytes(&call->reply, bytes, length);
	return length;
}

static size_t take_header(char *bytes, size_t size, size_t count, void *argument)
{
	struct http_call *call = argument;

	call->header_bytes += size * count;
	return call->header_bytes > HEADERS_MAX_BYTES ? 0 : size * count;
}

/* The connection is there, new or kept, and the request comes next. */
static int note_beginning(
	void *argument, char *their_ip, char *our_ip, int their_port, int our_port)
{
	struct http_call *call = argument;

	if (call->began)
		call->began(call->owner);
	return CURL_PREREQFUNC_OK;
}

struct http_call *http_call_create(const struct http_options *options, CURLSH *share)
{
	struct http_call *call = memory_allocate(1, sizeof *call);
	CURL *easy = curl_easy_init();

	assert(easy);
	call->easy = easy;
	call->reply_max_bytes = options->reply_max_bytes;
	set_pointer(easy, CURLOPT_PRIVATE, call);
	set_pointer(easy, CURLOPT_SHARE, share);
	set_pointer(easy, CURLOPT_ERRORBUFFER, call->reason);
	set_number(easy, CURLOPT_NOSIGNAL, 1);
	set_pointer(easy, CURLOPT_PROTOCOLS_STR, options->plain_allowed ? "https,http" : "https");
	set_number(easy, CURLOPT_FOLLOWLOCATION, 0);
	set_pointer(easy, CURLOPT_PROXY, "");
	set_number(easy, CURLOPT_SSL_VERIFYPEER, 1);
	set_number(easy, CURLOPT_SSL_VERIFYHOST, 2);
	set_number(easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	set_number(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS);
	set_number(easy, CURLOPT_TCP_KEEPALIVE, 1);
	set_number(easy, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_SECONDS);
	set_number(easy, CURLOPT_BUFFERSIZE, TRANSFER_BYTES);
	set_number(easy, CURLOPT_UPLOAD_BUFFERSIZE, TRANSFER_BYTES);
	set_number(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)options->connect_timeout_ms);
	set_pointer(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
	set_pointer(easy, CURLOPT_USERAGENT, "storesync/" STORESYNC_VERSION);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	set_pointer(easy, CURLOPT_WRITEDATA, call);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
	set_pointer(easy, CURLOPT_HEADERDATA, call);
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, note_beginning);
	set_pointer(easy, CURLOPT_PREREQDATA, call);
	return call;
}

void http_call_destroy(struct http_call *call)
{
	if (!call)
		return;
	http_call_clear(call);
	curl_easy_cleanup(call->easy);
	text_finish_secret(&call->body);
	text_finish_secret(&call->reply);
	free(call);
}

static void add_header(struct http_call *call, const char *name, const char *value)
{
	struct text line = {0};
	struct curl_slist *longer;

	text_reserve(&line, strlen(name) + strlen(value));
	text_append(&line, name);
	text_append(&line, value);
	longer = curl_slist_append(call->headers, text_string(&line));
	assert(longer);
	call->headers = longer;
	text_finish_secret(&line);
}

static void set_method(struct http_call *call, const struct http_request *request)
{
	if (request->method == HTTP_GET) {
		set_number(call->easy, CURLOPT_HTTPGET, 1);
		return;
	}
	/* A header without a value is one that curl must not add by itself. */
	add_header(call, "Content-Type:", request->content_type ? request->content_type : "");
	add_header(call, "Expect:", "");
	text_reserve(&call->body, request->body_length);
	text_append_bytes(&call->body, request->body, request->body_length);
	set_number(call->easy, CURLOPT_POST, 1);
	set_number(call->easy, CURLOPT_POSTFIELDSIZE, (long)call->body.length);
	set_pointer(call->easy, CURLOPT_POSTFIELDS, text_string(&call->body));
}

void http_call_prepare(struct http_call *call, const struct http_request *request)
{
	bool is_tls = strncasecmp(request->url, "https:", 6) == 0;

	call->started_ms = clock_monotonic_ms();
	call->began = request->began;
	set_pointer(call->easy, CURLOPT_URL, request->url);
	set_number(call->easy, CURLOPT_TIMEOUT_MS,
		request->deadline_ms > 0 ? (long)request->deadline_ms : 1);
	/* Rather wait for the first connection to say that it speaks HTTP/2 than open one per call. */
	set_number(call->easy, CURLOPT_PIPEWAIT, is_tls && !request->send_once);
	set_number(call->easy, CURLOPT_FRESH_CONNECT, request->send_once);
	set_number(call->easy, CURLOPT_FORBID_REUSE, request->send_once);
	set_method(call, request);
	if (request->bearer)
		add_header(call, "Authorization: Bearer ", request->bearer);
	set_pointer(call->easy, CURLOPT_HTTPHEADER, call->headers);
	text_reserve(&call->reply, REPLY_START_BYTES);
}

void http_call_clear(struct http_call *call)
{
	set_pointer(call->easy, CURLOPT_HTTPHEADER, NULL);
	set_pointer(call->easy, CURLOPT_POSTFIELDS, NULL);
	for (struct curl_slist *header = call->headers; header; header = header->next)
		explicit_bzero(header->data, strlen(header->data));
	curl_slist_free_all(call->headers);
	call->headers = NULL;
	if (call->body.data)
		explicit_bzero(call->body.data, call->body.length);
	if (call->reply.data)
		explicit_bzero(call->reply.data, call->reply.length);
	text_clear(&call->body);
	text_clear(&call->reply);
	if (call->reply.capacity > REPLY_KEPT_BYTES)
		text_finish(&call->reply);
	call->header_bytes = 0;
	call->reason[0] = '\0';
	call->is_ended = false;
}

/* The value of a header of the reply; NULL: it has none such. */
static const char *find_header(struct http_call *call, const char *name)
{
	struct curl_header *header;

	if (curl_easy_header(call->easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
		return NULL;
	return header->value;
}

/* Only seconds: an HTTP date (RFC 9110, 10.2.3) would need the server's clock. */
static int64_t read_retry_after(const char *value)
{
	int64_t seconds = 0;

	if (!value || !*value)
		return -1;
	for (; *value; value++) {
		if (!isdigit((unsigned char)*value))
			return -1;
		seconds = seconds * 10 + (*value - '0');
		if (seconds > RETRY_AFTER_MAX_S)
			seconds = RETRY_AFTER_MAX_S;
	}
	return seconds * 1000;
}

/* TikTok's own words end in logs and rows: only what can be printed is kept of them. */
static void read_log_id(const char *value, char *log_id, size_t size_bytes)
{
	size_t length = 0;

	for (; value && *value && length + 1 < size_bytes; value++)
		log_id[length++] = (char)(isgraph((unsigned char)*value) ? *value : '?');
	log_id[length] = '\0';
}

/* Host and reason, never the URL: its query may say more than a log should hold. */
static void explain(struct http_call *call, CURLcode result, struct error *err)
{
	const char *url = NULL, *host, *at;
	enum error_class class = ERROR_NETWORK;
	const char *reason = call->reason[0] ? call->reason : curl_easy_strerror(result);
	int length;

	curl_easy_getinfo(call->easy, CURLINFO_EFFECTIVE_URL, &url);
	host = url ? strstr(url, "://") : NULL;
	host = host ? host + 3 : "";
	length = (int)strcspn(host, "/?#");
	at = memchr(host, '@', (size_t)length);
	if (at) {
		length -= (int)(at + 1 - host);
		host = at + 1;
	}
	if (result == CURLE_WRITE_ERROR || result == CURLE_BAD_CONTENT_ENCODING ||
		result == CURLE_WEIRD_SERVER_REPLY)
		class = ERROR_BAD_REPLY;
	if (result == CURLE_WRITE_ERROR)
		error_set(err, class, "%.*s: the reply is larger than %zu bytes", length, host,
			call->header_bytes > HEADERS_MAX_BYTES ? (size_t)HEADERS_MAX_BYTES
							       : call->reply_max_bytes);
	else
		error_set(err, class, "%.*s: %s", length, host, reason);
}

void http_call_read_reply(struct http_call *call, CURLcode result, struct http_reply *reply)
{
	long status = 0;

	*reply = (struct http_reply){.body = "", .retry_after_ms = -1};
	reply->elapsed_ms = clock_monotonic_ms() - call->started_ms;
	read_log_id(find_header(call, "x-tt-logid"), reply->log_id, sizeof reply->log_id);
	if (result != CURLE_OK) {
		explain(call, result, &reply->error);
		return;
	}
	curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	reply->status = (int)status;
	reply->body = text_string(&call->reply);
	reply->length = call->reply.length;
	reply->retry_after_ms = read_retry_after(find_header(call, "Retry-After"));
}
