/* SPDX-License-Identifier: MIT */
/*
 * Sliding windows as rings of moments. The server thread runs this.
 */
#include "tests/simulator/limits.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

static int64_t moment_at(const struct limit_window *window, size_t place)
{
	return window->moments_ms[(window->first + place) % window->size];
}

static void forget_old(struct limit_window *window, int64_t now_ms)
{
	while (window->count && moment_at(window, 0) <= now_ms - LIMITS_WINDOW_MS) {
		window->first = (window->first + 1) % window->size;
		window->count--;
	}
}

static void grow(struct limit_window *window)
{
	size_t size = window->size ? window->size * 2 : 16;
	int64_t *moments_ms = memory_allocate(size, sizeof(*moments_ms));

	for (size_t i = 0; i < window->count; i++)
		moments_ms[i] = moment_at(window, i);
	free(window->moments_ms);
	window->moments_ms = moments_ms;
	window->size = size;
	window->first = 0;
}

void limit_window_count(struct limit_window *window, int64_t now_ms)
{
	if (window->count == window->size)
		grow(window);
	window->moments_ms[(window->first + window->count) % window->size] = now_ms;
	window->count++;
}

bool limit_window_admit(struct limit_window *window, size_t limit, int64_t now_ms, int64_t *wait_ms)
{
	forget_old(window, now_ms);
	if (window->count < limit) {
		limit_window_count(window, now_ms);
		return true;
	}
	*wait_ms = LIMITS_WINDOW_MS;
	if (limit)
		*wait_ms += moment_at(window, window->count - limit) - now_ms;
	return false;
}

void limit_window_finish(struct limit_window *window)
{
	free(window->moments_ms);
	*window = (struct limit_window){0};
}
