/* SPDX-License-Identifier: MIT */
/*
 * Tests of the window of unconfirmed publishes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/broker_window.h"

#define PUBLISHES 100000

/* How often each publish was settled, and with what, indexed by the number that is its context. */
struct ledger {
	struct broker_window window;
	int settled[PUBLISHES];
	enum broker_fate fate[PUBLISHES];
	uintptr_t republish; /* the settled callback adds this one, once; 0: nothing */
};

static struct ledger ledger;

static void *number(uintptr_t n)
{
	return (void *)n;
}

static void settled(void *owner, void *publish_context, enum broker_fate fate)
{
	struct ledger *book = owner;
	uintptr_t n = (uintptr_t)publish_context;

	book->settled[n]++;
	book->fate[n] = fate;
	if (book->republish) {
		broker_window_add(&book->window, number(book->republish), 0);
		book->republish = 0;
	}
}

static int set_up(void **state)
{
	ledger = (struct ledger){0};
	broker_window_init(&ledger.window, 4);
	return 0;
}

static int tear_down(void **state)
{
	broker_window_lose(&ledger.window, settled, &ledger);
	broker_window_finish(&ledger.window);
	return 0;
}

static void add(uintptr_t first, uintptr_t last)
{
	for (uintptr_t n = first; n <= last; n++)
		broker_window_add(&ledger.window, number(n), (int64_t)n * 100);
}

static bool confirm(uint64_t tag, bool multiple, enum broker_fate fate)
{
	return broker_window_confirm(&ledger.window, tag, multiple, fate, settled, &ledger);
}

static void tags_count_from_one_as_the_broker_counts(void **state)
{
	assert_int_equal(broker_window_add(&ledger.window, number(1), 0), 1);
	assert_int_equal(broker_window_add(&ledger.window, number(2), 0), 2);
}

static void room_shrinks_to_nothing_and_comes_back(void **state)
{
	add(1, 4);
	assert_int_equal(broker_window_room(&ledger.window), 0);

	confirm(3, false, FATE_STORED);

	assert_int_equal(broker_window_room(&ledger.window), 1);
}

static void a_single_ack_settles_that_publish_alone(void **state)
{
	add(1, 3);

	assert_true(confirm(2, false, FATE_STORED));

	assert_int_equal(ledger.settled[1], 0);
	assert_int_equal(ledger.settled[2], 1);
	assert_int_equal(ledger.fate[2], FATE_STORED);
	assert_int_equal(ledger.settled[3], 0);
}

static void a_multiple_ack_settles_everything_up_to_it_once(void **state)
{
	add(1, 4);
	confirm(2, false, FATE_REFUSED);

	assert_true(confirm(3, true, FATE_STORED));

	assert_int_equal(ledger.fate[1], FATE_STORED);
	assert_int_equal(ledger.settled[2], 1);
	assert_int_equal(ledger.fate[2], FATE_REFUSED);
	assert_int_equal(ledger.fate[3], FATE_STORED);
	assert_int_equal(ledger.settled[4], 0);
}

static void a_nack_is_a_refusal(void **state)
{
	add(1, 1);

	confirm(1, false, FATE_REFUSED);

	assert_int_equal(ledger.fate[1], FATE_REFUSED);
}

static void a_returned_publish_is_settled_by_the_ack_that_follows_as_returned(void **state)
{
	add(1, 2);

	assert_true(broker_window_mark_returned(&ledger.window, 1));
	assert_int_equal(ledger.settled[1], 0);
	confirm(2, true, FATE_STORED);

	assert_int_equal(ledger.settled[1], 1);
	assert_int_equal(ledger.fate[1], FATE_RETURNED);
	assert_int_equal(ledger.fate[2], FATE_STORED);
}

static void a_return_of_something_else_is_noticed(void **state)
{
	add(1, 2);
	confirm(1, false, FATE_STORED);

	assert_false(broker_window_mark_returned(&ledger.window, 0));
	assert_false(broker_window_mark_returned(&ledger.window, 1));
	assert_false(broker_window_mark_returned(&ledger.window, 3));
}

static void a_confirm_of_something_never_sent_is_noticed(void **state)
{
	add(1, 2);

	assert_false(confirm(0, false, FATE_STORED));
	assert_false(confirm(3, false, FATE_STORED));
	assert_false(confirm(3, true, FATE_STORED));

	assert_int_equal(ledger.settled[1] + ledger.settled[2], 0);
}

static void a_confirm_that_comes_twice_settles_once(void **state)
{
	add(1, 2);

	confirm(1, false, FATE_STORED);
	confirm(1, false, FATE_STORED);
	confirm(1, true, FATE_REFUSED);

	assert_int_equal(ledger.settled[1], 1);
	assert_int_equal(ledger.fate[1], FATE_STORED);
}

