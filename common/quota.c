/* SPDX-License-Identifier: MIT */
/*
 * The pace of the quota. A pure function.
 */
#include "common/quota.h"

int64_t quota_step_us(int64_t calls_per_minute)
{
	int64_t span_us = (QUOTA_WINDOW_MS + QUOTA_GUARD_MS) * INT64_C(1000);

	return (span_us + calls_per_minute - 1) / calls_per_minute;
}
