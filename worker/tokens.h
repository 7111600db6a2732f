/* SPDX-License-Identifier: MIT */
/*
 * The actions on an account's token: take the lease, keep the new pair on this host's disk, save it at
 * once, in a transaction of its own, give the lease back. Those of the claims pass the job on when they
 * are done.
 *
 * Fails: database - PostgreSQL is away: the job is still the caller's, try again; internal - it
 *        refuses for good: still the caller's.
 * Threads: the claims', but for tokens_keep().
 */
#ifndef WORKER_TOKENS_H
#define WORKER_TOKENS_H

#include <stdbool.h>

#include "common/db_session.h"
#include "common/error.h"
#include "worker/job.h"

struct line;

/*
 * Seal job->new_tokens, which TikTok has just sent, and put them into the spool: the pair exists nowhere
 * else, and PostgreSQL may be away. Where there is no spool, or it is full, the log says so.
 * Threads: the fetcher's, which has read the reply.
 */
void tokens_keep(struct line *line, struct job *job);

bool tokens_lease(
	struct line *line, struct db_session *session, struct job *job, struct error *err);
bool tokens_save(struct line *line, struct db_session *session, struct job *job, struct error *err);
bool tokens_release(
	struct line *line, struct db_session *session, struct job *job, struct error *err);

/* Commit a pair over the version that it replaces; *saved false: another one was saved meanwhile. */
bool tokens_save_pair(
	struct db_session *session, const struct sealed_pair *pair, bool *saved, struct error *err);

#endif
