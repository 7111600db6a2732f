/* SPDX-License-Identifier: MIT */
/*
 * Patience with the database: open it, do a step, and when it goes away wait and begin the step
 * again. Runs on the main thread.
 */
#include "producer/session.h"

#include <poll.h>

#include "common/clock.h"
#include "common/crypto.h"
#include "common/log.h"
#include "common/process.h"

#define BACKOFF_BASE_MS 200
#define BACKOFF_CAP_MS  15000

void session_init(struct session *session, const struct config *config)
{
	*session = (struct session){
		.config = config,
		.backoff = {.base_ms = BACKOFF_BASE_MS, .cap_ms = BACKOFF_CAP_MS},
	};
}

/* The right to publish goes with the connection. */
static void session_close_database(struct session *session)
{
	db_close(session->db);
	session->db = NULL;
	session->locked = false;
}

void session_finish(struct session *session)
{
	session_close_database(session);
	broker_destroy(session->broker);
	session->broker = NULL;
}

void session_wait(struct session *session, int64_t timeout_ms)
{
	int64_t until_ms = clock_monotonic_ms() + timeout_ms;
	struct pollfd stop = {.fd = process_stop_fd(), .events = POLLIN};

	if (session->broker == NULL) {
		poll(&stop, 1, (int)timeout_ms);
		return;
	}
	for (int64_t left_ms = timeout_ms; left_ms > 0 && !process_is_stopping();
		left_ms = until_ms - clock_monotonic_ms())
		broker_run(session->broker, process_stop_fd(), left_ms);
}

static void note_database_is_back(struct session *session)
{
	if (session->away_since_ms != 0)
		log_info("database is back after %lld s: going on",
			(long long)(clock_monotonic_ms() - session->away_since_ms) / 1000);
	session->away_since_ms = 0;
	backoff_reset(&session->backoff);
}

/* Said once an outage, not at every try. */
static void note_database_is_away(struct session *session, const struct error *err)
{
	if (session->away_since_ms != 0)
		return;
	session->away_since_ms = clock_monotonic_ms();
	log_warn("%s: trying again until the database is back", err->text);
}

static bool try_step(struct session *session, session_step *step, void *context, struct error *err)
{
	if (session->db == NULL && !db_open(session->config->database_url, PROGRAM_PRODUCER,
					   session->config->db_logging, &session->db, err))
		return false;
	return step(session, context, err);
}

bool session_do(struct session *session, session_step *step, void *context, struct error *err)
{
	while (!try_step(session, step, context, err)) {
		if (err->class != ERROR_DATABASE)
			return false;
		if (session->db != NULL && !db_is_usable(session->db))
			session_close_database(session);
		note_database_is_away(session, err);
		if (process_is_stopping()) {
			error_set(err, ERROR_STOPPING, "told to stop while the database is away");
			return false;
		}
		session_wait(session, backoff_next_ms(&session->backoff, random_u64()));
	}
	note_database_is_back(session);
	return true;
}
