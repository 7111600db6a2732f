/* SPDX-License-Identifier: MIT */
/*
 * The story of a job, from claim to report, without any I/O: sync_advance() looks at the job and at
 * what its last action brought, and names the next action; the stages (line.h) perform it. It never
 * blocks and knows no socket, no clock, no thread, so that tests drive whole syncs through it.
 *
 *     CLAIM --finished before-------------------------------------------> REPORT
 *       | \--account cannot be synced--> SAVE_ROWS (the job's row only) --> REPORT
 *       |--token expires soon--> LEASE --> CALL (refresh) --> SAVE_TOKEN
 *       v                                                       |
 *     CALL (user) --> CALL (videos, page by page) <-------------+
 *                        v
 *                     SAVE_ROWS --> REPORT --> DONE
 *
 * After so many pages (paging.h) the same end is taken, and the message goes on to the next slice.
 *
 * A failure at any point names where the message goes by the class of its error (error.c), releases
 * the token lease if it is held, and takes the same end: SAVE_ROWS, REPORT, DONE. A call that failed
 * as calls fail in an outage is in DOUBT first: what TikTok fails at for everybody is made again and
 * costs no attempt.
 *
 * A job that has crashed too many workers is ISOLATED: a process of its own lives this story.
 */
#ifndef WORKER_SYNC_H
#define WORKER_SYNC_H

#include <stdint.h>

#include "common/error.h"
#include "common/http.h"
#include "worker/job.h"

enum outcome_kind {
	OUTCOME_STARTED,       /* the job came in */
	OUTCOME_CLAIMED,       /* job->claim and job->account are filled in */
	OUTCOME_LEASED,        /* the lease is ours; job->account is as it was when read */
	OUTCOME_LEASE_BUSY,    /* another worker refreshes this token now */
	OUTCOME_TOKEN_CHANGED, /* somebody has saved a newer pair: job->account was read again */
	OUTCOME_LEASE_AGED,    /* the refresh had to wait and was not sent: renew the lease first */
	OUTCOME_TOKEN_SAVED,
	OUTCOME_RELEASED,
	OUTCOME_REPLIED,  /* reply; valid only during the call */
	OUTCOME_BLAMED,   /* TikTok works for others: the failure is the job's own */
	OUTCOME_EXCUSED,  /* it was an outage: make the call again */
	OUTCOME_ISOLATED, /* a process of its own has carried the job to its end, and told it */
	OUTCOME_SAVED,
	OUTCOME_OVERTAKEN, /* the rows are saved, but somebody else had ended the attempt before */
	OUTCOME_REPORTED,
	OUTCOME_FAILED, /* error: the stage could not do it, and trying again will not help */
};

struct outcome {
	enum outcome_kind kind;
	int64_t now_us; /* by the database's clock */
	const struct http_reply *reply;
	const struct error *error;
};

struct sync_settings {
	struct tiktok_app app;
	int64_t slice_us; /* a slice that took so long ends, however few its pages */
	int64_t refresh_margin_us; /* a token with less life left, or half as much more, is refreshed before it is used */
};

#define SYNC_REFRESH_MARGIN_US (600 * INT64_C(1000000))

/*
 * Names the next action; where it is not to begin at once, job->wait_ms says how long to wait.
 * SYNC_CALL leaves the request in job->call, SYNC_SAVE_TOKEN the pair in job->new_tokens,
 * SYNC_SAVE_ROWS and SYNC_REPORT the ending in job->verdict.
 */
enum sync_action sync_advance(
	struct job *job, const struct sync_settings *settings, const struct outcome *outcome);

/* True if nothing is lost when the job is given back to the queue instead of performing action. */
bool sync_may_stop_before(const struct job *job, enum sync_action action);
/*
 * The same of a job that was held for so long that RabbitMQ would take it away: what is read is
 * read again rather than kept any longer.
 */
bool sync_may_be_recalled_before(const struct job *job, enum sync_action action);

#endif
