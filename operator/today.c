/* SPDX-License-Identifier: MIT */
/*
 * Today. Runs on the main thread.
 */
#include "operator/today.h"

#include <string.h>

bool today_find(struct db *db, const char *time_zone, char day[DAY_SIZE], struct error *err)
{
	struct db_params params = {0};
	struct db_result *result = NULL;

	db_param_text(&params, time_zone);
	if (!db_query(db, STATEMENT_TODAY, &params, &result, err)) {
		if (err->class == ERROR_INTERNAL)
			error_set(err, ERROR_SETTINGS,
				"SYNC_TIMEZONE \"%s\" is not a time zone that PostgreSQL knows",
				time_zone);
		return false;
	}
	memcpy(day, db_text(result, 0, 0), DAY_SIZE);
	db_result_destroy(result);
	return true;
}
