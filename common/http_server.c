/* SPDX-License-Identifier: MIT */
/*
 * The HTTP server. libmicrohttpd's thread answers; whoever started it waits for it in
 * http_server_drain() and ends it.
 */
#include "common/http_server.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/condition.h"
#include "common/listener.h"
#include "common/memory.h"

struct http_server {
	struct MHD_Daemon *daemon;
	int port;
	http_server_handler *handler;
	void *owner;
	pthread_mutex_t lock; /* guards open_requests */
	pthread_cond_t answered;
	int open_requests;
};

/* A request begins. Its target may hold a code of TikTok's, so our copy is wiped when it ends. */
static void *note_target(void *argument, const char *target, struct MHD_Connection *connection)
{
	struct http_server *server = argument;

	pthread_mutex_lock(&server->lock);
	server->open_requests++;
	pthread_mutex_unlock(&server->lock);
	return memory_copy_text(target);
}

static void note_end(void *argument, struct MHD_Connection *connection, void **context,
	enum MHD_RequestTerminationCode code)
{
	struct http_server *server = argument;

	memory_free_secret(*context);
	*context = NULL;
	pthread_mutex_lock(&server->lock);
	server->open_requests--;
	pthread_cond_signal(&server->answered);
	pthread_mutex_unlock(&server->lock);
}

static void fill_reply(struct http_server *server, const char *method, const char *target,
	struct http_server_reply *reply)
{
	size_t path_length = strcspn(target, "?");
	char *path;

	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
		reply->status = MHD_HTTP_METHOD_NOT_ALLOWED;
		text_append(&reply->page, "only GET and HEAD are answered\n");
		return;
	}
	path = memory_copy_bytes(target, path_length);
	server->handler(server->owner,
		&(struct http_server_request){.method = method,
			.path = path,
			.query = target[path_length] ? target + path_length + 1 : ""},
		reply);
	free(path);
}

static enum MHD_Result answer(void *argument, struct MHD_Connection *connection, const char *path,
	const char *method, const char *version, const char *data, size_t *data_length,
	void **context)
{
	struct http_server_reply reply = {
		.status = MHD_HTTP_OK, .content_type = "text/plain; charset=utf-8"};
	struct MHD_Response *response;
	enum MHD_Result result;

	fill_reply(argument, method, *context ? *context : path, &reply);
	/* The page is handed over: libmicrohttpd frees it. */
	response = MHD_create_response_from_buffer(
		reply.page.length, reply.page.data, MHD_RESPMEM_MUST_FREE);
	if (!response) {
		text_finish(&reply.page);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply.content_type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	if (reply.content_security_policy) {
		MHD_add_response_header(
			response, "Content-Security-Policy", reply.content_security_policy);
		MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
		MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	}
	result = MHD_queue_response(connection, reply.status, response);
	MHD_destroy_response(response);
	return result;
}

bool http_server_start(
	const struct http_server_options *options, struct http_server **server, struct error *err)
{
	struct http_server *made;
	int fd, port;

	if (!listener_open(options->setting, options->listen, &fd, &port, err))
		return false;
	made = memory_allocate(1, sizeof *made);
	*made = (struct http_server){
		.port = port, .handler = options->handler, .owner = options->owner};
	pthread_mutex_init(&made->lock, NULL);
	condition_init(&made->answered);
	made->daemon = MHD_start_daemon(MHD_USE_AUTO_INTERNAL_THREAD, 0, NULL, NULL, answer, made,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, options->connections_max,
		MHD_OPTION_CONNECTION_TIMEOUT, options->idle_limit_s, MHD_OPTION_URI_LOG_CALLBACK,
		note_target, made, MHD_OPTION_NOTIFY_COMPLETED, note_end, made, MHD_OPTION_END);
	if (made->daemon) {
		*server = made;
		return true;
	}
	close(fd);
	http_server_stop(made);
	error_set(err, ERROR_INTERNAL, "cannot start the HTTP server of %s", options->setting);
	return false;
}

void http_server_drain(struct http_server *server, int64_t limit_ms)
{
	int64_t until_ms = clock_monotonic_ms() + limit_ms;
	bool in_time = true;

	pthread_mutex_lock(&server->lock);
	while (server->open_requests > 0 && in_time)
		in_time = condition_wait_until(&server->answered, &server->lock, until_ms);
	pthread_mutex_unlock(&server->lock);
}

void http_server_stop(struct http_server *server)
{
	if (!server)
		return;
	if (server->daemon)
		MHD_stop_daemon(server->daemon); /* closes the socket, too */
	pthread_cond_destroy(&server->answered);
	pthread_mutex_destroy(&server->lock);
	free(server);
}

int http_server_port(const struct http_server *server)
{
	return server->port;
}
