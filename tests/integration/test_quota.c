/* SPDX-License-Identifier: MIT */
/*
 * The quota that the fleet shares (migration 0010), by a clock of the test's own: slots are given out once and one step apart
 * whatever the order of asks, express jobs have their share, a 429 slows everybody, a clock that is set back costs a
 * minute and no call too many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/db.h"
#include "tests/support/database.h"
#include "worker/slots.h"

#define LIMIT   600
#define SECOND  INT64_C(1000000)
#define NOON    INT64_C(1700049600000000) /* 2023-11-15 12:00 UTC */
#define HORIZON SECOND
#define MANY    1000

struct lease {
	int64_t granted, first_us, step_us, paused_us, now_us;
};

static struct test_database database;

static int create_database(void **state)
{
	test_database_create(&database);
	return 0;
}

static int destroy_database(void **state)
{
	test_database_destroy(&database);
	return 0;
}

static int empty_table(void **state)
{
	test_execute(database.db, "TRUNCATE quotas");
	return 0;
}

static struct db_result *query(const char *sql)
{
	struct db_result *result = NULL;
	struct error err;

	if (!db_run_script(database.db, sql, &result, &err))
		fail_msg("%s", err.text);
	return result;
}

/* Ask at so many microseconds after noon. */
static struct lease lease_for(int64_t at_us, int wanted, int express)
{
	struct db_result *result;
	struct lease lease;
	char sql[400];

	snprintf(sql, sizeof sql,
		"SELECT granted, first_slot_us, step_us, paused_us, now_us FROM lease_quota('key', 'video_list', %" PRId64
		", %" PRId64 ", %d, %d, timestamptz 'epoch' + %" PRId64
		" * interval '1 microsecond')",
		quota_step_us(LIMIT), HORIZON, wanted, express, NOON + at_us);
	result = query(sql);
	lease = (struct lease){db_integer(result, 0, 0), db_integer(result, 0, 1) - NOON,
		db_integer(result, 0, 2), db_integer(result, 0, 3),
		db_integer(result, 0, 4) - NOON};
	db_result_destroy(result);
	return lease;
}

static struct lease lease(int64_t at_us, int wanted)
{
	return lease_for(at_us, wanted, 0);
}

/* A 429 to a call that was sent age_us ago; pause_s -1: without Retry-After. True: it is news. */
static bool refuse(int64_t at_us, int64_t age_us, int pause_s)
{
	char pause[40] = "NULL", sql[400];
	struct db_result *result;
	bool news;

	if (pause_s >= 0)
		snprintf(pause, sizeof pause, "interval '%d seconds'", pause_s);
	snprintf(sql, sizeof sql,
		"SELECT limit_quota('key', 'video_list', %" PRId64
		" * interval '1 microsecond', %s,"
		" timestamptz 'epoch' + %" PRId64 " * interval '1 microsecond')",
		age_us, pause, NOON + at_us);
	result = query(sql);
	news = db_boolean(result, 0, 0);
	db_result_destroy(result);
	return news;
}

/* Repeatable chance: the generator of Numerical Recipes. */
static int64_t chance(int64_t below)
{
	static uint32_t state = 7;

	state = state * 1664525 + 1013904223;
	return (int64_t)(state >> 8) % below;
}

static void slots_are_given_out_once_and_one_step_apart(void **state)
{
	int64_t at_us = 0, last_us = INT64_MIN / 2, total = 0;

	for (int i = 0; i < 4000; i++) {
		struct lease got = lease(at_us, (int)chance(15));

		if (got.granted) {
			assert_true(got.first_us >= last_us + got.step_us);
			assert_true(got.first_us >= at_us);
			last_us = got.first_us + (got.granted - 1) * got.step_us;
			assert_true(last_us < at_us + HORIZON);
			total += got.granted;
		}
		at_us += chance(20) ? chance(200000) : chance(5 * SECOND);
	}
	assert_true(total > 2000);
	assert_int_equal(test_query_integer(database.db, "SELECT leased FROM quotas"), total);
}

static void who_gets_none_has_written_nothing(void **state)
{
	int64_t before;

	assert_in_range(lease(0, MANY).granted, 9, 10); /* a second's worth */
	before = test_query_integer(
		database.db, "SELECT xmin::text::int8 + xmax::text::int8 FROM quotas");
	assert_int_equal(lease(10000, MANY).granted, 0);
	assert_int_equal(test_query_integer(database.db,
				 "SELECT xmin::text::int8 + xmax::text::int8 FROM quotas"),
		before);
}

static void slots_that_nobody_took_are_gone(void **state)
{
	lease(0, MANY);
	assert_int_equal(lease(100 * SECOND, 1).first_us, 100 * SECOND);
}

static void express_jobs_have_a_share_that_nobody_else_can_use_up(void **state)
{
	struct lease got;
	int64_t express = 0;

	lease(0, MANY);
	assert_int_equal(lease(0, MANY).granted, 0);
	got = lease_for(0, MANY, 3);
	assert_int_equal(got.granted, 3);
	/* Of a minute's quota a tenth: after that they wait like the others. */
	for (int i = 0; i < 100; i++)
		express += lease_for(0, MANY, 3).granted;
	assert_in_range(express, LIMIT / 10 - 6, LIMIT / 10);
	assert_int_equal(lease_for(0, MANY, 3).granted, 0);
	/* And the others get their turn. */
	assert_true(lease(9 * SECOND, MANY).granted > 0);
}

static void express_jobs_use_what_is_free_before_their_share(void **state)
{
	assert_int_equal(lease_for(0, 5, 5).granted, 5);
	assert_int_equal(test_query_integer(database.db,
				 "SELECT count(*) FROM quotas WHERE reserve_at > '-infinity'"),
		0);
}

