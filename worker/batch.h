/* SPDX-License-Identifier: MIT */
/*
 * The columns of one writing transaction, gathered from many jobs and sent as arrays. Reused from
 * batch to batch.
 * Threads: one owner.
 */
#ifndef WORKER_BATCH_H
#define WORKER_BATCH_H

#include <stdbool.h>

#include "common/db_session.h"
#include "common/error.h"
#include "worker/job.h"

struct batch;

struct batch *batch_create(void);
void batch_destroy(struct batch *batch); /* NULL: nothing to do */
/* Forget what was in it and gather the rows of jobs; the jobs are only read. */
void batch_fill(struct batch *batch, struct job *const *jobs, int count);
/*
 * Send it as one transaction: all of it or nothing.
 *
 * Owns:  *ended, the jobs that this transaction has ended, for batch_has_ended(); the caller ends it
 *        with db_result_destroy().
 * Fails: as db_transact().
 */
bool batch_commit(struct batch *batch, struct db_session *session, struct db_result **ended,
	struct error *err);
/* False: somebody else had ended the job's attempt before. */
bool batch_has_ended(const struct db_result *ended, const struct job *job);

#endif
