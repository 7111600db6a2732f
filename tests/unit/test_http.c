/* SPDX-License-Identifier: MIT */
/*
 * The HTTP client against servers of this test's own: one that answers (libmicrohttpd), one that
 * never does, one that breaks off. The servers' threads only record; the test's thread asserts.
 */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/http.h"
#include "common/memory.h"
#include "common/text.h"

#define REPLY_MAX   50000
#define PATIENCE_MS 20000LL

struct fixture {
	struct http *http;
	struct MHD_Daemon *server;
	int port;
	atomic_int connections; /* that the server took */
};

/* What arrived for one call; the body is copied. */
struct outcome {
	int calls;
	struct http_reply reply;
	struct text body;
};

/* 100,000 times the letter x, compressed by gzip. */
static const unsigned char gzip_bomb[132] = {0x1f, 0x8b, 0x08, [8] = 0x02, 0x03, 0xed, 0xc1, 0x31,
	0x01, [17] = 0xc2, 0xa0, 0xda, 0x8b, 0x6f, 0x0d, 0x0f, 0xa0, [121] = 0x80, 0x57, 0x03, 0x71,
	0x11, 0x07, 0xfe, 0xa0, 0x86, 0x01};

static void keep(void *owner, const struct http_reply *reply)
{
	struct outcome *outcome = owner;

	outcome->calls++;
	outcome->reply = *reply;
	if (reply->length)
		text_append_bytes(&outcome->body, reply->body, reply->length);
	outcome->reply.body = NULL;
}

static ssize_t endless(void *unused, uint64_t position, char *buffer, size_t room)
{
	memset(buffer, 'x', room);
	return (ssize_t)room;
}

static struct MHD_Response *copied(const char *bytes, size_t length)
{
	return MHD_create_response_from_buffer(
		length, memory_copy_bytes(bytes, length), MHD_RESPMEM_MUST_FREE);
}

/* The request as text: method, content type, authorization, body. */
static struct MHD_Response *echo(
	struct MHD_Connection *connection, const char *method, const struct text *body)
{
	static const char *const names[] = {
		"Content-Type", "Authorization", "Expect", "User-Agent"};
	struct MHD_Response *response;
	struct text page = {0};

	text_append(&page, method);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		const char *value =
			MHD_lookup_connection_value(connection, MHD_HEADER_KIND, names[i]);

		text_append_format(&page, "|%s", value ? value : "-");
	}
	text_append_format(&page, "|%s", text_string(body));
	response = copied(text_string(&page), page.length);
	text_finish(&page);
	return response;
}

static unsigned respond(struct MHD_Connection *connection, const char *url, const char *method,
	const struct text *body, struct MHD_Response **response)
{
	if (strcmp(url, "/redirect") == 0) {
		*response = copied("", 0);
		MHD_add_response_header(*response, "Location", "/echo");
		return MHD_HTTP_FOUND;
	}
	if (strcmp(url, "/limited") == 0) {
		*response = copied("{}", 2);
		MHD_add_response_header(*response, "Retry-After", "30");
		MHD_add_response_header(*response, "x-tt-logid", "2026 ABC");
		return MHD_HTTP_TOO_MANY_REQUESTS;
	}
	if (strcmp(url, "/limited/oddly") == 0) {
		*response = copied("{}", 2);
		MHD_add_response_header(*response, "Retry-After", "Wed, 21 Oct 2026 07:28:00 GMT");
		return MHD_HTTP_SERVICE_UNAVAILABLE;
	}
	if (strcmp(url, "/endless") == 0) {
		*response = MHD_create_response_from_callback(
			MHD_SIZE_UNKNOWN, 4096, endless, NULL, NULL);
		return MHD_HTTP_OK;
	}
	if (strcmp(url, "/bomb") == 0) {
		*response = copied((const char *)gzip_bomb, sizeof gzip_bomb);
		MHD_add_response_header(*response, "Content-Encoding", "gzip");
		return MHD_HTTP_OK;
	}
	*response = echo(connection, method, body);
	return MHD_HTTP_OK;
}

