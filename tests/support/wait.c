/* SPDX-License-Identifier: MIT */
/*
 * Polling with a bound. The test thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/wait.h"

#include <inttypes.h>
#include <time.h>

#include "common/clock.h"
#include "tests/support/database.h"

#define POLL_NS 10000000

bool test_wait_until(bool (*is_true)(void *context), void *context)
{
	const struct timespec pause = {.tv_nsec = POLL_NS};
	int64_t deadline_ms = clock_monotonic_ms() + TEST_WAIT_MS;

	while (!is_true(context)) {
		if (clock_monotonic_ms() > deadline_ms)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

struct query_wait {
	struct db *db;
	const char *sql;
	int64_t expected;
	int64_t seen;
};

static bool query_gives_expected(void *context)
{
	struct query_wait *wait = context;

	wait->seen = test_query_integer(wait->db, wait->sql);
	return wait->seen == wait->expected;
}

void test_wait_for_query(struct db *db, const char *sql, int64_t expected)
{
	struct query_wait wait = {.db = db, .sql = sql, .expected = expected};

	if (!test_wait_until(query_gives_expected, &wait))
		fail_msg("after %d ms \"%s\" still gives %" PRId64 ", not %" PRId64, TEST_WAIT_MS,
			sql, wait.seen, expected);
}
