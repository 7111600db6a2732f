/* SPDX-License-Identifier: MIT */
/*
 * Full-jitter exponential back-off. One owner, no locks; randomness is passed in.
 */
#include "common/backoff.h"

int64_t backoff_next_ms(struct backoff *backoff, uint64_t random)
{
	int64_t least_ms = backoff->failures > 0 ? backoff->floor_ms : 0;
	int64_t most_ms = backoff->cap_ms - least_ms;
	int64_t limit_ms = backoff->base_ms;

	for (int i = 0; i < backoff->failures && limit_ms < most_ms; i++)
		limit_ms *= 2;
	if (limit_ms > most_ms)
		limit_ms = most_ms;
	backoff->failures++;
	return least_ms + (int64_t)(random % ((uint64_t)limit_ms + 1));
}

void backoff_reset(struct backoff *backoff)
{
	backoff->failures = 0;
}
