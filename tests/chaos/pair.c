/* SPDX-License-Identifier: MIT */
/*
 * A connection through the proxy. The proxy's thread.
 */
#include "tests/chaos/pair.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/memory.h"
#include "tests/chaos/address.h"

/* Whom a direction comes from, and whom it goes to. */
static const enum pair_side reader[] = {
	[CHAOS_TO_SERVER] = PAIR_CLIENT, [CHAOS_TO_CLIENT] = PAIR_SERVER};
static const enum pair_side writer[] = {
	[CHAOS_TO_SERVER] = PAIR_SERVER, [CHAOS_TO_CLIENT] = PAIR_CLIENT};

/* A slice must not wait in the kernel for the next one. */
static void send_at_once(int fd)
{
	static const int yes = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

struct pair *pair_create(int client, uint64_t *chance)
{
	struct pair *pair = memory_allocate(1, sizeof *pair);

	send_at_once(client);
	pair->fd[PAIR_CLIENT] = client;
	pair->fd[PAIR_SERVER] = -1;
	for (int i = 0; i < CHAOS_DIRECTIONS; i++)
		pair->flows[i].chance = chance;
	return pair;
}

void pair_close(struct pair *pair)
{
	close(pair->fd[PAIR_CLIENT]);
	if (pair->fd[PAIR_SERVER] >= 0)
		close(pair->fd[PAIR_SERVER]);
	free(pair);
}

void pair_reset(struct pair *pair)
{
	address_reset(pair->fd[PAIR_CLIENT]);
	if (pair->fd[PAIR_SERVER] >= 0)
		address_reset(pair->fd[PAIR_SERVER]);
	free(pair);
}

bool pair_connect(struct pair *pair, const struct sockaddr_in *target)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return false;
	send_at_once(fd);
	pair->fd[PAIR_SERVER] = fd;
	pair->is_connecting = true;
	return connect(fd, (const struct sockaddr *)target, sizeof *target) == 0 ||
	       errno == EINPROGRESS;
}

bool pair_set(struct pair *pair, const struct chaos_toxics toxics[CHAOS_DIRECTIONS])
{
	bool is_whole = true;

	for (int i = 0; i < CHAOS_DIRECTIONS; i++) {
		flow_set(&pair->flows[i], &toxics[i]);
		if (pair->flows[i].is_torn && !toxics[i].swallow)
			is_whole = false;
	}
	return is_whole;
}

int64_t pair_prepare(const struct pair *pair, int64_t now_us, struct pollfd fds[PAIR_SIDES])
{
	int64_t wake_us = FLOW_NEVER;

	fds[PAIR_CLIENT] = (struct pollfd){.fd = -1};
	fds[PAIR_SERVER] = (struct pollfd){.fd = -1};
	if (pair->fd[PAIR_SERVER] < 0)
		return wake_us;
	if (pair->is_connecting)
		fds[PAIR_SERVER].events = POLLOUT;
	for (int i = 0; i < CHAOS_DIRECTIONS && !pair->is_connecting; i++) {
		const struct flow *flow = &pair->flows[i];
		int64_t due_us = flow_due_us(flow);

		if (flow_may_read(flow))
			fds[reader[i]].events |= POLLIN;
		if (due_us <= now_us)
			fds[writer[i]].events |= POLLOUT;
		else if (due_us < wake_us)
			wake_us = due_us;
		if (flow_is_over(flow))
			wake_us = now_us;
	}
	/* Not watched without an event: poll() would report again and again that a peer is gone. */
	for (int side = 0; side < PAIR_SIDES; side++)
		if (fds[side].events)
			fds[side].fd = pair->fd[side];
	return wake_us;
}

/* False: the server refuses, or cannot be reached. */
static bool finish_connecting(struct pair *pair)
{
	int reason = 0;
	socklen_t length = sizeof reason;

	pair->is_connecting = false;
	return getsockopt(pair->fd[PAIR_SERVER], SOL_SOCKET, SO_ERROR, &reason, &length) == 0 &&
	       reason == 0;
}

/* What came is written at once if it may: poll() is asked only when the kernel's buffer is full. */
static bool serve_flow(
	struct pair *pair, int direction, int64_t now_us, short revents, int64_t *passed)
{
	struct flow *flow = &pair->flows[direction];
	int to = pair->fd[writer[direction]];
	int64_t written;

	if (revents && flow_may_read(flow) &&
		flow_read(flow, pair->fd[reader[direction]], now_us) == FLOW_BROKEN)
		return false;
	if (flow_due_us(flow) <= now_us) {
		enum flow_outcome outcome = flow_write(flow, to, now_us, &written);

		*passed += written;
		if (outcome == FLOW_BROKEN)
			return false;
	}
	if (flow_is_over(flow)) {
		shutdown(to, SHUT_WR);
		flow->has_told_end = true;
	}
	return true;
}

enum pair_outcome pair_serve(struct pair *pair, int64_t now_us, const struct pollfd fds[PAIR_SIDES],
	int64_t passed[CHAOS_DIRECTIONS])
{
	if (pair->fd[PAIR_SERVER] < 0)
		return PAIR_GOES_ON;
	if (pair->is_connecting) {
		if (fds[PAIR_SERVER].revents == 0)
			return PAIR_GOES_ON;
		return finish_connecting(pair) ? PAIR_GOES_ON : PAIR_BROKEN;
	}
	for (int i = 0; i < CHAOS_DIRECTIONS; i++)
		if (!serve_flow(pair, i, now_us, fds[reader[i]].revents, &passed[i]))
			return PAIR_BROKEN;
	return pair->flows[CHAOS_TO_SERVER].has_told_end &&
			       pair->flows[CHAOS_TO_CLIENT].has_told_end
		       ? PAIR_OVER
		       : PAIR_GOES_ON;
}
