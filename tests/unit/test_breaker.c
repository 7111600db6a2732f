/* SPDX-License-Identifier: MIT */
/*
 * The breaker (worker/breaker.c): whose failure a failed call is. Moments are passed in. One thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/breaker.h"

#define NO_CHANCE 0

static struct breaker breaker;

static int begin(void **state)
{
	breaker_init(&breaker);
	return 0;
}

static struct doubt failure(int64_t account_id, int64_t now_ms)
{
	struct doubt doubt;

	breaker_note_failure(&breaker, account_id, now_ms, NO_CHANCE, &doubt);
	return doubt;
}

/* Three accounts in a row fail at now_ms. The doubt of the last one is returned. */
static struct doubt outage(int64_t now_ms)
{
	failure(1, now_ms);
	failure(2, now_ms);
	return failure(3, now_ms);
}

static void calls_go_out_at_once_while_tiktok_works(void **state)
{
	assert_true(breaker_next_ms(&breaker) == INT64_MIN);
	failure(1, 100);
	failure(2, 100);
	assert_true(breaker_next_ms(&breaker) == INT64_MIN);
}

static void a_failure_is_the_accounts_own_once_later_calls_of_others_get_through(void **state)
{
	struct doubt doubt = failure(1, 100);

	breaker_note_answer(&breaker, 2, 99); /* was under way already */
	breaker_note_answer(&breaker, 1, 101);
	breaker_note_answer(&breaker, 3, 101);
	breaker_note_answer(&breaker, 4, 101);
	assert_int_equal(breaker_judge(&breaker, &doubt, 110), JUDGED_LATER);
	breaker_note_answer(&breaker, 5, 102);
	assert_int_equal(breaker_judge(&breaker, &doubt, 110), JUDGED_OWN);
}

static void with_few_calls_one_witness_is_enough_after_a_while(void **state)
{
	struct doubt doubt = failure(1, 100);

	breaker_note_answer(&breaker, 2, 101);
	assert_int_equal(breaker_judge(&breaker, &doubt, 100 + BREAKER_WAIT_MS - 1), JUDGED_LATER);
	assert_int_equal(breaker_judge(&breaker, &doubt, 100 + BREAKER_WAIT_MS), JUDGED_OWN);
}

static void where_nobody_calls_a_probe_is_the_witness(void **state)
{
	struct doubt doubt = failure(1, 100);

	assert_int_equal(breaker_judge(&breaker, &doubt, 100 + BREAKER_WAIT_MS), JUDGED_PROBE);
	breaker_note_probe(&breaker, 1100);
	assert_int_equal(breaker_judge(&breaker, &doubt, 1200), JUDGED_LATER);
	breaker_note_probe_end(&breaker, PROBE_ANSWERED, 1300, NO_CHANCE);
	assert_int_equal(breaker_judge(&breaker, &doubt, 1300), JUDGED_OWN);
}

static void a_probe_that_fails_too_is_an_outage(void **state)
{
	struct doubt doubt = failure(1, 100);

	breaker_note_probe(&breaker, 1100);
	breaker_note_probe_end(&breaker, PROBE_FAILED, 1200, NO_CHANCE);
	assert_true(breaker.open);
	assert_int_equal(breaker_judge(&breaker, &doubt, 1201), JUDGED_LATER);
}

static void three_accounts_in_a_row_are_an_outage_and_one_that_fails_thrice_is_not(void **state)
{
	failure(1, 100);
	failure(1, 101);
	failure(1, 102);
	assert_false(breaker.open);
	failure(2, 103);
	breaker_note_answer(&breaker, 9, 90);
	failure(3, 104);
	failure(4, 105);
	assert_false(breaker.open);
	failure(5, 106);
	assert_true(breaker.open);
}

static void a_refused_app_opens_it_at_once_and_is_tried_rarely(void **state)
{
	struct doubt doubt;
	int64_t rare_ms;

	breaker_note_refusal(&breaker, 1, 1000, NO_CHANCE, &doubt);
	assert_true(breaker.open && breaker.refused);
	rare_ms = breaker_next_ms(&breaker) - 1000;
	assert_int_equal(breaker_judge(&breaker, &doubt, 1001), JUDGED_LATER);
	breaker_note_answer(&breaker, 2, 9000);
	assert_false(breaker.open || breaker.refused);
	assert_int_equal(breaker_judge(&breaker, &doubt, 9001), JUDGED_OUTAGE);
	outage(20000);
	assert_true(rare_ms > breaker_next_ms(&breaker) - 20000);
}

static void a_probe_or_a_call_amid_an_outage_may_find_the_app_refused(void **state)
{
	struct doubt doubt = failure(1, 100);

	breaker_note_probe(&breaker, 1100);
	breaker_note_probe_end(&breaker, PROBE_REFUSED, 1200, NO_CHANCE);
	assert_true(breaker.open && breaker.refused);
	breaker_close(&breaker);
	doubt = outage(2000);
	assert_false(breaker.refused);
	breaker_note_refusal(&breaker, 4, 2100, NO_CHANCE, &doubt);
	assert_true(breaker.refused);
	assert_true(breaker.outages == 2);
	breaker_note_answer(&breaker, 2, 9000);
	assert_int_equal(breaker_judge(&breaker, &doubt, 9001), JUDGED_OUTAGE);
}

