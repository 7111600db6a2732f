/* SPDX-License-Identifier: MIT */
/*
 * The rows of a job while they are gathered (worker/snapshot.c).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "worker/snapshot.h"

static void ten_thousand_videos_are_found_again_by_id(void **state)
{
	struct snapshot snapshot = {0};
	char id[32];
	bool is_new;

	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 10000; i++) {
			snprintf(id, sizeof id, "77000000000000%05d", i);
			snapshot_video(&snapshot, id, &is_new)->view_count.value = i;
			assert_int_equal(is_new, round == 0);
		}
	assert_int_equal(snapshot.video_count, 10000);
	assert_int_equal(snapshot_rows(&snapshot), 10000);
	assert_int_equal(snapshot.videos[1234].view_count.value, 1234);
	assert_string_equal(
		snapshot_text(&snapshot, snapshot.videos[1234].id), "7700000000000001234");
	snapshot_finish(&snapshot);
}

static void kept_texts_survive_growth_and_null_stays_null(void **state)
{
	struct snapshot snapshot = {0};
	size_t first = snapshot_keep(&snapshot, "first", 100),
	       empty = snapshot_keep(&snapshot, "", 9);

	for (int i = 0; i < 1000; i++)
		snapshot_keep(&snapshot, "some text that makes it grow", 100);
	assert_string_equal(snapshot_text(&snapshot, first), "first");
	assert_string_equal(snapshot_text(&snapshot, empty), "");
	assert_null(snapshot_text(&snapshot, snapshot_keep(&snapshot, NULL, 9)));
	snapshot_finish(&snapshot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ten_thousand_videos_are_found_again_by_id),
		cmocka_unit_test(kept_texts_survive_growth_and_null_stays_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
