/* SPDX-License-Identifier: MIT */
/*
 * Tests of operator/dead_index.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "operator/dead_index.h"

static void an_empty_index_finds_nothing(void **state)
{
	struct dead_index index = {0};
	size_t place;

	assert_false(dead_index_find(&index, "00000000-0000-8000-8000-000000000000", &place));
	dead_index_finish(&index);
}

/* Ids that begin alike meet in the same slots. */
static void many_ids_are_found_at_their_places(void **state)
{
	struct dead_index index = {0};
	char id[UUID_TEXT_SIZE];
	size_t place;

	for (size_t i = 0; i < 5000; i++) {
		snprintf(id, sizeof id, "0000000%zx-0000-8000-8000-%012zx", i % 16, i);
		dead_index_put(&index, id, i);
	}
	for (size_t i = 0; i < 5000; i++) {
		snprintf(id, sizeof id, "0000000%zx-0000-8000-8000-%012zx", i % 16, i);
		assert_true(dead_index_find(&index, id, &place));
		assert_int_equal(place, i);
	}
	assert_false(dead_index_find(&index, "00000000-0000-8000-8000-ffffffffffff", &place));
	dead_index_finish(&index);
	assert_false(dead_index_find(&index, id, &place));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_index_finds_nothing),
		cmocka_unit_test(many_ids_are_found_at_their_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
