/* SPDX-License-Identifier: MIT */
/*
 * The simulator's time: the wall clock at its start, moved on by the monotonic clock and by whoever
 * asks (POST /admin/clock), so that tokens expire and windows pass without waiting. It never falls.
 *
 * Threads: the server thread; main before it starts.
 */
#ifndef TESTS_SIMULATOR_SIMCLOCK_H
#define TESTS_SIMULATOR_SIMCLOCK_H

#include <stdint.h>

struct simclock {
	int64_t ahead_ms; /* of the monotonic clock */
};

void simclock_init(struct simclock *clock);
/* Since 1970. */
int64_t simclock_now_ms(const struct simclock *clock);
int64_t simclock_now_us(const struct simclock *clock);
/* Negative steps are not taken. */
void simclock_advance(struct simclock *clock, int64_t step_ms);

#endif
