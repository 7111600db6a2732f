/* SPDX-License-Identifier: MIT */
/* The producer's command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "producer/options.h"

#define WORDS_MAX 16

struct reading {
	struct options options;
	struct text faults;
	enum options_answer answer;
};

/* Read a command line given as words, ended by NULL. */
static void read_words(struct reading *reading, const char *const words[])
{
	char *argv[WORDS_MAX] = {NULL};
	int argc = 0;

	*reading = (struct reading){0};
	argv[argc++] = strdup("storesync-producer");
	for (; words[argc - 1] != NULL; argc++)
		argv[argc] = strdup(words[argc - 1]);
	reading->answer = options_read(argc, argv, &reading->options, &reading->faults);
	/* The store code is borrowed from argv. */
	if (reading->options.store_code != NULL)
		reading->options.store_code = strdup(reading->options.store_code);
	for (int i = 0; i < argc; i++)
		free(argv[i]);
}

static void finish(struct reading *reading)
{
	free((void *)(uintptr_t)reading->options.store_code);
	text_finish(&reading->faults);
}

static void no_words_mean_everything_today(void **state)
{
	struct reading reading;

	read_words(&reading, (const char *const[]){NULL});

	assert_int_equal(reading.answer, OPTIONS_RUN);
	assert_null(reading.options.store_code);
	assert_int_equal(reading.options.account_id, 0);
	assert_string_equal(reading.options.day, "");
	assert_int_equal(reading.options.job_type, JOB_DAILY_SYNC);
	assert_false(reading.options.express || reading.options.force || reading.options.dry_run ||
		     reading.options.republish);
	finish(&reading);
}

static void every_option_is_read(void **state)
{
	struct reading reading;

	read_words(&reading,
		(const char *const[]){"--store", "s-1", "--account=42", "--date", "2026-02-28",
			"--job-type", "token_refresh", "--express", "--force", "--dry-run", NULL});

	assert_int_equal(reading.answer, OPTIONS_RUN);
	assert_string_equal(reading.options.store_code, "s-1");
	assert_int_equal(reading.options.account_id, 42);
	assert_string_equal(reading.options.day, "2026-02-28");
	assert_int_equal(reading.options.job_type, JOB_TOKEN_REFRESH);
	assert_true(reading.options.express);
	assert_true(reading.options.force);
	assert_true(reading.options.dry_run);
	finish(&reading);
}

static void republish_is_read_and_contradicts_force(void **state)
{
	struct reading alone;
	struct reading both;

	read_words(&alone, (const char *const[]){"--republish", NULL});
	read_words(&both, (const char *const[]){"--republish", "--force", NULL});

	assert_int_equal(alone.answer, OPTIONS_RUN);
	assert_true(alone.options.republish);
	assert_false(alone.options.force);
	assert_int_equal(both.answer, OPTIONS_WRONG);
	assert_non_null(strstr(both.faults.data, "--force and --republish contradict each other"));
	finish(&alone);
	finish(&both);
}

static void looking_ahead_is_for_refreshes_and_takes_a_duration(void **state)
{
	struct reading none, two_hours, nonsense, misplaced;

	read_words(&none, (const char *const[]){"--job-type", "token_refresh", NULL});
	read_words(&two_hours, (const char *const[]){"--job-type", "token_refresh",
				       "--expiring-within", "2h", NULL});
	read_words(&nonsense, (const char *const[]){"--job-type", "token_refresh",
				      "--expiring-within", "soon", NULL});
	read_words(&misplaced, (const char *const[]){"--expiring-within", "2h", NULL});

	assert_int_equal(none.options.expiring_within_s, 1200);
	assert_int_equal(two_hours.options.expiring_within_s, 7200);
	assert_int_equal(nonsense.answer, OPTIONS_WRONG);
	assert_non_null(strstr(nonsense.faults.data, "--expiring-within: \"soon\""));
	assert_int_equal(misplaced.answer, OPTIONS_WRONG);
	assert_non_null(strstr(misplaced.faults.data, "token_refresh only"));
	finish(&none);
	finish(&two_hours);
	finish(&nonsense);
	finish(&misplaced);
}

static void help_and_version_are_answers(void **state)
{
	struct reading help;
	struct reading version;

	read_words(&help, (const char *const[]){"--help", NULL});
	read_words(&version, (const char *const[]){"--version", NULL});

	assert_int_equal(help.answer, OPTIONS_HELP);
	assert_int_equal(version.answer, OPTIONS_VERSION);
	finish(&help);
	finish(&version);
}

static void every_fault_is_named(void **state)
{
	struct reading reading;

	read_words(&reading, (const char *const[]){"--account", "12x", "--date", "2026-02-30",
				     "--job-type", "weekly", "--store=", "--sideways", "-q",
				     "--force=yes", "leftover", "--account", NULL});

	assert_int_equal(reading.answer, OPTIONS_WRONG);
	assert_non_null(strstr(reading.faults.data, "--account: \"12x\" is not an account id"));
	assert_non_null(strstr(reading.faults.data, "--date: \"2026-02-30\" is not a day"));
	assert_non_null(strstr(reading.faults.data, "--job-type: \"weekly\" is none of"));
	assert_non_null(strstr(reading.faults.data, "--store: a store code has"));
	assert_non_null(strstr(reading.faults.data, "--sideways: no such option"));
	assert_non_null(strstr(reading.faults.data, "-q: no such option"));
	assert_non_null(strstr(reading.faults.data, "--force takes no value"));
	assert_non_null(strstr(reading.faults.data, "leftover: unexpected argument"));
	assert_non_null(strstr(reading.faults.data, "--account needs a value"));
	finish(&reading);
}

static void account_ids_beyond_64_bits_are_refused(void **state)
{
	static const char *const wrong[] = {"0", "-1", "+1", " 1", "", "9223372036854775808"};

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		struct reading reading;

		read_words(&reading, (const char *const[]){"--account", wrong[i], NULL});
		assert_int_equal(reading.answer, OPTIONS_WRONG);
		finish(&reading);
	}
}

static void selection_is_described_in_words(void **state)
{
	static const struct {
		struct options options;
		const char *words;
	} cases[] = {
		{{0}, "every account"},
		{{.store_code = "s"}, "store s"},
		{{.account_id = 7, .force = true}, "account 7, forced"},
		{{.store_code = "s", .account_id = 7}, "store s, account 7"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct text words = {0};

		options_describe(&cases[i].options, &words);
		assert_string_equal(words.data, cases[i].words);
		text_finish(&words);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_words_mean_everything_today),
		cmocka_unit_test(every_option_is_read),
		cmocka_unit_test(republish_is_read_and_contradicts_force),
		cmocka_unit_test(looking_ahead_is_for_refreshes_and_takes_a_duration),
		cmocka_unit_test(help_and_version_are_answers),
		cmocka_unit_test(every_fault_is_named),
		cmocka_unit_test(account_ids_beyond_64_bits_are_refused),
		cmocka_unit_test(selection_is_described_in_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
