/* SPDX-License-Identifier: MIT */
/*
 * The sockets of the simulator, on libmicrohttpd. One thread serves every connection and runs all
 * of the simulator; answers that wait are parked (delay.h) and hold neither that thread nor
 * another.
 */
#ifndef TESTS_SIMULATOR_SERVER_H
#define TESTS_SIMULATOR_SERVER_H

#include <stdbool.h>

#include "common/error.h"
#include "tests/simulator/simulator.h"

struct server;

/*
 * Listen on "127.0.0.1:8787" (an IPv4 address; port 0: any free one) and serve.
 *
 * Owns:  *server: end it with server_stop(). The simulator is borrowed, and belongs to the server's
 *        thread until then.
 * Fails: settings - the address is none, or taken.
 */
bool server_start(
	const char *listen, struct simulator *simulator, struct server **server, struct error *err);
/* Answers what waits at once, closes every connection. NULL: nothing to do. */
void server_stop(struct server *server);
/* The port it listens on. */
unsigned server_port(const struct server *server);

#endif
