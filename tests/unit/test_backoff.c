/* SPDX-License-Identifier: MIT */
/*
 * Tests of common/backoff.c. A random number of limit gives the largest delay, limit + 1 wraps to
 * 0.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/backoff.h"

static void the_largest_delay_doubles_up_to_the_cap(void **state)
{
	static const int64_t limits_ms[] = {100, 200, 400, 800, 1000, 1000, 1000};
	struct backoff backoff = {.base_ms = 100, .cap_ms = 1000};

	for (size_t i = 0; i < sizeof limits_ms / sizeof limits_ms[0]; i++) {
		struct backoff same = backoff;

		assert_int_equal(backoff_next_ms(&backoff, (uint64_t)limits_ms[i]), limits_ms[i]);
		assert_int_equal(backoff_next_ms(&same, (uint64_t)limits_ms[i] + 1), 0);
	}
}

static void the_delay_is_drawn_from_the_whole_range(void **state)
{
	struct backoff backoff = {.base_ms = 100, .cap_ms = 1000};

	assert_int_equal(backoff_next_ms(&backoff, 0), 0);
	backoff_reset(&backoff);
	assert_int_equal(backoff_next_ms(&backoff, 37), 37);
	backoff_reset(&backoff);
	assert_int_equal(backoff_next_ms(&backoff, 101 + 37), 37);
}

static void delay_never_exceeds_the_cap(void **state)
{
	struct backoff backoff = {.base_ms = 250, .cap_ms = 30000};
	uint64_t random = 88172645463325252U;

	for (int i = 0; i < 10000; i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		assert_in_range(backoff_next_ms(&backoff, random), 0, 30000);
	}
}

static void a_base_beyond_the_cap_is_capped(void **state)
{
	struct backoff backoff = {.base_ms = 5000, .cap_ms = 1000};

	assert_int_equal(backoff_next_ms(&backoff, 1000), 1000);
	assert_int_equal(backoff_next_ms(&backoff, 1001), 0);
}

static void the_largest_cap_does_not_overflow(void **state)
{
	struct backoff backoff = {.base_ms = 1, .cap_ms = INT64_MAX / 2};

	for (int i = 0; i < 200; i++)
		assert_true(backoff_next_ms(&backoff, UINT64_MAX) >= 0);
}

static void with_a_floor_the_first_delay_is_short_and_the_others_are_not(void **state)
{
	static const int64_t limits_ms[] = {200, 400, 800, 1600, 3200, 6400, 12800, 13000, 13000};
	struct backoff backoff = {.base_ms = 200, .cap_ms = 15000, .floor_ms = 2000};

	for (size_t i = 0; i < sizeof limits_ms / sizeof limits_ms[0]; i++) {
		int64_t floor_ms = i == 0 ? 0 : 2000;
		struct backoff same = backoff;

		assert_int_equal(
			backoff_next_ms(&backoff, (uint64_t)limits_ms[i]), floor_ms + limits_ms[i]);
		assert_int_equal(backoff_next_ms(&same, (uint64_t)limits_ms[i] + 1), floor_ms);
	}
	backoff_reset(&backoff);
	assert_int_equal(backoff_next_ms(&backoff, 0), 0);
}

static void reset_begins_again(void **state)
{
	struct backoff backoff = {.base_ms = 100, .cap_ms = 1000};

	backoff_next_ms(&backoff, 0);
	backoff_next_ms(&backoff, 0);
	backoff_reset(&backoff);
	assert_int_equal(backoff_next_ms(&backoff, 101), 0);
	assert_int_equal(backoff.failures, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_largest_delay_doubles_up_to_the_cap),
		cmocka_unit_test(the_delay_is_drawn_from_the_whole_range),
		cmocka_unit_test(delay_never_exceeds_the_cap),
		cmocka_unit_test(a_base_beyond_the_cap_is_capped),
		cmocka_unit_test(the_largest_cap_does_not_overflow),
		cmocka_unit_test(with_a_floor_the_first_delay_is_short_and_the_others_are_not),
		cmocka_unit_test(reset_begins_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