static enum MHD_Result handle(void *unused, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *data, size_t *data_length,
	void **context)
{
	struct text *body = *context;
	struct MHD_Response *response;
	enum MHD_Result result;
	unsigned status;

	if (!body) {
		*context = memory_allocate(1, sizeof *body);
		return MHD_YES;
	}
	if (*data_length) {
		text_append_bytes(body, data, *data_length);
		*data_length = 0;
		return MHD_YES;
	}
	status = respond(connection, url, method, body, &response);
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static void forget_request(void *unused, struct MHD_Connection *connection, void **context,
	enum MHD_RequestTerminationCode code)
{
	struct text *body = *context;

	if (body)
		text_finish(body);
	free(body);
}

static void count_connection(void *argument, struct MHD_Connection *connection, void **context,
	enum MHD_ConnectionNotificationCode code)
{
	struct fixture *f = argument;

	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		atomic_fetch_add(&f->connections, 1);
}

static int set_up(void **state)
{
	static const struct http_options options = {.max_calls = 100,
		.connect_timeout_ms = 5000,
		.reply_max_bytes = REPLY_MAX,
		.plain_allowed = true};
	struct fixture *f = memory_allocate(1, sizeof *f);
	struct error err;

	f->server = MHD_start_daemon(MHD_USE_AUTO_INTERNAL_THREAD, 0, NULL, NULL, handle, NULL,
		MHD_OPTION_NOTIFY_COMPLETED, forget_request, NULL, MHD_OPTION_NOTIFY_CONNECTION,
		count_connection, f, MHD_OPTION_END);
	if (!f->server || !http_create(&options, &f->http, &err))
		return -1;
	f->port = MHD_get_daemon_info(f->server, MHD_DAEMON_INFO_BIND_PORT)->port;
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	http_destroy(f->http);
	MHD_stop_daemon(f->server);
	free(f);
	return 0;
}

static const char *url_of(int port, const char *path)
{
	static char url[200];

	snprintf(url, sizeof url, "http://127.0.0.1:%d%s", port, path);
	return url;
}

/* Run until nothing is in flight; false when that takes too long. */
static bool run_all(struct http *http)
{
	int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;

	while (http_active(http) && clock_monotonic_ms() < until_ms)
		http_run(http, 1000);
	return http_active(http) == 0;
}

static struct outcome get(struct fixture *f, int port, const char *path)
{
	struct http_request request = {.url = url_of(port, path), .deadline_ms = PATIENCE_MS};
	struct outcome outcome = {0};

	http_send(f->http, &request, keep, &outcome);
	assert_true(run_all(f->http));
	assert_int_equal(outcome.calls, 1);
	return outcome;
}

static void get_and_forget(struct fixture *f)
{
	struct outcome outcome = get(f, f->port, "/echo");

	assert_int_equal(outcome.reply.status, 200);
	text_finish(&outcome.body);
}

static void assert_no_answer(
	const struct outcome *outcome, enum error_class class, const char *words)
{
	assert_int_equal(outcome->reply.status, 0);
	assert_int_equal(outcome->reply.error.class, class);
	assert_int_equal(outcome->body.length, 0);
	if (!strstr(outcome->reply.error.text, words))
		fail_msg("\"%s\" is not in: %s", words, outcome->reply.error.text);
}

/* A listening socket of 127.0.0.1. */
static int listen_anywhere(int *port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	*port = ntohs(address.sin_port);
	return fd;
}

static void get_brings_status_and_body(void **state)
{
	struct outcome outcome = get(*state, ((struct fixture *)*state)->port, "/echo?a=b");

	assert_int_equal(outcome.reply.status, 200);
	assert_string_equal(
		text_string(&outcome.body), "GET|-|-|-|storesync/" STORESYNC_VERSION "|");
	assert_int_equal(outcome.reply.length, outcome.body.length);
	assert_int_equal(outcome.reply.error.class, ERROR_NONE);
	assert_true(outcome.reply.retry_after_ms == -1);
	assert_string_equal(outcome.reply.log_id, "");
	text_finish(&outcome.body);
}

static void post_sends_body_type_and_bearer(void **state)
{
	struct fixture *f = *state;
	struct outcome outcome = {0};
	char body[] = "{\"max_count\":20}";
	char bearer[] = "act.abc";
	struct http_request request = {.method = HTTP_POST,
		.url = url_of(f->port, "/echo"),
		.bearer = bearer,
		.content_type = "application/json",
		.body = body,
		.body_length = strlen(body),
		.deadline_ms = PATIENCE_MS};

	http_send(f->http, &request, keep, &outcome);
	memset(body, 0, sizeof body); /* the request was copied */
	memset(bearer, 0, sizeof bearer);
	assert_true(run_all(f->http));

	assert_string_equal(text_string(&outcome.body),
		"POST|application/json|Bearer act.abc|-|storesync/" STORESYNC_VERSION
		"|{\"max_count\":20}");
	text_finish(&outcome.body);
}

static void nothing_of_a_call_reaches_the_next(void **state)
{
	struct fixture *f = *state;
	struct outcome outcome = {0};
	struct http_request request = {.method = HTTP_POST,
		.url = url_of(f->port, "/echo"),
		.bearer = "act.abc",
		.content_type = "application/json",
		.body = "body",
		.body_length = 4,
		.deadline_ms = PATIENCE_MS};

	http_send(f->http, &request, keep, &outcome);
	assert_true(run_all(f->http));
	text_finish(&outcome.body);
	outcome = get(f, f->port, "/echo");

	assert_string_equal(
		text_string(&outcome.body), "GET|-|-|-|storesync/" STORESYNC_VERSION "|");
	text_finish(&outcome.body);
}

static void post_without_body_or_type_is_sent_so(void **state)
{
	struct fixture *f = *state;
	struct outcome outcome = {0};
	struct http_request request = {
		.method = HTTP_POST, .url = url_of(f->port, "/echo"), .deadline_ms = PATIENCE_MS};

	http_send(f->http, &request, keep, &outcome);
	assert_true(run_all(f->http));

	assert_string_equal(
		text_string(&outcome.body), "POST|-|-|-|storesync/" STORESYNC_VERSION "|");
	text_finish(&outcome.body);
}

static void connection_is_used_again(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 10; i++)
		get_and_forget(f);

	assert_int_equal(atomic_load(&f->connections), 1);
}

