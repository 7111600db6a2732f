/* SPDX-License-Identifier: MIT */
/*
 * Tests of common/queue.c, also under ThreadSanitizer. Putters are threads; the test thread takes
 * and asserts.
 */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/queue.h"

#define PUTTERS         4
#define ITEMS           2000 /* by each putter */
#define LONG_TIMEOUT_MS 60000

struct item {
	struct queue_item link;
	int putter;
	int number;
};

struct putter {
	pthread_t thread;
	struct queue *queue;
	struct item items[ITEMS];
	int number;
};

static void put_numbered(struct queue *queue, struct item *item, int number)
{
	item->number = number;
	queue_put(queue, &item->link);
}

static int take_number(struct queue *queue)
{
	struct queue_item *item = queue_take(queue, 0);

	return item ? ((struct item *)item)->number : -1;
}

static void items_come_out_in_the_order_of_going_in(void **state)
{
	struct item items[3];
	struct queue queue;

	queue_init(&queue);
	for (int i = 0; i < 3; i++)
		put_numbered(&queue, &items[i], i);
	assert_int_equal(queue_length(&queue), 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(take_number(&queue), i);
	assert_int_equal(queue_length(&queue), 0);
	assert_null(queue_take(&queue, 0));
	queue_finish(&queue);
}

static void an_item_put_first_comes_out_first(void **state)
{
	struct item items[4];
	struct queue queue;

	queue_init(&queue);
	items[0].number = 0;
	queue_put_first(&queue, &items[0].link);
	put_numbered(&queue, &items[1], 1);
	items[2].number = 2;
	queue_put_first(&queue, &items[2].link);
	put_numbered(&queue, &items[3], 3);
	assert_int_equal(take_number(&queue), 2);
	assert_int_equal(take_number(&queue), 0);
	assert_int_equal(take_number(&queue), 1);
	assert_int_equal(take_number(&queue), 3);
	queue_finish(&queue);
}

static void an_emptied_queue_can_be_filled_again(void **state)
{
	struct queue queue;
	struct item item;

	queue_init(&queue);
	for (int i = 0; i < 3; i++) {
		put_numbered(&queue, &item, i);
		assert_int_equal(take_number(&queue), i);
		assert_null(queue_take(&queue, 0));
	}
	queue_finish(&queue);
}

static void an_empty_queue_is_waited_for_no_longer_than_asked(void **state)
{
	struct queue queue;

	queue_init(&queue);
	assert_null(queue_take(&queue, 0));
	assert_null(queue_take(&queue, 5));
	assert_null(queue_take(&queue, -1));
	queue_finish(&queue);
}

static void *put_all(void *context)
{
	struct putter *putter = context;

	for (int i = 0; i < ITEMS; i++) {
		putter->items[i].putter = putter->number;
		put_numbered(putter->queue, &putter->items[i], i);
	}
	return NULL;
}

static struct putter *start_putters(struct queue *queue)
{
	struct putter *putters = calloc(PUTTERS, sizeof *putters);

	assert_non_null(putters);
	for (int i = 0; i < PUTTERS; i++) {
		putters[i].queue = queue;
		putters[i].number = i;
		assert_int_equal(pthread_create(&putters[i].thread, NULL, put_all, &putters[i]), 0);
	}
	return putters;
}

static void join_putters(struct putter *putters)
{
	for (int i = 0; i < PUTTERS; i++)
		pthread_join(putters[i].thread, NULL);
	free(putters);
}

/* The items of one putter come in its order. */
static void count_item(struct queue_item *taken, int counts[PUTTERS])
{
	struct item *item = (struct item *)taken;

	assert_in_range(item->putter, 0, PUTTERS - 1);
	assert_int_equal(item->number, counts[item->putter]);
	counts[item->putter]++;
}

static void a_sleeping_taker_gets_every_item_once(void **state)
{
	int counts[PUTTERS] = {0};
	struct putter *putters;
	struct queue queue;

	queue_init(&queue);
	putters = start_putters(&queue);
	for (int taken = 0; taken < PUTTERS * ITEMS;) {
		struct queue_item *item = queue_take(&queue, LONG_TIMEOUT_MS);

		/* NULL is a wake-up that was late: its item is taken already. */
		if (item) {
			count_item(item, counts);
			taken++;
		}
	}
	join_putters(putters);
	assert_int_equal(queue_length(&queue), 0);
	queue_finish(&queue);
}

static void a_polling_taker_gets_every_item_once(void **state)
{
	int counts[PUTTERS] = {0}, taken = 0;
	struct putter *putters;
	struct queue queue;

	queue_init_polled(&queue);
	putters = start_putters(&queue);
	while (taken < PUTTERS * ITEMS) {
		struct pollfd readable = {.fd = queue.event_fd, .events = POLLIN};
		struct queue_item *item;

		assert_int_equal(poll(&readable, 1, LONG_TIMEOUT_MS), 1);
		queue_acknowledge(&queue);
		while ((item = queue_take(&queue, 0))) {
			count_item(item, counts);
			taken++;
		}
	}
	join_putters(putters);
	queue_finish(&queue);
}

static bool is_readable(int fd)
{
	struct pollfd readable = {.fd = fd, .events = POLLIN};

	return poll(&readable, 1, 0) == 1;
}

static void event_fd_is_readable_until_acknowledged(void **state)
{
	struct queue queue;
	struct item item;

	queue_init_polled(&queue);
	assert_false(is_readable(queue.event_fd));
	put_numbered(&queue, &item, 1);
	assert_true(is_readable(queue.event_fd));
	assert_int_equal(take_number(&queue), 1);
	assert_true(is_readable(queue.event_fd));
	queue_acknowledge(&queue);
	assert_false(is_readable(queue.event_fd));
	queue_acknowledge(&queue);
	queue_wake(&queue);
	assert_true(is_readable(queue.event_fd));
	queue_finish(&queue);
}

static void count_call(void *context)
{
	atomic_int *calls = context;

	atomic_fetch_add(calls, 1);
}

static void every_put_wakes_a_taker_elsewhere(void **state)
{
	struct putter *putters;
	struct queue queue;
	atomic_int calls = 0;
	int taken = 0;

	queue_init_waking(&queue, count_call, &calls);
	putters = start_putters(&queue);
	while (taken < PUTTERS * ITEMS)
		if (queue_take(&queue, 0))
			taken++;
	join_putters(putters);
	assert_int_equal(atomic_load(&calls), PUTTERS * ITEMS);
	queue_wake(&queue);
	assert_int_equal(atomic_load(&calls), PUTTERS * ITEMS + 1);
	queue_finish(&queue);
}

struct waker {
	struct queue *queue;
	atomic_bool done;
};

static void *wake_until_done(void *context)
{
	struct waker *waker = context;

	while (!atomic_load(&waker->done)) {
		queue_wake(waker->queue);
		usleep(1000);
	}
	return NULL;
}

/* Without the wake-up this test would last as long as its timeout: ctest's is far shorter. */
static void a_wake_up_ends_the_wait_of_a_taker(void **state)
{
	const int64_t an_hour_ms = 3600000;
	struct queue queue;
	struct waker waker = {.queue = &queue};
	pthread_t thread;

	queue_init(&queue);
	assert_int_equal(pthread_create(&thread, NULL, wake_until_done, &waker), 0);
	assert_null(queue_take(&queue, an_hour_ms));
	atomic_store(&waker.done, true);
	pthread_join(thread, NULL);
	queue_finish(&queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_come_out_in_the_order_of_going_in),
		cmocka_unit_test(an_item_put_first_comes_out_first),
		cmocka_unit_test(an_emptied_queue_can_be_filled_again),
		cmocka_unit_test(an_empty_queue_is_waited_for_no_longer_than_asked),
		cmocka_unit_test(a_sleeping_taker_gets_every_item_once),
		cmocka_unit_test(a_polling_taker_gets_every_item_once),
		cmocka_unit_test(event_fd_is_readable_until_acknowledged),
		cmocka_unit_test(every_put_wakes_a_taker_elsewhere),
		cmocka_unit_test(a_wake_up_ends_the_wait_of_a_taker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
