/* SPDX-License-Identifier: MIT */
/* Tests of common/forecast.c and forecast_text.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "common/forecast.h"
#include "common/forecast_text.h"

/* 600 calls take 61 s. */
static struct forecast_facts day(int64_t accounts, int64_t pages)
{
	return (struct forecast_facts){
		.accounts = accounts,
		.left = accounts,
		.calls = {[FORECAST_USER_INFO] = accounts, [FORECAST_VIDEO_LIST] = pages},
		.calls_left = {[FORECAST_USER_INFO] = accounts, [FORECAST_VIDEO_LIST] = pages},
		.day_left_s = FORECAST_DAY_S,
		.quota = {[FORECAST_USER_INFO] = 600, [FORECAST_VIDEO_LIST] = 600},
		.concurrency = 64,
	};
}

static void a_run_takes_as_long_as_its_slowest_endpoint(void **state)
{
	struct forecast_facts facts = day(300, 900);
	struct forecast forecast;

	forecast_make(&facts, &forecast);
	assert_true(forecast.is_limited);
	assert_int_equal(forecast.bottleneck, FORECAST_VIDEO_LIST);
	assert_int_equal(forecast.takes_s[FORECAST_USER_INFO], 31); /* 30.5 */
	assert_int_equal(forecast.left_s, 92);                      /* 91.5 */
	assert_int_equal(forecast.whole_s, 92);
	assert_true(forecast.day_suffices);
	assert_true(forecast.ends_in_time);
}

static void what_is_done_takes_no_time_any_more(void **state)
{
	struct forecast_facts facts = day(1200, 1200);
	struct forecast forecast;

	facts.left = 300;
	facts.calls_left[FORECAST_USER_INFO] = 300;
	facts.calls_left[FORECAST_VIDEO_LIST] = 300;
	forecast_make(&facts, &forecast);
	assert_int_equal(forecast.left_s, 31);
	assert_int_equal(forecast.whole_s, 122);
}

static void a_day_that_does_not_suffice_is_found(void **state)
{
	struct forecast_facts facts = day(1000, 849836); /* 86,399.99 s at 600 a minute */
	struct forecast forecast;

	forecast_make(&facts, &forecast);
	assert_true(forecast.day_suffices);
	assert_true(forecast.ends_in_time);
	facts.calls[FORECAST_VIDEO_LIST] = facts.calls_left[FORECAST_VIDEO_LIST] = 849837;
	forecast_make(&facts, &forecast);
	assert_false(forecast.day_suffices);
	assert_false(forecast.ends_in_time);
}

static void midnight_is_the_limit_of_what_is_left(void **state)
{
	struct forecast_facts facts = day(600, 600);
	struct forecast forecast;

	facts.day_left_s = 61;
	forecast_make(&facts, &forecast);
	assert_true(forecast.ends_in_time);
	facts.day_left_s = 60;
	forecast_make(&facts, &forecast);
	assert_false(forecast.ends_in_time);
	facts.day_left_s = -5;
	facts.left = 0;
	memset(facts.calls_left, 0, sizeof facts.calls_left);
	forecast_make(&facts, &forecast);
	assert_true(forecast.ends_in_time);
}

static void without_a_quota_nothing_is_limited(void **state)
{
	struct forecast_facts facts = day(5000, 5000);
	struct forecast forecast;

	memset(facts.quota, 0, sizeof facts.quota);
	facts.call_us = 100000;
	forecast_make(&facts, &forecast);
	assert_false(forecast.is_limited);
	assert_int_equal(forecast.left_s, 0);
	assert_int_equal(forecast.workers_by_quota, 0);
	assert_int_equal(forecast.useful_workers, 79); /* 5000 / 64 */
	assert_int_equal(forecast_pace_us(0), 0);
	assert_int_equal(forecast_pace_us(600), 101667);
}

/*
 * 12,000 jobs of 2 calls in 1,220 s are 19.7 calls a second: with calls of 5 s, 98.4 are at work, which is what two
 * workers of 64 have room for.
 */
static void useful_workers_are_what_the_quota_keeps_busy(void **state)
{
	struct forecast_facts facts = day(12000, 12000);
	struct forecast forecast;

	facts.call_us = 5000000;
	forecast_make(&facts, &forecast);
	assert_int_equal(forecast.left_s, 1220);
	assert_int_equal(forecast.workers_by_backlog, 188);
	assert_int_equal(forecast.workers_by_quota, 2);
	assert_int_equal(forecast.useful_workers, 2);
	facts.call_us = 100000;
	forecast_make(&facts, &forecast);
	assert_int_equal(forecast.useful_workers, 1);
}

