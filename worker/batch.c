/* SPDX-License-Identifier: MIT */
/*
 * From snapshots to columns. The order of the columns of a table here is the order of its
 * statement's parameters (statements_worker.c). Run by the writers' threads.
 */
#include "worker/batch.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/topology.h"

#define COLUMNS_MAX 14

/* One statement of the transaction and the types of its columns. */
struct part {
	enum statement statement;
	int column_count;
	enum db_type types[COLUMNS_MAX];
};

enum { PART_USERS, PART_VIDEOS, PART_JOBS, PART_ACCOUNTS, PART_RECONNECT, PARTS };

/* The accounts' rows come last: they are the ones that other sessions wait for. */
static const struct part parts[PARTS] = {
	[PART_USERS] = {STATEMENT_SAVE_USERS, 10,
		{DB_TEXT, DB_TEXT, DB_DATE, DB_TEXT, DB_TEXT, DB_INT4, DB_INT4, DB_INT8, DB_INT4,
			DB_TIMESTAMPTZ}},
	[PART_VIDEOS] = {STATEMENT_SAVE_VIDEOS, 12,
		{DB_TEXT, DB_TEXT, DB_DATE, DB_TEXT, DB_TEXT, DB_TEXT, DB_TIMESTAMPTZ, DB_INT8,
			DB_INT8, DB_INT4, DB_INT4, DB_TIMESTAMPTZ}},
	[PART_JOBS] = {STATEMENT_FINISH_JOBS, 14,
		{DB_UUID, DB_INT4, DB_INT4, DB_TEXT, DB_INT4, DB_INT4, DB_INT8, DB_INT8, DB_TEXT,
			DB_INT4, DB_TEXT, DB_TEXT, DB_INT4, DB_BOOL}},
	[PART_ACCOUNTS] = {STATEMENT_TOUCH_ACCOUNTS, 3, {DB_INT8, DB_TEXT, DB_TEXT}},
	[PART_RECONNECT] = {STATEMENT_MARK_RECONNECT, 3, {DB_INT8, DB_INT8, DB_TEXT}},
};

struct batch {
	struct db_array columns[PARTS][COLUMNS_MAX];
	struct db_array *at; /* the next column of the row that is being added */
};

struct batch *batch_create(void)
{
	struct batch *batch = memory_allocate(1, sizeof *batch);

	for (int p = 0; p < PARTS; p++)
		for (int c = 0; c < parts[p].column_count; c++)
			db_array_init(&batch->columns[p][c], parts[p].types[c]);
	return batch;
}

void batch_destroy(struct batch *batch)
{
	if (!batch)
		return;
	for (int p = 0; p < PARTS; p++)
		for (int c = 0; c < parts[p].column_count; c++)
			db_array_finish(&batch->columns[p][c]);
	free(batch);
}

static void begin_row(struct batch *batch, int part)
{
	batch->at = batch->columns[part];
}

static void add_text(struct batch *batch, const char *text)
{
	db_array_text(batch->at++, text);
}

static void add_day(struct batch *batch, const char *day)
{
	db_array_day(batch->at++, day);
}

static void add_integer(struct batch *batch, int64_t number)
{
	db_array_integer(batch->at++, number);
}

static void add_counter(struct batch *batch, const struct counter *counter)
{
	if (counter->known)
		add_integer(batch, counter->value);
	else
		db_array_null(batch->at++);
}

static void add_user_row(struct batch *batch, const struct job *job)
{
	const struct profile *profile = &job->snapshot.profile;

	begin_row(batch, PART_USERS);
	add_text(batch, job->message.store_code);
	add_text(batch, job->account.open_id);
	add_day(batch, job->message.snapshot_date);
	add_text(batch, profile->display_name);
	add_text(batch, profile->avatar_url);
	add_counter(batch, &profile->follower_count);
	add_counter(batch, &profile->following_count);
	add_counter(batch, &profile->likes_count);
	add_counter(batch, &profile->video_count);
	add_integer(batch, profile->fetched_at_us);
}

static void add_video_row(struct batch *batch, const struct job *job, const struct video *video)
{
	const struct snapshot *snapshot = &job->snapshot;
	struct counter created_us = video->create_time_s;

	if (created_us.known)
		created_us.value *= 1000000;
	begin_row(batch, PART_VIDEOS);
	add_text(batch, job->message.store_code);
	add_text(batch, snapshot_text(snapshot, video->id));
	add_day(batch, job->message.snapshot_date);
	add_text(batch, snapshot_text(snapshot, video->description));
	add_text(batch, snapshot_text(snapshot, video->cover_image_url));
	add_text(batch, snapshot_text(snapshot, video->share_url));
	add_counter(batch, &created_us);
	add_counter(batch, &video->view_count);
	add_counter(batch, &video->like_count);
	add_counter(batch, &video->comment_count);
	add_counter(batch, &video->share_count);
	add_integer(batch, video->fetched_at_us);
}