static void losing_the_connection_settles_the_rest_and_keeps_what_was_returned(void **state)
{
	add(1, 4);
	confirm(2, false, FATE_STORED);
	broker_window_mark_returned(&ledger.window, 3);

	broker_window_lose(&ledger.window, settled, &ledger);

	assert_int_equal(ledger.fate[1], FATE_LOST);
	assert_int_equal(ledger.settled[2], 1);
	assert_int_equal(ledger.fate[3], FATE_RETURNED);
	assert_int_equal(ledger.fate[4], FATE_LOST);
	assert_int_equal(broker_window_room(&ledger.window), 4);
}

static void a_new_connection_counts_from_one_again(void **state)
{
	add(1, 2);
	broker_window_lose(&ledger.window, settled, &ledger);

	broker_window_restart(&ledger.window);

	assert_int_equal(broker_window_add(&ledger.window, number(3), 0), 1);
}

static void a_publish_taken_back_is_never_settled(void **state)
{
	add(1, 1);

	broker_window_take_back(&ledger.window, 1);
	broker_window_lose(&ledger.window, settled, &ledger);

	assert_int_equal(ledger.settled[1], 0);
}

static void the_oldest_open_publish_decides_the_deadline(void **state)
{
	assert_int_equal(broker_window_oldest_ms(&ledger.window), INT64_MAX);
	add(1, 3);
	confirm(1, false, FATE_STORED);

	assert_int_equal(broker_window_oldest_ms(&ledger.window), 200);
	broker_window_forgive(&ledger.window, 5000);
	assert_int_equal(broker_window_oldest_ms(&ledger.window), 5000);
}

static void one_late_confirm_does_not_stop_the_others(void **state)
{
	add(1, 1);

	for (uintptr_t n = 2; n < 30; n++) {
		assert_true(broker_window_room(&ledger.window) > 0);
		add(n, n);
		confirm(n, false, FATE_STORED);
	}
	confirm(1, false, FATE_STORED);

	assert_int_equal(ledger.settled[1], 1);
	assert_int_equal(broker_window_room(&ledger.window), 4);
}

static void the_ring_bounds_how_far_a_late_confirm_is_outrun(void **state)
{
	uintptr_t n = 1;

	add(n, n);
	for (n = 2; broker_window_room(&ledger.window) > 0 && n < PUBLISHES; n++) {
		add(n, n);
		confirm(n, false, FATE_STORED);
	}

	assert_true(n < 100);
	confirm(1, false, FATE_STORED);
	assert_int_equal(broker_window_room(&ledger.window), 4);
}

static void publishing_from_the_callback_is_safe(void **state)
{
	add(1, 4);
	ledger.republish = 5;

	confirm(4, true, FATE_STORED);

	assert_int_equal(ledger.settled[4], 1);
	assert_int_equal(ledger.settled[5], 0);
	confirm(5, false, FATE_STORED);
	assert_int_equal(ledger.settled[5], 1);
}

/* Whatever order confirms come in, each publish leaves exactly once and the limit holds. */
static void every_publish_leaves_exactly_once(void **state)
{
	uint64_t random = 88172645463325252U;
	uintptr_t n = 1;

	while (n < PUBLISHES) {
		size_t room = broker_window_room(&ledger.window);
		uint64_t span = ledger.window.next - ledger.window.first;

		random ^= random << 13, random ^= random >> 7, random ^= random << 17;
		assert_true(ledger.window.open <= 4);
		if (room > 0 && random % 3 != 0) {
			add(n, n);
			n++;
		} else if (span > 0) {
			confirm(ledger.window.first + random / 7 % span, random % 5 == 0,
				FATE_STORED);
		}
	}
	broker_window_lose(&ledger.window, settled, &ledger);

	for (uintptr_t each = 1; each < n; each++)
		assert_int_equal(ledger.settled[each], 1);
}

static void a_window_for_nothing_has_no_room(void **state)
{
	struct broker_window window;

	broker_window_init(&window, 0);

	assert_int_equal(broker_window_room(&window), 0);
	broker_window_lose(&window, settled, &ledger);
	broker_window_finish(&window);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(tags_count_from_one_as_the_broker_counts),
		TEST(room_shrinks_to_nothing_and_comes_back),
		TEST(a_single_ack_settles_that_publish_alone),
		TEST(a_multiple_ack_settles_everything_up_to_it_once),
		TEST(a_nack_is_a_refusal),
		TEST(a_returned_publish_is_settled_by_the_ack_that_follows_as_returned),
		TEST(a_return_of_something_else_is_noticed),
		TEST(a_confirm_of_something_never_sent_is_noticed),
		TEST(a_confirm_that_comes_twice_settles_once),
		TEST(losing_the_connection_settles_the_rest_and_keeps_what_was_returned),
		TEST(a_new_connection_counts_from_one_again),
		TEST(a_publish_taken_back_is_never_settled),
		TEST(the_oldest_open_publish_decides_the_deadline),
		TEST(one_late_confirm_does_not_stop_the_others),
		TEST(the_ring_bounds_how_far_a_late_confirm_is_outrun),
		TEST(publishing_from_the_callback_is_safe),
		TEST(every_publish_leaves_exactly_once),
		TEST(a_window_for_nothing_has_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
