/* SPDX-License-Identifier: MIT */
/*
 * Leased slots and the far clock (worker/slots.c, worker/far_clock.c): a fleet of simulated workers with
 * clocks of their own, killed at random, late at random; a model of TikTok counts every window.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "worker/far_clock.h"
#include "worker/slots.h"

#define MS     INT64_C(1000)
#define SECOND (1000 * MS)

/* Repeatable chance: the generator of Numerical Recipes. */
static uint32_t random_state;

static int64_t chance(int64_t below)
{
	random_state = random_state * 1664525 + 1013904223;
	return (int64_t)(random_state >> 8) % below;
}

/* ---- Slots ---- */

static void slots_come_one_step_apart(void **state)
{
	struct slots slots = {0};

	slots_add(&slots, &(struct slot_run){1000, 100, 2});
	assert_int_equal(slots_next_us(&slots, 0), 1000);
	slots_take(&slots);
	assert_int_equal(slots_next_us(&slots, 0), 1100);
	slots_take(&slots);
	assert_int_equal(slots_next_us(&slots, 0), INT64_MAX);
}

static void a_slot_that_is_missed_by_long_is_not_used(void **state)
{
	struct slots slots = {0};

	slots_add(&slots, &(struct slot_run){0, 100 * MS, 10});
	assert_int_equal(slots_next_us(&slots, SLOT_USE_MS * MS), 0);
	assert_int_equal(slots_next_us(&slots, SLOT_USE_MS * MS + 1), 100 * MS);
	assert_int_equal(slots.lapsed, 1);
}

static void for_a_late_call_another_slot_is_left_out(void **state)
{
	struct slots slots = {0};

	slots_add(&slots, &(struct slot_run){0, 100 * MS, 10});
	slots_owe(&slots, 150 * MS);
	assert_int_equal(slots_left(&slots), 9);
	/* Those that lie before the lateness was known make no room for it. */
	assert_int_equal(slots_next_us(&slots, 150 * MS), 0);
	slots_take(&slots);
	assert_int_equal(slots_next_us(&slots, 150 * MS), 100 * MS);
	slots_take(&slots);
	assert_int_equal(slots_next_us(&slots, 150 * MS), 300 * MS);
}

static void nothing_is_sent_in_a_pause(void **state)
{
	struct slots slots = {0};

	slots_add(&slots, &(struct slot_run){0, SECOND, 10});
	slots_drop_before(&slots, 5 * SECOND + 1);
	assert_int_equal(slots_next_us(&slots, 0), 6 * SECOND);
	assert_int_equal(slots_left(&slots), 4);
}

static void more_runs_than_there_is_room_for_lapse(void **state)
{
	struct slots slots = {0};

	for (int i = 0; i < SLOT_RUNS + 1; i++)
		slots_add(&slots, &(struct slot_run){i * SECOND, 1, 2});
	assert_int_equal(slots_left(&slots), 2 * SLOT_RUNS);
	assert_int_equal(slots.lapsed, 2);
}

static void steps_keep_to_the_limit_with_the_guard(void **state)
{
	assert_int_equal(quota_step_us(600), 101667);
	assert_true(quota_step_us(7) * 7 >= (QUOTA_WINDOW_MS + QUOTA_GUARD_MS) * MS);
}

/* ---- The far clock ---- */

static void the_quickest_answer_decides(void **state)
{
	struct far_clock clock = {0};

	far_clock_note(&clock, 0, 100 * MS, 7 * SECOND);
	assert_int_equal(far_clock_doubt_us(&clock), 100 * MS);
	far_clock_note(&clock, 200 * MS, 202 * MS, 7 * SECOND + 101 * MS);
	assert_true(far_clock_doubt_us(&clock) <= 2 * MS);
	/* A slow answer tells nothing new. */
	far_clock_note(&clock, 300 * MS, 900 * MS, 7 * SECOND + 400 * MS);
	assert_true(far_clock_doubt_us(&clock) <= 4 * MS);
}

static void a_moment_is_taken_for_the_latest_that_it_can_be(void **state)
{
	struct far_clock clock = {0};

	far_clock_note(&clock, 1000, 1500, 90000);
	assert_int_equal(far_clock_latest_us(&clock, 90000), 1500);
	assert_int_equal(far_clock_latest_us(&clock, 90100), 1600);
}

static void a_clock_that_was_set_is_learnt_anew(void **state)
{
	struct far_clock clock = {0};

	far_clock_note(&clock, 0, 10 * MS, SECOND);
	far_clock_note(&clock, 20 * MS, 30 * MS, SECOND - 3600 * SECOND);
	assert_int_equal(far_clock_doubt_us(&clock), 10 * MS);
	assert_int_equal(far_clock_latest_us(&clock, SECOND - 3600 * SECOND), 30 * MS);
}

/* ---- A fleet ---- */

enum { WORKERS = 6, LIMIT = 60, MINUTES = 8, CALLS_MAX = LIMIT * (MINUTES + 1) };

