/* SPDX-License-Identifier: MIT */
/*
 * Which videos a page holds (TikTok, API v2 video list and query): the public ones, create_time
 * descending, then id descending, before the cursor; the next cursor is the create_time of the last
 * one in milliseconds.
 *
 * Threads: the server thread.
 */
#ifndef TESTS_SIMULATOR_LISTING_H
#define TESTS_SIMULATOR_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/simulator/state.h"

#define LISTING_MAX_COUNT     20
#define LISTING_DEFAULT_COUNT 10

struct listing {
	uint32_t numbers[LISTING_MAX_COUNT]; /* for state_describe_video() */
	size_t count;
	int64_t cursor_ms;
	bool has_more;
};

/*
 * A page of at most max_count (1 to 20) from cursor_ms on; 0: from the newest. Obeys cursor_compare
 * and short_pages.
 */
void listing_take_page(struct state *state, uint32_t account, int64_t cursor_ms, size_t max_count,
	struct listing *listing);

/* The oldest video that the public sees; false: there is none. */
bool listing_find_oldest(struct state *state, uint32_t account, uint32_t *number);

#endif
