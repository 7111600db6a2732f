/* SPDX-License-Identifier: MIT */
/*
 * What a run talks to: the database, the broker, and whoever sends SIGTERM. The database may go
 * away at any time; a step that failed for that reason is done again, from its beginning, when it
 * is back. What is waited for is said at once and then once a minute.
 *
 * Threads: the main thread alone.
 */
#ifndef PRODUCER_SESSION_H
#define PRODUCER_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/backoff.h"
#include "common/broker.h"
#include "common/config.h"
#include "common/db.h"
#include "common/error.h"
#include "common/health.h"

struct session {
	const struct config *config;
	struct db *db; /* NULL: away, or not needed yet */
	bool locked;   /* this connection holds the right to publish; dies with it */
	/* Kept alive while the database is waited for; NULL: not needed yet. */
	struct broker *broker;
	struct backoff backoff;
	bool was_connected; /* DATABASE_URL was right once */
	struct health *health;
	struct health_need *database_need;
	struct health_need *broker_need;
	struct health_need *room_need; /* in the queue */
};

void session_init(struct session *session, const struct config *config);
void session_finish(struct session *session);

/* Sleep, keeping the broker's connection alive; ends early when the run is to end. */
void session_wait(struct session *session, int64_t timeout_ms);

/* Run the broker for at most timeout_ms, and say so when it is away or takes nothing. */
void session_run_broker(struct session *session, int64_t timeout_ms);

/*
 * Part of a run that ends in the database; safe to repeat, because the outcome of a lost connection
 * is unknown.
 */
typedef bool session_step(struct session *session, void *context, struct error *err);
/*
 * Do a step, as often as it takes while the database is away. Once it was there, a password or a
 * schema that no longer fits is an outage too, for an operator to end.
 *
 * Fails: stopping - the database is away and the run is to end; otherwise as the step or db_open(),
 *        never database.
 */
bool session_do(struct session *session, session_step *step, void *context, struct error *err);

#endif
