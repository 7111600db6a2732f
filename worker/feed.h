/* SPDX-License-Identifier: MIT */
/*
 * The intake's eye on the quota: gathers, twice a second, what appetite.h needs to say how many jobs
 * to take at once, and publishes what it says as metrics.
 * Threads: the intake's.
 */
#ifndef WORKER_FEED_H
#define WORKER_FEED_H

#include "common/config.h"
#include "worker/appetite.h"

struct line;

struct feed {
	struct appetite appetite;
	int64_t looked_ms;
	int64_t ended;            /* jobs settled since then; the intake counts */
	int64_t calls[ENDPOINTS]; /* that had been sent then */
	int64_t ready;            /* jobs in the queue */
	int64_t backlog_ms;       /* when that was asked for last */
};

void feed_init(struct feed *feed, const struct config *config);
/* It is time for feed_look(). */
bool feed_is_due(const struct feed *feed, int64_t now_ms);
/* feed->ready is to be brought up to date. */
bool feed_wants_backlog(struct feed *feed, int64_t at_hand);
/* True if feed->appetite.jobs has changed. */
bool feed_look(struct feed *feed, const struct line *line, int64_t at_hand);

#endif
