/* SPDX-License-Identifier: MIT */
/*
 * What a forecast is made of: the accounts, what is known of their videos, the settings. One
 * statement over all of them (STATEMENT_FORECAST).
 * Threads: as the connection that is passed in.
 */
#ifndef COMMON_FORECAST_READ_H
#define COMMON_FORECAST_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "common/config.h"
#include "common/db.h"
#include "common/error.h"
#include "common/forecast.h"

/* Which run, as the producer is told. */
struct forecast_selection {
	enum job_type job_type;
	const char *day;
	const char *store_code;   /* NULL: every store */
	int64_t account_id;       /* 0: every account */
	int64_t expires_within_s; /* 0: whenever */
	bool repeats;             /* what is finished, too */
};

#define FORECAST_MOMENT_SIZE 17 /* "YYYY-MM-DD HH:MM" */

struct forecast_report {
	const struct forecast_selection *selection;
	const char *time_zone;
	struct forecast_facts facts;
	struct forecast forecast;
	char ends_at[FORECAST_MOMENT_SIZE]; /* by the clocks of the time zone */
};

/* Fails as db_query(). selection and config are borrowed by the report. */
bool forecast_read(struct db *db, const struct config *config,
	const struct forecast_selection *selection, struct forecast_report *report,
	struct error *err);

#endif
