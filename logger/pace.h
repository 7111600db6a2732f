/* SPDX-License-Identifier: MIT */
/*
 * When the logger writes, and how many results at once. Pure: the clock and what happened are
 * passed in.
 *
 *     COLLECTING  200 results, or 20 ms after the first of them, make a batch
 *     ALONE       PostgreSQL refused a batch: its results are written one by one, so that only the culprit fails
 *
 * Threads: one at a time.
 */
#ifndef LOGGER_PACE_H
#define LOGGER_PACE_H

#include <stdint.h>

#define PACE_ROWS_MAX  200
#define PACE_LINGER_MS 20
#define PACE_IDLE_MS   1000

struct pace {
	int64_t due_at_ms; /* COLLECTING: when the oldest result has waited long enough */
	int alone;         /* ALONE: how many of the oldest results; 0: not alone */
};

/* Start from a zeroed struct. */

/* A result was added to held others. */
void pace_note_arrival(struct pace *pace, int held, int64_t now_ms);
/* rows were written, or the one that is refused was put aside. */
void pace_note_done(struct pace *pace, int rows, int64_t now_ms);
/* PostgreSQL refused rows for good. */
void pace_note_refusal(struct pace *pace, int rows);
/* Nothing is held any more. */
void pace_note_dropped(struct pace *pace);

enum pace_hurry { PACE_COLLECT, PACE_FLUSH };

/* How many of the held results to write now. */
int pace_rows(const struct pace *pace, int held, enum pace_hurry hurry, int64_t now_ms);
/* How long there is nothing to do, at most PACE_IDLE_MS. */
int64_t pace_idle_ms(const struct pace *pace, int held, int64_t now_ms);

#endif
