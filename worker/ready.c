/* SPDX-License-Identifier: MIT */
/*
 * Jobs that wait for a call. Run by the fetcher's thread.
 */
#include "worker/ready.h"

void ready_add(struct ready *ready, struct job *job)
{
	if (!job->express) {
		ready_keep(ready, job);
		return;
	}
	ready->count++;
	ready->express++;
	job_list_add_first(&ready->jobs, job);
}

struct job *ready_take(struct ready *ready)
{
	struct job *job = job_list_take(&ready->jobs);

	if (job) {
		ready->count--;
		ready->express -= job->express;
	}
	return job;
}

void ready_keep(struct ready *ready, struct job *job)
{
	ready->count++;
	ready->express += job->express;
	job_list_add(&ready->jobs, job);
}
