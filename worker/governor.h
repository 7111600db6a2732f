/* SPDX-License-Identifier: MIT */
/*
 * The governor: keeps the whole fleet within TikTok's quota and lets it use all of it. It leases
 * slots (slots.h) from PostgreSQL, no more than calls are waiting and at most LEASE_AHEAD_MS ahead;
 * the fetcher sends each call at its slot. A 429 all the same is told to the database, and slows
 * every worker.
 *
 *     fetcher: so many calls wait ---> governor ---> lease_quota() (migration 0010)
 *              <--- slots, wake-up ------+
 *
 * An endpoint without a limit (QUOTA_* 0) needs no lease; only a 429 makes it pause, here alone.
 *
 * Threads: one of its own, which asks PostgreSQL, unless no endpoint has a limit. The functions below
 *          are for the fetcher's thread. governor->lock guards what both see; it is a leaf.
 */
#ifndef WORKER_GOVERNOR_H
#define WORKER_GOVERNOR_H

#include <stdbool.h>
#include <stdint.h>

#include "common/metrics.h"

struct line;
struct governor;

/* wake(context) is called when slots have come. Enters nothing in line. */
struct governor *governor_start(struct line *line, void (*wake)(void *context), void *context);
void governor_stop(struct governor *governor); /* NULL: nothing to do */

/* So many calls wait for a slot now, so many of them for jobs that a person asked for. */
void governor_want(
	struct governor *governor, enum metric_endpoint endpoint, int64_t calls, int64_t express);
/*
 * Take a slot for a call that is sent now. True: *at_ms is its moment (INT64_MIN where there is no limit),
 * for governor_note_begun(). False: there is none before *at_ms; INT64_MAX: not known yet, the fetcher is
 * woken.
 */
bool governor_take(
	struct governor *governor, enum metric_endpoint endpoint, int64_t now_ms, int64_t *at_ms);
/* The request of a call is about to be written, whose slot was at slot_ms. */
void governor_note_begun(struct governor *governor, enum metric_endpoint endpoint, int64_t slot_ms);
/* TikTok answered 429 to a call that was sent at sent_ms; retry_after_ms -1: it did not say. */
void governor_note_limited(struct governor *governor, enum metric_endpoint endpoint,
	int64_t sent_ms, int64_t retry_after_ms);

#endif