static void a_429_pauses_everybody_then_slows_them(void **state)
{
	struct lease got;

	lease(0, 1);
	assert_true(refuse(10 * SECOND, 0, -1));
	got = lease(10 * SECOND, MANY);
	assert_int_equal(got.granted, 0);
	assert_int_equal(got.paused_us - NOON, 11 * SECOND);
	got = lease(11 * SECOND, MANY);
	assert_in_range(got.granted, 6, 8);
	assert_true(got.step_us > quota_step_us(LIMIT) * 13 / 10);
	/* A twentieth a minute: back to all of it after six. */
	assert_true(lease(180 * SECOND, 1).step_us > quota_step_us(LIMIT));
	assert_int_equal(lease(10 * SECOND + 361 * SECOND, 1).step_us, quota_step_us(LIMIT));
}

static void answers_to_calls_of_one_moment_are_one_event(void **state)
{
	int64_t step_us;

	assert_true(refuse(10 * SECOND, 0, -1));
	step_us = lease(20 * SECOND, 1).step_us;
	assert_false(refuse(20 * SECOND, 9 * SECOND, -1)); /* sent before everybody knew */
	assert_int_equal(lease(20 * SECOND, 1).step_us, step_us);
	assert_true(refuse(21 * SECOND, 0, -1));
	assert_true(lease(40 * SECOND, 1).step_us > step_us);
	assert_int_equal(test_query_integer(database.db, "SELECT limited FROM quotas"), 3);
}

static void retry_after_is_honoured(void **state)
{
	refuse(0, 0, 300);
	assert_int_equal(lease_for(298 * SECOND, MANY, 1).granted, 0);
	assert_int_equal(lease(300 * SECOND, 1).first_us, 300 * SECOND);
	/* But for a nonsensical one nobody stops for a day. */
	refuse(400 * SECOND, 0, 86400);
	assert_int_equal(lease(4000 * SECOND, 1).first_us, 4000 * SECOND);
}

static void pauses_double_while_it_goes_on(void **state)
{
	static const int64_t pauses_s[] = {1, 2, 4, 8, 16, 32, 60, 60};
	int64_t at_us = 0;

	for (size_t i = 0; i < sizeof pauses_s / sizeof *pauses_s; i++) {
		refuse(at_us, 0, -1);
		assert_int_equal(lease(at_us, 1).paused_us - NOON, at_us + pauses_s[i] * SECOND);
		at_us += (pauses_s[i] + 4) * SECOND;
	}
	at_us += 120 * SECOND;
	refuse(at_us, 0, -1);
	assert_int_equal(lease(at_us, 1).paused_us - NOON, at_us + SECOND);
}

static void it_never_gets_slower_than_a_tenth(void **state)
{
	for (int i = 0; i < 30; i++)
		refuse(i * (10 * SECOND), 0, 0);
	assert_true(lease(301 * SECOND, 1).step_us <= quota_step_us(LIMIT) * 10 + 1);
}

static void while_settings_differ_the_most_cautious_counts(void **state)
{
	int64_t step_us = lease(0, 1).step_us;

	test_execute(database.db, "UPDATE quotas SET asked_step_us = 2 * asked_step_us");
	assert_int_equal(lease(30 * SECOND, 1).step_us, 2 * step_us);
	/* Nobody has asked for that since. */
	assert_int_equal(lease(61 * SECOND, 1).step_us, step_us);
}

static void a_clock_that_is_set_back_costs_a_minute_and_no_call_too_many(void **state)
{
	struct lease got = lease(0, MANY);
	int64_t last_us = got.first_us + (got.granted - 1) * got.step_us; /* real time */
	int64_t back_us = 3600 * SECOND;

	assert_int_equal(lease(-back_us, MANY).granted, 0);
	assert_int_equal(lease(30 * SECOND - back_us, MANY).granted, 0);
	got = lease(70 * SECOND - back_us, MANY);
	assert_true(got.granted > 0);
	assert_true(got.first_us + back_us >= last_us + 61 * SECOND);
}

static void the_clock_may_be_set_back_in_a_pause(void **state)
{
	refuse(0, 0, 3000);
	assert_int_equal(lease(-86400 * SECOND, MANY).granted, 0);
	assert_true(lease(71 * SECOND - 86400 * SECOND, MANY).granted > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(slots_are_given_out_once_and_one_step_apart, empty_table),
		cmocka_unit_test_setup(who_gets_none_has_written_nothing, empty_table),
		cmocka_unit_test_setup(slots_that_nobody_took_are_gone, empty_table),
		cmocka_unit_test_setup(
			express_jobs_have_a_share_that_nobody_else_can_use_up, empty_table),
		cmocka_unit_test_setup(
			express_jobs_use_what_is_free_before_their_share, empty_table),
		cmocka_unit_test_setup(a_429_pauses_everybody_then_slows_them, empty_table),
		cmocka_unit_test_setup(answers_to_calls_of_one_moment_are_one_event, empty_table),
		cmocka_unit_test_setup(retry_after_is_honoured, empty_table),
		cmocka_unit_test_setup(pauses_double_while_it_goes_on, empty_table),
		cmocka_unit_test_setup(it_never_gets_slower_than_a_tenth, empty_table),
		cmocka_unit_test_setup(while_settings_differ_the_most_cautious_counts, empty_table),
		cmocka_unit_test_setup(
			a_clock_that_is_set_back_costs_a_minute_and_no_call_too_many, empty_table),
		cmocka_unit_test_setup(the_clock_may_be_set_back_in_a_pause, empty_table),
	};

	return cmocka_run_group_tests(tests, create_database, destroy_database);
}
