/* SPDX-License-Identifier: MIT */
/*
 * The HTTP endpoint of worker and logger (setting HTTP_LISTEN), over http_server.h:
 *
 *     /livez    200 while every registered loop has turned within its limit: progress, never dependencies
 *     /readyz   200 when everything that is waited for is there, else 503 and a line for each thing that is not
 *     /metrics  Prometheus text (metrics.h)
 *
 * Threads: the one of the HTTP server; the functions below may be called from any thread.
 */
#ifndef COMMON_HEALTH_H
#define COMMON_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/config.h"
#include "common/error.h"

#define HEALTH_LOOP_LIMIT_MS 60000

struct health;
struct health_loop; /* a thread that must keep turning */
struct health_need; /* a dependency that must be there for readiness */

/*
 * Start listening. listen is HTTP_LISTEN ("host:port", ":port"; port 0 picks one; empty: no
 * endpoint, but the rest works as usual). program selects the metrics. At most 16 loops and 16
 * needs; functions take a NULL health, loop or need for one that nobody watches.
 *
 * Fails: settings - not an address, or somebody else listens there; the text names HTTP_LISTEN.
 */
bool health_start(
	const char *listen, enum program program, struct health **health, struct error *err);
void health_stop(struct health *health); /* NULL: nothing to do */
/* The port that is listened on; 0: none. */
int health_port(const struct health *health);
/* For tests, before loops and needs are added: another clock than clock_monotonic_ms(). */
void health_set_clock(struct health *health, int64_t (*now_ms)(void));

/* Register before the thread starts; name is borrowed for ever. Lives as long as health. */
struct health_loop *health_add_loop(struct health *health, const char *name);
/* The loop turned. Cheap: one atomic store. */
void health_beat(struct health_loop *loop);
/* The loop ended as it should: no longer watched. */
void health_loop_end(struct health_loop *loop);

/* Register a need, at first missing with the reason "starting". */
struct health_need *health_add_need(struct health *health, const char *name);
/*
 * reason NULL: it is there; otherwise why not, copied. Logs when it goes missing and when it is back
 * ("waiting for broker: ...", "broker is back after 12 s"), and in between once a minute, or when the
 * reason is another than the last two that were told: reasons that take turns are no news.
 */
void health_set_need(struct health_need *need, const char *reason);
/* The name of a loop that has not turned for limit_ms; NULL: all turn. */
const char *health_stuck_loop(struct health *health, int64_t limit_ms);
/* True when no need is missing. */
bool health_is_ready(struct health *health);

#endif
