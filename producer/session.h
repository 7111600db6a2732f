/* SPDX-License-Identifier: MIT */
/*
 * What a run talks to: the database, the broker, and whoever sends SIGTERM. The database may go
 * away at any time; a step that failed for that reason is done again, from its beginning, when it
 * is back.
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

struct session {
	const struct config *config;
	struct db *db; /* NULL: away, or not needed yet */
	bool locked;   /* this connection holds the right to publish; dies with it */
	/* Kept alive while the database is waited for; NULL: not needed yet. */
	struct broker *broker;
	struct backoff backoff;
	int64_t away_since_ms; /* 0: the database is there */
};

void session_init(struct session *session, const struct config *config);
void session_finish(struct session *session);

/* Sleep, keeping the broker's connection alive; ends early when the run is to end. */
void session_wait(struct session *session, int64_t timeout_ms);

/*
 * Part of a run that ends in the database; safe to repeat, because the outcome of a lost connection
 * is unknown.
 */
typedef bool session_step(struct session *session, void *context, struct error *err);
/*
 * Do a step, as often as it takes while the database is away.
 *
 * Fails: stopping - the database is away and the run is to end; otherwise as the step or db_open(),
 *        never database.
 */
bool session_do(struct session *session, session_step *step, void *context, struct error *err);

#endif
