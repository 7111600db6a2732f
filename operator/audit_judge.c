/* SPDX-License-Identifier: MIT */
/*
 * The inequalities of audit_judge.h. Pure functions.
 */
#include "operator/audit_judge.h"

#include <stddef.h>

#define MANY (INT64_C(1) << 40) /* what nobody knows may be any number */

static int64_t messages_in(const struct audit_queue *queue)
{
	return queue->ready + (queue->held == AUDIT_UNKNOWN ? MANY : queue->held);
}

static int64_t at_least_none(int64_t number)
{
	return number > 0 ? number : 0;
}

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

void audit_judge(const struct audit_counts *counts, const struct audit_queue queues[QUEUES],
	enum audit_strictness strictness, struct audit_verdict *verdict)
{
	int64_t jobs = messages_in(&queues[QUEUE_JOBS]) + messages_in(&queues[QUEUE_JOBS_EXPRESS]);
	int64_t ladder =
		messages_in(&queues[QUEUE_RETRY_10S]) + messages_in(&queues[QUEUE_RETRY_1M]) +
		messages_in(&queues[QUEUE_RETRY_5M]) + messages_in(&queues[QUEUE_RETRY_30M]);
	int64_t letters = messages_in(&queues[QUEUE_JOBS_DEAD]);
	int64_t results = messages_in(&queues[QUEUE_RESULTS]);
	/* Messages in the job queues that no waiting job needs; of which moment, only rest tells. */
	int64_t spare = jobs, spare_to_tell = jobs;

	if (strictness == AUDIT_AT_REST) {
		spare = at_least_none(jobs - counts->waiting);
		spare_to_tell = at_least_none(jobs - (counts->waiting - counts->unlogged_waiting));
	}
	*verdict = (struct audit_verdict){
		.lost_jobs = larger(at_least_none(counts->waiting - jobs),
			at_least_none(counts->waiting + counts->retrying - jobs - ladder)),
		.lost_letters = at_least_none(counts->dead - letters - spare),
		.missing_logs = at_least_none(counts->unlogged - results - spare_to_tell),
	};
	verdict->lost_all_waiting = counts->waiting > 0 && jobs == 0;
	verdict->lost_all_retrying = counts->retrying > 0 && jobs + ladder == 0;
	verdict->lost_all_letters = counts->dead > 0 && verdict->lost_letters == counts->dead;
	verdict->missing_all_logs =
		counts->unlogged > 0 && verdict->missing_logs == counts->unlogged;
}

bool audit_is_clean(const struct audit_verdict *verdict)
{
	return verdict->lost_jobs == 0 && verdict->lost_letters == 0 && verdict->missing_logs == 0;
}