static void call_sent_once_has_a_connection_of_its_own(void **state)
{
	struct fixture *f = *state;
	struct outcome outcome = {0};
	struct http_request request = {.method = HTTP_POST,
		.url = url_of(f->port, "/echo"),
		.deadline_ms = PATIENCE_MS,
		.send_once = true};

	get_and_forget(f);
	http_send(f->http, &request, keep, &outcome);
	assert_true(run_all(f->http));
	text_finish(&outcome.body);
	get_and_forget(f);

	assert_int_equal(outcome.reply.status, 200);
	assert_int_equal(atomic_load(&f->connections), 2);
}

static void hundred_calls_run_at_once(void **state)
{
	static struct outcome outcomes[100];
	struct fixture *f = *state;
	struct http_request request = {.url = url_of(f->port, "/echo"), .deadline_ms = PATIENCE_MS};

	for (int i = 0; i < 100; i++)
		http_send(f->http, &request, keep, &outcomes[i]);
	assert_int_equal(http_active(f->http), 100);
	assert_true(run_all(f->http));

	for (int i = 0; i < 100; i++) {
		assert_int_equal(outcomes[i].calls, 1);
		assert_int_equal(outcomes[i].reply.status, 200);
		text_finish(&outcomes[i].body);
	}
}

static void redirect_is_not_followed(void **state)
{
	struct outcome outcome = get(*state, ((struct fixture *)*state)->port, "/redirect");

	assert_int_equal(outcome.reply.status, 302);
	assert_int_equal(outcome.body.length, 0);
}

