/* SPDX-License-Identifier: MIT */
/*
 * Writing some results to sync_logs in one statement, which is one transaction.
 *
 * Threads: the main thread alone.
 */
#ifndef LOGGER_LOG_BATCH_H
#define LOGGER_LOG_BATCH_H

#include <stdbool.h>

#include "common/db_session.h"
#include "common/error.h"
#include "logger/held.h"

/* What became of a result. */
enum log_verdict {
	LOG_STORED,
	LOG_REPEATED,      /* its attempt has its row already, or a later word of it */
	LOG_UNKNOWN_STORE, /* nothing was written for it */
};

struct log_batch; /* the columns; their memory is used again by the next batch */

struct log_batch *log_batch_create(void);
void log_batch_destroy(struct log_batch *batch); /* NULL: nothing to do */

/*
 * Write the first rows results of the list, which keeps them; verdicts has room for one each.
 *
 * Fails: as db_session_query(). Repeating is harmless: a row belongs to one attempt.
 */
bool log_batch_write(struct log_batch *batch, struct db_session *session,
	const struct held_list *list, int rows, enum log_verdict verdicts[], struct error *err);

#endif
