/* SPDX-License-Identifier: MIT */
/*
 * Comparing dead letters with the database, many at a time. One thread.
 */
#include "operator/dead_status.h"

#include <stdio.h>
#include <string.h>

#include "common/result_message.h"

#define LETTERS_PER_QUERY 1000

enum column {
	COLUMN_POSITION,
	COLUMN_FATE,
	COLUMN_NEW_JOB,
	COLUMN_NEW_STATE,
	COLUMN_NEW_PUBLISHED,
	COLUMN_SAME_ACCOUNT,
	COLUMN_STATE,
	COLUMN_ACCOUNT_STATUS,
	COLUMN_ACCOUNT_REASON,
	COLUMN_SUPERSEDED,
	COLUMN_OF_EARLIER_DAY,
};

/* The order of the statement's parameters. */
struct question {
	struct db_array dead_ids, jobs, accounts, stores, types, days, deaths;
};

static void question_init(struct question *question)
{
	db_array_init(&question->dead_ids, DB_UUID);
	db_array_init(&question->jobs, DB_UUID);
	db_array_init(&question->accounts, DB_INT8);
	db_array_init(&question->stores, DB_TEXT);
	db_array_init(&question->types, DB_TEXT);
	db_array_init(&question->days, DB_DATE);
	db_array_init(&question->deaths, DB_TIMESTAMPTZ);
}

static void question_finish(struct question *question)
{
	db_array_finish(&question->dead_ids);
	db_array_finish(&question->jobs);
	db_array_finish(&question->accounts);
	db_array_finish(&question->stores);
	db_array_finish(&question->types);
	db_array_finish(&question->days);
	db_array_finish(&question->deaths);
}

static void add_letter(struct question *question, const struct dead_letter *letter)
{
	const struct job_message *job = &letter->job;

	db_array_uuid(&question->dead_ids, letter->dead_id);
	if (!letter->readable) {
		db_array_null(&question->jobs);
		db_array_null(&question->accounts);
		db_array_null(&question->stores);
		db_array_null(&question->types);
		db_array_null(&question->days);
		db_array_null(&question->deaths);
		return;
	}
	db_array_uuid(&question->jobs, job->job_id);
	db_array_integer(&question->accounts, job->account_id);
	db_array_text(&question->stores, job->store_code);
	db_array_text(&question->types, job_type_name(job->job_type));
	db_array_day(&question->days, job->snapshot_date);
	db_array_integer(&question->deaths,
		letter->died_at_us > 0 ? letter->died_at_us : job->enqueued_at_us);
}

static enum dead_category categorise(
	const struct dead_letter *letter, const struct db_result *rows, int row)
{
	const char *fate = db_text(rows, row, COLUMN_FATE);

	if (strcmp(fate, "discarded") == 0)
		return DEAD_ALREADY_DISCARDED;
	/* The manifest may have this job_id for another account: whoever sent it made it up. */
	if (!letter->readable || !db_boolean(rows, row, COLUMN_SAME_ACCOUNT))
		return DEAD_UNREADABLE;
	if (!db_is_null(rows, row, COLUMN_NEW_STATE))
		return db_boolean(rows, row, COLUMN_NEW_PUBLISHED) ? DEAD_ALREADY_RETRIED
								   : DEAD_HALF_RETRIED;
	if (strcmp(fate, "retried") == 0)
		return DEAD_ALREADY_RETRIED;
	if (db_is_null(rows, row, COLUMN_ACCOUNT_STATUS))
		return DEAD_ACCOUNT_GONE;
	if (db_boolean(rows, row, COLUMN_SUPERSEDED))
		return DEAD_SUPERSEDED;
	if (strcmp(letter->account_status, "NEED_RECONNECT") == 0)
		return DEAD_NEEDS_RECONNECT;
	if (strcmp(letter->account_status, "DISABLED") == 0)
		return DEAD_DISABLED;
	return DEAD_RETRIABLE;
}

static void copy_cell(char *field, size_t size, const struct db_result *rows, int row, int column)
{
	result_text_copy(field, size, db_text(rows, row, column));
}

static void read_row(struct dead_letter *letter, const struct db_result *rows, int row)
{
	copy_cell(letter->new_job_id, sizeof letter->new_job_id, rows, row, COLUMN_NEW_JOB);
	copy_cell(letter->new_job_state, sizeof letter->new_job_state, rows, row, COLUMN_NEW_STATE);
	copy_cell(letter->job_state, sizeof letter->job_state, rows, row, COLUMN_STATE);
	copy_cell(letter->account_status, sizeof letter->account_status, rows, row,
		COLUMN_ACCOUNT_STATUS);
	copy_cell(letter->account_reason, sizeof letter->account_reason, rows, row,
		COLUMN_ACCOUNT_REASON);
	letter->of_earlier_day = db_boolean(rows, row, COLUMN_OF_EARLIER_DAY);
	letter->category = categorise(letter, rows, row);
}

static bool read_some(
	struct dead_session *session, struct dead_letter *letters, size_t count, struct error *err)
{
	struct question question;
	struct db_params params = {0};
	struct db_result *rows = NULL;
	bool ok;

	question_init(&question);
	for (size_t i = 0; i < count; i++)
		add_letter(&question, &letters[i]);
	db_param_array(&params, &question.dead_ids);
	db_param_array(&params, &question.jobs);
	db_param_array(&params, &question.accounts);
	db_param_array(&params, &question.stores);
	db_param_array(&params, &question.types);
	db_param_array(&params, &question.days);
	db_param_array(&params, &question.deaths);
	db_param_text(&params, session->today);
	ok = db_query(session->db, STATEMENT_DEAD_STATUS, &params, &rows, err);
	for (int row = 0; ok && row < db_row_count(rows); row++)
		read_row(&letters[db_integer(rows, row, COLUMN_POSITION) - 1], rows, row);
	db_result_destroy(rows);
	question_finish(&question);
	return ok;
}

bool dead_status_read(
	struct dead_session *session, struct dead_letter *letters, size_t count, struct error *err)
{
	for (size_t at = 0; at < count; at += LETTERS_PER_QUERY) {
		size_t some = count - at < LETTERS_PER_QUERY ? count - at : LETTERS_PER_QUERY;

		if (!read_some(session, letters + at, some, err))
			return false;
	}
	return true;
}
