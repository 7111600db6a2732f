/* SPDX-License-Identifier: MIT */
/*
 * Chance that can be repeated: everything random in a fault run is drawn from one seed, which the
 * run prints first and takes again with --seed. (splitmix64: https://prng.di.unimi.it/splitmix64.c)
 * Threads: dice belong to one thread.
 */
#ifndef TESTS_FAULTS_DICE_H
#define TESTS_FAULTS_DICE_H

#include <stdint.h>

struct dice {
	uint64_t state;
};

/* A seed that nobody chose; never 0. */
uint64_t dice_pick_seed(void);
void dice_init(struct dice *dice, uint64_t seed);
/* From least to most, both included. */
int64_t dice_between(struct dice *dice, int64_t least, int64_t most);

#endif
