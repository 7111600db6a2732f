/* SPDX-License-Identifier: MIT */
/*
 * How things cross threads: by hand-over. Whoever puts an item owns it no longer; whoever takes it
 * owns it alone. The link stands inside the item, so a put allocates nothing.
 *
 *     struct job { struct queue_item link; ... };        link is the first member
 */
#ifndef COMMON_QUEUE_H
#define COMMON_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct queue_item {
	struct queue_item *next;
};

struct queue {
	pthread_mutex_t lock; /* guards first, last, length */
	pthread_cond_t filled;
	struct queue_item *first;
	struct queue_item **last;
	size_t length;
	int event_fd; /* readable while a wake-up is pending; -1 when nobody polls */
	void (*wake)(void *context);
	void *wake_context;
};

/* For a taker that sleeps in queue_take(). */
void queue_init(struct queue *queue);
/* For a taker that sleeps in poll(2): queue->event_fd becomes readable when something is put. */
void queue_init_polled(struct queue *queue);
/* For a taker that sleeps elsewhere: wake(context) is called after a put, without the lock. */
void queue_init_waking(struct queue *queue, void (*wake)(void *context), void *context);
/* The queue must be empty: what is in it belongs to nobody else. */
void queue_finish(struct queue *queue);

/* Threads: any. */
void queue_put(struct queue *queue, struct queue_item *item);
void queue_put_first(struct queue *queue, struct queue_item *item);
size_t queue_length(struct queue *queue);
/* Wake the taker although nothing was put. */
void queue_wake(struct queue *queue);

/*
 * Take the oldest item, waiting at most timeout_ms (0: do not wait); NULL: there was none, or
 * queue_wake() was called. Threads: the taker.
 */
struct queue_item *queue_take(struct queue *queue, int64_t timeout_ms);
/* Sleep until something is put, queue_wake() is called or timeout_ms have passed, and take nothing. */
void queue_sleep(struct queue *queue, int64_t timeout_ms);
/* Clear event_fd; call before taking, each time poll(2) says that it is readable. */
void queue_acknowledge(struct queue *queue);

#endif
