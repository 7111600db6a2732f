/* SPDX-License-Identifier: MIT */
/*
 * Tests of operator/dead_options.c: the command line of `syncctl dead`, and which letters its
 * filters choose.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"
#include "operator/dead_options.h"

#define NOW_US INT64_C(1800000000000000)
#define ALL_SETS                                                                                   \
	(DEAD_OPTIONS_FILTER | DEAD_OPTIONS_LIST | DEAD_OPTIONS_ACTION | DEAD_OPTIONS_CANARY)

static struct dead_options options;
static struct text faults;

static bool read_line(int sets, const char *const arguments[])
{
	static char command[] = "list";
	char *argv[16] = {command};
	int argc = 1;

	for (; arguments[argc - 1]; argc++)
		argv[argc] = (char *)(uintptr_t)arguments[argc - 1];
	text_clear(&faults);
	return dead_options_read(argc, argv, sets, &options, &faults);
}

#define READ(sets, ...) read_line(sets, (const char *const[]){__VA_ARGS__, NULL})

static int tear_down(void **state)
{
	text_finish(&faults);
	return 0;
}

static struct dead_letter make_letter(void)
{
	static char error_class[] = "network";
	static char error_text[] = "Connection reset by peer";

	return (struct dead_letter){
		.dead_id = "11111111-1111-8111-8111-111111111111",
		.readable = true,
		.job = {.job_id = "0a1b2c3d-0000-4000-8000-0123456789ab",
			.account_id = 7,
			.store_code = "s7"},
		.error_class = error_class,
		.error_text = error_text,
		.died_at_us = NOW_US - INT64_C(3600) * 1000000,
		.category = DEAD_SUPERSEDED,
	};
}

static void expect_match(bool expected)
{
	struct dead_letter letter = make_letter();

	assert_int_equal(dead_filter_matches(&options.filter, &letter, NOW_US), expected);
}

static void durations_have_a_unit(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
	} good[] = {{"90s", 90}, {"15m", 900}, {"2h", 7200}, {"3d", 259200}};
	static const char *const bad[] = {"", "s", "90", "0s", "-1s", "1.5h", "2w", "2 h", "h2",
		"9999999999d", "99999999999999999999s"};
	int64_t seconds;

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		assert_true(clock_parse_duration(good[i].text, &seconds));
		assert_int_equal(seconds, good[i].seconds);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(clock_parse_duration(bad[i], &seconds));
}

static void nothing_given_chooses_all_and_does_nothing(void **state)
{
	assert_true(READ(ALL_SETS, NULL));

	assert_false(options.yes);
	assert_int_equal(options.canary, 0);
	assert_int_equal(options.issues_per_s, 50);
	expect_match(true);
}

static void each_filter_chooses(void **state)
{
	static const char *const matching[][2] = {{"--class", "network"}, {"--store", "s7"},
		{"--account", "7"}, {"--older-than", "59m"}, {"--newer-than", "61m"},
		{"--text", "RESET"}, {"--job", "0A1B2C3D-0000-4000-8000-0123456789AB"},
		{"--job", "11111111-1111-8111-8111-111111111111"}, {"--category", "superseded"}};
	static const char *const others[][2] = {{"--class", "server"}, {"--store", "s70"},
		{"--account", "8"}, {"--older-than", "61m"}, {"--newer-than", "59m"},
		{"--text", "timeout"}, {"--job", "00000000-0000-4000-8000-000000000000"},
		{"--category", "retriable"}};

	for (size_t i = 0; i < sizeof matching / sizeof *matching; i++) {
		assert_true(READ(ALL_SETS, matching[i][0], matching[i][1]));
		expect_match(true);
	}
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		assert_true(READ(ALL_SETS, others[i][0], others[i][1]));
		expect_match(false);
	}
}

static void all_filters_must_agree(void **state)
{
	assert_true(READ(ALL_SETS, "--class", "network", "--account", "8"));

	expect_match(false);
}

static void a_letter_without_a_moment_of_death_is_of_no_age(void **state)
{
	struct dead_letter letter = make_letter();

	letter.died_at_us = 0;
	assert_true(READ(ALL_SETS, "--older-than", "1s"));

	assert_false(dead_filter_matches(&options.filter, &letter, NOW_US));
}

static void all_faults_are_named_in_one_go(void **state)
{
	assert_false(READ(ALL_SETS, "--class", "odd", "--category", "odd", "--account", "0",
		"--older-than", "1", "--job", "7", "--canary", "1001", "extra"));

	assert_non_null(strstr(faults.data, "--class: there is no error class \"odd\""));
	assert_non_null(strstr(faults.data, "--category: there is no category \"odd\""));
	assert_non_null(strstr(faults.data, "--account: \"0\" is not"));
	assert_non_null(strstr(faults.data, "--older-than: \"1\" is not"));
	assert_non_null(strstr(faults.data, "--job: \"7\" is not"));
	assert_non_null(strstr(faults.data, "--canary: \"1001\" is not"));
	assert_non_null(strstr(faults.data, "unexpected argument extra"));
}

static void options_of_other_commands_are_refused(void **state)
{
	assert_false(READ(DEAD_OPTIONS_FILTER | DEAD_OPTIONS_ACTION, "--canary", "3"));
	assert_string_equal(faults.data, "--canary is not for this command\n");
	assert_false(READ(ALL_SETS, "--nonsense"));
	assert_string_equal(faults.data, "unknown option --nonsense\n");
	assert_false(READ(ALL_SETS, "--store"));
	assert_string_equal(faults.data, "--store needs a value\n");
	assert_false(READ(ALL_SETS, "--yes=1"));
	assert_string_equal(faults.data, "--yes takes no value\n");
}

static void a_blank_reason_is_none(void **state)
{
	assert_false(READ(ALL_SETS, "--reason", "  "));
	assert_true(READ(ALL_SETS, "--reason", "TikTok is back"));
	assert_string_equal(options.reason, "TikTok is back");
}

static void filters_are_told_in_words(void **state)
{
	struct text words = {0};

	assert_true(READ(
		ALL_SETS, "--class", "network", "--older-than", "1h", "--category", "retriable"));
	dead_filter_describe(&options.filter, &words);
	assert_string_equal(words.data, "class network, older than 3600 s, category retriable");

	text_clear(&words);
	assert_true(READ(ALL_SETS, NULL));
	dead_filter_describe(&options.filter, &words);
	assert_string_equal(words.data, "all");
	text_finish(&words);
}

static void every_category_has_a_name_and_a_way_out(void **state)
{
	for (int i = 0; i < DEAD_CATEGORIES; i++) {
		const struct dead_category_rule *rule = dead_category_rule((enum dead_category)i);
		enum dead_category category;

		assert_true(dead_category_named(rule->name, &category));
		assert_int_equal(category, i);
		assert_true(strlen(rule->meaning) > 0 && strlen(rule->way_out) > 0);
		assert_non_null(strstr(DEAD_FILTER_HELP, rule->name));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_have_a_unit),
		cmocka_unit_test(nothing_given_chooses_all_and_does_nothing),
		cmocka_unit_test(each_filter_chooses),
		cmocka_unit_test(all_filters_must_agree),
		cmocka_unit_test(a_letter_without_a_moment_of_death_is_of_no_age),
		cmocka_unit_test(all_faults_are_named_in_one_go),
		cmocka_unit_test(options_of_other_commands_are_refused),
		cmocka_unit_test(a_blank_reason_is_none),
		cmocka_unit_test(filters_are_told_in_words),
		cmocka_unit_test(every_category_has_a_name_and_a_way_out),
	};

	return cmocka_run_group_tests(tests, NULL, tear_down);
}
