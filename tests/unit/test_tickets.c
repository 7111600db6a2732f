/* SPDX-License-Identifier: MIT */
/*
 * Tests of worker/tickets.c: what the intake knows of accounts at work and of what waits for them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "worker/tickets.h"

#define JOB_ID   "11111111-1111-4111-8111-111111111111"
#define OTHER_ID "22222222-2222-4222-8222-222222222222"

static struct job_message message_of(int64_t account_id)
{
	struct job_message message = {.account_id = account_id, .attempt = 2, .progress.slice = 3};

	snprintf(message.job_id, sizeof message.job_id, JOB_ID);
	return message;
}

static struct job *job_of(int64_t account_id)
{
	struct job_message message = message_of(account_id);

	return job_create(&message);
}

static int set_up(void **state)
{
	*state = memory_allocate(1, sizeof(struct tickets));
	return 0;
}

static int tear_down(void **state)
{
	free(*state);
	return 0;
}

/* ---- Found by account ---- */

static void an_account_without_a_ticket_is_free(void **state)
{
	struct tickets *tickets = *state;

	assert_null(tickets_find(tickets, 7));
}

static void a_ticket_has_what_tells_its_message_from_others(void **state)
{
	struct tickets *tickets = *state;
	struct job *job = job_of(7);
	struct ticket *ticket = tickets_add(tickets, job);

	assert_ptr_equal(tickets_find(tickets, 7), ticket);
	assert_ptr_equal(job->ticket, ticket);
	assert_ptr_equal(ticket->job, job);
	assert_int_equal(ticket->account_id, 7);
	assert_string_equal(ticket->job_id, JOB_ID);
	assert_int_equal(ticket->attempt, 2);
	assert_int_equal(ticket->slice, 3);
	assert_false(ticket->returned);
	assert_null(ticket->parked);
	tickets_remove(tickets, ticket);
	job_destroy(job);
}

/* Accounts that are a multiple of the table's size apart share a bucket. */
static void accounts_of_one_bucket_are_told_apart(void **state)
{
	enum { COUNT = 5 };
	static const int removed[COUNT] = {2, 4, 0, 3, 1}; /* from inside, end and beginning */
	struct tickets *tickets = *state;
	struct ticket *ticket[COUNT];
	struct job *job[COUNT];

	for (int i = 0; i < COUNT; i++) {
		job[i] = job_of(7 + (int64_t)i * TICKET_BUCKETS);
		ticket[i] = tickets_add(tickets, job[i]);
	}
	for (int gone = 0; gone < COUNT; gone++) {
		tickets_remove(tickets, ticket[removed[gone]]);
		ticket[removed[gone]] = NULL;
		for (int i = 0; i < COUNT; i++)
			assert_ptr_equal(
				tickets_find(tickets, 7 + (int64_t)i * TICKET_BUCKETS), ticket[i]);
	}
	for (int i = 0; i < COUNT; i++)
		job_destroy(job[i]);
}

static void the_greatest_account_id_has_its_place(void **state)
{
	struct tickets *tickets = *state;
	struct job *job = job_of(INT64_MAX);
	struct ticket *ticket = tickets_add(tickets, job);

	assert_ptr_equal(tickets_find(tickets, INT64_MAX), ticket);
	assert_null(tickets_find(tickets, INT64_MAX - TICKET_BUCKETS));
	tickets_remove(tickets, ticket);
	assert_null(tickets_find(tickets, INT64_MAX));
	job_destroy(job);
}

/* ---- Parked behind it ---- */

static void what_is_parked_keeps_its_order(void **state)
{
	struct tickets *tickets = *state;
	struct job *job = job_of(7);
	struct ticket *ticket = tickets_add(tickets, job);
	struct parked parked[3] = {{.arrival.tag = 1}, {.arrival.tag = 2}, {.arrival.tag = 3}};
	struct parked *at;
	uint64_t tag = 0;

	parked[2].next = &parked[0]; /* left over from another list */
	for (int i = 0; i < 3; i++)
		ticket_park(ticket, &parked[i]);
	for (at = ticket->parked; at; at = at->next)
		assert_int_equal(at->arrival.tag, ++tag);
	assert_int_equal(tag, 3);
	ticket->parked = NULL;
	tickets_remove(tickets, ticket);
	job_destroy(job);
}

/* ---- Delivered again ---- */

enum { EPOCH = 5 };

/* Whether the message, delivered over that connection, is the one that the ticket stands for. */
static bool is_repeated(
	struct tickets *tickets, bool returned, const struct job_message *message, uint64_t epoch)
{
	struct job *job = job_of(7);
	struct ticket *ticket = tickets_add(tickets, job);
	struct broker_delivery delivery = {.epoch = epoch, .tag = 9};
	bool repeated;

	ticket->epoch = EPOCH;
	ticket->returned = returned;
	repeated = ticket_is_repeated(ticket, message, &delivery);
	tickets_remove(tickets, ticket);
	job_destroy(job);
	return repeated;
}

static void the_same_message_over_a_new_connection_is_the_job_at_work(void **state)
{
	struct job_message message = message_of(7);

	assert_true(is_repeated(*state, false, &message, EPOCH + 1));
}

static void the_same_message_after_it_went_back_is_the_job_at_work(void **state)
{
	struct job_message message = message_of(7);

	assert_true(is_repeated(*state, true, &message, EPOCH));
}

/* Its first delivery still stands: this is a copy, which must be settled by itself. */
static void a_copy_beside_the_delivery_at_work_is_another(void **state)
{
	struct job_message message = message_of(7);

	assert_false(is_repeated(*state, false, &message, EPOCH));
}

static void another_job_attempt_or_slice_is_another(void **state)
{
	struct job_message job = message_of(7), attempt = message_of(7), slice = message_of(7);

	snprintf(job.job_id, sizeof job.job_id, OTHER_ID);
	attempt.attempt++;
	slice.progress.slice++;
	assert_false(is_repeated(*state, true, &job, EPOCH + 1));
	assert_false(is_repeated(*state, true, &attempt, EPOCH + 1));
	assert_false(is_repeated(*state, true, &slice, EPOCH + 1));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_account_without_a_ticket_is_free),
		TEST(a_ticket_has_what_tells_its_message_from_others),
		TEST(accounts_of_one_bucket_are_told_apart),
		TEST(the_greatest_account_id_has_its_place),
		TEST(what_is_parked_keeps_its_order),
		TEST(the_same_message_over_a_new_connection_is_the_job_at_work),
		TEST(the_same_message_after_it_went_back_is_the_job_at_work),
		TEST(a_copy_beside_the_delivery_at_work_is_another),
		TEST(another_job_attempt_or_slice_is_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
