/* SPDX-License-Identifier: MIT */
/*
 * What every `syncctl dead` command begins with: the database, and the right to pass the dead
 * letters, which one syncctl has at a time. Loses the right with the connection.
 * Threads: the main thread alone.
 */
#ifndef OPERATOR_DEAD_SESSION_H
#define OPERATOR_DEAD_SESSION_H

#include <stdbool.h>

#include "common/config.h"
#include "common/db.h"
#include "common/error.h"
#include "common/job_message.h"

struct dead_session {
	const struct config *config;
	struct db *db;
	char today[DAY_SIZE]; /* in SYNC_TIMEZONE */
};

/*
 * Owns:  the caller ends it with dead_session_finish(), also after a failure.
 * Fails: settings - a setting, or another syncctl is at work (the text says who); as db_open().
 */
bool dead_session_open(
	struct dead_session *session, const struct config *config, struct error *err);
void dead_session_finish(struct dead_session *session);

#endif
