/* SPDX-License-Identifier: MIT */
/*
 * The page that TikTok redirects to. Two threads: the server's runs answer(), the main thread all
 * else; what they share stands under the lock.
 */
#include "operator/connect_listen.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/condition.h"
#include "common/http_server.h"
#include "common/memory.h"
#include "common/process.h"

#define CONNECTIONS_MAX 64
#define IDLE_LIMIT_S    400 /* longer than the browser may wait for the outcome: HTTP_TIMEOUT, twice */
#define FLUSH_LIMIT_MS  2000
#define NOT_FOUND       404
#define BAD_REQUEST     400
#define GONE            410

/* Plain text in a page of its own: nothing is loaded, run or sent from it. */
#define SECURITY_POLICY                                                                            \
	"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

struct connect_listen {
	struct http_server *server;
	const char *path;
	const char *state;
	int event;            /* an eventfd: something came */
	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t told;
	struct redirect redirect;
	bool is_taken; /* the answer came; the state is used up */
	bool is_told;  /* its outcome is known */
	bool is_success;
	int strangers; /* answers with another state, or none */
	struct text words;
};

static void write_page(const char *title, const char *words, struct text *page)
{
	text_append_format(page,
		"<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>storesync</title>\n"
		"<h1>%s</h1>\n<p>",
		title);
	for (const char *c = words; *c; c++) {
		if (strchr("<>&\"'", *c))
			text_append_format(page, "&#%d;", *c);
		else
			text_append_char(page, *c);
	}
	text_append(page, "</p>\n");
}

static void refuse(struct http_server_reply *reply, unsigned status, const char *words)
{
	reply->status = status;
	write_page("This is not an answer that is waited for", words, &reply->page);
}

static void wake(struct connect_listen *listen)
{
	uint64_t one = 1;

	if (write(listen->event, &one, sizeof one) < 0)
		return; /* it is readable already */
}

/* The answer is ours, for the first time: hand it over and wait for what comes of it. */
static void take(
	struct connect_listen *listen, struct redirect *redirect, struct http_server_reply *reply)
{
	pthread_mutex_lock(&listen->lock);
	if (listen->is_taken) {
		pthread_mutex_unlock(&listen->lock);
		refuse(reply, GONE,
			"This answer was used already; the terminal says what came of it.");
		return;
	}
	listen->is_taken = true;
	listen->redirect = *redirect;
	*redirect = (struct redirect){0};
	wake(listen);
	while (!listen->is_told)
		pthread_cond_wait(&listen->told, &listen->lock);
	if (!listen->is_success)
		reply->status = BAD_REQUEST;
	write_page(listen->is_success ? "The account is connected" : "The account is not connected",
		text_string(&listen->words), &reply->page);
	pthread_mutex_unlock(&listen->lock);
}

static void note_stranger(struct connect_listen *listen)
{
	pthread_mutex_lock(&listen->lock);
	listen->strangers++;
	pthread_mutex_unlock(&listen->lock);
	wake(listen);
}

static void answer(
	void *owner, const struct http_server_request *request, struct http_server_reply *reply)
{
	struct connect_listen *listen = owner;
	struct redirect redirect = {0};
	struct error err;

	reply->content_type = "text/html; charset=utf-8";
	reply->content_security_policy = SECURITY_POLICY;
	if (strcmp(request->path, listen->path) != 0)
		refuse(reply, NOT_FOUND, "There is nothing at this address.");
	else if (strcmp(request->method, "GET") != 0)
		refuse(reply, BAD_REQUEST, ""); /* somebody looks ahead */
	else if (!redirect_read(request->query, &redirect, &err))
		refuse(reply, BAD_REQUEST, err.text);
	else if (redirect_judge(&redirect, listen->state, &err) != REDIRECT_STRANGER)
		take(listen, &redirect, reply);
	else {
		note_stranger(listen);
		refuse(reply, BAD_REQUEST,
			"It belongs to another attempt (its state is a different one). Open the address "
			"that the terminal shows.");
	}
	redirect_finish(&redirect);
}

