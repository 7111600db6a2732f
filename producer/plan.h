/* SPDX-License-Identifier: MIT */
/*
 * The manifest of a run: which jobs there are to be, written to sync_jobs in one statement before
 * anything is published, so that whatever happens later, the next start knows what is missing.
 *
 * Threads: the main thread alone.
 */
#ifndef PRODUCER_PLAN_H
#define PRODUCER_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/db.h"
#include "common/error.h"
#include "common/forecast_read.h"
#include "common/job_message.h"
#include "producer/options.h"
#include "producer/session.h"

struct plan {
	const struct options *options;
	char day[DAY_SIZE];
	int64_t planned;       /* jobs that are new with this run */
	int64_t on_their_way;  /* published earlier and not finished */
	int64_t done;          /* finished, and not to be repeated */
	int64_t not_connected; /* accounts that get no job */
	int64_t unpublished; /* what waits to be published, of earlier runs too; when last counted */
	struct forecast_selection selection;
	struct forecast_report forecast; /* after plan_forecast() */
};

/*
 * Write the manifest; with --dry-run only count. With --republish none is written: what is on its
 * way becomes unpublished again.
 *
 * Fails: bad_request - the store or account that the caller names does not exist; settings -
 *        SYNC_TIMEZONE does not; otherwise as session_do().
 */
bool plan_make(struct session *session, const struct options *options, struct plan *plan,
	struct error *err);

/* How many calls the run needs, and when it will be finished; as it is before anything is planned. */
bool plan_forecast(struct session *session, struct plan *plan, struct error *err);

/* The parameters that every statement about the selection begins with: type, day, store, account. */
void plan_add_selection(const struct plan *plan, struct db_params *params);

/* A session_step whose context is the plan: count plan->unpublished. */
bool plan_count_unpublished(struct session *session, void *context, struct error *err);

#endif
