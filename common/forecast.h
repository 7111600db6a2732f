/* SPDX-License-Identifier: MIT */
/*
 * How many calls a day's run needs, and when it is finished at the quota. Pure arithmetic over what
 * forecast_read.h learns from the database; forecast_text.h puts it into words.
 *
 * At best, that is: every account is read once and nothing is repeated; there are workers enough; no 429
 * slows the fleet; the endpoints are called side by side, so that the run takes as long as the slowest of them. TikTok's
 * list gives 20 videos a call, and an empty one is asked for, too.
 *
 * Useful workers. By Little's law a quota that feeds J jobs a second, each of which takes S seconds,
 * keeps J * S of them at work; more workers than those fill only wait:
 *
 *     by quota    jobs left / seconds until finished * calls of a job * seconds of a call / WORKER_CONCURRENCY
 *     by backlog  jobs left / WORKER_CONCURRENCY
 *
 * and the lesser of the two is useful. The seconds of a call are those of the quickest recent jobs: a
 * twentieth of them took no longer for each of theirs. An average would count the waiting for quota as
 * work, and call for more workers the more of them wait.
 * Threads: any.
 */
#ifndef COMMON_FORECAST_H
#define COMMON_FORECAST_H

#include <stdbool.h>
#include <stdint.h>

#include "common/job_message.h"

#define FORECAST_PAGE_VIDEOS 20
#define FORECAST_DAY_S       86400

enum forecast_endpoint {
	FORECAST_USER_INFO,
	FORECAST_VIDEO_LIST,
	FORECAST_TOKEN,
	FORECAST_ENDPOINTS
};

/* What is known of the day; see STATEMENT_FORECAST. */
struct forecast_facts {
	enum job_type job_type;
	int64_t accounts; /* that the run is about */
	int64_t left;     /* of them: not finished */
	int64_t dead;     /* of those not left: their job died */
	int64_t guessed;  /* of those left: nobody knows how many videos they have */
	int64_t average_videos;
	int64_t calls[FORECAST_ENDPOINTS];
	int64_t calls_left[FORECAST_ENDPOINTS];
	int64_t day_left_s;                /* until the day's midnight; negative: it is over */
	int64_t quota[FORECAST_ENDPOINTS]; /* calls a minute; 0: no limit */
	int64_t concurrency;               /* WORKER_CONCURRENCY */
	int64_t call_us;                   /* that a call takes; 0: nothing ran recently */
};

struct forecast {
	int64_t takes_s[FORECAST_ENDPOINTS]; /* for what is left; 0 without a limit, too */
	bool is_limited;                     /* a quota limits what is left */
	enum forecast_endpoint bottleneck;   /* if so: the endpoint that takes longest */
	int64_t left_s;                      /* until all is finished */
	int64_t whole_s;                     /* what the whole run takes at the quota */
	bool day_suffices;                   /* it takes no longer than a day */
	bool ends_in_time;                   /* what is left is finished before midnight */
	int64_t workers_by_backlog;
	int64_t workers_by_quota; /* 0: not known, or no quota limits */
	int64_t useful_workers;
};

const char *forecast_endpoint_name(enum forecast_endpoint endpoint);
/* Does a job of the type call the endpoint, leaving tokens that expire aside? */
bool forecast_wants(enum job_type type, enum forecast_endpoint endpoint);
/* Microseconds between two calls of the whole fleet; 0: no limit. */
int64_t forecast_pace_us(int64_t quota);

void forecast_make(const struct forecast_facts *facts, struct forecast *forecast);

#endif
