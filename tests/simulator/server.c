/* SPDX-License-Identifier: MIT */
/*
 * Between libmicrohttpd and the simulator. The server thread runs all of this but start and stop.
 *
 * The loop is ours and not libmicrohttpd's own: its epoll thread (0.9.75) sleeps when exactly 128
 * events, its batch, come at once and nothing follows them - which is what a client with 128
 * connections does.
 */
#include "tests/simulator/server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/memory.h"
#include "tests/simulator/delay.h"

#define BODY_MAX_BYTES          65536
#define CONNECTION_MEMORY_BYTES 8192
#define SPARE_CALLS_MAX         4096

/* A call and what the server knows of it: request -> answered -> (parked) -> sent. */
struct exchange {
	struct call call; /* first: the simulator sees this alone */
	struct server *server;
	bool answered;
	bool counted; /* among the calls in flight */
	struct exchange *next_spare;
};

struct server {
	struct simulator *simulator;
	struct MHD_Daemon *daemon;
	pthread_t thread;
	bool running;   /* the thread is there to be joined */
	int stop_event; /* an eventfd: written once, to end the loop */
	struct delay delay;
	unsigned port;
	struct exchange *spare; /* calls to be used again, with their buffers */
	size_t spare_count;
};

static int64_t monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct exchange *exchange_get(struct server *server)
{
	struct exchange *exchange = server->spare;

	if (!exchange) {
		exchange = memory_allocate(1, sizeof(*exchange));
		exchange->server = server;
		return exchange;
	}
	server->spare = exchange->next_spare;
	server->spare_count--;
	return exchange;
}

static void exchange_destroy(struct exchange *exchange)
{
	call_finish(&exchange->call);
	free(exchange);
}

static void exchange_put(struct server *server, struct exchange *exchange)
{
	if (server->spare_count == SPARE_CALLS_MAX) {
		exchange_destroy(exchange);
		return;
	}
	call_clear(&exchange->call);
	exchange->answered = false;
	exchange->next_spare = server->spare;
	server->spare = exchange;
	server->spare_count++;
}

static enum MHD_Result add_query_pair(
	void *form, enum MHD_ValueKind kind, const char *name, const char *value)
{
	form_add(form, name, value);
	return MHD_YES;
}

static void read_head(
	struct MHD_Connection *connection, const char *method, const char *path, struct call *call)
{
	call->method = method;
	call->path = path;
	call->authorization =
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");
	call->content_type =
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Type");
	MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, add_query_pair, &call->query);
}

/* Hands out half the body, then breaks the connection. */
static ssize_t read_cut_body(void *argument, uint64_t position, char *buffer, size_t size)
{
	const struct text *reply = argument;
	size_t half = reply->length / 2;
	size_t length = half - (size_t)position;

	if (position >= half)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (length > size)
		length = size;
	memcpy(buffer, reply->data + position, length);
	return (ssize_t)length;
}

static struct MHD_Response *make_response(struct call *call)
{
	struct MHD_Response *response;
	char number[24];

	if (call->ending == CALL_CUTS)
		response = MHD_create_response_from_callback(
			call->reply.length, 4096, read_cut_body, &call->reply, NULL);
	else
		response = MHD_create_response_from_buffer(
			call->reply.length, call->reply.data, MHD_RESPMEM_PERSISTENT);
	if (!response)
		return NULL;
	if (call->type)
		MHD_add_response_header(response, "Content-Type", call->type);
	MHD_add_response_header(response, "x-tt-logid", call->log_id);
	if (call->location.length)
		MHD_add_response_header(response, "Location", text_string(&call->location));
	if (call->retry_after_s) {
		snprintf(number, sizeof(number), "%lld", (long long)call->retry_after_s);
		MHD_add_response_header(response, "Retry-After", number);
	}
	return response;
}

/* MHD_NO closes the connection without an answer. */
static enum MHD_Result send_answer(struct MHD_Connection *connection, struct call *call)
{
	struct MHD_Response *response;
	enum MHD_Result result;

	if (call->ending == CALL_DROPS)
		return MHD_NO;
	response = make_response(call);
	if (!response)
		return MHD_NO;
	result = MHD_queue_response(connection, call->status, response);
	MHD_destroy_response(response);
	return result;
}

/* Wait without a thread; release_due() then brings the connection back to on_request(). */
static bool park(struct server *server, struct MHD_Connection *connection, int64_t wait_ms)
{
	if (wait_ms <= 0)
		return false;
	MHD_suspend_connection(connection);
	delay_hold(&server->delay, connection, monotonic_ms() + wait_ms);
	return true;
}

static void release_due(struct server *server, int64_t now_ms)
{
	struct MHD_Connection *connection;

	while ((connection = delay_take(&server->delay, now_ms)))
		MHD_resume_connection(connection);
}

/*
 * libmicrohttpd calls this with the head of a request, then with each piece of its body, then once
 * more when it is complete; and again when a parked connection is resumed.
 */
