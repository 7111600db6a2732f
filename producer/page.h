/* SPDX-License-Identifier: MIT */
/*
 * A page of the manifest: some jobs that wait to be published, read in the order of their places:
 * the stalest accounts first, the stores in turns. One producer at a time has the turn to publish a
 * job type and day, by an advisory lock of its database connection; so a page that was read is nobody
 * else's.
 *
 * Threads: the main thread alone.
 */
#ifndef PRODUCER_PAGE_H
#define PRODUCER_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "common/job_message.h"
#include "producer/plan.h"
#include "producer/session.h"

#define PAGE_JOBS_MAX 500

enum page_job_state {
	PAGE_JOB_WAITING,
	PAGE_JOB_OPEN,   /* sent, not confirmed */
	PAGE_JOB_STORED, /* confirmed */
};

struct page_job {
	struct job_message message;
	int generation;
	int64_t place; /* in its run */
	bool express;
	enum page_job_state state;
};

struct page {
	struct plan *plan;
	bool has_turn; /* false: another producer publishes, and count is 0 */
	int64_t left;  /* jobs of the selection that are not marked */
	int count;     /* 0 with the turn: nothing is left */
	struct page_job jobs[PAGE_JOBS_MAX];
};

/* Owns: the caller frees with free(). */
struct page *page_create(struct plan *plan);
/*
 * A session_step whose context is the page: take the turn unless we have it, and read the page
 * behind the last one.
 */
bool page_read(struct session *session, void *context, struct error *err);
/* A session_step whose context is the page: mark those that are stored as published. Needs no turn. */
bool page_mark(struct session *session, void *context, struct error *err);

#endif