static void an_outage_is_asked_about_by_one_call_at_a_time_with_back_off(void **state)
{
	int64_t first_ms, second_ms;

	outage(1000);
	first_ms = breaker_next_ms(&breaker);
	assert_true(first_ms > 1000 && first_ms < 3000);
	breaker_note_sent(&breaker);
	assert_true(breaker_next_ms(&breaker) == INT64_MAX);
	for (int64_t now_ms = first_ms, i = 0; i < 20; i++) {
		struct doubt doubt;

		breaker_note_sent(&breaker);
		breaker_note_failure(&breaker, 4, now_ms, UINT64_MAX - 3, &doubt);
		second_ms = breaker_next_ms(&breaker);
		assert_in_range(second_ms - now_ms, 500, 15500);
		now_ms = second_ms;
	}
}

/* Everything that failed since it began, or just before, is made again and costs nothing. */
static void what_failed_in_an_outage_is_excused_when_it_is_over(void **state)
{
	struct doubt before = failure(1, 990), last, during;

	failure(2, 995);
	last = failure(3, 1000);
	breaker_note_sent(&breaker);
	during = failure(4, 2000);
	assert_int_equal(breaker_judge(&breaker, &before, 2001), JUDGED_LATER);
	breaker_note_answer(&breaker, 5, 2500);
	assert_false(breaker.open);
	assert_int_equal(breaker_judge(&breaker, &before, 2600), JUDGED_OUTAGE);
	assert_int_equal(breaker_judge(&breaker, &last, 2600), JUDGED_OUTAGE);
	assert_int_equal(breaker_judge(&breaker, &during, 2600), JUDGED_OUTAGE);
}

static void a_failure_after_the_outage_is_judged_by_itself(void **state)
{
	struct doubt doubt;

	outage(1000);
	breaker_note_answer(&breaker, 5, 2500);
	doubt = failure(1, 3000);
	for (int64_t account = 2; account < 5; account++)
		breaker_note_answer(&breaker, account, 3001);
	assert_int_equal(breaker_judge(&breaker, &doubt, 3002), JUDGED_OWN);
}

static void an_outage_is_asked_about_when_its_time_has_come(void **state)
{
	int64_t try_ms;

	outage(1000);
	try_ms = breaker_next_ms(&breaker);
	assert_false(breaker_is_due(&breaker, try_ms - 1));
	assert_true(breaker_is_due(&breaker, try_ms));
	breaker_note_probe(&breaker, try_ms);
	assert_false(breaker_is_due(&breaker, try_ms + 100));
	breaker_note_probe_end(&breaker, PROBE_FAILED, try_ms + 200, NO_CHANCE);
	assert_false(breaker_is_due(&breaker, try_ms + 200));
	assert_true(breaker_next_ms(&breaker) > try_ms + 200);
	breaker_close(&breaker);
	assert_true(breaker_next_ms(&breaker) == INT64_MIN);
}

/* A job that is given back takes its call with it. */
static void a_call_that_was_dropped_lets_the_next_one_try(void **state)
{
	int64_t try_ms;

	outage(1000);
	try_ms = breaker_next_ms(&breaker);
	breaker_note_sent(&breaker);
	assert_false(breaker_is_due(&breaker, try_ms));
	breaker_note_dropped(&breaker);
	assert_true(breaker_is_due(&breaker, try_ms));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(calls_go_out_at_once_while_tiktok_works, begin),
		cmocka_unit_test_setup(
			a_failure_is_the_accounts_own_once_later_calls_of_others_get_through,
			begin),
		cmocka_unit_test_setup(with_few_calls_one_witness_is_enough_after_a_while, begin),
		cmocka_unit_test_setup(where_nobody_calls_a_probe_is_the_witness, begin),
		cmocka_unit_test_setup(a_probe_that_fails_too_is_an_outage, begin),
		cmocka_unit_test_setup(
			three_accounts_in_a_row_are_an_outage_and_one_that_fails_thrice_is_not,
			begin),
		cmocka_unit_test_setup(a_refused_app_opens_it_at_once_and_is_tried_rarely, begin),
		cmocka_unit_test_setup(
			a_probe_or_a_call_amid_an_outage_may_find_the_app_refused, begin),
		cmocka_unit_test_setup(
			an_outage_is_asked_about_by_one_call_at_a_time_with_back_off, begin),
		cmocka_unit_test_setup(what_failed_in_an_outage_is_excused_when_it_is_over, begin),
		cmocka_unit_test_setup(a_failure_after_the_outage_is_judged_by_itself, begin),
		cmocka_unit_test_setup(an_outage_is_asked_about_when_its_time_has_come, begin),
		cmocka_unit_test_setup(a_call_that_was_dropped_lets_the_next_one_try, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
