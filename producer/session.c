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

#define BACKOFF_BASE_MS  200
#define BACKOFF_CAP_MS   15000
#define BACKOFF_FLOOR_MS 1500 /* less than one connect a second */

/* Needs are for the log alone: the producer has no HTTP endpoint, whose start is all that can fail. */
static struct health *watch_needs(void)
{
	struct health *health = NULL;
	struct error ignored;

	health_start(NULL, PROGRAM_PRODUCER, &health, &ignored);
	return health;
}

void session_init(struct session *session, const struct config *config)
{
	*session = (struct session){
		.config = config,
		.backoff = {.base_ms = BACKOFF_BASE_MS,
			.cap_ms = BACKOFF_CAP_MS,
			.floor_ms = BACKOFF_FLOOR_MS},
		.health = watch_needs(),
	};
	session->database_need = health_add_need(session->health, "PostgreSQL");
	session->broker_need = health_add_need(session->health, "RabbitMQ");
	session->room_need = health_add_need(session->health, "room in the queue");
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
	health_stop(session->health);
}

void session_run_broker(struct session *session, int64_t timeout_ms)
{
	const char *problem;

	broker_run(session->broker, process_stop_fd(), timeout_ms);
	problem = broker_is_blocked(session->broker) ? "RabbitMQ has an alarm and takes no jobs"
						     : broker_problem(session->broker);
	health_set_need(session->broker_need, *problem != '\0' ? problem : NULL);
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
		session_run_broker(session, left_ms);
}

static bool open_database(struct session *session, struct error *err)
{
	const struct config *config = session->config;

	if (session->db != NULL)
		return true;
	if (db_open(config->database_url, PROGRAM_PRODUCER, config->db_logging, &session->db,
		    err)) {
		session->was_connected = true;
		return true;
	}
	if (session->was_connected && err->class == ERROR_SETTINGS)
		err->class = ERROR_DATABASE;
	return false;
}

bool session_do(struct session *session, session_step *step, void *context, struct error *err)
{
	while (!open_database(session, err) || !step(session, context, err)) {
		if (err->class != ERROR_DATABASE)
			return false;
		if (session->db != NULL && !db_is_usable(session->db))
			session_close_database(session);
		health_set_need(session->database_need, err->text);
		if (process_is_stopping()) {
			error_set(err, ERROR_STOPPING, "told to stop while the database is away");
			return false;
		}
		session_wait(session, backoff_next_ms(&session->backoff, random_u64()));
	}
	health_set_need(session->database_need, NULL);
	backoff_reset(&session->backoff);
	return true;
}