static void retry_after_and_log_id_are_read(void **state)
{
	struct outcome outcome = get(*state, ((struct fixture *)*state)->port, "/limited");

	assert_int_equal(outcome.reply.status, 429);
	assert_int_equal(outcome.reply.retry_after_ms, 30000);
	assert_string_equal(outcome.reply.log_id, "2026?ABC");
	text_finish(&outcome.body);
}

static void retry_after_that_is_a_date_counts_as_none(void **state)
{
	struct outcome outcome = get(*state, ((struct fixture *)*state)->port, "/limited/oddly");

	assert_int_equal(outcome.reply.status, 503);
	assert_true(outcome.reply.retry_after_ms == -1);
	text_finish(&outcome.body);
}

static void reply_of_unknown_length_is_capped(void **state)
{
	struct outcome outcome =
		get(*state, ((struct fixture *)*state)->port, "/endless?token=s3cret");

	assert_no_answer(&outcome, ERROR_BAD_REPLY, "the reply is larger than 50000 bytes");
	assert_null(strstr(outcome.reply.error.text, "s3cret"));
}

static void reply_is_capped_after_decompression(void **state)
{
	struct outcome outcome = get(*state, ((struct fixture *)*state)->port, "/bomb");

	assert_no_answer(&outcome, ERROR_BAD_REPLY, "the reply is larger than 50000 bytes");
}

static void refused_connection_names_host_and_reason(void **state)
{
	struct outcome outcome;
	int port;

	close(listen_anywhere(&port));
	outcome = get(*state, port, "/echo?token=s3cret");

	assert_no_answer(&outcome, ERROR_NETWORK, "127.0.0.1:");
	assert_null(strstr(outcome.reply.error.text, "s3cret"));
}

static void silent_server_ends_at_the_deadline(void **state)
{
	struct fixture *f = *state;
	struct outcome outcome = {0};
	struct http_request request = {.deadline_ms = 100};
	int port, fd = listen_anywhere(&port);

	request.url = url_of(port, "/?token=s3cret");
	http_send(f->http, &request, keep, &outcome);
	assert_true(run_all(f->http));
	close(fd);

	assert_no_answer(&outcome, ERROR_NETWORK, "timed out");
	assert_in_range(outcome.reply.elapsed_ms, 100, PATIENCE_MS);
	assert_null(strstr(outcome.reply.error.text, "s3cret"));
}

/* Begins a reply and resets the connection. */
static void *break_off(void *argument)
{
	static const char begun[] = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"data\":";
	static const struct linger at_once = {.l_onoff = 1};
	int fd = accept(*(const int *)argument, NULL, NULL);
	char request[4096];

	if (read(fd, request, sizeof request) > 0 && write(fd, begun, sizeof begun - 1) > 0) {
		usleep(50000);
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	}
	close(fd);
	return NULL;
}

static void half_a_reply_is_no_answer(void **state)
{
	struct outcome outcome;
	pthread_t server;
	int port, fd = listen_anywhere(&port);

	assert_int_equal(pthread_create(&server, NULL, break_off, &fd), 0);
	outcome = get(*state, port, "/");
	pthread_join(server, NULL);
	close(fd);

	assert_no_answer(&outcome, ERROR_NETWORK, "127.0.0.1:");
}

/*
 * Answers GET; on POST closes the connection, as if it had died while acting on it. Ends when fd is
 * shut down.
 */
struct dying_server {
	int fd;
	int posts;
};

