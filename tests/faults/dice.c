/* SPDX-License-Identifier: MIT */
/*
 * Chance that can be repeated. Any thread, each with dice of its own.
 */
#include "tests/faults/dice.h"

#include <assert.h>
#include <unistd.h>

#include "common/clock.h"

/* Short enough to be typed again. */
uint64_t dice_pick_seed(void)
{
	return (uint64_t)(clock_unix_us() ^ ((int64_t)getpid() << 20)) % 999999999 + 1;
}

void dice_init(struct dice *dice, uint64_t seed)
{
	dice->state = seed;
}

int64_t dice_between(struct dice *dice, int64_t least, int64_t most)
{
	uint64_t z = dice->state += UINT64_C(0x9e3779b97f4a7c15);

	assert(least <= most);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	z ^= z >> 31;
	return least + (int64_t)(z % ((uint64_t)(most - least) + 1));
}
