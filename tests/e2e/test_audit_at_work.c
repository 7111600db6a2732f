/* SPDX-License-Identifier: MIT */
/*
 * The audit of a day while it happens: whatever moment it looks at, it finds every job accounted
 * for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "tests/support/audit.h"

static struct test_fleet fleet;
static const char *const all[] = {"--all", NULL};

static int tear_down(void **state)
{
	test_fleet_destroy(&fleet);
	return 0;
}

static int64_t query(const char *sql)
{
	return test_query_integer(fleet.database.db, sql);
}

static void a_fleet_at_work_gives_no_false_alarm(void **state)
{
	static const char *const slow[] = {"WORKER_CONCURRENCY=3", NULL};
	int audits = 0;

	test_fleet_create(&fleet, 300, NULL);
	test_fleet_tell_simulator(&fleet, "/admin/faults",
		"[{\"fault\":\"error_500\",\"endpoint\":\"user_info\",\"count\":40,\"after\":20},"
		"{\"fault\":\"drop_scope\",\"endpoint\":\"user_info\",\"scope\":\"user.info.stats\",\"count\":20,\"after\":80}]");
	test_fleet_tell_simulator(&fleet, "/admin/knobs", "{\"latency_ms\":100}");
	test_fleet_start(&fleet, "storesync-worker", slow);
	test_fleet_start(&fleet, "storesync-worker", slow);
	test_fleet_start(&fleet, "storesync-logger", NULL);
	test_fleet_produce(&fleet, NULL);
	while (audits < 20 || query("SELECT count(*) FROM sync_jobs WHERE state IN ('queued',"
				    " 'running')") > 0) {
		struct json *report = NULL;

		if (test_fleet_audit(&fleet, all, &report) != 0)
			test_report_fail(report, "a false alarm");
		assert_int_equal(
			test_report_integer(json_object(report, "totals"), "planned"), 300);
		assert_int_equal(test_report_integer(json_object(report, "totals"), "jobs"), 300);
		json_destroy(report);
		audits++;
	}
	test_fleet_assert_audit_clean(&fleet);
	assert_true(query("SELECT count(*) FROM sync_jobs WHERE state = 'dead'") > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_fleet_at_work_gives_no_false_alarm, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