static void *die_on_post(void *argument)
{
	static const char empty[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
	static const struct timeval patience = {
		.tv_usec = 300000}; /* then the next connection's turn comes */
	struct dying_server *server = argument;
	int fd;

	while ((fd = accept(server->fd, NULL, NULL)) >= 0) {
		char request[4096];

		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
		while (read(fd, request, sizeof request) > 0) {
			if (request[0] == 'P') {
				server->posts++;
				break;
			}
			if (write(fd, empty, sizeof empty - 1) < 0)
				break;
		}
		close(fd);
	}
	return NULL;
}

static void call_sent_once_arrives_once_when_the_connection_dies(void **state)
{
	struct fixture *f = *state;
	struct outcome outcome = {0};
	struct dying_server server = {0};
	struct http_request request = {
		.method = HTTP_POST, .deadline_ms = PATIENCE_MS, .send_once = true};
	pthread_t thread;
	int port;

	server.fd = listen_anywhere(&port);
	assert_int_equal(pthread_create(&thread, NULL, die_on_post, &server), 0);
	assert_int_equal(get(f, port, "/").reply.status, 200);
	request.url = url_of(port, "/");
	http_send(f->http, &request, keep, &outcome);
	assert_true(run_all(f->http));
	shutdown(server.fd, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(server.fd);

	assert_no_answer(&outcome, ERROR_NETWORK, "127.0.0.1");
	assert_int_equal(server.posts, 1);
}

static void cancelled_call_does_not_call_back(void **state)
{
	struct fixture *f = *state;
	struct outcome outcome = {0};
	struct http_request request = {.deadline_ms = PATIENCE_MS};
	int port, fd = listen_anywhere(&port);
	struct http_call *call;

	request.url = url_of(port, "/");
	call = http_send(f->http, &request, keep, &outcome);
	http_run(f->http, 10);
	http_cancel(f->http, call);
	http_run(f->http, 10);
	close(fd);

	assert_int_equal(http_active(f->http), 0);
	assert_int_equal(outcome.calls, 0);
}

/* A pair of calls: whichever ends first cancels both, itself included. */
struct pair {
	struct http *http;
	struct http_call *calls[2];
	int ended;
};

static void cancel_both(void *owner, const struct http_reply *reply)
{
	struct pair *pair = owner;

	pair->ended++;
	http_cancel(pair->http, pair->calls[0]);
	http_cancel(pair->http, pair->calls[1]);
}

static void callback_may_cancel_any_call(void **state)
{
	struct fixture *f = *state;
	struct pair pair = {.http = f->http};
	struct http_request request = {.url = url_of(f->port, "/echo"), .deadline_ms = PATIENCE_MS};

	pair.calls[0] = http_send(f->http, &request, cancel_both, &pair);
	pair.calls[1] = http_send(f->http, &request, cancel_both, &pair);
	assert_true(run_all(f->http));

	assert_int_equal(pair.ended, 1);
}

struct chain {
	struct fixture *f;
	int left;
};

static void send_next(void *owner, const struct http_reply *reply)
{
	struct chain *chain = owner;
	struct http_request request = {
		.url = url_of(chain->f->port, "/echo"), .deadline_ms = PATIENCE_MS};

	if (--chain->left)
		http_send(chain->f->http, &request, send_next, chain);
}

static void callback_may_send_the_next_call(void **state)
{
	struct fixture *f = *state;
	struct chain chain = {f, 5};
	struct http_request request = {.url = url_of(f->port, "/echo"), .deadline_ms = PATIENCE_MS};

	http_send(f->http, &request, send_next, &chain);
	assert_true(run_all(f->http));

	assert_int_equal(chain.left, 0);
}

static void destroy_drops_calls_in_flight(void **state)
{
	struct fixture *f = *state;
	struct outcome outcome = {0};
	struct http_request request = {.deadline_ms = PATIENCE_MS};
	int port, fd = listen_anywhere(&port);

	request.url = url_of(port, "/");
	http_send(f->http, &request, keep, &outcome);
	http_run(f->http, 10);
	http_destroy(f->http);
	f->http = NULL;
	close(fd);

	assert_int_equal(outcome.calls, 0);
}

static void *wake_later(void *http)
{
	usleep(50000);
	http_wake(http);
	return NULL;
}

static void wake_ends_the_sleep(void **state)
{
	struct fixture *f = *state;
	int64_t before_ms = clock_monotonic_ms();
	pthread_t waker;

	assert_int_equal(pthread_create(&waker, NULL, wake_later, f->http), 0);
	http_run(f->http, 10 * PATIENCE_MS);
	pthread_join(waker, NULL);

	assert_true(clock_monotonic_ms() - before_ms < PATIENCE_MS);
}

static void wake_before_the_sleep_is_not_lost(void **state)
{
	struct fixture *f = *state;
	int64_t before_ms = clock_monotonic_ms();

	http_wake(f->http);
	http_run(f->http, 10 * PATIENCE_MS);

	assert_true(clock_monotonic_ms() - before_ms < PATIENCE_MS);
}

static void plain_http_is_refused_unless_allowed(void **state)
{
	static const struct http_options options = {
		.max_calls = 1, .connect_timeout_ms = 5000, .reply_max_bytes = REPLY_MAX};
	struct fixture *f = *state;
	struct outcome outcome;
	struct error err;

	http_destroy(f->http);
	assert_true(http_create(&options, &f->http, &err));
	outcome = get(f, f->port, "/echo");

	assert_no_answer(&outcome, ERROR_NETWORK, "127.0.0.1");
	assert_int_equal(atomic_load(&f->connections), 0);
}

/* A key and a certificate that nobody signed, by the openssl command; false: it is not installed. */
static bool make_certificate(char *pem, size_t size_bytes)
{
	FILE *openssl =
		popen("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1"
		      " -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
		      " -keyout /dev/stdout -out /dev/stdout 2>/dev/null",
			"r");
	size_t length = openssl ? fread(pem, 1, size_bytes - 1, openssl) : 0;

	pem[length] = '\0';
	return openssl && pclose(openssl) == 0 && length > 0;
}

static void certificate_that_nobody_signed_is_refused(void **state)
{
	struct fixture *f = *state;
	struct outcome outcome = {0};
	struct http_request request = {.deadline_ms = PATIENCE_MS};
	struct MHD_Daemon *server;
	char pem[8192], url[64];

	if (!make_certificate(pem, sizeof pem))
		skip();
	server = MHD_start_daemon(MHD_USE_AUTO_INTERNAL_THREAD | MHD_USE_TLS, 0, NULL, NULL, handle,
		NULL, MHD_OPTION_NOTIFY_COMPLETED, forget_request, NULL, MHD_OPTION_HTTPS_MEM_KEY,
		pem, MHD_OPTION_HTTPS_MEM_CERT, pem, MHD_OPTION_END);
	assert_non_null(server);
	snprintf(url, sizeof url, "https://127.0.0.1:%d/echo",
		MHD_get_daemon_info(server, MHD_DAEMON_INFO_BIND_PORT)->port);
	request.url = url;
	http_send(f->http, &request, keep, &outcome);
	assert_true(run_all(f->http));
	MHD_stop_daemon(server);

	assert_no_answer(&outcome, ERROR_NETWORK, "certificate");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(get_brings_status_and_body, set_up, tear_down),
		cmocka_unit_test_setup_teardown(post_sends_body_type_and_bearer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			nothing_of_a_call_reaches_the_next, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			post_without_body_or_type_is_sent_so, set_up, tear_down),
		cmocka_unit_test_setup_teardown(connection_is_used_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			call_sent_once_has_a_connection_of_its_own, set_up, tear_down),
		cmocka_unit_test_setup_teardown(hundred_calls_run_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(redirect_is_not_followed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(retry_after_and_log_id_are_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			retry_after_that_is_a_date_counts_as_none, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			reply_of_unknown_length_is_capped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			reply_is_capped_after_decompression, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			refused_connection_names_host_and_reason, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			silent_server_ends_at_the_deadline, set_up, tear_down),
		cmocka_unit_test_setup_teardown(half_a_reply_is_no_answer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			call_sent_once_arrives_once_when_the_connection_dies, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			cancelled_call_does_not_call_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(callback_may_cancel_any_call, set_up, tear_down),
		cmocka_unit_test_setup_teardown(callback_may_send_the_next_call, set_up, tear_down),
		cmocka_unit_test_setup_teardown(destroy_drops_calls_in_flight, set_up, tear_down),
		cmocka_unit_test_setup_teardown(wake_ends_the_sleep, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			wake_before_the_sleep_is_not_lost, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			plain_http_is_refused_unless_allowed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			certificate_that_nobody_signed_is_refused, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
