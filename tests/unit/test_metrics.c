/* SPDX-License-Identifier: MIT */
/*
 * The page of metrics against the grammar of Prometheus' text format, and the values on it.
 */
#include <pthread.h>
#include <regex.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/error.h"
#include "common/memory.h"
#include "common/metrics.h"
#include "common/result_message.h"

#define ALL_PROGRAMS (PROGRAM_PRODUCER | PROGRAM_WORKER | PROGRAM_LOGGER | PROGRAM_OPERATOR)

static struct text page;

static const char *print_page(unsigned programs)
{
	text_clear(&page);
	metrics_print((enum program)programs, &page);
	return text_string(&page);
}

static int free_page(void **state)
{
	text_finish(&page);
	return 0;
}

/* The number at the end of the line that begins with these words; -1: there is no such line. */
static double number_of(const char *text, const char *series)
{
	size_t length = strlen(series);

	for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
		if (strncmp(line, series, length) == 0 && line[length] == ' ')
			return strtod(line + length, NULL);
	return -1;
}

static void assert_matches_one(const char *line, const char *const *patterns)
{
	bool matches = false;

	for (; *patterns && !matches; patterns++) {
		regex_t regex;

		assert_int_equal(regcomp(&regex, *patterns, REG_EXTENDED | REG_NOSUB), 0);
		matches = regexec(&regex, line, 0, NULL, 0) == 0;
		regfree(&regex);
	}
	if (!matches)
		fail_msg("not of the text format: %s", line);
}

static void every_line_is_of_the_text_format(void **state)
{
	static const char *const patterns[] = {
		"^# HELP (storesync|process)_[a-z_]+ [A-Z0-9].*\\.$",
		"^# TYPE (storesync|process)_[a-z_]+ (counter|gauge|histogram)$",
		"^(storesync|process)_[a-z_]+(\\{[a-z]+=\"[^\"]+\"(,[a-z]+=\"[^\"]+\")*\\})? "
		"-?[0-9]+(\\.[0-9]+)?$",
		NULL,
	};
	const char *text = print_page(ALL_PROGRAMS);

	assert_int_equal(text[strlen(text) - 1], '\n');
	while (*text) {
		size_t length = strcspn(text, "\n");
		char *line = memory_copy_bytes(text, length);

		assert_matches_one(line, patterns);
		free(line);
		text += length + 1;
	}
}

static void names_are_unique_and_say_type_and_unit(void **state)
{
	const char *text = print_page(ALL_PROGRAMS);
	size_t count = 0;

	for (const char *at = strstr(text, "# TYPE "); at;
		at = strstr(at + 1, "# TYPE "), count++) {
		char name[80], type[16], again[100];
		size_t length;
		bool is_total;

		assert_int_equal(sscanf(at, "# TYPE %79s %15s", name, type), 2);
		length = strlen(name);
		is_total = length > 6 && strcmp(name + length - 6, "_total") == 0;
		assert_int_equal(is_total, strcmp(type, "counter") == 0);
		snprintf(again, sizeof again, "# TYPE %s ", name);
		assert_null(strstr(at + 1, again));
	}
	assert_int_equal(count, METRICS + 1);
}

static void no_series_stands_twice(void **state)
{
	const char *text = print_page(ALL_PROGRAMS);

	for (const char *line = text; *line; line += strcspn(line, "\n") + 1) {
		char *series = memory_copy_bytes(line, strcspn(line, "\n"));
		const char *next = line + strcspn(line, "\n") + 1;

		*strrchr(series, ' ') = '\0';
		if (*series != '#' && number_of(next, series) >= 0)
			fail_msg("twice: %s", series);
		free(series);
	}
}

static void helps_say_what_a_rise_means(void **state)
{
	const char *text = print_page(ALL_PROGRAMS);

	for (const char *at = strstr(text, "# HELP "); at; at = strstr(at + 1, "# HELP ")) {
		char *help = memory_copy_bytes(at, strcspn(at, "\n"));

		if (!strstr(help, "rise") && !strstr(help, "rises") && !strstr(help, "Steady") &&
			!strstr(help, "means") && !strstr(help, "1 while"))
			fail_msg("what does a rise mean? %s", help);
		free(help);
	}
}

