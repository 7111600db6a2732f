/* SPDX-License-Identifier: MIT */
/*
 * The actions on an account's token: take the lease, save the new pair at once, in a transaction of
 * its own, give the lease back. Each passes the job on when it is done.
 *
 * Fails: database - PostgreSQL is away: the job is still the caller's, try again; internal - it
 *        refuses for good: still the caller's.
 * Threads: the claims'.
 */
#ifndef WORKER_TOKENS_H
#define WORKER_TOKENS_H

#include <stdbool.h>

#include "common/db_session.h"
#include "common/error.h"
#include "worker/job.h"

struct line;

bool tokens_lease(
	struct line *line, struct db_session *session, struct job *job, struct error *err);
bool tokens_save(struct line *line, struct db_session *session, struct job *job, struct error *err);
bool tokens_release(
	struct line *line, struct db_session *session, struct job *job, struct error *err);

#endif
