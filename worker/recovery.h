/* SPDX-License-Identifier: MIT */
/*
 * Saving the token pairs that dead workers of this host have left in the spool (spool.h), by the same
 * compare-and-swap with which they would have saved them: nothing is saved over a newer pair, and two
 * workers that find the same file do no harm.
 *
 * Why no account is lost meanwhile: the dead worker's lease keeps every other worker from using the
 * replaced token for 90 s, and a worker that starts on this host looks here first. Should nobody start in
 * time, another one's refresh with the replaced token is refused and the account marked NEED_RECONNECT,
 * lost_rotation; its version is as it was, so that the recovery saves the pair all the same and connects
 * the account again (STATEMENT_SAVE_TOKEN).
 * Threads: the claims'.
 */
#ifndef WORKER_RECOVERY_H
#define WORKER_RECOVERY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/db_session.h"

struct line;

struct recovery {
	int64_t due_ms;   /* the next look, by the monotonic clock; 0: at once */
	bool told_of_key; /* a file under a key that we have not was told of */
};

/* Look for files if it is time, and save them. Where PostgreSQL is away, they are left for later. */
void recovery_turn(struct recovery *recovery, struct line *line, struct db_session *session);

#endif
