/* SPDX-License-Identifier: MIT */
/*
 * A clock that can be moved on. The server thread runs this.
 */
#include "tests/simulator/simclock.h"

#include <time.h>

static int64_t read_us(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void simclock_init(struct simclock *clock)
{
	clock->ahead_ms = (read_us(CLOCK_REALTIME) - read_us(CLOCK_MONOTONIC)) / 1000;
}

int64_t simclock_now_ms(const struct simclock *clock)
{
	return simclock_now_us(clock) / 1000;
}

int64_t simclock_now_us(const struct simclock *clock)
{
	return read_us(CLOCK_MONOTONIC) + clock->ahead_ms * 1000;
}

void simclock_advance(struct simclock *clock, int64_t step_ms)
{
	if (step_ms > 0)
		clock->ahead_ms += step_ms;
}
