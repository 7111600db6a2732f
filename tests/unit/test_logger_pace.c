/* SPDX-License-Identifier: MIT */
/* When the logger writes, and how much. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "logger/pace.h"

#define NOW 1000000

static void nothing_held_is_nothing_to_write(void **state)
{
	struct pace pace = {0};

	assert_int_equal(pace_rows(&pace, 0, PACE_COLLECT, NOW), 0);
	assert_int_equal(pace_rows(&pace, 0, PACE_FLUSH, NOW), 0);
	assert_int_equal(pace_idle_ms(&pace, 0, NOW), PACE_IDLE_MS);
}

static void few_results_are_written_after_the_linger(void **state)
{
	struct pace pace = {0};

	pace_note_arrival(&pace, 0, NOW);
	pace_note_arrival(&pace, 1, NOW + 15); /* does not extend it */

	assert_int_equal(pace_rows(&pace, 2, PACE_COLLECT, NOW + PACE_LINGER_MS - 1), 0);
	assert_int_equal(pace_idle_ms(&pace, 2, NOW + 15), PACE_LINGER_MS - 15);
	assert_int_equal(pace_rows(&pace, 2, PACE_COLLECT, NOW + PACE_LINGER_MS), 2);
}

static void many_results_are_written_at_once(void **state)
{
	struct pace pace = {0};

	pace_note_arrival(&pace, 0, NOW);

	assert_int_equal(pace_rows(&pace, PACE_ROWS_MAX, PACE_COLLECT, NOW), PACE_ROWS_MAX);
	assert_int_equal(pace_rows(&pace, 5 * PACE_ROWS_MAX, PACE_COLLECT, NOW), PACE_ROWS_MAX);
}

static void draining_does_not_linger(void **state)
{
	struct pace pace = {0};

	pace_note_arrival(&pace, 0, NOW);

	assert_int_equal(pace_rows(&pace, 3, PACE_FLUSH, NOW), 3);
}

static void refused_batch_is_written_one_by_one(void **state)
{
	struct pace pace = {0};

	pace_note_arrival(&pace, 0, NOW);
	pace_note_refusal(&pace, 3);
	for (int left = 3; left > 0; left--) {
		assert_int_equal(pace_rows(&pace, 500 + left, PACE_COLLECT, NOW), 1);
		assert_int_equal(pace_idle_ms(&pace, 500 + left, NOW), 0);
		pace_note_done(&pace, 1, NOW);
	}

	assert_int_equal(pace_rows(&pace, 500, PACE_COLLECT, NOW), PACE_ROWS_MAX);
}

static void dropped_results_leave_nothing_to_write_alone(void **state)
{
	struct pace pace = {0};

	pace_note_refusal(&pace, 200);
	pace_note_dropped(&pace);
	pace_note_arrival(&pace, 0, NOW);

	assert_int_equal(pace_rows(&pace, 200, PACE_COLLECT, NOW), PACE_ROWS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_held_is_nothing_to_write),
		cmocka_unit_test(few_results_are_written_after_the_linger),
		cmocka_unit_test(many_results_are_written_at_once),
		cmocka_unit_test(draining_does_not_linger),
		cmocka_unit_test(refused_batch_is_written_one_by_one),
		cmocka_unit_test(dropped_results_leave_nothing_to_write_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
