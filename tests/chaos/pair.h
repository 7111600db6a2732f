/* SPDX-License-Identifier: MIT */
/*
 * A connection through the proxy: the client's socket, the server's, and a flow each way.
 *
 *     waiting (the door is silent) --> connecting --> connected --> over
 *
 * Threads: the proxy's.
 */
#ifndef TESTS_CHAOS_PAIR_H
#define TESTS_CHAOS_PAIR_H

#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "tests/chaos/flow.h"

enum pair_side { PAIR_CLIENT, PAIR_SERVER, PAIR_SIDES };

enum pair_outcome {
	PAIR_GOES_ON,
	PAIR_OVER,  /* both sides have ended in order: close */
	PAIR_BROKEN /* reset */
};

struct pair {
	int fd[PAIR_SIDES]; /* the server's is -1 while waiting */
	bool is_connecting;
	struct flow flows[CHAOS_DIRECTIONS];
};

/* Owns: the pair takes the client's socket. End with pair_close() or pair_reset(). */
struct pair *pair_create(int client, uint64_t *chance);
void pair_close(struct pair *pair);
void pair_reset(struct pair *pair);

/* Waiting becomes connecting. False: the server cannot be reached. */
bool pair_connect(struct pair *pair, const struct sockaddr_in *target);
/* False: bytes were lost, and this is the end of losing them: the pair must be reset. */
bool pair_set(struct pair *pair, const struct chaos_toxics toxics[CHAOS_DIRECTIONS]);

/* Fill in what poll() is to wait for; returns when there is something to do without it. */
int64_t pair_prepare(const struct pair *pair, int64_t now_us, struct pollfd fds[PAIR_SIDES]);
/* Do what poll() found, and what is due; passed adds up bytes. */
enum pair_outcome pair_serve(struct pair *pair, int64_t now_us, const struct pollfd fds[PAIR_SIDES],
	int64_t passed[CHAOS_DIRECTIONS]);

#endif
