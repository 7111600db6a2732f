/* SPDX-License-Identifier: MIT */
/*
 * Waiting for something to become true, with a bound and without sleeps of a guessed length: TEST_WAIT_MS,
 * so that only a fault, never a slow machine, ends the wait.
 */
#ifndef TESTS_SUPPORT_WAIT_H
#define TESTS_SUPPORT_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/db.h"

#define TEST_WAIT_MS 90000 /* longer than anything takes on a busy machine under a sanitizer */

/* Ask is_true(context) every 10 ms. False: it did not become true in time. */
bool test_wait_until(bool (*is_true)(void *context), void *context);
/*
 * Wait until the query's first cell is expected; fails the test, naming query and last value, when
 * it does not.
 */
void test_wait_for_query(struct db *db, const char *sql, int64_t expected);

#endif
