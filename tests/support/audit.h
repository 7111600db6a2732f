/* SPDX-License-Identifier: MIT */
/*
 * The real `syncctl audit` as the oracle of tests: whatever was done to a fleet, every job must be
 * accounted for in the end.
 * Threads: the test thread.
 */
#ifndef TESTS_SUPPORT_AUDIT_H
#define TESTS_SUPPORT_AUDIT_H

#include <stddef.h>
#include <stdint.h>

#include "common/json.h"
#include "tests/support/fleet.h"

/*
 * Run `syncctl audit --json` with arguments (ended by NULL; NULL: none) and read its object; fails
 * the test unless it is one. Returns the exit code.
 *
 * Owns: *object is ended with json_destroy(); NULL after exit codes 1 and 2.
 */
int test_fleet_audit(struct test_fleet *fleet, const char *const arguments[], struct json **object);
/*
 * Run `syncctl audit --all`; fails the test, showing what it says, unless it exits with 3 and names
 * exactly expected violations of this name, each about this job (NULL: any).
 */
void test_fleet_assert_violations(
	struct test_fleet *fleet, size_t expected, const char *name, const char *job_id);
/* Fail the test, showing the report. */
void test_report_fail(const struct json *report, const char *what);
/* A member of a report; "" and -1: there is none. The string is borrowed. */
const char *test_report_string(const struct json *object, const char *name);
int64_t test_report_integer(const struct json *object, const char *name);
/* How many warnings have this name. */
size_t test_report_warnings(const struct json *report, const char *name);
/* Wait until every job's end is in the log. */
void test_fleet_wait_for_logs(struct test_fleet *fleet);
/*
 * Ask `syncctl audit --all` until the fleet rests, at most TEST_WAIT_MS; fails the test, showing what it says,
 * unless it rests and every job is accounted for. Jobs may still wait in their queues.
 */
void test_fleet_assert_audit_clean(struct test_fleet *fleet);

#endif
