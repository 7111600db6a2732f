/* SPDX-License-Identifier: MIT */
/*
 * Questions to a database that may be away. The test thread.
 */
#include "tests/faults/observer.h"

#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include "common/clock.h"
#include "common/db.h"
#include "common/memory.h"

#define LOOK_NS 100000000

static bool ask(struct observer *observer, const char *sql, struct db_result **result)
{
	struct error err;

	if (!observer->db && !db_open(observer->url, (enum program)0, false, &observer->db, &err))
		return false;
	if (db_run_script(observer->db, sql, result, &err) && db_row_count(*result) > 0)
		return true;
	observer_finish(observer);
	return false;
}

bool observer_number(struct observer *observer, const char *sql, int64_t *number)
{
	struct db_result *result = NULL;
	bool ok = ask(observer, sql, &result);

	if (ok)
		*number = db_integer(result, 0, 0);
	db_result_destroy(result);
	return ok;
}

bool observer_string(struct observer *observer, const char *sql, char **string)
{
	struct db_result *result = NULL;
	bool ok = ask(observer, sql, &result);

	if (ok)
		*string = memory_copy_text(db_text(result, 0, 0));
	db_result_destroy(result);
	return ok;
}

bool observer_wait(struct observer *observer, const char *sql, int64_t wanted, int64_t timeout_ms,
	int64_t *number)
{
	const struct timespec pause = {.tv_nsec = LOOK_NS};
	int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;

	*number = -1;
	while (!observer_number(observer, sql, number) || *number != wanted) {
		if (clock_monotonic_ms() > deadline_ms)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

void observer_finish(struct observer *observer)
{
	db_close(observer->db);
	observer->db = NULL;
}
