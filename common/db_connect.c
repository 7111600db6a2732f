/* SPDX-License-Identifier: MIT */
/*
 * Connecting. libpq tells no SQLSTATE of a failed connect, only a text in the server's language;
 * but a connection under way already obeys PQsetErrorVerbosity(), and a verbose text begins with
 * the code. That is why this file polls by itself instead of calling PQconnectdbParams(). Runs on
 * the thread that will own the connection.
 */
#include <assert.h>
#include <ctype.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/db_error.h"
#include "common/db_internal.h"
#include "common/log.h"
#include "common/metrics.h"

#define CONNECT_TIMEOUT_MS 5000
#define SQLSTATE_SIZE      6

static const char *application_name(enum program program)
{
	switch (program) {
	case PROGRAM_PRODUCER:
		return "storesync-producer";
	case PROGRAM_WORKER:
		return "storesync-worker";
	case PROGRAM_LOGGER:
		return "storesync-logger";
	case PROGRAM_OPERATOR:
		return "syncctl";
	}
	return "storesync";
}

/* Producer and operator work on whole tables; worker and logger on batches. */
static const char *session_options(enum program program)
{
	/*
	 * The logger's thread serves its broker connections too, which RabbitMQ gives up after 20 s
	 * of silence.
	 */
	if (program == PROGRAM_LOGGER)
		return "-c statement_timeout=10s -c lock_timeout=5s"
		       " -c idle_in_transaction_session_timeout=60s";
	if (program == PROGRAM_WORKER)
		return "-c statement_timeout=30s -c lock_timeout=10s"
		       " -c idle_in_transaction_session_timeout=60s";
	return "-c statement_timeout=15min -c lock_timeout=10s";
}

/*
 * A little more than statement_timeout: whoever does not answer by then is frozen or out of reach,
 * and would have said so otherwise.
 */
static int64_t answer_limit_ms(enum program program)
{
	if (program == PROGRAM_LOGGER)
		return 15000;
	if (program == PROGRAM_WORKER)
		return 40000;
	return 960000;
}

/* What stands before dbname may be overridden by the URL, what stands after it may not. */
static PGconn *begin_connecting(const char *url, enum program program)
{
	const char *const names[] = {"application_name", "options", "keepalives", "keepalives_idle",
		"keepalives_interval", "keepalives_count", "tcp_user_timeout", "dbname",
		"client_encoding", NULL};
	const char *const values[] = {application_name(program), session_options(program), "1",
		"10", "5", "3", "15000", url, "UTF8", NULL};

	static_assert(sizeof names == sizeof values, "a value for every name");
	return PQconnectStartParams(names, values, 1);
}

/* connect_timeout of the URL; PQconnectPoll() leaves it to its caller. */
static int64_t connect_timeout_ms(PGconn *connection)
{
	int64_t timeout_ms = CONNECT_TIMEOUT_MS;
	PQconninfoOption *options = PQconninfo(connection);

	for (PQconninfoOption *option = options; option && option->keyword; option++)
		if (strcmp(option->keyword, "connect_timeout") == 0 && option->val)
			timeout_ms = strtoll(option->val, NULL, 10) * 1000;
	PQconninfoFree(options);
	return timeout_ms > 0 ? timeout_ms : CONNECT_TIMEOUT_MS;
}

static bool wait_for_socket(int socket, short events, int64_t deadline_ms)
{
	struct pollfd waited = {.fd = socket, .events = events};
	int64_t left_ms;

	while ((left_ms = deadline_ms - clock_monotonic_ms()) > 0)
		if (poll(&waited, 1, (int)left_ms) > 0)
			return true;
	return false;
}

/*
 * An address that does not answer in time has its socket shut down, so that libpq turns to the next
 * one.
 */
