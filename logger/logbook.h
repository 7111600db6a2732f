/* SPDX-License-Identifier: MIT */
/*
 * The logger's work: take results from sync.results, write them to sync_logs in batches, ack each
 * after the COMMIT. What cannot be stored goes to the dead letters, and never holds up the others.
 *
 *     delivered -> held -> written -> acked
 *          |                  |
 *          +--- cannot be ----+--> dead letters -> confirmed -> acked
 *
 * While the database is away nothing is acked, so that the broker stops at the prefetch; the
 * results stay held. When the broker's connection breaks they are dropped: it delivers them again.
 * RabbitMQ wants every delivery settled within 30 minutes; when one is held for 20, the connection
 * is closed, and opened when the database takes writes again. So the results go back to the queue
 * once in an outage, however long it is, unless it is a full disk, which the probe does not see: the
 * queue counts deliveries, and 50 make a dead letter.
 *
 * Threads: the main thread alone.
 */
#ifndef LOGGER_LOGBOOK_H
#define LOGGER_LOGBOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/config.h"
#include "common/db_pool.h"
#include "common/error.h"
#include "common/health.h"

struct logbook;

/* Fails: settings - AMQP_URL. */
bool logbook_create(const struct config *config, struct db_pool *pool, struct health *health,
	struct logbook **logbook, struct error *err);
/* What is held goes back to the queue. NULL: nothing to do. */
void logbook_destroy(struct logbook *logbook);

/*
 * Do what is due, then sleep until something comes or wake_fd (-1: none) is readable; at most a
 * second.
 */
void logbook_turn(struct logbook *logbook, int wake_fd);
/* Take no more, and write what is held without waiting for more. */
void logbook_stop_taking(struct logbook *logbook);
/* For tests, before the first turn: hold results no longer than this, instead of 20 minutes. */
void logbook_set_hold_limit(struct logbook *logbook, int64_t hold_max_ms);
/* How many results are not settled. */
int logbook_held(const struct logbook *logbook);

#endif