/* The state of the manifest (migration 0005) that a verdict leads to. */
static const char *state_after(const struct verdict *verdict)
{
	if (verdict->destination == TO_RETRY)
		return "retrying";
	if (verdict->destination == TO_DEAD)
		return "dead";
	if (verdict->destination == TO_NEXT_SLICE)
		return "queued";
	return verdict->status == STATUS_SUCCESS ? "success" : "skipped";
}

static void add_job_row(struct batch *batch, const struct job *job)
{
	const struct verdict *verdict = &job->verdict;
	bool retries = verdict->destination == TO_RETRY;
	bool failed = verdict->error_class != ERROR_NONE;
	struct counter delay_ms = {retries, retries ? topology_rung_delay_ms(verdict->rung) : 0};
	const struct job_progress *here = &job->message.progress;
	const struct job_progress *next =
		verdict->destination == TO_NEXT_SLICE ? &verdict->progress : here;
	struct counter cursor = {next->slice > 0, next->cursor};

	begin_row(batch, PART_JOBS);
	db_array_uuid(batch->at++, job->message.job_id);
	add_integer(batch, job->message.attempt);
	add_integer(batch, here->slice);
	add_text(batch, state_after(verdict));
	add_integer(batch, retries ? verdict->next_attempt : job->message.attempt);
	add_integer(batch, next->slice);
	add_counter(batch, &cursor);
	add_counter(batch, &delay_ms);
	add_text(batch, verdict->message);
	add_integer(batch, job_records(job));
	add_text(batch, failed ? error_rule(verdict->error_class)->name : NULL);
	add_text(batch, failed ? verdict->error_details : NULL);
	add_integer(batch, job_api_calls(job));
	db_array_boolean(batch->at++, verdict->effect == EFFECT_FAILURE);
}

static void add_account_row(struct batch *batch, const struct job *job)
{
	const struct verdict *verdict = &job->verdict;

	if (verdict->effect == EFFECT_RECONNECT) {
		begin_row(batch, PART_RECONNECT);
		add_integer(batch, job->message.account_id);
		add_integer(batch, job->account.token_version);
		add_text(batch, verdict->error_details);
	} else if (verdict->status == STATUS_SUCCESS &&
		   job->message.job_type != JOB_TOKEN_REFRESH) {
		begin_row(batch, PART_ACCOUNTS);
		add_integer(batch, job->message.account_id);
		add_text(batch, job->snapshot.profile.display_name);
		add_text(batch, job->snapshot.profile.avatar_url);
	}
}

void batch_fill(struct batch *batch, struct job *const *jobs, int count)
{
	for (int p = 0; p < PARTS; p++)
		for (int c = 0; c < parts[p].column_count; c++)
			db_array_clear(&batch->columns[p][c]);
	for (int i = 0; i < count; i++) {
		const struct job *job = jobs[i];

		if (job->snapshot.profile.read)
			add_user_row(batch, job);
		for (size_t v = 0; v < job->snapshot.video_count; v++)
			add_video_row(batch, job, &job->snapshot.videos[v]);
		add_job_row(batch, job);
		add_account_row(batch, job);
	}
}

bool batch_commit(struct batch *batch, struct db_session *session, struct db_result **ended,
	struct error *err)
{
	struct db_params params[PARTS] = {0};
	struct db_step steps[PARTS];
	size_t count = 0, jobs = 0;
	bool ok;

	for (int p = 0; p < PARTS; p++) {
		if (!batch->columns[p][0].count)
			continue;
		for (int c = 0; c < parts[p].column_count; c++)
			db_param_array(&params[p], &batch->columns[p][c]);
		if (p == PART_JOBS)
			jobs = count;
		steps[count++] = (struct db_step){parts[p].statement, &params[p], NULL};
	}
	ok = db_session_transact(session, steps, count, err);
	if (ok) {
		*ended = steps[jobs].result;
		steps[jobs].result = NULL;
	}
	db_steps_finish(steps, count);
	return ok;
}

bool batch_has_ended(const struct db_result *ended, const struct job *job)
{
	for (int row = 0; row < db_row_count(ended); row++)
		if (strcmp(db_text(ended, row, 0), job->message.job_id) == 0)
			return true;
	return false;
}
