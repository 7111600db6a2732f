/* SPDX-License-Identifier: MIT */
/*
 * TikTok's quota as the fleet keeps it: QUOTA_* calls to an endpoint in any 60 s ("Rate Limits": a
 * one-minute sliding window, each endpoint counted separately), sent evenly. The guard makes up for
 * what happens between a call's slot and its arrival at TikTok; worker/slots.h shares it out.
 */
#ifndef COMMON_QUOTA_H
#define COMMON_QUOTA_H

#include <stdint.h>

#define QUOTA_WINDOW_MS 60000
#define QUOTA_GUARD_MS  1000

/* How far two slots are apart, in microseconds, that keep to so many calls a minute. */
int64_t quota_step_us(int64_t calls_per_minute);

#endif
