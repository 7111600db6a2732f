/* SPDX-License-Identifier: MIT */
/*
 * Which day it is, by the database's clock and in SYNC_TIMEZONE.
 * Threads: the main thread alone.
 */
#ifndef OPERATOR_TODAY_H
#define OPERATOR_TODAY_H

#include <stdbool.h>

#include "common/db.h"
#include "common/error.h"
#include "common/job_message.h"

/* Fails: settings - PostgreSQL knows no such time zone; otherwise as db_query(). */
bool today_find(struct db *db, const char *time_zone, char day[DAY_SIZE], struct error *err);

#endif