static bool finish_connecting(PGconn *connection)
{
	int64_t timeout_ms = connect_timeout_ms(connection);
	int64_t deadline_ms = 0;
	int socket = -1;
	PostgresPollingStatusType status = PQstatus(connection) == CONNECTION_BAD
						   ? PGRES_POLLING_FAILED
						   : PGRES_POLLING_WRITING;

	while (status != PGRES_POLLING_OK && status != PGRES_POLLING_FAILED) {
		short events = status == PGRES_POLLING_READING ? POLLIN : POLLOUT;

		if (PQsocket(connection) != socket) {
			socket = PQsocket(connection);
			deadline_ms = clock_monotonic_ms() + timeout_ms;
		}
		if (!wait_for_socket(socket, events, deadline_ms)) {
			shutdown(socket, SHUT_RDWR);
			socket = -1;
		}
		status = PQconnectPoll(connection);
	}
	return status == PGRES_POLLING_OK;
}

/*
 * Find "FATAL:  28P01: text": two blanks, a code, a colon. Returns where the text begins; NULL:
 * there is no code.
 */
static const char *find_sqlstate(const char *message, char sqlstate[SQLSTATE_SIZE])
{
	for (const char *at = strstr(message, ":  "); at; at = strstr(at + 1, ":  ")) {
		const char *code = at + 3;
		size_t length = strspn(code, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");

		if (length != SQLSTATE_SIZE - 1 || strncmp(code + length, ": ", 2) != 0)
			continue;
		memcpy(sqlstate, code, length);
		sqlstate[length] = '\0';
		return code + length + 2;
	}
	return NULL;
}

/* libpq's own complaint is not shown: it quotes the URL, password and all. */
static void refuse_url(struct error *err)
{
	error_set(err, ERROR_SETTINGS,
		"DATABASE_URL is not a connection string of PostgreSQL "
		"(postgresql://user:password@host:port/database; special characters of the password "
		"as %%XX)");
}

static void explain_failure(PGconn *connection, struct error *err)
{
	const char *message = PQerrorMessage(connection);
	char sqlstate[SQLSTATE_SIZE];
	const char *text = find_sqlstate(message, sqlstate);
	enum error_class class = ERROR_DATABASE;

	metric_add(METRIC_DB_ERRORS, 0, 1);
	/* "invalid port number", "invalid sslmode value": quoted from the URL. */
	if (strncmp(message, "invalid ", strlen("invalid ")) == 0)
		refuse_url(err);
	else if (text) {
		/*
		 * A state that the table does not know (55000: "not currently accepting
		 * connections") may pass too.
		 */
		if (db_error_rule(sqlstate)->class != ERROR_INTERNAL)
			class = db_error_rule(sqlstate)->class;
		error_set(err, class, "PostgreSQL refuses the connection: %.*s (SQLSTATE %s)",
			(int)strcspn(text, "\n"), text, sqlstate);
	} else
		error_set(err, class, "cannot connect to PostgreSQL: %.*s",
			(int)strcspn(message, "\n"), message);
}

/* Notices go to our log; a FATAL one is why the server is about to hang up. */
static void receive_notice(void *context, const PGresult *notice)
{
	struct db *db = context;
	const char *severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
	const char *sqlstate = PQresultErrorField(notice, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY);

	if (!message)
		return;
	if (severity && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0))
		snprintf(db->farewell, sizeof db->farewell, "%s (SQLSTATE %s)", message,
			sqlstate ? sqlstate : "unknown");
	else
		log_debug("PostgreSQL says: %s", message);
}

bool db_connect(const char *url, enum program program, struct db *db, struct error *err)
{
	PQconninfoOption *options = PQconninfoParse(url, NULL);

	if (!options) {
		refuse_url(err);
		return false;
	}
	PQconninfoFree(options);
	db->connection = begin_connecting(url, program);
	assert(db->connection);
	PQsetErrorVerbosity(db->connection, PQERRORS_VERBOSE);
	if (!finish_connecting(db->connection)) {
		explain_failure(db->connection, err);
		PQfinish(db->connection);
		db->connection = NULL;
		return false;
	}
	PQsetErrorVerbosity(db->connection, PQERRORS_TERSE);
	PQsetNoticeReceiver(db->connection, receive_notice, db);
	PQsetnonblocking(db->connection, 1);
	db->answer_limit_ms = answer_limit_ms(program);
	return true;
}
