/* SPDX-License-Identifier: MIT */
/*
 * Moments as text, there and back, and which texts are none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/clock.h"

static int64_t parsed(const char *text)
{
	int64_t unix_us = -1;

	if (!clock_parse(text, &unix_us))
		fail_msg("%s is refused", text);
	return unix_us;
}

static void monotonic_clock_never_goes_back(void **state)
{
	int64_t before = clock_monotonic_ms();

	assert_true(clock_monotonic_ms() >= before);
	assert_true(before > 0);
}

static void format_writes_utc_with_microseconds(void **state)
{
	char text[CLOCK_TEXT_SIZE];

	clock_format(1795374355123456, text);

	assert_string_equal(text, "2026-11-22T19:05:55.123456Z");
}

static void format_before_1970_counts_backwards(void **state)
{
	char text[CLOCK_TEXT_SIZE];

	clock_format(-1, text);

	assert_string_equal(text, "1969-12-31T23:59:59.999999Z");
}

static void format_clamps_to_four_digit_years(void **state)
{
	char first[CLOCK_TEXT_SIZE], last[CLOCK_TEXT_SIZE];

	clock_format(INT64_MIN, first);
	clock_format(INT64_MAX, last);

	assert_string_equal(first, "0001-01-01T00:00:00.000000Z");
	assert_string_equal(last, "9999-12-31T23:59:59.999999Z");
}

static void what_format_writes_parse_reads(void **state)
{
	static const int64_t moments[] = {
		0, -1, 1795374355123456, 951782400000000, 4102444799999999};

	for (size_t i = 0; i < sizeof moments / sizeof moments[0]; i++) {
		char text[CLOCK_TEXT_SIZE];

		clock_format(moments[i], text);
		assert_true(parsed(text) == moments[i]);
	}
}

static void parse_honours_offsets(void **state)
{
	int64_t utc = parsed("2026-11-22T19:05:55Z");

	assert_true(parsed("2026-11-22T20:05:55+01:00") == utc);
	assert_true(parsed("2026-11-22T13:35:55-05:30") == utc);
	assert_true(parsed("2026-11-22T19:05:55-00:00") == utc);
	assert_true(parsed("2026-11-22t19:05:55z") == utc);
}

static void parse_cuts_fractions_to_microseconds(void **state)
{
	assert_true(parsed("1970-01-01T00:00:00.5Z") == 500000);
	assert_true(parsed("1970-01-01T00:00:00.123456789Z") == 123456);
}

static void parse_takes_a_leap_second_for_the_next_one(void **state)
{
	assert_true(parsed("2016-12-31T23:59:60Z") == parsed("2017-01-01T00:00:00Z"));
}

static void parse_refuses_what_is_no_moment(void **state)
{
	static const char *const texts[] = {"", "2026-11-22", "2026-11-22 19:05:55Z",
		"2026-11-22T19:05:55", "2026-11-22T19:05Z", "2026-11-22T24:00:00Z",
		"2026-11-22T19:60:00Z", "2026-11-22T19:05:61Z", "2026-02-29T00:00:00Z",
		"2026-11-22T19:05:55.Z", "2026-11-22T19:05:55.1234567890Z",
		"2026-11-22T19:05:55+0100", "2026-11-22T19:05:55+24:00", "2026-11-22T19:05:55Zulu",
		"+026-11-22T19:05:55Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59-00:01",
		"0001-01-01T00:00:00+00:01"};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		int64_t unix_us = 7;

		if (clock_parse(texts[i], &unix_us))
			fail_msg("%s is accepted", texts[i]);
		assert_true(unix_us == 7);
	}
}

static void days_are_those_of_the_calendar(void **state)
{
	assert_true(clock_is_day("2026-11-22"));
	assert_true(clock_is_day("2024-02-29"));
	assert_true(clock_is_day("2000-02-29"));
	assert_false(clock_is_day("1900-02-29"));
	assert_false(clock_is_day("2026-02-29"));
	assert_false(clock_is_day("2026-04-31"));
	assert_false(clock_is_day("2026-13-01"));
	assert_false(clock_is_day("2026-00-10"));
	assert_false(clock_is_day("2026-11-00"));
	assert_false(clock_is_day("0000-01-01"));
	assert_false(clock_is_day("2026-11-22 "));
	assert_false(clock_is_day("2026-1-22"));
	assert_false(clock_is_day(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(monotonic_clock_never_goes_back),
		cmocka_unit_test(format_writes_utc_with_microseconds),
		cmocka_unit_test(format_before_1970_counts_backwards),
		cmocka_unit_test(format_clamps_to_four_digit_years),
		cmocka_unit_test(what_format_writes_parse_reads),
		cmocka_unit_test(parse_honours_offsets),
		cmocka_unit_test(parse_cuts_fractions_to_microseconds),
		cmocka_unit_test(parse_takes_a_leap_second_for_the_next_one),
		cmocka_unit_test(parse_refuses_what_is_no_moment),
		cmocka_unit_test(days_are_those_of_the_calendar),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
