/* SPDX-License-Identifier: MIT */
/*
 * Beginning a command about dead letters. One thread.
 */
#include "operator/dead_session.h"

#include <poll.h>
#include <string.h>

#include "common/broker_url.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/process.h"
#include "operator/today.h"

/* A syncctl that was killed a moment ago keeps its lock until PostgreSQL has noticed. */
#define LOCK_LIMIT_MS 2000
#define LOCK_POLL_MS  100

static bool ask(struct dead_session *session, enum statement statement, const char *parameter,
	struct db_result **result, struct error *err)
{
	struct db_params params = {0};

	db_param_text(&params, parameter);
	return db_query(session->db, statement, &params, result, err);
}

static bool try_lock(
	struct dead_session *session, const char *vhost, bool *locked, struct error *err)
{
	struct db_result *result = NULL;

	if (!ask(session, STATEMENT_DEAD_LOCK, vhost, &result, err))
		return false;
	*locked = db_boolean(result, 0, 0);
	db_result_destroy(result);
	return true;
}

static void name_holder(struct dead_session *session, const char *vhost, struct error *err)
{
	struct db_result *result = NULL;
	struct error ignored;
	bool known = ask(session, STATEMENT_DEAD_LOCK_HOLDER, vhost, &result, &ignored) &&
		     db_row_count(result) > 0;

	error_set(err, ERROR_SETTINGS,
		"another command is at work on these dead letters (%s): wait until it has ended",
		known ? db_text(result, 0, 0) : "it has just ended");
	db_result_destroy(result);
}

static bool lock(struct dead_session *session, const char *vhost, struct error *err)
{
	int64_t limit_ms = clock_monotonic_ms() + LOCK_LIMIT_MS;
	bool locked = false;

	while (try_lock(session, vhost, &locked, err)) {
		if (locked)
			return true;
		if (clock_monotonic_ms() >= limit_ms) {
			name_holder(session, vhost, err);
			return false;
		}
		poll(NULL, 0, LOCK_POLL_MS);
	}
	return false;
}

bool dead_session_open(struct dead_session *session, const struct config *config, struct error *err)
{
	struct broker_address address;
	bool ok;

	*session = (struct dead_session){.config = config};
	process_prepare();
	/* That a connection was made is no news to whoever waits for a list. */
	log_open("syncctl", config->log_level == LOG_INFO ? LOG_WARN : config->log_level,
		config->log_format);
	ok = broker_url_parse(config->amqp_url, &address, err) &&
	     db_open(config->database_url, PROGRAM_OPERATOR, config->db_logging, &session->db,
		     err) &&
	     lock(session, address.vhost, err) &&
	     today_find(session->db, config->sync_timezone, session->today, err);
	broker_address_finish(&address);
	return ok;
}

void dead_session_finish(struct dead_session *session)
{
	db_close(session->db);
	*session = (struct dead_session){0};
}
