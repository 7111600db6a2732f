/* SPDX-License-Identifier: MIT */
/*
 * Waiting for the outcome of the first few jobs before the rest are let loose. Threads: the main
 * thread alone.
 */
#ifndef OPERATOR_DEAD_CANARY_H
#define OPERATOR_DEAD_CANARY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/db.h"
#include "common/error.h"
#include "operator/dead_session.h"

/*
 * Wait until each of the jobs has ended, and say how; true when all succeeded, or the process is to
 * stop.
 *
 * Fails: settings - one failed, was skipped, or did not end in time, the text says how many; as db_query().
 */
bool dead_canary_wait(struct dead_session *session, struct db_array *job_ids, int64_t timeout_ms,
	struct error *err);

#endif
