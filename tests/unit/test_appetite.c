/* SPDX-License-Identifier: MIT */
/*
 * How many jobs a worker takes (worker/appetite.c), against a model of a worker: jobs of four calls, 100 ms each, one of
 * them to user/info, at so many slots a second.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "worker/appetite.h"

#define TICK_MS    10
#define CALLS      4
#define CALL_TICKS 10
#define LOOK_TICKS 50
#define MOST       192
#define PLACES     64

struct model {
	struct appetite appetite;
	double slots_a_second;                /* to video/list; 0: no limit */
	double slots;                         /* at hand */
	int64_t ready;                        /* jobs in the queue */
	int at_stage[CALLS * CALL_TICKS + 1]; /* jobs in the calls, by how far they are */
	int64_t waiting[CALLS];               /* for their n-th call */
	int64_t ended, calls[ENDPOINTS];
	int changes;
	int64_t lost_slots; /* that nobody waited for, while there was work */
};

static int64_t at_hand(const struct model *model)
{
	int64_t count = 0;

	for (int i = 0; i <= CALLS * CALL_TICKS; i++)
		count += model->at_stage[i];
	for (int i = 0; i < CALLS; i++)
		count += model->waiting[i];
	return count;
}

static void begin_call(struct model *model, size_t call)
{
	model->waiting[call]--;
	model->at_stage[call * CALL_TICKS]++;
	model->calls[call == 0 ? ENDPOINT_USER_INFO : ENDPOINT_VIDEO_LIST]++;
}

static void move_on(struct model *model)
{
	for (int i = CALLS * CALL_TICKS; i > 0; i--) {
		int done = model->at_stage[i - 1];

		model->at_stage[i - 1] = 0;
		if (i == CALLS * CALL_TICKS)
			model->ended += done;
		else if (i % CALL_TICKS == 0)
			model->waiting[i / CALL_TICKS] += done;
		else
			model->at_stage[i] += done;
	}
	while (model->ready > 0 && at_hand(model) < model->appetite.jobs) {
		model->ready--;
		model->waiting[0]++;
	}
	while (model->waiting[0])
		begin_call(model, 0);
}

static void use_slots(struct model *model)
{
	model->slots += model->slots_a_second * TICK_MS / 1000;
	for (size_t call = CALLS - 1; call > 0; call--) {
		while (model->waiting[call] && (model->slots >= 1 || model->slots_a_second <= 0)) {
			model->slots -= 1;
			begin_call(model, call);
		}
	}
	if (model->slots >= 1) { /* it passes */
		model->lost_slots += model->ready > 0;
		model->slots -= 1;
	}
}

static struct appetite_look look(struct model *model)
{
	struct appetite_look look = {.passed_s = LOOK_TICKS * TICK_MS / 1000.0,
		.at_hand = at_hand(model),
		.ended = model->ended,
		.ready = model->ready};

	for (int i = 0; i < CALLS; i++)
		look.waiting += model->waiting[i];
	memcpy(look.calls, model->calls, sizeof look.calls);
	look.per_minute[ENDPOINT_VIDEO_LIST] = (int64_t)(model->slots_a_second * 60);
	memset(model->calls, 0, sizeof model->calls);
	model->ended = 0;
	return look;
}

static void run(struct model *model, int seconds)
{
	for (int tick = 1; tick <= seconds * 1000 / TICK_MS; tick++) {
		move_on(model);
		use_slots(model);
		if (tick % LOOK_TICKS == 0) {
			struct appetite_look seen = look(model);

			model->changes += appetite_look(&model->appetite, &seen);
		}
	}
}

static void begin(struct model *model, double slots_a_second, int64_t jobs)
{
	*model = (struct model){.slots_a_second = slots_a_second, .ready = jobs};
	appetite_init(&model->appetite, MOST, (int64_t)(slots_a_second * 60));
}

/* 10 slots a second feed 3.3 jobs: 1.3 at work, 6.7 for two seconds, and some to spare. */
static void no_more_is_taken_than_the_quota_feeds(void **state)
{
	struct model model;

	begin(&model, 10, 10000);
	run(&model, 60);
	assert_in_range(model.appetite.jobs, 8, 24);
	model.lost_slots = 0;
	run(&model, 60);
	assert_int_equal(model.lost_slots, 0);
	assert_in_range(model.appetite.jobs, 8, 24);
}

static void a_larger_quota_is_used_within_seconds(void **state)
{
	struct model model;

	begin(&model, 300, 100000);
	run(&model, 5);
	model.lost_slots = 0;
	run(&model, 30);
	assert_true(model.lost_slots < 300 * 30 / 100);
	assert_in_range(model.appetite.jobs, 40, MOST);
}

static void little_is_taken_when_others_have_most_of_the_quota(void **state)
{
	struct model model;

	begin(&model, 0.6, 10000); /* a sixteenth */
	run(&model, 120);
	assert_in_range(model.appetite.jobs, APPETITE_LEAST, 8);
	assert_true(at_hand(&model) < APPETITE_FIRST);
}

static void it_comes_to_rest(void **state)
{
	struct model model;

	begin(&model, 10, 100000);
	run(&model, 60);
	model.changes = 0;
	run(&model, 300);
	assert_in_range(model.changes, 0, 3);
}

static void without_a_quota_as_much_is_taken_as_ever(void **state)
{
	struct model model;

	begin(&model, 0, 10000);
	assert_int_equal(model.appetite.jobs, MOST);
	run(&model, 10);
	assert_int_equal(model.appetite.jobs, MOST);
}

static int64_t useful(struct model *model)
{
	struct appetite_look seen = look(model);

	return appetite_useful_workers(&model->appetite, &seen, PLACES);
}

static void more_workers_than_the_quota_feeds_are_of_no_use(void **state)
{
	struct model model;

	begin(&model, 10, 100000);
	run(&model, 30);
	assert_int_equal(useful(&model), 1);
	begin(&model, 1600, 1000000); /* 533 jobs a second of 0.4 s: 213 places */
	run(&model, 30);
	assert_in_range(useful(&model), 3, 5);
}

static void more_workers_than_the_backlog_fills_are_of_no_use(void **state)
{
	struct model model;

	begin(&model, 0, 0);
	run(&model, 5);
	assert_int_equal(useful(&model), 0);
	model.ready = 3 * PLACES - 1;
	assert_int_equal(useful(&model), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_more_is_taken_than_the_quota_feeds),
		cmocka_unit_test(a_larger_quota_is_used_within_seconds),
		cmocka_unit_test(little_is_taken_when_others_have_most_of_the_quota),
		cmocka_unit_test(it_comes_to_rest),
		cmocka_unit_test(without_a_quota_as_much_is_taken_as_ever),
		cmocka_unit_test(more_workers_than_the_quota_feeds_are_of_no_use),
		cmocka_unit_test(more_workers_than_the_backlog_fills_are_of_no_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
