/* SPDX-License-Identifier: MIT */
/*
 * How a stage talks to PostgreSQL through outages: each query borrows a connection of the pool for
 * its own duration; what fails for a while (class database, settings) makes the session pause and
 * tells the stage's health need, so that /readyz says what is waited for. The caller keeps its work
 * and tries again; one that has none probes.
 *
 *     away -- a statement succeeds, or PostgreSQL refuses its data --> there
 *     there -- no connection can be had, or a statement fails for a while --> away
 *
 * A session begins away. How long it pauses: without a connection, as long as the pool will not
 * connect (db_pace.h; one back-off for the process); after a statement that failed on a connection
 * (read-only, disk full, lock), by full-jitter back-off of its own, 0.2 s to 15 s.
 *
 * Threads: a session belongs to one thread.
 */
#ifndef COMMON_DB_SESSION_H
#define COMMON_DB_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/db.h"
#include "common/db_pool.h"
#include "common/error.h"
#include "common/health.h"

struct db_session;

/* pool and need are borrowed. */
struct db_session *db_session_create(struct db_pool *pool, struct health_need *need);
void db_session_destroy(struct db_session *session); /* NULL: nothing to do */

/* How long the stage should wait before it tries again; 0: go on. */
int64_t db_session_pause_ms(const struct db_session *session);
/* The stage's need is missing: nobody has seen PostgreSQL take a statement since it last failed. */
bool db_session_is_away(const struct db_session *session);

/* As db_query() and db_transact(). Any failure but class internal starts or prolongs the pause. */
bool db_session_query(struct db_session *session, enum statement statement,
	struct db_params *params, struct db_result **result, struct error *err);
bool db_session_transact(
	struct db_session *session, struct db_step *steps, size_t count, struct error *err);
/*
 * Find out whether PostgreSQL takes writes, writing nothing. For a stage that is away and has no
 * work at hand: its work would be the better probe (a full disk shows at a real write only), and a
 * success in between would begin the back-off anew.
 */
bool db_session_probe(struct db_session *session, struct error *err);

#endif
