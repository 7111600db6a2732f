/* SPDX-License-Identifier: MIT */
/*
 * Jobs that a stage keeps for itself, in order, linked by link.next. Start from a zeroed struct.
 * Threads: the stage's.
 */
#ifndef WORKER_JOB_LIST_H
#define WORKER_JOB_LIST_H

#include "worker/job.h"

struct job_list {
	struct job *first, *last;
};

void job_list_add_first(struct job_list *list, struct job *job);
void job_list_add(struct job_list *list, struct job *job);
struct job *job_list_take(struct job_list *list); /* the oldest; NULL: none is left */

#endif
