/* SPDX-License-Identifier: MIT */
/*
 * When a pool may connect to PostgreSQL: at once while all is well; at most once a second while
 * there is trouble, however many threads want a connection; after connects that fail, with full
 * jitter, 1 s to 15 s later. Pure: the clock, the randomness and what happened are passed in.
 *
 *     WELL     -- a connect fails, a connection breaks --> TROUBLE
 *     TROUBLE  -- after another connect, a connection comes back in good health --> WELL
 *
 * Threads: one at a time; the pool's lock guards it.
 */
#ifndef COMMON_DB_PACE_H
#define COMMON_DB_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/backoff.h"
#include "common/error.h"

struct db_pace {
	struct error trouble; /* class ERROR_NONE: all is well */
	struct backoff backoff;
	int64_t connect_at_ms; /* in trouble: no connect before it */
	bool tried; /* a connect began since the trouble did, or since the last failure */
};

void db_pace_init(struct db_pace *pace);
/* How long nobody may connect; 0: go on. trouble says why. */
int64_t db_pace_pause_ms(const struct db_pace *pace, int64_t now_ms);
/* A connect begins. */
void db_pace_note_attempt(struct db_pace *pace, int64_t now_ms);
/* It failed. */
void db_pace_note_failure(
	struct db_pace *pace, const struct error *err, uint64_t random, int64_t now_ms);
/*
 * A connection broke. The first to do so is replaced at once; one that breaks after a connect in
 * trouble makes that connect a failed one.
 */
void db_pace_note_loss(struct db_pace *pace, const char *reason, uint64_t random, int64_t now_ms);
/*
 * A connection has done its work. Older ones do not end the trouble: those that are open go on while a
 * server that is full admits no other.
 */
void db_pace_note_health(struct db_pace *pace);

#endif
