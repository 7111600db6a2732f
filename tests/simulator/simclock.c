/* SPDX-License-Identifier: MIT */
/*
 * A clock that can be moved on. The server thread runs this.
 */
#include "tests/simulator/simclock.h"

#include <time.h>

static int64_t read_ms(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void simclock_init(struct simclock *clock)
{
	clock->ahead_ms = read_ms(CLOCK_REALTIME) - read_ms(CLOCK_MONOTONIC);
}

int64_t simclock_now_ms(const struct simclock *clock)
{
	return read_ms(CLOCK_MONOTONIC) + clock->ahead_ms;
}

void simclock_advance(struct simclock *clock, int64_t step_ms)
{
	if (step_ms > 0)
		clock->ahead_ms += step_ms;
}
