/* SPDX-License-Identifier: MIT */
/*
 * Publishing the manifest: page by page, each page sent, confirmed and marked before the next is
 * read. Wherever it is interrupted, what is confirmed but not marked is at most one page, and is
 * published twice; nothing is left out.
 *
 *     the turn to publish -> a page -> sent in a window -> confirmed -> marked -> the next page
 *
 * Threads: the main thread alone.
 */
#ifndef PRODUCER_PUBLISH_H
#define PRODUCER_PUBLISH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "producer/plan.h"
#include "producer/session.h"

struct publish_tally {
	int64_t published; /* confirmed by the broker */
	int64_t left;      /* of the selection, still to be published */
};

/*
 * Publish every job of the plan's selection that was not published yet, also those of interrupted
 * runs. The tally is filled after a failure too.
 *
 * Fails: stopping - told to stop, or the database is away as well; broker - the queue is not bound;
 *        settings - AMQP_URL.
 */
bool publish_jobs(
	struct session *session, struct plan *plan, struct publish_tally *tally, struct error *err);

#endif