bool connect_listen_start(const char *setting, int port, const char *path, const char *state,
	struct connect_listen **listen, struct error *err)
{
	struct connect_listen *made = memory_allocate(1, sizeof *made);
	char where[32];
	const struct http_server_options options = {
		.setting = setting,
		.listen = where,
		.connections_max = CONNECTIONS_MAX,
		.idle_limit_s = IDLE_LIMIT_S,
		.handler = answer,
		.owner = made,
	};

	snprintf(where, sizeof where, "127.0.0.1:%d", port);
	*made = (struct connect_listen){.path = path, .state = state};
	pthread_mutex_init(&made->lock, NULL);
	condition_init(&made->told);
	made->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (made->event < 0)
		error_set(err, ERROR_INTERNAL, "cannot make an eventfd: %s", strerror(errno));
	else if (http_server_start(&options, &made->server, err)) {
		*listen = made;
		return true;
	}
	connect_listen_stop(made);
	return false;
}

int connect_listen_port(const struct connect_listen *listen)
{
	return http_server_port(listen->server);
}

/* True: the answer is here. */
static bool look(struct connect_listen *listen, int *strangers_told)
{
	uint64_t count;
	bool is_taken;
	int strangers;

	if (read(listen->event, &count, sizeof count) < 0)
		return false;
	pthread_mutex_lock(&listen->lock);
	is_taken = listen->is_taken;
	strangers = listen->strangers;
	pthread_mutex_unlock(&listen->lock);
	if (!is_taken && strangers > 0 && *strangers_told == 0)
		fprintf(stderr,
			"a redirect with another state came and was refused: an old page, or somebody "
			"else's attempt; still waiting\n");
	*strangers_told = strangers;
	return is_taken;
}

bool connect_listen_wait(struct connect_listen *listen, int64_t timeout_ms,
	struct redirect *redirect, struct error *err)
{
	int64_t until_ms = clock_monotonic_ms() + timeout_ms, left_ms;
	int strangers_told = 0;

	while ((left_ms = until_ms - clock_monotonic_ms()) > 0) {
		struct pollfd fds[] = {{.fd = listen->event, .events = POLLIN},
			{.fd = process_stop_fd(), .events = POLLIN}};

		poll(fds, 2, (int)left_ms);
		if (process_is_stopping()) {
			error_set(err, ERROR_STOPPING, "given up: nothing was changed");
			return false;
		}
		if (!look(listen, &strangers_told))
			continue;
		pthread_mutex_lock(&listen->lock);
		*redirect = listen->redirect;
		listen->redirect = (struct redirect){0};
		pthread_mutex_unlock(&listen->lock);
		return true;
	}
	error_set(err, ERROR_SETTINGS,
		"no answer of TikTok came within %lld s: start again, or allow more by --timeout",
		(long long)timeout_ms / 1000);
	return false;
}

static void tell(struct connect_listen *listen, bool is_success, const char *words)
{
	pthread_mutex_lock(&listen->lock);
	if (!listen->is_told) {
		listen->is_success = is_success;
		text_append(&listen->words, words);
		listen->is_told = true;
	}
	pthread_cond_broadcast(&listen->told);
	pthread_mutex_unlock(&listen->lock);
	http_server_drain(listen->server, FLUSH_LIMIT_MS);
}

void connect_listen_tell_success(struct connect_listen *listen, const char *words)
{
	tell(listen, true, words);
}

void connect_listen_tell_failure(struct connect_listen *listen, const char *words)
{
	tell(listen, false, words);
}

void connect_listen_stop(struct connect_listen *listen)
{
	if (!listen)
		return;
	if (listen->server)
		connect_listen_tell_failure(listen, "Nobody waits for this answer any more.");
	http_server_stop(listen->server);
	if (listen->event >= 0)
		close(listen->event);
	redirect_finish(&listen->redirect);
	text_finish(&listen->words);
	pthread_cond_destroy(&listen->told);
	pthread_mutex_destroy(&listen->lock);
	free(listen);
}