static void classes_are_named_as_errors_are(void **state)
{
	for (int class = ERROR_NONE + 1; class < ERROR_CLASSES; class ++) {
		char series[100];

		if (error_rule((enum error_class) class)->remedy == REMEDY_NONE)
			continue; /* no job ends with it */
		snprintf(series, sizeof series, "storesync_job_failures_total{class=\"%s\"}",
			error_rule((enum error_class) class)->name);
		metric_add(METRIC_JOB_FAILURES, class, class);
		assert_int_equal((int)number_of(print_page(PROGRAM_WORKER), series), class);
	}
}

static void counters_add_up(void **state)
{
	metric_add(METRIC_JOBS, STATUS_SUCCESS, 2);
	metric_add(METRIC_JOBS, STATUS_SUCCESS, 3);
	metric_add(METRIC_DB_ERRORS, 0, 1);

	assert_int_equal(metric_value(METRIC_JOBS, STATUS_SUCCESS), 5);
	print_page(PROGRAM_WORKER);
	assert_true(number_of(page.data, "storesync_jobs_total{outcome=\"success\"}") == 5);
	assert_true(number_of(page.data, "storesync_jobs_total{outcome=\"failed\"}") == 0);
	assert_true(number_of(page.data, "storesync_db_errors_total") == 1);
	assert_null(strstr(page.data, "RUNNING"));
}

static void gauges_rise_and_fall(void **state)
{
	metric_add(METRIC_JOBS_IN_FLIGHT, 0, 3);
	metric_add(METRIC_JOBS_IN_FLIGHT, 0, -1);
	metric_set(METRIC_DRAINING, 0, 1);

	assert_int_equal(metric_value(METRIC_JOBS_IN_FLIGHT, 0), 2);
	assert_int_equal(metric_value(METRIC_DRAINING, 0), 1);
}

static void api_calls_are_told_apart_by_status(void **state)
{
	static const struct {
		int status;
		const char *label;
	} cases[] = {{0, "none"}, {200, "2xx"}, {204, "2xx"}, {302, "other"}, {401, "401"},
		{403, "4xx"}, {429, "429"}, {500, "5xx"}, {599, "5xx"}, {700, "other"}};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char series[100];
		int slot = metric_api_slot(ENDPOINT_VIDEO_LIST, cases[i].status);
		int64_t before = metric_value(METRIC_API_CALLS, slot);

		snprintf(series, sizeof series,
			"storesync_api_calls_total{endpoint=\"video_list\",status=\"%s\"}",
			cases[i].label);
		metric_add(METRIC_API_CALLS, slot, 1);
		assert_true(number_of(print_page(PROGRAM_WORKER), series) == (double)before + 1);
	}
}

static void histogram_of_seconds_is_cumulative(void **state)
{
	metric_observe_ms(METRIC_API_SECONDS, ENDPOINT_TOKEN, 0);
	metric_observe_ms(METRIC_API_SECONDS, ENDPOINT_TOKEN, 5);
	metric_observe_ms(METRIC_API_SECONDS, ENDPOINT_TOKEN, 6);
	metric_observe_ms(METRIC_API_SECONDS, ENDPOINT_TOKEN, 2500);
	metric_observe_ms(METRIC_API_SECONDS, ENDPOINT_TOKEN, 999999);
	print_page(PROGRAM_WORKER);

	assert_int_equal(metric_value(METRIC_API_SECONDS, ENDPOINT_TOKEN), 5);
	assert_true(number_of(page.data,
			    "storesync_api_seconds_bucket{endpoint=\"token\",le=\"0.005\"}") == 2);
	assert_true(number_of(page.data,
			    "storesync_api_seconds_bucket{endpoint=\"token\",le=\"0.01\"}") == 3);
	assert_true(number_of(page.data,
			    "storesync_api_seconds_bucket{endpoint=\"token\",le=\"1\"}") == 3);
	assert_true(number_of(page.data,
			    "storesync_api_seconds_bucket{endpoint=\"token\",le=\"2.5\"}") == 4);
	assert_true(number_of(page.data,
			    "storesync_api_seconds_bucket{endpoint=\"token\",le=\"60\"}") == 4);
	assert_true(number_of(page.data,
			    "storesync_api_seconds_bucket{endpoint=\"token\",le=\"+Inf\"}") == 5);
	assert_true(number_of(page.data, "storesync_api_seconds_count{endpoint=\"token\"}") == 5);
	assert_true(
		number_of(page.data, "storesync_api_seconds_sum{endpoint=\"token\"}") == 1002.510);
	assert_true(
		number_of(page.data, "storesync_api_seconds_count{endpoint=\"user_info\"}") == 0);
}