struct worker {
	struct slots slots;
	struct far_clock clock;
	int64_t offset_us; /* its clock minus the real one */
	int64_t ask_us;    /* real time */
	int64_t sleeps_until_us;
};

struct fleet {
	struct worker workers[WORKERS];
	int64_t far_offset_us; /* the database's clock minus the real one */
	int64_t next_slot_us;  /* by the database's clock */
	int64_t arrivals_us[CALLS_MAX];
	int calls;
};

/* What lease_quota() does, in short: slots within a second, each given out once. */
static void lease(struct fleet *fleet, struct worker *worker, int64_t now_us)
{
	int64_t way_us = 1 + chance(40 * MS), back_us = 1 + chance(40 * MS);
	int64_t far_us = now_us + way_us + fleet->far_offset_us;
	struct slot_run run = {.step_us = quota_step_us(LIMIT)};

	if (fleet->next_slot_us < far_us)
		fleet->next_slot_us = far_us;
	run.first_us = fleet->next_slot_us;
	while (fleet->next_slot_us < far_us + SECOND && run.count < 1 + chance(3)) {
		fleet->next_slot_us += run.step_us;
		run.count++;
	}
	far_clock_note(&worker->clock, now_us + worker->offset_us,
		now_us + way_us + back_us + worker->offset_us, far_us);
	run.first_us = far_clock_latest_us(&worker->clock, run.first_us);
	slots_add(&worker->slots, &run);
}

/* A call begins within the time that its slot allows, or later, which is noticed; and travels. */
static void send(struct fleet *fleet, struct worker *worker, int64_t now_us, int64_t slot_us)
{
	int64_t late_us = now_us + worker->offset_us - slot_us;
	int64_t connecting_us = chance(20) ? chance(80 * MS) : chance(20 * SECOND);

	slots_take(&worker->slots);
	assert_true(fleet->calls < CALLS_MAX);
	fleet->arrivals_us[fleet->calls++] = now_us + connecting_us + chance(200 * MS);
	if (late_us + connecting_us > SLOT_LATE_MS * MS) /* known when the answer is there */
		slots_owe(&worker->slots, now_us + connecting_us + worker->offset_us);
}

static void turn(struct fleet *fleet, struct worker *worker, int64_t now_us)
{
	int64_t slot_us;

	/* Killed, and another one takes its place; but for the case that slots.h leaves out. */
	if (chance(20000) == 0 && worker->slots.owed == 0) {
		memset(&worker->slots, 0, sizeof worker->slots);
		memset(&worker->clock, 0, sizeof worker->clock);
		worker->offset_us = chance(1000 * SECOND) - 500 * SECOND;
	}
	if (chance(3000) == 0) /* the machine is busy */
		worker->sleeps_until_us = now_us + chance(1500 * MS);
	if (now_us < worker->sleeps_until_us)
		return;
	if (now_us >= worker->ask_us) {
		worker->ask_us = now_us + chance(700 * MS);
		lease(fleet, worker, now_us);
	}
	slot_us = slots_next_us(&worker->slots, now_us + worker->offset_us);
	if (slot_us <= now_us + worker->offset_us)
		send(fleet, worker, now_us, slot_us);
}

static int by_value(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

	return (left > right) - (left < right);
}

static void run_fleet(struct fleet *fleet, uint32_t seed)
{
	random_state = seed;
	memset(fleet, 0, sizeof *fleet);
	fleet->far_offset_us = chance(1000 * SECOND);
	for (int64_t now_us = 0; now_us < MINUTES * (60 * SECOND); now_us += 7 * MS)
		for (int i = 0; i < WORKERS; i++)
			turn(fleet, &fleet->workers[i], now_us);
	qsort(fleet->arrivals_us, (size_t)fleet->calls, sizeof fleet->arrivals_us[0], by_value);
}

static void no_minute_of_any_schedule_sees_more_than_the_limit(void **state)
{
	static struct fleet fleet;

	for (uint32_t seed = 1; seed <= 200; seed++) {
		run_fleet(&fleet, seed);
		for (int i = LIMIT; i < fleet.calls; i++)
			if (fleet.arrivals_us[i] - fleet.arrivals_us[i - LIMIT] <= 60 * SECOND)
				fail_msg("seed %u: %d calls in a minute before call %d", seed,
					LIMIT + 1, i);
		assert_true(fleet.calls > LIMIT * MINUTES / 2); /* it did something */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slots_come_one_step_apart),
		cmocka_unit_test(a_slot_that_is_missed_by_long_is_not_used),
		cmocka_unit_test(for_a_late_call_another_slot_is_left_out),
		cmocka_unit_test(nothing_is_sent_in_a_pause),
		cmocka_unit_test(more_runs_than_there_is_room_for_lapse),
		cmocka_unit_test(steps_keep_to_the_limit_with_the_guard),
		cmocka_unit_test(the_quickest_answer_decides),
		cmocka_unit_test(a_moment_is_taken_for_the_latest_that_it_can_be),
		cmocka_unit_test(a_clock_that_was_set_is_learnt_anew),
		cmocka_unit_test(no_minute_of_any_schedule_sees_more_than_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
