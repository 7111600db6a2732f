/* SPDX-License-Identifier: MIT */
/*
 * The rate limit: so many calls in any sliding 60 s, for each endpoint on its own (TikTok, API v2
 * rate limits). Exact: every admitted call's moment is remembered until it leaves the window.
 *
 * Threads: the server thread.
 */
#ifndef TESTS_SIMULATOR_LIMITS_H
#define TESTS_SIMULATOR_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIMITS_WINDOW_MS 60000

/* The calls of one key to one endpoint. A zeroed one is empty. */
struct limit_window {
	int64_t *moments_ms; /* a ring; owned */
	size_t size;
	size_t first;
	size_t count;
};

/*
 * May a call pass at now_ms, when at most limit may in any window? If so it is remembered. If not,
 * *wait_ms is how long until one may. now_ms never falls.
 */
bool limit_window_admit(
	struct limit_window *window, size_t limit, int64_t now_ms, int64_t *wait_ms);
/* Remember a call that was refused, where refused calls count too. */
void limit_window_count(struct limit_window *window, int64_t now_ms);
void limit_window_finish(struct limit_window *window);

#endif
