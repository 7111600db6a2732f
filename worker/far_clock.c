/* SPDX-License-Identifier: MIT */
/*
 * Bounds of the difference between two clocks. Run by the governor's thread.
 */
#include "worker/far_clock.h"

/* Quartz is off by less than 100 parts in a million, and NTP slews by 500 at most; both may err. */
#define DRIFT_PARTS 1000

void far_clock_note(struct far_clock *clock, int64_t asked_us, int64_t answered_us, int64_t far_us)
{
	int64_t drift_us = (answered_us - clock->noted_us) / DRIFT_PARTS;
	int64_t least_us = far_us - answered_us, most_us = far_us - asked_us;
	int64_t known_least_us = clock->least_us - drift_us;
	int64_t known_most_us = clock->most_us + drift_us;
	bool agrees = clock->known && known_least_us <= most_us && least_us <= known_most_us;

	clock->least_us = agrees && known_least_us > least_us ? known_least_us : least_us;
	clock->most_us = agrees && known_most_us < most_us ? known_most_us : most_us;
	clock->noted_us = answered_us;
	clock->known = true;
}

int64_t far_clock_latest_us(const struct far_clock *clock, int64_t far_us)
{
	return far_us - clock->least_us;
}

int64_t far_clock_doubt_us(const struct far_clock *clock)
{
	return clock->most_us - clock->least_us;
}
