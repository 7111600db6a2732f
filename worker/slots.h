/* SPDX-License-Identifier: MIT */
/*
 * The slots of one endpoint that this worker has leased and not used yet: moments at which one call
 * may be sent.
 *
 * Why no 60 seconds ever see more calls than the limit N:
 *
 * 1. The database gives every slot out once, each at least a step after the one before it, and a
 *    step is (60 s + guard) / N (migration 0010). So a slot and the Nth one after it are at least
 *    60 s + guard apart, whoever has them, and whatever becomes of workers: a slot that is not used
 *    only makes it less.
 * 2. A call that is sent for a slot reaches TikTok after it, by less than the guard:
 *	- the slot is told by the database's clock, and taken here for the latest moment that it
 *	  can be (far_clock.h); where that is in doubt by more than SLOT_DOUBT_MS, it is not used;
 *	- the request begins to be written within SLOT_LATE_MS of the slot, or another slot is left
 *	  out for it (3.);
 *	- the rest of the guard is what one request may travel longer than another.
 *    Of N + 1 calls in a row the last then arrives more than 60 s after the first.
 * 3. A call that began later, because connecting took long or the machine stood still, may be seen by a
 *    window that its own slot lies before. All such windows end after the call began and within 60 s
 *    of it: the next slot that is left out, of those after it began, lies in them, too, and makes room
 *    for it.
 *
 * What is not bounded, a call each: a request that the network delays for longer than the guard; one
 * that libcurl sends twice because a kept connection broke just then; one that began late, of a
 * worker that is killed, or gets no more slots for a minute, before it has left one out. And the limit
 * is the one that the workers are told: the largest step that one of them asked for in the last minute
 * counts, but one without a limit does not ask.
 *
 * Pure: time is passed in, in microseconds of the monotonic clock. One owner, no locks.
 */
#ifndef WORKER_SLOTS_H
#define WORKER_SLOTS_H

#include <stddef.h>
#include <stdint.h>

#include "common/quota.h"

#define SLOT_DOUBT_MS 300
#define SLOT_LATE_MS  400
/* A slot is used within this long or not at all; the rest of SLOT_LATE_MS is for connecting. */
#define SLOT_USE_MS 300
#define SLOT_RUNS   64

/* Slots that were leased together. */
struct slot_run {
	int64_t first_us;
	int64_t step_us;
	int64_t count;
};

/* Start from a zeroed struct. */
struct slots {
	struct slot_run runs[SLOT_RUNS]; /* by time */
	size_t run_count;
	int64_t owed; /* slots to leave out, each for a call that began late */
	int64_t owed_since_us;
	int64_t lapsed; /* that were not used: a count for metrics */
};

/* Later than all that are there. With no room left they are not taken, and lapse. */
void slots_add(struct slots *slots, const struct slot_run *run);
/*
 * The next slot that may be used at now_us or later; INT64_MAX: there is none. Forgets those that
 * have lapsed or are left out.
 */
int64_t slots_next_us(struct slots *slots, int64_t now_us);
/* The slot that slots_next_us() told is used. */
void slots_take(struct slots *slots);
/* How many there are, those to be left out excepted; may be negative. */
int64_t slots_left(const struct slots *slots);
/* A call began later than SLOT_LATE_MS after its slot: one that is not over now is left out. */
void slots_owe(struct slots *slots, int64_t now_us);
/* Nothing may be sent before until_us. */
void slots_drop_before(struct slots *slots, int64_t until_us);

#endif
