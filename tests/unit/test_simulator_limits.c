/* SPDX-License-Identifier: MIT */
/*
 * The sliding window admits exactly its limit in any 60 s; the delay heap gives back in order of
 * time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/simulator/delay.h"
#include "tests/simulator/limits.h"

static void the_601st_call_of_a_minute_is_refused(void **state)
{
	struct limit_window window = {0};
	int64_t wait_ms = 0;

	for (int i = 0; i < 600; i++)
		assert_true(limit_window_admit(&window, 600, 1000 + i, &wait_ms));
	assert_false(limit_window_admit(&window, 600, 60999, &wait_ms));
	assert_int_equal(wait_ms, 1);
	assert_true(limit_window_admit(&window, 600, 61000, &wait_ms));
	assert_false(limit_window_admit(&window, 600, 61000, &wait_ms));
	assert_int_equal(wait_ms, 1);
	limit_window_finish(&window);
}

static void no_window_of_a_minute_holds_more_than_the_limit(void **state)
{
	struct limit_window window = {0};
	static int64_t admitted[100000];
	size_t count = 0;
	int64_t wait_ms;
	uint32_t random = 1;

	for (int64_t now_ms = 0; now_ms < 600000; now_ms += (int64_t)(random >> 28)) {
		random = random * 1664525u + 1013904223u;
		if (limit_window_admit(&window, 600, now_ms, &wait_ms))
			admitted[count++] = now_ms;
	}
	assert_true(count >= 5990);
	for (size_t i = 600; i < count; i++)
		assert_true(admitted[i] - admitted[i - 600] >= 60000);
	limit_window_finish(&window);
}

static void refused_calls_count_where_asked(void **state)
{
	struct limit_window window = {0};
	int64_t wait_ms;

	assert_true(limit_window_admit(&window, 2, 0, &wait_ms));
	assert_true(limit_window_admit(&window, 2, 0, &wait_ms));
	limit_window_count(&window, 30000);
	limit_window_count(&window, 30000);
	assert_false(limit_window_admit(&window, 2, 60000, &wait_ms));
	assert_int_equal(wait_ms, 30000);
	limit_window_finish(&window);
}

static void held_things_come_back_in_order_of_time(void **state)
{
	struct delay delay = {0};
	static int64_t due_ms[1000];
	uint32_t random = 7;
	int64_t before_ms = -1;
	const int64_t *thing;
	size_t count = 0;

	for (size_t i = 0; i < 1000; i++) {
		random = random * 1664525u + 1013904223u;
		due_ms[i] = random >> 20;
		delay_hold(&delay, &due_ms[i], due_ms[i]);
	}
	while ((thing = delay_take(&delay, INT64_MAX - 1))) {
		assert_true(*thing >= before_ms);
		before_ms = *thing;
		count++;
	}
	assert_int_equal(count, 1000);
	delay_finish(&delay);
}

static void nothing_comes_back_before_it_is_due(void **state)
{
	struct delay delay = {0};
	int thing;

	assert_int_equal(delay_next_ms(&delay), INT64_MAX);
	delay_hold(&delay, &thing, 100);
	assert_int_equal(delay_next_ms(&delay), 100);
	assert_null(delay_take(&delay, 99));
	assert_ptr_equal(delay_take(&delay, 100), &thing);
	delay_finish(&delay);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_601st_call_of_a_minute_is_refused),
		cmocka_unit_test(no_window_of_a_minute_holds_more_than_the_limit),
		cmocka_unit_test(refused_calls_count_where_asked),
		cmocka_unit_test(held_things_come_back_in_order_of_time),
		cmocka_unit_test(nothing_comes_back_before_it_is_due),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
