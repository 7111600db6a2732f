/* SPDX-License-Identifier: MIT */
/*
 * The test's side of the proxy: it changes the orders, and waits until they are obeyed.
 */
#include "tests/chaos/chaos.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/memory.h"
#include "common/process.h"
#include "tests/chaos/address.h"
#include "tests/chaos/internal.h"

bool chaos_start(const struct chaos_options *options, struct chaos **chaos, struct error *err)
{
	struct chaos *started = memory_allocate(1, sizeof *started);

	if (!address_parse(options->target, &started->target, err))
		goto fail;
	started->listener = options->listener;
	if (options->listener == 0 && !chaos_listen(options->listen, &started->listener, err))
		goto fail;
	started->port = address_port(started->listener);
	started->chance = options->seed * 2 + 1; /* never 0, where xorshift stays */
	started->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert(started->wake >= 0);
	pthread_mutex_init(&started->lock, NULL);
	pthread_cond_init(&started->changed, NULL);
	process_start_thread("chaos", &started->thread, chaos_run, started);
	*chaos = started;
	return true;
fail:
	free(started);
	return false;
}

/* The test's own copy of the orders needs no lock to be read: only the test writes them. */
static void order(struct chaos *chaos, struct chaos_orders orders)
{
	static const uint64_t one = 1;

	pthread_mutex_lock(&chaos->lock);
	orders.number = chaos->orders.number + 1;
	chaos->orders = orders;
	if (write(chaos->wake, &one, sizeof one) != sizeof one)
		abort();
	while (chaos->obeyed != orders.number)
		pthread_cond_wait(&chaos->changed, &chaos->lock);
	pthread_mutex_unlock(&chaos->lock);
}

void chaos_stop(struct chaos *chaos)
{
	struct chaos_orders orders;

	if (!chaos)
		return;
	orders = chaos->orders;
	orders.stop = true;
	order(chaos, orders);
	pthread_join(chaos->thread, NULL);
	pthread_cond_destroy(&chaos->changed);
	pthread_mutex_destroy(&chaos->lock);
	close(chaos->listener);
	close(chaos->wake);
	free(chaos);
}

int chaos_port(const struct chaos *chaos)
{
	return chaos->port;
}

void chaos_set(
	struct chaos *chaos, enum chaos_direction direction, const struct chaos_toxics *toxics)
{
	struct chaos_orders orders = chaos->orders;

	orders.toxics[direction] = *toxics;
	order(chaos, orders);
}

void chaos_get(struct chaos *chaos, enum chaos_direction direction, struct chaos_toxics *toxics)
{
	*toxics = chaos->orders.toxics[direction];
}

void chaos_set_door(struct chaos *chaos, enum chaos_door door)
{
	struct chaos_orders orders = chaos->orders;

	orders.door = door;
	order(chaos, orders);
}

void chaos_hold(struct chaos *chaos)
{
	struct chaos_orders orders = chaos->orders;

	for (int i = 0; i < CHAOS_DIRECTIONS; i++)
		orders.toxics[i] = (struct chaos_toxics){.hold = 1};
	order(chaos, orders);
}

void chaos_reset(struct chaos *chaos)
{
	struct chaos_orders orders = chaos->orders;

	orders.resets++;
	order(chaos, orders);
}

void chaos_heal(struct chaos *chaos)
{
	struct chaos_orders orders = {.resets = chaos->orders.resets};

	order(chaos, orders);
}

void chaos_read_stats(struct chaos *chaos, struct chaos_stats *stats)
{
	/* The orders once more: the proxy hands over its figures whenever it obeys. */
	order(chaos, chaos->orders);
	pthread_mutex_lock(&chaos->lock);
	*stats = chaos->stats;
	pthread_mutex_unlock(&chaos->lock);
}
