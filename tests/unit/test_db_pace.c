/* SPDX-License-Identifier: MIT */
/*
 * Tests of common/db_pace.c: how often a process connects to PostgreSQL, in whatever way it is away.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/db_pace.h"

#define LEAST 0          /* random numbers that give the shortest and the longest pause */
#define MOST  UINT64_MAX /* any large one: pauses are only compared with bounds */

static struct db_pace pace;
static const struct error refused = {.class = ERROR_DATABASE, .text = "refused"};

static int set_up(void **state)
{
	db_pace_init(&pace);
	return 0;
}

/* What many threads do that all want a connection all the time; returns the connects in [0, end_ms). */
static int connect_whenever_allowed(int64_t end_ms, void (*outcome)(int64_t now_ms))
{
	int connects = 0;

	for (int64_t now_ms = 0; now_ms < end_ms; now_ms++) {
		if (db_pace_pause_ms(&pace, now_ms) > 0)
			continue;
		db_pace_note_attempt(&pace, now_ms);
		outcome(now_ms);
		connects++;
	}
	return connects;
}

static void fails(int64_t now_ms)
{
	db_pace_note_failure(&pace, &refused, LEAST, now_ms);
}

static void breaks_soon(int64_t now_ms)
{
	db_pace_note_loss(&pace, "read-only", LEAST, now_ms);
}

static void a_pool_that_is_well_connects_at_once(void **state)
{
	for (int i = 0; i < 5; i++) {
		assert_int_equal(db_pace_pause_ms(&pace, 1000), 0);
		db_pace_note_attempt(&pace, 1000);
	}
}

static void an_unreachable_server_sees_a_connect_a_second_at_most(void **state)
{
	assert_in_range(connect_whenever_allowed(10000, fails), 1, 10);
}

static void a_server_that_ends_every_connection_sees_one_a_second_at_most(void **state)
{
	db_pace_note_loss(&pace, "the first of many", LEAST, 0);

	assert_in_range(connect_whenever_allowed(10000, breaks_soon), 1, 10);
	db_pace_note_attempt(&pace, 20000);
	db_pace_note_loss(&pace, "read-only", 14000, 20000);
	assert_int_equal(db_pace_pause_ms(&pace, 20000), 15000);
}

static void the_pause_grows_to_15_seconds(void **state)
{
	int64_t now_ms = 0;

	for (int i = 0; i < 1000; i++) {
		uint64_t random = MOST / (uint64_t)(i + 1);

		db_pace_note_failure(&pace, &refused, random, now_ms);
		assert_in_range(db_pace_pause_ms(&pace, now_ms), 1000, 15000);
		now_ms += 15000;
	}
	db_pace_note_failure(&pace, &refused, 14000, now_ms);
	assert_int_equal(db_pace_pause_ms(&pace, now_ms), 15000);
}

static void a_connection_that_breaks_is_replaced_at_once(void **state)
{
	db_pace_note_attempt(&pace, 0);
	db_pace_note_loss(&pace, "killed", LEAST, 0);

	assert_int_equal(db_pace_pause_ms(&pace, 1), 0);
	assert_string_equal(pace.trouble.text, "killed");
	assert_int_equal(pace.trouble.class, ERROR_DATABASE);
}

static void many_that_break_together_do_not_shorten_the_pause(void **state)
{
	db_pace_note_failure(&pace, &refused, LEAST, 0);
	for (int i = 0; i < 4; i++)
		db_pace_note_loss(&pace, "killed", LEAST, 0);

	assert_int_equal(db_pace_pause_ms(&pace, 0), 1000);
	assert_string_equal(pace.trouble.text, "refused");
}

static void health_ends_the_pause_and_the_growth(void **state)
{
	for (int i = 0; i < 6; i++)
		db_pace_note_failure(&pace, &refused, LEAST, 0);
	db_pace_note_attempt(&pace, 5000);
	db_pace_note_health(&pace);
	assert_int_equal(db_pace_pause_ms(&pace, 5001), 0);

	db_pace_note_failure(&pace, &refused, 1000, 0);
	assert_int_equal(db_pace_pause_ms(&pace, 0), 2000);
}

/* A server that admits no more connections serves those it has. */
static void older_connections_do_not_end_the_trouble(void **state)
{
	db_pace_note_failure(&pace, &refused, LEAST, 0);
	db_pace_note_health(&pace);

	assert_int_equal(db_pace_pause_ms(&pace, 0), 1000);
}

#define TEST(claim) cmocka_unit_test_setup(claim, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_pool_that_is_well_connects_at_once),
		TEST(an_unreachable_server_sees_a_connect_a_second_at_most),
		TEST(a_server_that_ends_every_connection_sees_one_a_second_at_most),
		TEST(the_pause_grows_to_15_seconds),
		TEST(a_connection_that_breaks_is_replaced_at_once),
		TEST(many_that_break_together_do_not_shorten_the_pause),
		TEST(health_ends_the_pause_and_the_growth),
		TEST(older_connections_do_not_end_the_trouble),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
