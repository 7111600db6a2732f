/* SPDX-License-Identifier: MIT */
/*
 * Jobs whose next call is to one endpoint, in the order in which they are served: those that a person
 * asked for before others, otherwise as they came. A job that has made a call comes behind those that
 * wait, so that a big account gets its turn like a small one. Start from a zeroed struct.
 * Threads: the fetcher's.
 */
#ifndef WORKER_READY_H
#define WORKER_READY_H

#include "worker/job_list.h"

struct ready {
	struct job_list jobs;
	int64_t count;
	int64_t express;
	bool waits; /* for a slot of the quota */
};

void ready_add(struct ready *ready, struct job *job);
/* The next one; NULL: there is none. */
struct job *ready_take(struct ready *ready);
/* Behind all: the order stays when each is taken once and kept. */
void ready_keep(struct ready *ready, struct job *job);

#endif
