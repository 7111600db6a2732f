/* SPDX-License-Identifier: MIT */
/*
 * The relay: one thread and one poll() over all sockets. What one side sends is written to the
 * other at once, blocking; the buffers of the kernel are large enough for what tests send.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/relay.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAIRS_MAX 16
#define LOOK_MS   5 /* how often the mode is looked at */

struct pair {
	int client, server; /* -1: free */
};

struct test_relay {
	pthread_t thread;
	int listener;
	int port;
	struct sockaddr_in target;
	_Atomic enum test_relay_mode mode;
	atomic_bool stopping;
	atomic_int cuts_asked, cuts_done;
	struct pair pairs[PAIRS_MAX]; /* the relay's thread alone */
};

static void close_pair(struct pair *pair)
{
	if (pair->client >= 0)
		close(pair->client);
	if (pair->server >= 0)
		close(pair->server);
	*pair = (struct pair){-1, -1};
}

static void accept_client(struct test_relay *relay)
{
	int client = accept4(relay->listener, NULL, NULL, SOCK_CLOEXEC);
	int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (client >= 0 && server >= 0 &&
		connect(server, (struct sockaddr *)&relay->target, sizeof relay->target) == 0)
		for (int i = 0; i < PAIRS_MAX; i++)
			if (relay->pairs[i].client < 0) {
				relay->pairs[i] = (struct pair){client, server};
				return;
			}
	close_pair(&(struct pair){client, server});
}

/* False: one side has closed. */
static bool forward(int from, int to)
{
	char bytes[65536];
	ssize_t got = recv(from, bytes, sizeof bytes, MSG_DONTWAIT);

	for (ssize_t sent = 0, n; sent < got; sent += n) {
		n = send(to, bytes + sent, (size_t)(got - sent), MSG_NOSIGNAL);
		if (n <= 0)
			return false;
	}
	return got > 0;
}

static void look_at_pair(struct test_relay *relay, struct pair *pair, enum test_relay_mode mode)
{
	struct pollfd fds[] = {
		{.fd = mode == RELAY_HOLD ? -1 : pair->client, .events = POLLIN},
		{.fd = mode == RELAY_PASS ? pair->server : -1, .events = POLLIN},
	};

	poll(fds, 2, 0);
	if ((fds[0].revents && !forward(pair->client, pair->server)) ||
		(fds[1].revents && !forward(pair->server, pair->client)))
		close_pair(pair);
}

static void wait_for_bytes(struct test_relay *relay, enum test_relay_mode mode)
{
	struct pollfd fds[1 + 2 * PAIRS_MAX];

	fds[0] = (struct pollfd){.fd = relay->listener, .events = POLLIN};
	for (int i = 0; i < PAIRS_MAX; i++) {
		const struct pair *pair = &relay->pairs[i];

		fds[1 + 2 * i] = (struct pollfd){
			.fd = mode == RELAY_HOLD ? -1 : pair->client, .events = POLLIN};
		fds[2 + 2 * i] = (struct pollfd){
			.fd = mode == RELAY_PASS ? pair->server : -1, .events = POLLIN};
	}
	poll(fds, 1 + 2 * PAIRS_MAX, LOOK_MS);
	if (fds[0].revents)
		accept_client(relay);
}

static void *run(void *argument)
{
	struct test_relay *relay = argument;

	while (!relay->stopping) {
		enum test_relay_mode mode = relay->mode;
		int cuts = relay->cuts_asked;

		if (cuts != relay->cuts_done) {
			for (int i = 0; i < PAIRS_MAX; i++)
				close_pair(&relay->pairs[i]);
			relay->cuts_done = cuts;
		}
		for (int i = 0; i < PAIRS_MAX; i++)
			if (relay->pairs[i].client >= 0)
				look_at_pair(relay, &relay->pairs[i], mode);
		wait_for_bytes(relay, mode);
	}
	for (int i = 0; i < PAIRS_MAX; i++)
		close_pair(&relay->pairs[i]);
	return NULL;
}

struct test_relay *test_relay_start(const char *server_host, int server_port)
{
	struct test_relay *relay = calloc(1, sizeof *relay);
	struct sockaddr_in here = {.sin_family = AF_INET};
	socklen_t length = sizeof here;

	assert_non_null(relay);
	here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	relay->target = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons((uint16_t)server_port)};
	assert_int_equal(inet_pton(AF_INET, server_host, &relay->target.sin_addr), 1);
	for (int i = 0; i < PAIRS_MAX; i++)
		relay->pairs[i] = (struct pair){-1, -1};
	relay->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(relay->listener, (struct sockaddr *)&here, sizeof here), 0);
	assert_int_equal(listen(relay->listener, PAIRS_MAX), 0);
	assert_int_equal(getsockname(relay->listener, (struct sockaddr *)&here, &length), 0);
	relay->port = ntohs(here.sin_port);
	assert_int_equal(pthread_create(&relay->thread, NULL, run, relay), 0);
	return relay;
}

int test_relay_port(const struct test_relay *relay)
{
	return relay->port;
}

void test_relay_set_mode(struct test_relay *relay, enum test_relay_mode mode)
{
	relay->mode = mode;
	/* When this returns, no byte passes any more that the mode forbids. */
	usleep(3 * LOOK_MS * 1000);
}

void test_relay_cut(struct test_relay *relay)
{
	int cuts = ++relay->cuts_asked;

	while (relay->cuts_done != cuts)
		usleep(1000);
}

void test_relay_stop(struct test_relay *relay)
{
	if (!relay)
		return;
	relay->stopping = true;
	pthread_join(relay->thread, NULL);
	close(relay->listener);
	free(relay);
}
