/* SPDX-License-Identifier: MIT */
/*
 * A stage's way to PostgreSQL, with pauses while it is away. Run by the stage's thread.
 */
#include "common/db_session.h"

#include <stdlib.h>

#include "common/backoff.h"
#include "common/clock.h"
#include "common/crypto.h"
#include "common/memory.h"

#define LEAST_PAUSE_MS 50

struct db_session {
	struct db_pool *pool;
	struct health_need *need;
	bool away;
	struct backoff backoff; /* of statements, not of connecting */
	int64_t try_again_ms;   /* 0: no pause */
};

struct db_session *db_session_create(struct db_pool *pool, struct health_need *need)
{
	struct db_session *session = memory_allocate(1, sizeof *session);

	session->pool = pool;
	session->need = need;
	session->away = true;
	session->backoff = (struct backoff){.base_ms = 200, .cap_ms = 15000};
	return session;
}

void db_session_destroy(struct db_session *session)
{
	free(session);
}

int64_t db_session_pause_ms(const struct db_session *session)
{
	int64_t left_ms = session->try_again_ms - clock_monotonic_ms();

	return session->try_again_ms && left_ms > 0 ? left_ms : 0;
}

bool db_session_is_away(const struct db_session *session)
{
	return session->away;
}

/* The pool may pause after a statement too: when it was the connection that broke. */
static int64_t choose_pause_ms(struct db_session *session, bool had_connection)
{
	int64_t pool_ms = db_pool_pause_ms(session->pool);
	int64_t own_ms;

	if (!had_connection && pool_ms > 0)
		return pool_ms;
	own_ms = LEAST_PAUSE_MS + backoff_next_ms(&session->backoff, random_u64());
	return own_ms > pool_ms ? own_ms : pool_ms;
}

/* Hand the connection back (NULL: none could be had) and note how it went; returns ok. */
static bool finish(struct db_session *session, struct db *db, bool ok, const struct error *err)
{
	db_pool_put(session->pool, db);
	session->away = !ok && err->class != ERROR_INTERNAL; /* whatever it thinks of our data */
	if (session->away) {
		session->try_again_ms = clock_monotonic_ms() + choose_pause_ms(session, db);
		health_set_need(session->need, err->text);
	} else {
		backoff_reset(&session->backoff);
		session->try_again_ms = 0;
		health_set_need(session->need, NULL);
	}
	return ok;
}

bool db_session_query(struct db_session *session, enum statement statement,
	struct db_params *params, struct db_result **result, struct error *err)
{
	struct db *db = NULL;
	bool ok = db_pool_get(session->pool, DB_POOL_GET_TIMEOUT_MS, &db, err) &&
		  db_query(db, statement, params, result, err);

	return finish(session, db, ok, err);
}

bool db_session_transact(
	struct db_session *session, struct db_step *steps, size_t count, struct error *err)
{
	struct db *db = NULL;
	bool ok = db_pool_get(session->pool, DB_POOL_GET_TIMEOUT_MS, &db, err) &&
		  db_transact(db, steps, count, err);

	return finish(session, db, ok, err);
}

bool db_session_probe(struct db_session *session, struct error *err)
{
	return db_session_query(session, STATEMENT_PROBE, NULL, NULL, err);
}
