/* SPDX-License-Identifier: MIT */
/*
 * Sending to PostgreSQL and waiting for its answers, in bounded time. PQgetResult() by itself waits
 * for ever when the server is frozen, or when the network is gone and only its near end still
 * acknowledges; statement_timeout does not help, because the server has to keep it. So connections
 * are in non-blocking mode, and nothing here sleeps but poll(), never beyond the deadline of the
 * answer that is awaited. Runs on the thread that owns the connection.
 */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/db_internal.h"

/*
 * OpenSSL may hold decrypted bytes of which the socket knows nothing, and libpq 15 does not tell: so
 * that an encrypted connection is read now and then whatever poll() says.
 */
#define TLS_LOOK_MS 20

void db_expect_answer(struct db *db)
{
	db->deadline_ms =
		db->answer_limit_ms ? clock_monotonic_ms() + db->answer_limit_ms : INT64_MAX;
}

/*
 * The answer may still come, but nobody will wait for it: what it would say is not known, as with
 * any connection that breaks.
 */
static void give_up(struct db *db)
{
	snprintf(db->farewell, sizeof db->farewell, "PostgreSQL has not answered for %" PRId64 " s",
		db->answer_limit_ms / 1000);
	shutdown(PQsocket(db->connection), SHUT_RDWR);
	db->lost = true;
}

/* False: the connection is lost. */
static bool wait_for_socket(struct db *db, short events)
{
	struct pollfd socket = {.fd = PQsocket(db->connection), .events = events};
	int64_t left_ms = db->deadline_ms - clock_monotonic_ms();

	if (db->lost || socket.fd < 0)
		return false;
	if (left_ms <= 0) {
		give_up(db);
		return false;
	}
	if (PQsslInUse(db->connection) && left_ms > TLS_LOOK_MS)
		left_ms = TLS_LOOK_MS;
	poll(&socket, 1, left_ms < INT32_MAX ? (int)left_ms : INT32_MAX);
	return true;
}

/*
 * While the server's answers fill the buffers it reads nothing more: read them, so that neither side
 * waits for the other.
 */
bool db_flush(struct db *db)
{
	int left;

	while ((left = PQflush(db->connection)) > 0)
		if (!wait_for_socket(db, POLLIN | POLLOUT) || !PQconsumeInput(db->connection))
			return false;
	return left == 0 && !db->lost;
}

/* What a broken connection has left unread is still told by PQgetResult(), and why it broke. */
PGresult *db_next_result(struct db *db)
{
	bool open = db_flush(db);

	while (open && PQisBusy(db->connection))
		open = wait_for_socket(db, POLLIN) && PQconsumeInput(db->connection);
	return db->lost ? NULL : PQgetResult(db->connection);
}
