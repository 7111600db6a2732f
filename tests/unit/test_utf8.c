/* SPDX-License-Identifier: MIT */
/*
 * Tests of common/utf8.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/utf8.h"

static void characters_of_every_length_are_measured(void **state)
{
	assert_int_equal(utf8_character("a", 1), 1);
	assert_int_equal(utf8_character("\xc2\x80", 2), 2);
	assert_int_equal(utf8_character("\xe0\xa0\x80", 3), 3);
	assert_int_equal(utf8_character("\xf0\x90\x80\x80", 4), 4);
	assert_int_equal(utf8_character("\xf4\x8f\xbf\xbf", 4), 4);
}

static void what_postgresql_refuses_is_not_a_character(void **state)
{
	static const char *const wrong[] = {
		"\x80",              /* a continuation without a start */
		"\xc0\x80",          /* overlong NUL */
		"\xc1\xbf",          /* overlong */
		"\xe0\x9f\xbf",      /* overlong */
		"\xf0\x8f\xbf\xbf",  /* overlong */
		"\xed\xa0\x80",      /* a surrogate */
		"\xed\xbf\xbf",      /* a surrogate */
		"\xf4\x90\x80\x80",  /* beyond U+10FFFF */
		"\xf8\x88\x80\x80",  /* five bytes once began like this */
		"\xff", "\xe2\x82x", /* cut by another character */
	};

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_int_equal(utf8_character(wrong[i], strlen(wrong[i])), 0);
}

static void a_character_is_never_read_beyond_the_length(void **state)
{
	assert_int_equal(utf8_character("\xe2\x82\xac", 2), 0);
	assert_int_equal(utf8_character("a", 0), 0);
}

static void a_text_is_valid_when_all_its_characters_are(void **state)
{
	assert_true(utf8_is_valid("", 0));
	assert_true(utf8_is_valid("na\xc3\xafve \xf0\x9f\x98\x80", 11));
	assert_false(utf8_is_valid("na\xc3", 3));
	assert_false(utf8_is_valid("\xe2\x82\xac\xff", 4));
}

static void characters_are_counted_not_bytes(void **state)
{
	assert_int_equal(utf8_count(""), 0);
	assert_int_equal(utf8_count("na\xc3\xafve \xf0\x9f\x98\x80"), 7);
}

static void prefix_ends_between_characters(void **state)
{
	assert_int_equal(utf8_prefix("abc", 2), 2);
	assert_int_equal(utf8_prefix("abc", 9), 3);
	assert_int_equal(utf8_prefix("\xF0\x9F\x98\x80x", 1), 4);
	assert_int_equal(utf8_prefix("\xC3\xA4\xC3\xB6", 1), 2);
	assert_int_equal(utf8_prefix("", 5), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(characters_of_every_length_are_measured),
		cmocka_unit_test(what_postgresql_refuses_is_not_a_character),
		cmocka_unit_test(a_character_is_never_read_beyond_the_length),
		cmocka_unit_test(a_text_is_valid_when_all_its_characters_are),
		cmocka_unit_test(characters_are_counted_not_bytes),
		cmocka_unit_test(prefix_ends_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
