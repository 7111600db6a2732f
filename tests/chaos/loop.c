/* SPDX-License-Identifier: MIT */
/*
 * The proxy's thread: one ppoll() over all sockets, until the next bytes are due.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/memory.h"
#include "tests/chaos/internal.h"

#define SECOND_US 1000000
#define PAIRS_MAX ((size_t)4096)

/* common/clock.h counts milliseconds; a slice waits for less. */
static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * SECOND_US + now.tv_nsec / 1000;
}

static void take_out(struct chaos *chaos, size_t i)
{
	chaos->pairs[i] = chaos->pairs[--chaos->pair_count];
}

static void reset_pair(struct chaos *chaos, size_t i)
{
	pair_reset(chaos->pairs[i]);
	take_out(chaos, i);
	chaos->tally.resets++;
}

static void reset_all(struct chaos *chaos)
{
	while (chaos->pair_count > 0)
		reset_pair(chaos, chaos->pair_count - 1);
}

/* ---- Connections ---- */

static void make_room(struct chaos *chaos)
{
	if (chaos->pair_count < chaos->pair_capacity)
		return;
	chaos->pair_capacity = chaos->pair_capacity ? 2 * chaos->pair_capacity : 16;
	chaos->pairs = memory_resize(chaos->pairs, chaos->pair_capacity, sizeof(*chaos->pairs));
	chaos->fds = memory_resize(
		chaos->fds, 2 + PAIR_SIDES * chaos->pair_capacity, sizeof(*chaos->fds));
}

/* False: nobody waits. */
static bool accept_client(struct chaos *chaos)
{
	int client = accept4(chaos->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (client < 0)
		return false;
	chaos->tally.accepted++;
	make_room(chaos);
	chaos->pairs[chaos->pair_count++] = pair_create(client, &chaos->chance);
	if (chaos->pair_count > PAIRS_MAX) {
		reset_pair(chaos, chaos->pair_count - 1);
		return true;
	}
	pair_set(chaos->pairs[chaos->pair_count - 1], chaos->current.toxics);
	if (chaos->current.door == CHAOS_OPEN &&
		!pair_connect(chaos->pairs[chaos->pair_count - 1], &chaos->target))
		reset_pair(chaos, chaos->pair_count - 1);
	return true;
}

/* ---- Orders ---- */

static void move_door(struct chaos *chaos, enum chaos_door from, enum chaos_door to)
{
	if (to == CHAOS_REFUSE && from != CHAOS_REFUSE)
		shutdown(chaos->listener, SHUT_RDWR); /* the port stays: address.c says how */
	if (to != CHAOS_REFUSE && from == CHAOS_REFUSE)
		listen(chaos->listener, SOMAXCONN);
}

/* Those that waited for the door, and the harm that is done from now on. */
static void apply_to_pairs(struct chaos *chaos)
{
	for (size_t i = chaos->pair_count; i-- > 0;) {
		struct pair *pair = chaos->pairs[i];
		bool is_waiting = pair->fd[PAIR_SERVER] < 0;

		if (!pair_set(pair, chaos->current.toxics) ||
			(is_waiting && chaos->current.door == CHAOS_OPEN &&
				!pair_connect(pair, &chaos->target)))
			reset_pair(chaos, i);
	}
}

/* New orders are in force, and the test hears of it, before a byte passes. */
static void obey(struct chaos *chaos)
{
	struct chaos_orders orders;
	uint64_t rings;

	if (read(chaos->wake, &rings, sizeof rings) < 0 && errno != EAGAIN)
		return;
	pthread_mutex_lock(&chaos->lock);
	orders = chaos->orders;
	pthread_mutex_unlock(&chaos->lock);
	if (orders.number != chaos->current.number) {
		while (accept_client(chaos)) {
			/* Who has connected before the orders changed is in. */
		}
		move_door(chaos, chaos->current.door, orders.door);
		if (orders.resets != chaos->current.resets)
			reset_all(chaos);
		chaos->current = orders;
		apply_to_pairs(chaos);
	}
	pthread_mutex_lock(&chaos->lock);
	chaos->obeyed = orders.number;
	chaos->tally.open = (int64_t)chaos->pair_count;
	chaos->stats = chaos->tally;
	pthread_cond_broadcast(&chaos->changed);
	pthread_mutex_unlock(&chaos->lock);
}

static void wait_for_work(struct chaos *chaos)
{
	int64_t now = now_us(), wake_us = FLOW_NEVER;
	struct timespec timeout = {0};

	chaos->fds[0] = (struct pollfd){.fd = chaos->wake, .events = POLLIN};
	chaos->fds[1] = (struct pollfd){
		.fd = chaos->current.door == CHAOS_REFUSE ? -1 : chaos->listener, .events = POLLIN};
	for (size_t i = 0; i < chaos->pair_count; i++) {
		int64_t due_us =
			pair_prepare(chaos->pairs[i], now, &chaos->fds[2 + PAIR_SIDES * i]);

		if (due_us < wake_us)
			wake_us = due_us;
	}
	if (wake_us != FLOW_NEVER && wake_us > now) {
		timeout.tv_sec = (time_t)((wake_us - now) / SECOND_US);
		timeout.tv_nsec = (long)((wake_us - now) % SECOND_US * 1000);
	}
	if (ppoll(chaos->fds, (nfds_t)(2 + PAIR_SIDES * chaos->pair_count),
		    wake_us == FLOW_NEVER ? NULL : &timeout, NULL) >= 0)
		return;
	for (size_t i = 0; i < 2 + PAIR_SIDES * chaos->pair_count; i++)
		chaos->fds[i].revents = 0; /* interrupted */
}

/* From the last one down: taking one out moves one that was served. */
static void serve_pairs(struct chaos *chaos)
{
	int64_t now = now_us();

	for (size_t i = chaos->pair_count; i-- > 0;) {
		switch (pair_serve(chaos->pairs[i], now, &chaos->fds[2 + PAIR_SIDES * i],
			chaos->tally.passed)) {
		case PAIR_GOES_ON:
			break;
		case PAIR_OVER:
			pair_close(chaos->pairs[i]);
			take_out(chaos, i);
			break;
		case PAIR_BROKEN:
			reset_pair(chaos, i);
			break;
		}
	}
}

void *chaos_run(void *argument)
{
	struct chaos *chaos = argument;

	make_room(chaos);
	while (!chaos->current.stop) {
		wait_for_work(chaos);
		if (chaos->fds[0].revents) {
			obey(chaos);
			continue; /* what poll() said was said under the old orders */
		}
		serve_pairs(chaos);
		if (chaos->fds[1].revents)
			accept_client(chaos);
	}
	reset_all(chaos);
	free(chaos->pairs);
	free(chaos->fds);
	return NULL;
}
