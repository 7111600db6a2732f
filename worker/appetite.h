/* SPDX-License-Identifier: MIT */
/*
 * How many jobs a worker takes at once, so that the quota never waits for jobs, and the backlog stays
 * in RabbitMQ, where others can take it and operators and autoscalers see it. By Little's law
 * (L = rate x time): those that are being worked on without waiting, plus what the quota feeds in the
 * next CUSHION_S seconds. While no job waits for quota, jobs are what is missing: twice as many are taken.
 *
 * From the same figures follows how many workers like this one would be of use: no more than the
 * backlog fills, and no more than the quota feeds.
 *
 * Pure: figures are passed in. One owner, no locks.
 */
#ifndef WORKER_APPETITE_H
#define WORKER_APPETITE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/metrics.h"

#define APPETITE_LEAST 4 /* jobs */
#define APPETITE_FIRST 16

/* What a look finds. */
struct appetite_look {
	double passed_s;               /* since the last one */
	int64_t at_hand;               /* jobs taken and not settled */
	int64_t waiting;               /* of these, for a slot of the quota */
	int64_t ended;                 /* jobs settled since the last look */
	int64_t calls[ENDPOINTS];      /* sent since the last look */
	int64_t per_minute[ENDPOINTS]; /* that the whole fleet may make; 0: no limit */
	int64_t ready;                 /* jobs in the queue */
};

struct appetite {
	int64_t most;   /* jobs */
	int64_t jobs;   /* to be taken at once: the prefetch */
	double known_s; /* how much of the past the means below know */
	/* Means over the last seconds, a second or job each. */
	double working, waiting, rate;
	double calls[ENDPOINTS];
};

/*
 * most: what may be taken where quota is no matter. calls_per_minute: the least that an endpoint allows; 0:
 * none has a limit.
 */
void appetite_init(struct appetite *appetite, int64_t most, int64_t calls_per_minute);
/* Learn from a look; true if appetite->jobs has changed. */
bool appetite_look(struct appetite *appetite, const struct appetite_look *look);
/* Workers with so many places (WORKER_CONCURRENCY) that would be of use; 0: there is nothing to do. */
int64_t appetite_useful_workers(
	const struct appetite *appetite, const struct appetite_look *look, int64_t places);

#endif
