/* SPDX-License-Identifier: MIT */
/*
 * The real `syncctl audit` as the oracle of tests: whatever was done to a fleet, every job must be
 * accounted for in the end.
 * Threads: the test thread.
 */
#ifndef TESTS_SUPPORT_AUDIT_H
#define TESTS_SUPPORT_AUDIT_H

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
 * Ask `syncctl audit --all` until the fleet rests, at most 30 s; fails the test, showing what it says,
 * unless it rests and every job is accounted for. Jobs may still wait in their queues.
 */
void test_fleet_assert_audit_clean(struct test_fleet *fleet);

#endif