static void no_more_workers_are_useful_than_there_is_work_for(void **state)
{
	struct forecast_facts facts = day(65, 65);
	struct forecast forecast;

	facts.call_us = 60000000;
	forecast_make(&facts, &forecast);
	assert_true(forecast.workers_by_quota > 2);
	assert_int_equal(forecast.useful_workers, 2);
	facts = day(0, 0);
	forecast_make(&facts, &forecast);
	assert_int_equal(forecast.useful_workers, 0);
}

static void each_job_type_calls_what_it_needs(void **state)
{
	assert_true(forecast_wants(JOB_DAILY_SYNC, FORECAST_USER_INFO));
	assert_true(forecast_wants(JOB_DAILY_SYNC, FORECAST_VIDEO_LIST));
	assert_false(forecast_wants(JOB_DAILY_SYNC, FORECAST_TOKEN));
	assert_true(forecast_wants(JOB_USER_STATS, FORECAST_USER_INFO));
	assert_false(forecast_wants(JOB_USER_STATS, FORECAST_VIDEO_LIST));
	assert_false(forecast_wants(JOB_VIDEO_STATS, FORECAST_USER_INFO));
	assert_true(forecast_wants(JOB_VIDEO_STATS, FORECAST_VIDEO_LIST));
	assert_true(forecast_wants(JOB_TOKEN_REFRESH, FORECAST_TOKEN));
	assert_false(forecast_wants(JOB_TOKEN_REFRESH, FORECAST_USER_INFO));
}

/* ---- Words ---- */

static void assert_duration(int64_t seconds, const char *expected)
{
	struct text out = {0};

	forecast_append_duration(seconds, &out);
	assert_string_equal(text_string(&out), expected);
	text_finish(&out);
}

static void durations_are_rounded_up(void **state)
{
	assert_duration(0, "0 s");
	assert_duration(59, "59 s");
	assert_duration(61, "2 min");
	assert_duration(3540, "59 min");
	assert_duration(3541, "1 h 0 min");
	assert_duration(3600, "1 h 0 min");
	assert_duration(8101, "2 h 16 min");
}

static void assert_words(const struct forecast_facts *facts, const char *words)
{
	static const struct forecast_selection selection = {.day = "2026-11-27"};
	struct forecast_report report = {.selection = &selection,
		.time_zone = "UTC",
		.facts = *facts,
		.ends_at = "2026-11-27 12:00"};
	struct text out = {0};

	forecast_make(facts, &report.forecast);
	forecast_append_text(&report, &out);
	if (!strstr(text_string(&out), words))
		fail_msg("not \"%s\", but:\n%s", words, text_string(&out));
	text_finish(&out);
}

static void words_say_when_and_why(void **state)
{
	struct forecast_facts facts = day(300, 900);

	assert_words(
		&facts, "finished at 2026-11-27 12:00 (UTC), in 2 min; video_list takes longest");
	assert_words(&facts, "by quota not known");
	facts.guessed = 7;
	facts.average_videos = 51;
	assert_words(&facts, "taken for 51 each");
	facts.day_left_s = 30;
	assert_words(&facts, "will not be finished before midnight in UTC");
	assert_words(&facts, "ask TikTok for a higher limit of video_list");
	facts.calls[FORECAST_VIDEO_LIST] = 1000000;
	assert_words(&facts, "a day does not suffice");
	facts.day_left_s = -1;
	assert_words(&facts, "2026-11-27 is over in UTC");
	facts = day(0, 0);
	assert_words(&facts, "nothing is left to do");
	facts = day(1, 1);
	memset(facts.quota, 0, sizeof facts.quota);
	assert_words(&facts, "no quota limits it");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_run_takes_as_long_as_its_slowest_endpoint),
		cmocka_unit_test(what_is_done_takes_no_time_any_more),
		cmocka_unit_test(a_day_that_does_not_suffice_is_found),
		cmocka_unit_test(midnight_is_the_limit_of_what_is_left),
		cmocka_unit_test(without_a_quota_nothing_is_limited),
		cmocka_unit_test(useful_workers_are_what_the_quota_keeps_busy),
		cmocka_unit_test(no_more_workers_are_useful_than_there_is_work_for),
		cmocka_unit_test(each_job_type_calls_what_it_needs),
		cmocka_unit_test(durations_are_rounded_up),
		cmocka_unit_test(words_say_when_and_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
