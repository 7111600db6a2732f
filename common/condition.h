/* SPDX-License-Identifier: MIT */
/*
 * Condition variables that wait by the monotonic clock: setting the wall clock neither ends a wait
 * nor prolongs it. End them with pthread_cond_destroy(). Threads: any.
 */
#ifndef COMMON_CONDITION_H
#define COMMON_CONDITION_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

void condition_init(pthread_cond_t *condition);
/* Wait, holding lock, until signalled or until_ms of clock_monotonic_ms(). False: it was time. */
bool condition_wait_until(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t until_ms);

#endif
