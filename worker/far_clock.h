/* SPDX-License-Identifier: MIT */
/*
 * Another machine's clock, as seen from here. Each answer of that machine tells what its clock
 * showed at some moment between our question and its answer: that bounds the difference of the two
 * clocks, and many answers bound it as closely as the quickest of them did. Clocks drift, so the
 * bounds widen with time; an answer that contradicts them says that the other clock was set.
 *
 * Pure: time is passed in, in microseconds. One owner, no locks.
 */
#ifndef WORKER_FAR_CLOCK_H
#define WORKER_FAR_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Start from a zeroed struct. */
struct far_clock {
	bool known;
	int64_t least_us; /* far minus ours, at least */
	int64_t most_us;
	int64_t noted_us; /* the last answer; ours */
};

/* The far clock showed far_us at a moment from asked_us to answered_us of ours. */
void far_clock_note(struct far_clock *clock, int64_t asked_us, int64_t answered_us, int64_t far_us);
/* Our moment by which the far clock certainly shows far_us. Only after far_clock_note(). */
int64_t far_clock_latest_us(const struct far_clock *clock, int64_t far_us);
/* How much earlier than that it may have shown it. */
int64_t far_clock_doubt_us(const struct far_clock *clock);

#endif
