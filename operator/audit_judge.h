/* SPDX-License-Identifier: MIT */
/*
 * What the queues prove about the manifest. Pure: figures in, a verdict out.
 *
 * Where the message of a job must be:
 *
 *     queued, running    in sync.jobs or sync.jobs.express, ready or held by a worker
 *     retrying           there too, or on the ladder (the row is committed before the message moves on)
 *     dead               there too, or in sync.jobs.dead, until its letter has a fate
 *     an ended attempt   its result in sync.results, until the row is in sync_logs; or the job's message
 *                        still in a job queue, so that it will be told (again)
 *
 * There may be more messages than jobs: copies, messages of jobs that have ended, unreadable ones.
 * Fewer cannot be: what is short is lost. Counts tell how many, not which; only where a whole group
 * has no message at all are its members known.
 */
#ifndef OPERATOR_AUDIT_JUDGE_H
#define OPERATOR_AUDIT_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/topology.h"

#define AUDIT_UNKNOWN (-1)

struct audit_queue {
	bool exists;
	int64_t ready;
	int64_t held; /* delivered and not settled, or moving on; AUDIT_UNKNOWN */
	int64_t consumers;
};

struct audit_counts {
	int64_t waiting;          /* jobs, published and not ended */
	int64_t retrying;         /* jobs */
	int64_t dead;             /* jobs whose letter has no fate */
	int64_t unlogged;         /* ended attempts without their row in sync_logs */
	int64_t unlogged_waiting; /* waiting jobs with such an attempt */
};

enum audit_strictness {
	AUDIT_AT_REST, /* counts and figures are of one moment */
	AUDIT_AT_WORK, /* counts of what did not change in a while, figures the highest of that while */
};

/* How many at least; all: exactly these, every one of the group. */
struct audit_verdict {
	int64_t lost_jobs;
	bool lost_all_waiting;
	bool lost_all_retrying;
	int64_t lost_letters;
	bool lost_all_letters;
	int64_t missing_logs;
	bool missing_all_logs;
};

void audit_judge(const struct audit_counts *counts, const struct audit_queue queues[QUEUES],
	enum audit_strictness strictness, struct audit_verdict *verdict);
bool audit_is_clean(const struct audit_verdict *verdict);

#endif