static void histogram_of_counts_keeps_its_unit(void **state)
{
	metric_observe(METRIC_BATCH_JOBS, 0, 1);
	metric_observe(METRIC_BATCH_JOBS, 0, 64);
	print_page(PROGRAM_WORKER);

	assert_true(number_of(page.data, "storesync_batch_jobs_bucket{le=\"1\"}") == 1);
	assert_true(number_of(page.data, "storesync_batch_jobs_bucket{le=\"32\"}") == 1);
	assert_true(number_of(page.data, "storesync_batch_jobs_bucket{le=\"64\"}") == 2);
	assert_true(number_of(page.data, "storesync_batch_jobs_sum") == 65);
}

static void programs_show_only_their_metrics(void **state)
{
	assert_null(strstr(print_page(PROGRAM_LOGGER), "storesync_api_calls_total"));
	assert_null(strstr(print_page(PROGRAM_WORKER), "storesync_results_total"));
	assert_non_null(strstr(print_page(PROGRAM_LOGGER), "storesync_results_total"));
}

static void *add_many(void *unused)
{
	for (int i = 0; i < 10000; i++) {
		metric_add(METRIC_BROKER_CONNECTS, 0, 1);
		metric_observe_ms(METRIC_DB_WAIT_SECONDS, 0, i % 100);
	}
	return NULL;
}

static void threads_lose_no_count(void **state)
{
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, add_many, NULL), 0);
	print_page(ALL_PROGRAMS);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);

	assert_int_equal(metric_value(METRIC_BROKER_CONNECTS, 0), 40000);
	assert_int_equal(metric_value(METRIC_DB_WAIT_SECONDS, 0), 40000);
}

static void add_beyond_the_slots(void)
{
	metric_add(METRIC_DELIVERIES, DELIVERY_SLOTS, 1);
}

static void add_to_an_unused_slot(void)
{
	metric_add(METRIC_JOBS, STATUS_RUNNING, 1);
}

static void count_backwards(void)
{
	metric_add(METRIC_DB_ERRORS, 0, -1);
}

static void observe_a_counter(void)
{
	metric_observe_ms(METRIC_DB_ERRORS, 0, 1);
}

/* True if the function ends its process by an assertion. */
static bool aborts(void (*run)(void))
{
	int status = 0;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		if (!freopen("/dev/null", "w", stderr))
			_exit(1);
		signal(SIGABRT, SIG_DFL);
		run();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void misuse_is_an_assertion(void **state)
{
	assert_true(aborts(add_beyond_the_slots));
	assert_true(aborts(add_to_an_unused_slot));
	assert_true(aborts(count_backwards));
	assert_true(aborts(observe_a_counter));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_line_is_of_the_text_format),
		cmocka_unit_test(names_are_unique_and_say_type_and_unit),
		cmocka_unit_test(no_series_stands_twice),
		cmocka_unit_test(helps_say_what_a_rise_means),
		cmocka_unit_test(classes_are_named_as_errors_are),
		cmocka_unit_test(counters_add_up),
		cmocka_unit_test(gauges_rise_and_fall),
		cmocka_unit_test(api_calls_are_told_apart_by_status),
		cmocka_unit_test(histogram_of_seconds_is_cumulative),
		cmocka_unit_test(histogram_of_counts_keeps_its_unit),
		cmocka_unit_test(programs_show_only_their_metrics),
		cmocka_unit_test(threads_lose_no_count),
		cmocka_unit_test(misuse_is_an_assertion),
	};

	return cmocka_run_group_tests(tests, NULL, free_page);
}
