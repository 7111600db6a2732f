/* SPDX-License-Identifier: MIT */
/*
 * The arithmetic of a forecast. Pure: any thread.
 */
#include "common/forecast.h"

#include "common/metrics.h"
#include "common/quota.h"

const char *forecast_endpoint_name(enum forecast_endpoint endpoint)
{
	static const enum metric_endpoint endpoints[] = {
		[FORECAST_USER_INFO] = ENDPOINT_USER_INFO,
		[FORECAST_VIDEO_LIST] = ENDPOINT_VIDEO_LIST,
		[FORECAST_TOKEN] = ENDPOINT_TOKEN,
	};

	return metric_endpoint_name(endpoints[endpoint]);
}

bool forecast_wants(enum job_type type, enum forecast_endpoint endpoint)
{
	switch (endpoint) {
	case FORECAST_USER_INFO:
		return type == JOB_DAILY_SYNC || type == JOB_USER_STATS;
	case FORECAST_VIDEO_LIST:
		return type == JOB_DAILY_SYNC || type == JOB_VIDEO_STATS;
	case FORECAST_TOKEN:
	case FORECAST_ENDPOINTS:
		break;
	}
	return type == JOB_TOKEN_REFRESH;
}

int64_t forecast_pace_us(int64_t quota)
{
	return quota > 0 ? quota_step_us(quota) : 0;
}

static int64_t divide_up(int64_t dividend, int64_t divisor)
{
	return (dividend + divisor - 1) / divisor;
}

static int64_t calls_take_s(int64_t calls, int64_t quota)
{
	const int64_t window_ms = QUOTA_WINDOW_MS + QUOTA_GUARD_MS;

	return quota > 0 ? divide_up(calls * window_ms, quota * 1000) : 0;
}

static void find_workers(const struct forecast_facts *facts, struct forecast *forecast)
{
	int64_t calls = 0;

	forecast->workers_by_backlog = divide_up(facts->left, facts->concurrency);
	forecast->useful_workers = forecast->workers_by_backlog;
	for (int i = 0; i < FORECAST_ENDPOINTS; i++)
		calls += facts->calls_left[i];
	if (facts->call_us == 0 || forecast->left_s == 0)
		return;
	/* Jobs a second times calls of a job is calls a second: the number of jobs falls out. */
	forecast->workers_by_quota =
		divide_up(calls * facts->call_us, forecast->left_s * 1000000 * facts->concurrency);
	if (forecast->workers_by_quota < forecast->useful_workers)
		forecast->useful_workers = forecast->workers_by_quota;
}

void forecast_make(const struct forecast_facts *facts, struct forecast *forecast)
{
	*forecast = (struct forecast){0};
	for (int i = 0; i < FORECAST_ENDPOINTS; i++) {
		int64_t left_s = calls_take_s(facts->calls_left[i], facts->quota[i]);
		int64_t whole_s = calls_take_s(facts->calls[i], facts->quota[i]);

		forecast->takes_s[i] = left_s;
		if (left_s > forecast->left_s) {
			forecast->is_limited = true;
			forecast->bottleneck = (enum forecast_endpoint)i;
			forecast->left_s = left_s;
		}
		if (whole_s > forecast->whole_s)
			forecast->whole_s = whole_s;
	}
	forecast->day_suffices = forecast->whole_s <= FORECAST_DAY_S;
	forecast->ends_in_time = facts->left == 0 || forecast->left_s <= facts->day_left_s;
	find_workers(facts, forecast);
}
