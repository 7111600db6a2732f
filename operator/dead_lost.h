/* SPDX-License-Identifier: MIT */
/*
 * A dead job that has lost its letter: the manifest calls it dead, no message in sync.jobs.dead is
 * about it, and nobody has decided. What the manifest knows stands in for the letter, so that the job can
 * be discarded like any other.
 * Threads: the main thread alone.
 */
#ifndef OPERATOR_DEAD_LOST_H
#define OPERATOR_DEAD_LOST_H

#include <stdbool.h>

#include "common/error.h"
#include "operator/dead_list.h"
#include "operator/dead_options.h"
#include "operator/dead_pass.h"
#include "operator/dead_session.h"

/* Start from a zeroed struct. */
struct dead_lost {
	bool found;
	/* Its dead_id follows from the job; the body is the job's row as JSON. */
	struct dead_message message;
	struct text body;
};

/*
 * Look for the job that the filter names (--job; without it nothing is looked for) where list, which
 * was just read, has no letter of it. A letter that is still on its way, and comes later, stays in
 * the queue and can be decided on by itself.
 *
 * Owns:  the caller ends *lost with dead_lost_finish(), also after a failure.
 * Fails: as db_query().
 */
bool dead_lost_find(struct dead_session *session, const struct dead_list *list,
	const struct dead_filter *filter, struct dead_lost *lost, struct error *err);
void dead_lost_finish(struct dead_lost *lost);

/* In plans: say what the way out is; nothing when none was found. */
void dead_lost_print(const struct dead_lost *lost);

#endif
