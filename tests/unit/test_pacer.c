/* SPDX-License-Identifier: MIT */
/*
 * The pace of an endpoint (worker/pacer.c), with a clock of the test's own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/pacer.h"

static void without_a_limit_nothing_waits(void **state)
{
	struct pacer pacer;

	pacer_init(&pacer, 0);
	for (int i = 0; i < 10000; i++) {
		assert_true(pacer_next_ms(&pacer) <= 5);
		pacer_note_sent(&pacer, 5);
	}
	pacer_finish(&pacer);
}

/* Repeatable chance: the generator of Numerical Recipes. */
static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* Send as early as allowed at random moments, and count every window. */
static void no_window_of_a_minute_holds_more_than_the_limit(void **state)
{
	enum { LIMIT = 7, CALLS = 400 };
	int64_t sent_ms[CALLS], now_ms = 0;
	uint32_t seed = 1;
	struct pacer pacer;

	pacer_init(&pacer, LIMIT);
	for (int i = 0; i < CALLS; i++) {
		now_ms += next_random(&seed) % 9000;
		if (pacer_next_ms(&pacer) > now_ms)
			now_ms = pacer_next_ms(&pacer);
		pacer_note_sent(&pacer, now_ms);
		sent_ms[i] = now_ms;
	}
	for (int i = LIMIT; i < CALLS; i++)
		assert_true(sent_ms[i] - sent_ms[i - LIMIT] > 60000);
	pacer_finish(&pacer);
}

static void a_429_stops_the_endpoint_until_its_pause_is_over(void **state)
{
	struct pacer pacer;

	pacer_init(&pacer, 0);
	pacer_pause(&pacer, 9000);
	pacer_pause(&pacer, 4000);
	assert_int_equal(pacer_next_ms(&pacer), 9000);
	pacer_finish(&pacer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_limit_nothing_waits),
		cmocka_unit_test(no_window_of_a_minute_holds_more_than_the_limit),
		cmocka_unit_test(a_429_stops_the_endpoint_until_its_pause_is_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
