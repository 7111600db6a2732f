/* SPDX-License-Identifier: MIT */
/*
 * What the queues prove about the manifest: never more than they do, and all that they do.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "operator/audit_judge.h"

static struct audit_queue queues[QUEUES];
static struct audit_counts counts;
static struct audit_verdict verdict;

static int empty_everything(void **state)
{
	for (int id = 0; id < QUEUES; id++)
		queues[id] = (struct audit_queue){.exists = true};
	counts = (struct audit_counts){0};
	return 0;
}

static void judge(enum audit_strictness strictness)
{
	audit_judge(&counts, queues, strictness, &verdict);
}

static void nothing_is_missed_where_nothing_is_open(void **state)
{
	judge(AUDIT_AT_REST);
	assert_true(audit_is_clean(&verdict));
	assert_false(verdict.lost_all_waiting || verdict.lost_all_retrying ||
		     verdict.lost_all_letters || verdict.missing_all_logs);
}

static void ready_and_held_messages_of_both_job_queues_count(void **state)
{
	counts.waiting = 10;
	queues[QUEUE_JOBS].ready = 3;
	queues[QUEUE_JOBS].held = 4;
	queues[QUEUE_JOBS_EXPRESS].ready = 1;
	queues[QUEUE_JOBS_EXPRESS].held = 2;
	judge(AUDIT_AT_REST);
	assert_true(audit_is_clean(&verdict));
	counts.waiting = 12;
	judge(AUDIT_AT_REST);
	assert_int_equal(verdict.lost_jobs, 2);
	assert_false(verdict.lost_all_waiting);
}

/* A message on the ladder is of a retrying job, whatever their number. */
static void the_ladder_does_not_make_up_for_waiting_jobs(void **state)
{
	counts.waiting = 2;
	counts.retrying = 1;
	queues[QUEUE_RETRY_1M].ready = 5;
	judge(AUDIT_AT_REST);
	assert_int_equal(verdict.lost_jobs, 2);
	assert_true(verdict.lost_all_waiting);
	assert_false(verdict.lost_all_retrying);
}

static void messages_of_retrying_jobs_may_be_in_the_job_queues(void **state)
{
	counts.waiting = 2;
	counts.retrying = 4;
	queues[QUEUE_JOBS].ready = 3;
	queues[QUEUE_RETRY_10S].ready = 1;
	queues[QUEUE_RETRY_1M].held = 1;
	queues[QUEUE_RETRY_5M].ready = 1;
	judge(AUDIT_AT_REST);
	assert_true(audit_is_clean(&verdict));
	queues[QUEUE_RETRY_5M].ready = 0;
	judge(AUDIT_AT_REST);
	assert_int_equal(verdict.lost_jobs, 1);
}

static void empty_queues_name_every_open_job(void **state)
{
	counts.waiting = 2;
	counts.retrying = 3;
	judge(AUDIT_AT_REST);
	assert_int_equal(verdict.lost_jobs, 5);
	assert_true(verdict.lost_all_waiting);
	assert_true(verdict.lost_all_retrying);
}

static void what_nobody_knows_may_be_enough(void **state)
{
	counts = (struct audit_counts){.waiting = 100, .retrying = 5, .dead = 3, .unlogged = 7};
	queues[QUEUE_JOBS].held = AUDIT_UNKNOWN;
	judge(AUDIT_AT_REST);
	assert_true(audit_is_clean(&verdict));
	assert_false(verdict.lost_all_waiting);
}

static void a_dead_letter_may_still_be_on_its_way(void **state)
{
	counts.waiting = 2;
	counts.dead = 3;
	queues[QUEUE_JOBS].ready = 3; /* one more than waits */
	queues[QUEUE_JOBS_DEAD].ready = 2;
	judge(AUDIT_AT_REST);
	assert_true(audit_is_clean(&verdict));
	queues[QUEUE_JOBS].ready = 2;
	judge(AUDIT_AT_REST);
	assert_int_equal(verdict.lost_letters, 1);
	assert_false(verdict.lost_all_letters);
	queues[QUEUE_JOBS_DEAD].ready = 0;
	judge(AUDIT_AT_REST);
	assert_int_equal(verdict.lost_letters, 3);
	assert_true(verdict.lost_all_letters);
}

static void unreadable_dead_letters_may_be_there_too(void **state)
{
	counts.dead = 1;
	queues[QUEUE_JOBS_DEAD].ready = 9;
	judge(AUDIT_AT_REST);
	assert_true(audit_is_clean(&verdict));
}

static void a_result_may_be_on_its_way_or_still_to_be_told(void **state)
{
	counts = (struct audit_counts){.waiting = 4, .unlogged = 5, .unlogged_waiting = 1};
	queues[QUEUE_JOBS].ready = 6;    /* three of waiting jobs that have told everything */
	queues[QUEUE_RESULTS].ready = 2; /* and three others */
	judge(AUDIT_AT_REST);
	assert_true(audit_is_clean(&verdict));
	counts.unlogged = 6;
	judge(AUDIT_AT_REST);
	assert_int_equal(verdict.missing_logs, 1);
	assert_false(verdict.missing_all_logs);
}

static void rows_of_the_log_are_missed_when_nothing_can_bring_them(void **state)
{
	counts = (struct audit_counts){.waiting = 3, .unlogged = 2};
	queues[QUEUE_JOBS].held = 3;
	judge(AUDIT_AT_REST);
	assert_int_equal(verdict.missing_logs, 2);
	assert_true(verdict.missing_all_logs);
}

/* The highest figures of a while hold messages of jobs that have ended since: none is taken off. */
static void a_fleet_at_work_is_given_the_benefit_of_every_message(void **state)
{
	counts = (struct audit_counts){.waiting = 5, .dead = 3, .unlogged = 5};
	queues[QUEUE_JOBS].held = 5;
	judge(AUDIT_AT_REST);
	assert_int_equal(verdict.lost_letters, 3);
	assert_int_equal(verdict.missing_logs, 5);
	judge(AUDIT_AT_WORK);
	assert_true(audit_is_clean(&verdict));
	counts.waiting = 6;
	judge(AUDIT_AT_WORK);
	assert_int_equal(verdict.lost_jobs, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing_is_missed_where_nothing_is_open, empty_everything),
		cmocka_unit_test_setup(
			ready_and_held_messages_of_both_job_queues_count, empty_everything),
		cmocka_unit_test_setup(
			the_ladder_does_not_make_up_for_waiting_jobs, empty_everything),
		cmocka_unit_test_setup(
			messages_of_retrying_jobs_may_be_in_the_job_queues, empty_everything),
		cmocka_unit_test_setup(empty_queues_name_every_open_job, empty_everything),
		cmocka_unit_test_setup(what_nobody_knows_may_be_enough, empty_everything),
		cmocka_unit_test_setup(a_dead_letter_may_still_be_on_its_way, empty_everything),
		cmocka_unit_test_setup(unreadable_dead_letters_may_be_there_too, empty_everything),
		cmocka_unit_test_setup(
			a_result_may_be_on_its_way_or_still_to_be_told, empty_everything),
		cmocka_unit_test_setup(
			rows_of_the_log_are_missed_when_nothing_can_bring_them, empty_everything),
		cmocka_unit_test_setup(
			a_fleet_at_work_is_given_the_benefit_of_every_message, empty_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
