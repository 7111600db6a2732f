/* SPDX-License-Identifier: MIT */
/*
 * The hand-over queue between stages: many threads put, one takes.
 */
#include "common/queue.h"

#include <assert.h>
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/condition.h"

void queue_init(struct queue *queue)
{
	*queue = (struct queue){.event_fd = -1};
	queue->last = &queue->first;
	pthread_mutex_init(&queue->lock, NULL);
	condition_init(&queue->filled);
}

void queue_init_polled(struct queue *queue)
{
	queue_init(queue);
	queue->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert(queue->event_fd >= 0);
}

void queue_init_waking(struct queue *queue, void (*wake)(void *context), void *context)
{
	queue_init(queue);
	queue->wake = wake;
	queue->wake_context = context;
}

void queue_finish(struct queue *queue)
{
	assert(!queue->first);
	if (queue->event_fd >= 0)
		close(queue->event_fd);
	queue->event_fd = -1;
	pthread_cond_destroy(&queue->filled);
	pthread_mutex_destroy(&queue->lock);
}

void queue_wake(struct queue *queue)
{
	static const uint64_t one = 1;

	if (queue->event_fd >= 0) {
		ssize_t written = write(queue->event_fd, &one, sizeof one);

		assert(written == sizeof one || errno == EAGAIN);
	} else if (queue->wake) {
		queue->wake(queue->wake_context);
	} else {
		pthread_mutex_lock(&queue->lock);
		pthread_cond_signal(&queue->filled);
		pthread_mutex_unlock(&queue->lock);
	}
}

void queue_put(struct queue *queue, struct queue_item *item)
{
	item->next = NULL;
	pthread_mutex_lock(&queue->lock);
	*queue->last = item;
	queue->last = &item->next;
	queue->length++;
	pthread_mutex_unlock(&queue->lock);
	queue_wake(queue);
}

void queue_put_first(struct queue *queue, struct queue_item *item)
{
	pthread_mutex_lock(&queue->lock);
	item->next = queue->first;
	if (!queue->first)
		queue->last = &item->next;
	queue->first = item;
	queue->length++;
	pthread_mutex_unlock(&queue->lock);
	queue_wake(queue);
}

size_t queue_length(struct queue *queue)
{
	size_t length;

	pthread_mutex_lock(&queue->lock);
	length = queue->length;
	pthread_mutex_unlock(&queue->lock);
	return length;
}

static struct queue_item *take_locked(struct queue *queue)
{
	struct queue_item *item = queue->first;

	if (!item)
		return NULL;
	queue->first = item->next;
	if (!queue->first)
		queue->last = &queue->first;
	queue->length--;
	item->next = NULL;
	return item;
}

static void wait_locked(struct queue *queue, int64_t timeout_ms)
{
	condition_wait_until(&queue->filled, &queue->lock, clock_monotonic_ms() + timeout_ms);
}

struct queue_item *queue_take(struct queue *queue, int64_t timeout_ms)
{
	struct queue_item *item;

	pthread_mutex_lock(&queue->lock);
	item = take_locked(queue);
	if (!item && timeout_ms > 0) {
		wait_locked(queue, timeout_ms);
		item = take_locked(queue);
	}
	pthread_mutex_unlock(&queue->lock);
	return item;
}

void queue_sleep(struct queue *queue, int64_t timeout_ms)
{
	pthread_mutex_lock(&queue->lock);
	wait_locked(queue, timeout_ms);
	pthread_mutex_unlock(&queue->lock);
}

void queue_acknowledge(struct queue *queue)
{
	uint64_t wakes;
	ssize_t got = read(queue->event_fd, &wakes, sizeof wakes);

	assert(got == sizeof wakes || errno == EAGAIN);
}
