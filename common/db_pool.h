/* SPDX-License-Identifier: MIT */
/*
 * The connections of a process to PostgreSQL: at most DB_POOL_SIZE, opened when first needed,
 * closed after 30 s without use; what breaks while idle is logged and closed by a keeper thread.
 *
 * The pool is where the back-off of connecting lives, for all threads together: db_pace.h. (The one
 * of statements that a living connection refuses is each stage's own: db_session.h.)
 */
#ifndef COMMON_DB_POOL_H
#define COMMON_DB_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/config.h"
#include "common/db.h"
#include "common/error.h"

#define DB_POOL_GET_TIMEOUT_MS 10000
#define DB_POOL_IDLE_MS        30000

struct db_pool;

struct db_pool_options {
	const char *url; /* copied */
	enum program program;
	int size;
	int64_t idle_ms; /* 0: DB_POOL_IDLE_MS */
	bool logging;
};

/* Opens nothing yet. */
struct db_pool *db_pool_create(const struct db_pool_options *options);
/*
 * Borrow a connection, waiting at most timeout_ms for one to come free (0: do not wait). A new one is
 * opened if none is idle; one is at a time. While that must pause, a loan fails at once, with the
 * error of the connect that failed or the connection that broke.
 *
 * Owns:    *db still belongs to the pool; hand it back with db_pool_put(), once.
 * Fails:   database - none came free in time, or as db_open(); settings - as db_open(); stopping -
 *          after db_pool_stop().
 * Threads: any. Takes pool->lock; connects outside of it.
 */
bool db_pool_get(struct db_pool *pool, int64_t timeout_ms, struct db **db, struct error *err);
/* A broken connection is closed, a good one waits for the next. NULL: nothing to do. */
void db_pool_put(struct db_pool *pool, struct db *db);
/* How long the pool will not connect; 0: it would at once. Threads: any; takes pool->lock. */
int64_t db_pool_pause_ms(struct db_pool *pool);
/* Refuse further loans and wake those who wait. */
void db_pool_stop(struct db_pool *pool);
/* Every connection must be back. NULL: nothing to do. */
void db_pool_destroy(struct db_pool *pool);

#endif
