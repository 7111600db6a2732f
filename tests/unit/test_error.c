/* SPDX-License-Identifier: MIT */
/*
 * Tests of common/error.c: a walk over the table of classes, and how texts are set and wrapped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/error.h"

static void every_class_has_a_name_of_its_own(void **state)
{
	for (int i = 0; i < ERROR_CLASSES; i++) {
		const char *name = error_rule((enum error_class)i)->name;

		assert_non_null(name);
		assert_true(strlen(name) >= 1 && strlen(name) <= 50);
		assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name));
		for (int other = 0; other < i; other++)
			assert_string_not_equal(name, error_rule((enum error_class)other)->name);
	}
}

static void a_name_leads_back_to_its_class(void **state)
{
	for (int i = 0; i < ERROR_CLASSES; i++)
		assert_int_equal(error_class_named(error_rule((enum error_class)i)->name), i);
	assert_int_equal(error_class_named("no such class"), ERROR_NONE);
	assert_int_equal(error_class_named(""), ERROR_NONE);
}

static void every_class_tells_people_what_to_do(void **state)
{
	for (int i = ERROR_NONE + 1; i < ERROR_CLASSES; i++) {
		const char *advice = error_rule((enum error_class)i)->advice;

		assert_non_null(advice);
		assert_true(strlen(advice) > 10);
	}
}

static void only_retried_classes_have_attempts(void **state)
{
	for (int i = 0; i < ERROR_CLASSES; i++) {
		const struct error_rule *rule = error_rule((enum error_class)i);

		if (rule->remedy == REMEDY_RETRY)
			assert_in_range(rule->attempts, 2, 10);
		else
			assert_int_equal(rule->attempts, 0);
		assert_in_range(rule->first_rung, RUNG_10S, RUNGS - 1);
	}
}

static void reconnecting_is_for_jobs_that_are_not_retried(void **state)
{
	int count = 0;

	for (int i = 0; i < ERROR_CLASSES; i++) {
		const struct error_rule *rule = error_rule((enum error_class)i);

		if (rule->effect == EFFECT_RECONNECT) {
			assert_int_equal(rule->remedy, REMEDY_DEAD);
			count++;
		}
	}
	assert_true(count > 0);
}

static void waiting_for_quota_costs_no_attempt(void **state)
{
	assert_int_equal(error_rule(ERROR_RATE_LIMITED)->remedy, REMEDY_WAIT);
}

static void an_error_carries_class_and_text(void **state)
{
	struct error err;

	error_set(&err, ERROR_SERVER, "answered %d", 503);
	assert_int_equal(err.class, ERROR_SERVER);
	assert_string_equal(err.text, "answered 503");
}

static void wrapping_puts_words_in_front(void **state)
{
	struct error err;

	error_set(&err, ERROR_DATABASE, "reset");
	error_wrap(&err, "cannot save %d rows", 3);
	error_wrap(&err, "job 7");
	assert_string_equal(err.text, "job 7: cannot save 3 rows: reset");
	assert_int_equal(err.class, ERROR_DATABASE);
}

static void long_texts_are_cut_and_terminated(void **state)
{
	struct error err;

	error_set(&err, ERROR_INTERNAL, "%0600d", 1);
	assert_int_equal(strlen(err.text), sizeof err.text - 1);
	error_wrap(&err, "in front");
	assert_int_equal(strlen(err.text), sizeof err.text - 1);
	assert_memory_equal(err.text, "in front: 000", 13);
	error_wrap(&err, "%0600d", 1);
	assert_int_equal(strlen(err.text), sizeof err.text - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_class_has_a_name_of_its_own),
		cmocka_unit_test(a_name_leads_back_to_its_class),
		cmocka_unit_test(every_class_tells_people_what_to_do),
		cmocka_unit_test(only_retried_classes_have_attempts),
		cmocka_unit_test(reconnecting_is_for_jobs_that_are_not_retried),
		cmocka_unit_test(waiting_for_quota_costs_no_attempt),
		cmocka_unit_test(an_error_carries_class_and_text),
		cmocka_unit_test(wrapping_puts_words_in_front),
		cmocka_unit_test(long_texts_are_cut_and_terminated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
