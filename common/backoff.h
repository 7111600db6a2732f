/* SPDX-License-Identifier: MIT */
/*
 * Full-jitter exponential back-off: the n-th delay is drawn evenly from 0 .. min(cap, base * 2^n),
 * so that a fleet that lost its broker together does not come back together. With a floor the first
 * delay is short all the same, so that a blip costs little, and the others are not shorter than the
 * floor: drawn from floor .. min(cap, floor + base * 2^n).
 * Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
#ifndef COMMON_BACKOFF_H
#define COMMON_BACKOFF_H

#include <stdint.h>

struct backoff {
	int64_t base_ms;
	int64_t cap_ms;
	int64_t floor_ms; /* 0: none; less than the cap */
	int failures;     /* in a row */
};

/* The delay after one more failure; random is evenly spread over all 64 bits (random_u64()). */
int64_t backoff_next_ms(struct backoff *backoff, uint64_t random);
void backoff_reset(struct backoff *backoff);

#endif