static enum MHD_Result on_request(void *argument, struct MHD_Connection *connection,
	const char *path, const char *method, const char *version, const char *upload,
	size_t *upload_size, void **context)
{
	struct server *server = argument;
	struct exchange *exchange = *context;

	if (!exchange) {
		exchange = exchange_get(server);
		*context = exchange;
		read_head(connection, method, path, &exchange->call);
		exchange->counted = strncmp(path, "/admin/", 7) != 0;
		if (exchange->counted)
			tally_arrive(&server->simulator->tally);
		return MHD_YES;
	}
	if (*upload_size) {
		if (exchange->call.body.length + *upload_size > BODY_MAX_BYTES)
			exchange->call.body_too_large = true;
		else
			text_append_bytes(&exchange->call.body, upload, *upload_size);
		*upload_size = 0;
		return MHD_YES;
	}
	if (!exchange->answered) {
		exchange->answered = true;
		simulator_answer(server->simulator, &exchange->call);
		if (park(server, connection, exchange->call.delay_ms))
			return MHD_YES;
	}
	return send_answer(connection, &exchange->call);
}

static void on_completed(void *argument, struct MHD_Connection *connection, void **context,
	enum MHD_RequestTerminationCode code)
{
	struct server *server = argument;

	struct exchange *exchange = *context;

	if (!exchange)
		return;
	if (exchange->counted)
		tally_leave(&server->simulator->tally);
	exchange_put(server, exchange);
	*context = NULL;
}

/* How long the loop may sleep; -1: until something happens. */
static int choose_sleep_ms(struct server *server)
{
	int64_t sleep_ms = INT64_MAX;
	MHD_UNSIGNED_LONG_LONG wanted_ms;

	if (server->delay.count) {
		sleep_ms = delay_next_ms(&server->delay) - monotonic_ms();
		if (sleep_ms < 0)
			sleep_ms = 0;
	}
	if (MHD_get_timeout(server->daemon, &wanted_ms) == MHD_YES && (int64_t)wanted_ms < sleep_ms)
		sleep_ms = (int64_t)wanted_ms;
	return sleep_ms > INT_MAX ? -1 : (int)sleep_ms;
}

static void *run_loop(void *argument)
{
	struct server *server = argument;
	struct pollfd events[] = {
		{.fd = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd,
			.events = POLLIN},
		{.fd = server->stop_event, .events = POLLIN},
	};

	while (!(events[1].revents & POLLIN)) {
		poll(events, 2, choose_sleep_ms(server));
		release_due(server, monotonic_ms());
		MHD_run(server->daemon);
	}
	/* What waits is answered now: a daemon must not stop while connections are suspended. */
	release_due(server, INT64_MAX - 1);
	MHD_run(server->daemon);
	return NULL;
}

/* As many connections as the system lets us have; a worker fleet opens thousands. */
static unsigned raise_connection_limit(void)
{
	struct rlimit files;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	if (files.rlim_cur > 65536)
		return 65536 - 64;
	return files.rlim_cur > 128 ? (unsigned)files.rlim_cur - 64 : 64;
}

static bool read_address(const char *listen, struct sockaddr_in *address)
{
	const char *colon = strrchr(listen, ':');
	char host[INET_ADDRSTRLEN];
	unsigned long port;
	char *end;

	if (!colon || (size_t)(colon - listen) >= sizeof(host))
		return false;
	memcpy(host, listen, (size_t)(colon - listen));
	host[colon - listen] = '\0';
	port = strtoul(colon + 1, &end, 10);
	if (end == colon + 1 || *end || port > 65535)
		return false;
	*address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	return inet_pton(AF_INET, host, &address->sin_addr) == 1;
}

bool server_start(
	const char *listen, struct simulator *simulator, struct server **started, struct error *err)
{
	struct server *server;
	struct sockaddr_in address;

	if (!read_address(listen, &address)) {
		error_set(err, ERROR_SETTINGS, "%s is not an IPv4 address and port", listen);
		return false;
	}
	server = memory_allocate(1, sizeof(*server));
	server->simulator = simulator;
	server->stop_event = eventfd(0, EFD_CLOEXEC);
	server->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
		on_request, server, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_NOTIFY_COMPLETED,
		on_completed, server, MHD_OPTION_CONNECTION_LIMIT, raise_connection_limit(),
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY_BYTES,
		MHD_OPTION_LISTEN_BACKLOG_SIZE, 4096u, MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u,
		MHD_OPTION_END);
	if (!server->daemon) {
		error_set(err, ERROR_SETTINGS, "cannot listen on %s: %s", listen, strerror(errno));
		server_stop(server);
		return false;
	}
	server->port = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
	server->running = pthread_create(&server->thread, NULL, run_loop, server) == 0;
	assert(server->running);
	*started = server;
	return true;
}

void server_stop(struct server *server)
{
	if (!server)
		return;
	if (server->running) {
		eventfd_write(server->stop_event, 1);
		pthread_join(server->thread, NULL);
	}
	if (server->daemon)
		MHD_stop_daemon(server->daemon);
	delay_finish(&server->delay);
	close(server->stop_event);
	while (server->spare) {
		struct exchange *next = server->spare->next_spare;

		exchange_destroy(server->spare);
		server->spare = next;
	}
	free(server);
}

unsigned server_port(const struct server *server)
{
	return server->port;
}
