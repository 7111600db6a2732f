/* SPDX-License-Identifier: MIT */
/*
 * Counters, gauges and histograms of a process, shown at /metrics in Prometheus' text format. The
 * table in metrics.c names each metric with its labels and says in its help what a rise means.
 * Label values come from fixed sets, so the number of series is bounded: no account, store or job
 * ever is a label.
 * Threads: any; each call is one or two atomic operations.
 */
#ifndef COMMON_METRICS_H
#define COMMON_METRICS_H

#include <stdint.h>

#include "common/config.h"
#include "common/text.h"

enum metric {
	METRIC_JOBS,             /* slot: enum sync_status of the outcome */
	METRIC_JOB_FAILURES,     /* slot: enum error_class */
	METRIC_JOB_SECONDS,      /* histogram */
	METRIC_JOBS_IN_FLIGHT,   /* gauge */
	METRIC_ISOLATED_DEATHS,  /* counter */
	METRIC_DELIVERIES,       /* slot: enum metric_delivery */
	METRIC_API_CALLS,        /* slot: metric_api_slot() */
	METRIC_API_SECONDS,      /* histogram; slot: enum metric_endpoint */
	METRIC_APP_REFUSED,      /* gauge */
	METRIC_QUOTA_PER_MINUTE, /* gauge; slot: enum metric_endpoint */
	METRIC_QUOTA_SLOTS,      /* slot: metric_quota_slot() */
	METRIC_QUOTA_WAITING,    /* gauge; slot: enum metric_endpoint */
	METRIC_QUOTA_ASKS,       /* counter */
	METRIC_PREFETCH,         /* gauge */
	METRIC_USEFUL_WORKERS,   /* gauge */
	METRIC_TOKEN_REFRESHES,  /* slot: enum metric_refresh */
	METRIC_SNAPSHOT_ROWS,    /* slot: enum metric_rows */
	METRIC_BATCH_JOBS,       /* histogram */
	METRIC_COMMIT_SECONDS,   /* histogram */
	METRIC_DB_CONNECTIONS,   /* gauge */
	METRIC_DB_WAIT_SECONDS,  /* histogram: waiting for a pooled connection */
	METRIC_DB_ERRORS,        /* counter */
	METRIC_PUBLISHED,        /* slot: enum metric_confirm */
	METRIC_UNCONFIRMED,      /* gauge */
	METRIC_BROKER_CONNECTS,  /* counter */
	METRIC_BROKER_BLOCKED,   /* gauge: 1 while the broker has an alarm */
	METRIC_RESULTS,          /* slot: enum metric_result */
	METRIC_DRAINING,         /* gauge */
	METRICS
};

enum metric_delivery { DELIVERY_NEW, DELIVERY_REPEATED, DELIVERY_MALFORMED, DELIVERY_SLOTS };
enum metric_endpoint { ENDPOINT_USER_INFO, ENDPOINT_VIDEO_LIST, ENDPOINT_TOKEN, ENDPOINTS };
enum metric_quota { QUOTA_LEASED, QUOTA_LAPSED, QUOTA_FATES };
enum metric_refresh {
	REFRESH_DONE,
	REFRESH_ADOPTED,
	REFRESH_FAILED,
	REFRESH_RECOVERED,
	REFRESH_SLOTS
};
enum metric_rows { ROWS_USER, ROWS_VIDEO, ROWS_SLOTS };
enum metric_confirm { CONFIRM_ACKED, CONFIRM_NACKED, CONFIRM_RETURNED, CONFIRM_SLOTS };
enum metric_result { RESULT_STORED, RESULT_REPEATED, RESULT_REFUSED, RESULT_SLOTS };

/* "user_info": in labels, and in the table quotas. */
const char *metric_endpoint_name(enum metric_endpoint endpoint);
/* The slot of an endpoint and an HTTP status (0: no answer). */
int metric_api_slot(enum metric_endpoint endpoint, int status);
/* The slot of an endpoint and the fate of a slot of its quota. */
int metric_quota_slot(enum metric_endpoint endpoint, enum metric_quota fate);

void metric_add(enum metric metric, int slot, int64_t delta);     /* counters and gauges */
void metric_set(enum metric metric, int slot, int64_t value);     /* gauges */
void metric_observe_ms(enum metric metric, int slot, int64_t ms); /* histograms of seconds */
void metric_observe(enum metric metric, int slot, int64_t value); /* histograms of counts */
int64_t metric_value(enum metric metric, int slot); /* a histogram's: number of observations */

/* The page, with the metrics of one program. */
void metrics_print(enum program program, struct text *out);

#endif
