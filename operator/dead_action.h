/* SPDX-License-Identifier: MIT */
/*
 * An action of an operator on dead letters, as the database keeps it: who, what, why, and the fate
 * of each letter, with its body.
 * Threads: the main thread alone.
 */
#ifndef OPERATOR_DEAD_ACTION_H
#define OPERATOR_DEAD_ACTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/crypto.h"
#include "common/error.h"
#include "common/text.h"
#include "operator/dead_options.h"
#include "operator/dead_pass.h"
#include "operator/dead_session.h"

struct dead_action {
	struct dead_session *session;
	char action_id[UUID_TEXT_SIZE]; /* the run_id of the jobs that it makes, too */
	struct text selection;
	struct text hex; /* of a body; reused */
};

enum dead_action_kind { ACTION_RETRY, ACTION_DISCARD };

/*
 * Enter the action, before it does anything.
 * Owns:  the caller ends it with dead_action_finish(), also after a failure.
 * Fails: as db_query(), as everything here.
 */
bool dead_action_begin(struct dead_action *action, struct dead_session *session,
	enum dead_action_kind kind, const struct dead_options *options, size_t planned,
	struct error *err);
/* Note that it has ended, in whatever way. */
bool dead_action_end(struct dead_action *action, struct error *err);
void dead_action_finish(struct dead_action *action);

/* The job that repeats a dead one. */
struct dead_new_job {
	char job_id[UUID_TEXT_SIZE];
	char run_id[UUID_TEXT_SIZE]; /* of an earlier action, if that made it */
	bool is_published;
};

/* Make the job that repeats the message's, unless it is there, and give the letter its fate. */
bool dead_action_retry(struct dead_action *action, const struct dead_message *message,
	struct dead_new_job *made, struct error *err);
bool dead_action_mark_published(struct dead_action *action, const char *job_id, struct error *err);
/* Give the letter its fate; body and error are kept with it. */
bool dead_action_discard(
	struct dead_action *action, const struct dead_message *message, struct error *err);

#endif
