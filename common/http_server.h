/* SPDX-License-Identifier: MIT */
/*
 * A small HTTP server on libmicrohttpd, for pages that are written at once: health (health.h), and
 * TikTok's redirect to `syncctl account connect`. GET and HEAD are answered, all else is refused.
 * Threads: one internal thread of libmicrohttpd, which calls the handler; the functions below belong
 * to whoever started the server.
 */
#ifndef COMMON_HTTP_SERVER_H
#define COMMON_HTTP_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "common/text.h"

struct http_server;

/* Borrowed until the handler returns. path and query are as they were sent, still encoded. */
struct http_server_request {
	const char *method; /* "GET" or "HEAD" */
	const char *path;
	const char *query; /* what follows the first "?"; "" for none */
};

/* What the handler fills; at first an empty page, text/plain in UTF-8. */
struct http_server_reply {
	unsigned status;
	const char *content_type;
	const char *content_security_policy; /* NULL: none is sent */
	struct text page;
};

/* Called on the server's thread, one request at a time; while it waits, nobody else is answered. */
typedef void http_server_handler(
	void *owner, const struct http_server_request *request, struct http_server_reply *reply);

struct http_server_options {
	const char *setting; /* what the text of an error names */
	const char *listen;  /* as of listener_open() */
	unsigned connections_max;
	unsigned idle_limit_s; /* a connection that is silent for longer is closed */
	http_server_handler *handler;
	void *owner;
};

/* Fails: settings - as listener_open(); internal - libmicrohttpd refuses. */
bool http_server_start(
	const struct http_server_options *options, struct http_server **server, struct error *err);
/* Wait, at most limit_ms, until every request that has begun has its answer. */
void http_server_drain(struct http_server *server, int64_t limit_ms);
/* NULL: nothing to do. */
void http_server_stop(struct http_server *server);
int http_server_port(const struct http_server *server);

#endif
