/* SPDX-License-Identifier: MIT */
/*
 * One run of a command that acts on dead letters: look, plan, act, tell. What retry and discard have
 * in common; what each does to a letter is its own.
 * Threads: the main thread alone.
 */
#ifndef OPERATOR_DEAD_RUN_H
#define OPERATOR_DEAD_RUN_H

#include <stdbool.h>
#include <stddef.h>

#include "common/config.h"
#include "common/error.h"
#include "common/process.h"
#include "operator/dead_action.h"
#include "operator/dead_list.h"
#include "operator/dead_lost.h"
#include "operator/dead_options.h"
#include "operator/dead_plan.h"
#include "operator/dead_session.h"

/* Start from a struct that has its options and is zeroed else. */
struct dead_run {
	const struct dead_options *options;
	struct dead_session session;
	struct dead_list list;
	struct dead_lost lost;
	struct dead_plan plan;
	struct dead_action action;
	size_t done;    /* retried or discarded by this run */
	size_t removed; /* retried or discarded before */
};

/*
 * Open the session, read the letters and plan.
 * Owns:  the caller ends *run with dead_run_finish(), also after a failure.
 * Fails: as dead_session_open(), dead_list_read(), dead_lost_find().
 */
bool dead_run_look(struct dead_run *run, const struct config *config, struct error *err);
/*
 * Tell what the action did ("retried 3 of 5") and note its end. ok: it did not fail, else *err says
 * why already.
 * Fails: stopping - asked to stop in the middle; as dead_action_end().
 */
enum exit_code dead_run_end(
	struct dead_run *run, const char *did, size_t planned, bool ok, struct error *err);
void dead_run_finish(struct dead_run *run);

#endif
