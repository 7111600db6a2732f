/* SPDX-License-Identifier: MIT */
/*
 * The connections of a process to PostgreSQL: at most DB_POOL_SIZE, opened when first needed,
 * closed after 30 s without use; what breaks while idle is logged and closed by a keeper thread.
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
 * Borrow a connection, waiting at most timeout_ms for one to come free (0: do not wait).
 *
 * Owns:    *db still belongs to the pool; hand it back with db_pool_put(), once.
 * Fails:   database - none came free in time, or as db_open(); settings - as db_open(); stopping -
 *          after db_pool_stop().
 * Threads: any. Takes pool->lock; connects outside of it.
 */
bool db_pool_get(struct db_pool *pool, int64_t timeout_ms, struct db **db, struct error *err);
/* A broken connection is closed, a good one waits for the next. NULL: nothing to do. */
void db_pool_put(struct db_pool *pool, struct db *db);
/* Refuse further loans and wake those who wait. */
void db_pool_stop(struct db_pool *pool);
/* Every connection must be back. NULL: nothing to do. */
void db_pool_destroy(struct db_pool *pool);

#endif
