/* SPDX-License-Identifier: MIT */
/*
 * Lists of jobs. Run by the thread of the stage that has them.
 */
#include "worker/job_list.h"

void job_list_add(struct job_list *list, struct job *job)
{
	job->link.next = NULL;
	if (list->last)
		list->last->link.next = &job->link;
	else
		list->first = job;
	list->last = job;
}

void job_list_add_first(struct job_list *list, struct job *job)
{
	job->link.next = (struct queue_item *)list->first;
	list->first = job;
	if (!list->last)
		list->last = job;
}

struct job *job_list_take(struct job_list *list)
{
	struct job *job = list->first;

	if (job && !(list->first = (struct job *)job->link.next))
		list->last = NULL;
	return job;
}
