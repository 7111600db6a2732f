/* SPDX-License-Identifier: MIT */
/*
 * The binary form of array parameters, byte by byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/db.h"

#include "common/db_internal.h"

static void assert_bytes(struct db_array *array, const void *expected, size_t length)
{
	db_array_complete(array);
	assert_int_equal(array->bytes.length, length);
	assert_memory_equal(array->bytes.data, expected, length);
	db_array_finish(array);
}

static void empty_array_is_a_header_with_length_zero(void **state)
{
	static const unsigned char expected[] = {
		0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 25, 0, 0, 0, 0, 0, 0, 0, 1};
	struct db_array array;

	db_array_init(&array, DB_TEXT);

	assert_bytes(&array, expected, sizeof expected);
}

static void texts_carry_their_length_and_null_has_none(void **state)
{
	static const unsigned char expected[] = {0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 25, 0, 0, 0, 3, 0,
		0, 0, 1, 0, 0, 0, 2, 'a', '"', 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0};
	struct db_array array;

	db_array_init(&array, DB_TEXT);
	db_array_text(&array, "a\"");
	db_array_text(&array, NULL);
	db_array_text(&array, "");

	assert_bytes(&array, expected, sizeof expected);
}

static void int4_saturates_in_both_directions(void **state)
{
	static const unsigned char expected[] = {0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 23, 0, 0, 0, 3, 0,
		0, 0, 1, 0, 0, 0, 4, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 4, 0x80, 0, 0, 0, 0, 0, 0, 4,
		0xff, 0xff, 0xff, 0xfe};
	struct db_array array;

	db_array_init(&array, DB_INT4);
	db_array_integer(&array, INT64_C(3000000000));
	db_array_integer(&array, INT64_MIN);
	db_array_integer(&array, -2);

	assert_bytes(&array, expected, sizeof expected);
}

static void int8_keeps_all_its_bits(void **state)
{
	static const unsigned char expected[] = {0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 1, 0,
		0, 0, 1, 0, 0, 0, 8, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};
	struct db_array array;

	db_array_init(&array, DB_INT8);
	db_array_integer(&array, INT64_C(0x0123456789abcdef));

	assert_bytes(&array, expected, sizeof expected);
}

static void time_counts_from_the_year_2000(void **state)
{
	static const unsigned char expected[] = {0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 4, 0xa0, 0, 0, 0, 2,
		0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 8, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff};
	struct db_array array;

	db_array_init(&array, DB_TIMESTAMPTZ);
	db_array_integer(&array, INT64_C(946684800000001));
	db_array_integer(&array, INT64_C(946684799999999));

	assert_bytes(&array, expected, sizeof expected);
}

static void days_count_from_the_year_2000(void **state)
{
	static const unsigned char expected[] = {0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 4, 0x3a, 0, 0, 0, 3,
		0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 60, 0, 0, 0, 4, 0xff, 0xff,
		0xff, 0xff};
	struct db_array array;

	db_array_init(&array, DB_DATE);
	db_array_day(&array, "2000-01-01");
	db_array_day(&array, "2000-03-01");
	db_array_day(&array, "1999-12-31");

	assert_bytes(&array, expected, sizeof expected);
}

static void uuid_is_sixteen_bytes_in_either_case(void **state)
{
	static const unsigned char expected[] = {0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 11, 0x86, 0, 0, 0, 1,
		0, 0, 0, 1, 0, 0, 0, 16, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xAB, 0xCD,
		0xEF, 0x01, 0x23, 0x45, 0x67, 0x89};
	struct db_array array;

	db_array_init(&array, DB_UUID);
	db_array_uuid(&array, "01234567-89ab-cdef-ABCD-EF0123456789");

	assert_bytes(&array, expected, sizeof expected);
}

static void booleans_are_single_bytes(void **state)
{
	static const unsigned char expected[] = {0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 2, 0,
		0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 0};
	struct db_array array;

	db_array_init(&array, DB_BOOL);
	db_array_boolean(&array, true);
	db_array_boolean(&array, false);

	assert_bytes(&array, expected, sizeof expected);
}

static void clearing_forgets_elements_and_nulls(void **state)
{
	static const unsigned char expected[] = {
		0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 23, 0, 0, 0, 0, 0, 0, 0, 1};
	struct db_array array;

	db_array_init(&array, DB_INT4);
	db_array_integer(&array, 7);
	db_array_null(&array);
	db_array_clear(&array);

	assert_bytes(&array, expected, sizeof expected);
}

static void an_array_may_grow_after_it_was_completed(void **state)
{
	static const unsigned char expected[] = {0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 23, 0, 0, 0, 2, 0,
		0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 7, 0, 0, 0, 4, 0, 0, 0, 8};
	struct db_array array;

	db_array_init(&array, DB_INT4);
	db_array_integer(&array, 7);
	db_array_complete(&array);
	db_array_integer(&array, 8);

	assert_bytes(&array, expected, sizeof expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_array_is_a_header_with_length_zero),
		cmocka_unit_test(texts_carry_their_length_and_null_has_none),
		cmocka_unit_test(int4_saturates_in_both_directions),
		cmocka_unit_test(int8_keeps_all_its_bits),
		cmocka_unit_test(time_counts_from_the_year_2000),
		cmocka_unit_test(days_count_from_the_year_2000),
		cmocka_unit_test(uuid_is_sixteen_bytes_in_either_case),
		cmocka_unit_test(booleans_are_single_bytes),
		cmocka_unit_test(clearing_forgets_elements_and_nulls),
		cmocka_unit_test(an_array_may_grow_after_it_was_completed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
