/* SPDX-License-Identifier: MIT */
/*
 * The proxy from inside: what the two threads share, and what is the proxy's alone.
 */
#ifndef TESTS_CHAOS_INTERNAL_H
#define TESTS_CHAOS_INTERNAL_H

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/chaos/chaos.h"
#include "tests/chaos/pair.h"

/* What the test wants; each change has the next number. */
struct chaos_orders {
	uint64_t number;
	struct chaos_toxics toxics[CHAOS_DIRECTIONS];
	enum chaos_door door;
	uint64_t resets; /* how often all connections were to be reset */
	bool stop;
};

struct chaos {
	pthread_t thread;
	struct sockaddr_in target;
	int port;
	int wake; /* an eventfd: there are new orders */

	pthread_mutex_t lock;   /* guards orders, obeyed, stats */
	pthread_cond_t changed; /* obeyed has risen */
	struct chaos_orders orders;
	uint64_t obeyed; /* the number of the orders that are in force */
	struct chaos_stats stats;

	/* The proxy's thread alone. */
	int listener;
	struct chaos_orders current;
	struct chaos_stats tally;
	uint64_t chance;
	struct pair **pairs;
	size_t pair_count, pair_capacity;
	struct pollfd *fds; /* wake, listener, two for each pair */
};

/* The thread of a struct chaos: until it is ordered to stop. */
void *chaos_run(void *argument);

#endif
