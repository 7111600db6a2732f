/* SPDX-License-Identifier: MIT */
/*
 * Entering what an operator does. One thread.
 */
#include "operator/dead_action.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/utf8.h"
#include "operator/actor.h"

#define COLLISIONS_MAX 5

bool dead_action_begin(struct dead_action *action, struct dead_session *session,
	enum dead_action_kind kind, const struct dead_options *options, size_t planned,
	struct error *err)
{
	struct db_params params = {0};
	struct text actor = {0}, clean_reason = {0};
	bool ok;

	*action = (struct dead_action){.session = session};
	uuid_random(action->action_id);
	text_append(&action->selection, "dead letters: ");
	dead_filter_describe(&options->filter, &action->selection);
	if (options->canary > 0)
		text_append_format(&action->selection, ", canary %" PRId64, options->canary);
	actor_append(&actor);
	if (options->reason)
		utf8_append_clean(options->reason, strlen(options->reason), &clean_reason);
	db_param_text(&params, action->action_id);
	db_param_text(&params, kind == ACTION_RETRY ? "retry" : "discard");
	db_param_text(&params, text_string(&actor));
	db_param_text(&params, action->selection.data);
	db_param_text(&params, clean_reason.data);
	db_param_integer(&params, (int64_t)planned);
	ok = db_query(session->db, STATEMENT_DEAD_BEGIN_ACTION, &params, NULL, err);
	text_finish(&actor);
	text_finish(&clean_reason);
	return ok;
}

bool dead_action_end(struct dead_action *action, struct error *err)
{
	struct db_params params = {0};

	db_param_text(&params, action->action_id);
	return db_query(action->session->db, STATEMENT_DEAD_END_ACTION, &params, NULL, err);
}

void dead_action_finish(struct dead_action *action)
{
	text_finish(&action->selection);
	text_finish(&action->hex);
}

/* What both fates are told; new_job_id NULL: there is none. */
struct decision {
	struct db_params params;
	char new_job_id[UUID_TEXT_SIZE];
	char died_at[CLOCK_TEXT_SIZE];
};

static void fill_decision(
	struct dead_action *action, const struct dead_message *message, struct decision *decision)
{
	const struct dead_letter *letter = &message->letter;
	const struct job_message *job = &letter->job;
	struct db_params *params = &decision->params;

	*decision = (struct decision){0};
	dead_new_job_id(job->job_id, decision->new_job_id);
	clock_format(letter->died_at_us, decision->died_at);
	text_clear(&action->hex);
	crypto_hex(message->body, message->length,
		text_reserve(&action->hex, 2 * message->length + 1));
	db_param_text(params, action->action_id);
	db_param_text(params, letter->dead_id);
	db_param_text(params, letter->readable ? job->job_id : NULL);
	db_param_text(params, decision->new_job_id);
	db_param_text(params, job->store_code);
	db_param_text(params, job_type_name(job->job_type));
	db_param_text(params, letter->readable ? job->snapshot_date : NULL);
	db_param_text(params, action->hex.data);
	db_param_text(params, letter->error_class);
	db_param_text(params, letter->error_text);
	db_param_text(params, action->selection.data);
	db_param_text(params, action->session->today);
	db_param_text(params, letter->died_at_us > 0 ? decision->died_at : NULL);
	db_param_integer(params, job->account_id);
}

bool dead_action_retry(struct dead_action *action, const struct dead_message *message,
	struct dead_new_job *made, struct error *err)
{
	for (int i = 0; i < COLLISIONS_MAX; i++) {
		struct decision decision;
		struct db_result *rows = NULL;
		bool found;

		fill_decision(action, message, &decision);
		if (!db_query(action->session->db, STATEMENT_DEAD_RETRY, &decision.params, &rows,
			    err))
			return false;
		found = db_row_count(rows) > 0;
		if (found) {
			snprintf(made->job_id, sizeof made->job_id, "%s", db_text(rows, 0, 0));
			snprintf(made->run_id, sizeof made->run_id, "%s", db_text(rows, 0, 1));
			made->is_published = db_boolean(rows, 0, 2);
		}
		db_result_destroy(rows);
		if (found)
			return true;
	}
	error_set(err, ERROR_INTERNAL,
		"cannot make a job that repeats %s: others plan jobs of its account, type and day at the same moment",
		message->letter.job.job_id);
	return false;
}

bool dead_action_mark_published(struct dead_action *action, const char *job_id, struct error *err)
{
	struct db_params params = {0};
	struct db_array ids;
	bool ok;

	db_array_init(&ids, DB_UUID);
	db_array_uuid(&ids, job_id);
	db_param_array(&params, &ids);
	ok = db_query(action->session->db, STATEMENT_MARK_PUBLISHED, &params, NULL, err);
	db_array_finish(&ids);
	return ok;
}

bool dead_action_discard(
	struct dead_action *action, const struct dead_message *message, struct error *err)
{
	struct decision decision;

	fill_decision(action, message, &decision);
	return db_query(action->session->db, STATEMENT_DEAD_DISCARD, &decision.params, NULL, err);
}
