/* SPDX-License-Identifier: MIT */
/*
 * The fetcher's calls to TikTok: jobs whose call is ready wait for a place, a slot of the quota and the
 * end of an outage; then it is in flight, WORKER_CONCURRENCY at once.
 *
 *     ready[endpoint] --place, slot (governor.h), no outage (outages.h)--> in flight --> the line
 *
 * Threads: the fetcher's.
 */
#ifndef WORKER_CALLS_H
#define WORKER_CALLS_H

#include "common/http.h"
#include "worker/outages.h"
#include "worker/ready.h"

struct governor;
struct line;
struct flight;

struct calls {
	struct line *line;
	struct http *http;
	struct governor *governor;
	struct outages outages;
	struct ready ready[ENDPOINTS];
	int turn;                /* the endpoint to send to next */
	struct flight **flights; /* in no order; room for worker_concurrency and more */
	size_t in_flight;
	int64_t looked_ms; /* for jobs to announce, and for leases that age */
};

/* wake(calls->http) is called when slots have come. Before the fetcher's thread starts. */
bool calls_init(
	struct calls *calls, struct line *line, void (*wake)(void *http), struct error *err);
/* Nothing may be at hand. */
void calls_finish(struct calls *calls);

/* The job's call is ready: it waits behind those that came before, unless a person asked for it. */
void calls_add(struct calls *calls, struct job *job);
/*
 * Send what may go, and announce jobs that take long. Returns how long nothing changes by itself. What
 * ends is handed on to the line in http_run().
 */
int64_t calls_send(struct calls *calls, int64_t now_ms);
/*
 * Give back what the line wants back: jobs held for too long, or, when the drain time is over, every
 * one but refreshes, whose answer must not be lost.
 */
void calls_give_back(struct calls *calls);
bool calls_at_hand(const struct calls *calls);

#endif
