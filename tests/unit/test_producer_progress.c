/* SPDX-License-Identifier: MIT */
/* The producer's progress bar, without the terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "producer/progress.h"

static void bar_tells_share_speed_and_time_left(void **state)
{
	struct text bar = {0};

	progress_format(500, 2000, 2000, &bar);

	assert_string_equal(bar.data, "[#######.......................]  25 %  500/2000"
				      "  250 jobs/s  6 s left");
	text_finish(&bar);
}

static void bar_promises_nothing_before_the_first_job(void **state)
{
	struct text bar = {0};

	progress_format(0, 2000, 0, &bar);

	assert_string_equal(bar.data, "[..............................]   0 %  0/2000  0 jobs/s");
	text_finish(&bar);
}

static void bar_of_nothing_is_full(void **state)
{
	struct text bar = {0};

	progress_format(0, 0, 10, &bar);

	assert_string_equal(bar.data, "[##############################] 100 %  0/0  0 jobs/s");
	text_finish(&bar);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bar_tells_share_speed_and_time_left),
		cmocka_unit_test(bar_promises_nothing_before_the_first_job),
		cmocka_unit_test(bar_of_nothing_is_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
