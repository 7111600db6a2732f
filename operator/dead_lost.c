/* SPDX-License-Identifier: MIT */
/*
 * Finding a dead job without a letter. One thread.
 */
#include "operator/dead_lost.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/result_message.h"
#include "common/utf8.h"
#include "operator/dead_status.h"

enum column {
	COLUMN_JOB,
	COLUMN_ACCOUNT,
	COLUMN_STORE,
	COLUMN_TYPE,
	COLUMN_DAY,
	COLUMN_ATTEMPT,
	COLUMN_WORKER,
	COLUMN_ERROR_CLASS,
	COLUMN_ERROR_TEXT,
	COLUMN_DIED_AT,
	COLUMN_ROW,
};

static bool has_letter(const struct dead_list *list, const char *job_id)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcasecmp(list->letters[i].job.job_id, job_id) == 0 ||
			strcasecmp(list->letters[i].dead_id, job_id) == 0)
			return true;
	return false;
}

/* Always the same for a job, so that it has one fate, however often that is decided. */
static void make_dead_id(struct dead_letter *letter)
{
	char name[80];

	snprintf(name, sizeof name, "storesync lost dead letter of job %.36s", letter->job.job_id);
	uuid_from_name(name, letter->dead_id);
}

static char *copy_clean(const char *text)
{
	struct text clean = {0};

	utf8_append_clean(text, strlen(text), &clean);
	return clean.data ? clean.data : memory_copy_text("");
}

static void read_row(const struct db_result *rows, struct dead_lost *lost)
{
	struct dead_letter *letter = &lost->message.letter;
	struct job_message *job = &letter->job;

	*letter = (struct dead_letter){.readable = true,
		.attempt = db_integer(rows, 0, COLUMN_ATTEMPT),
		.died_at_us = db_integer(rows, 0, COLUMN_DIED_AT)};
	result_text_copy(job->job_id, sizeof job->job_id, db_text(rows, 0, COLUMN_JOB));
	job->account_id = db_integer(rows, 0, COLUMN_ACCOUNT);
	result_text_copy(job->store_code, sizeof job->store_code, db_text(rows, 0, COLUMN_STORE));
	job_type_named(db_text(rows, 0, COLUMN_TYPE), &job->job_type);
	result_text_copy(
		job->snapshot_date, sizeof job->snapshot_date, db_text(rows, 0, COLUMN_DAY));
	letter->error_class = copy_clean(db_text(rows, 0, COLUMN_ERROR_CLASS));
	letter->error_text = copy_clean(db_text(rows, 0, COLUMN_ERROR_TEXT));
	letter->worker = copy_clean(db_text(rows, 0, COLUMN_WORKER));
	make_dead_id(letter);
	text_append(&lost->body, db_text(rows, 0, COLUMN_ROW));
	lost->message.body = text_string(&lost->body);
	lost->message.length = lost->body.length;
}

bool dead_lost_find(struct dead_session *session, const struct dead_list *list,
	const struct dead_filter *filter, struct dead_lost *lost, struct error *err)
{
	struct db_params params = {0};
	struct db_result *rows = NULL;
	bool is_lost;

	if (!filter->job_id || has_letter(list, filter->job_id))
		return true;
	db_param_text(&params, filter->job_id);
	if (!db_query(session->db, STATEMENT_DEAD_LOST, &params, &rows, err))
		return false;
	is_lost = db_row_count(rows) > 0;
	if (is_lost)
		read_row(rows, lost);
	db_result_destroy(rows);
	if (!is_lost)
		return true;
	if (!dead_status_read(session, &lost->message.letter, 1, err))
		return false;
	lost->found = dead_filter_matches(filter, &lost->message.letter, clock_unix_us());
	return true;
}

void dead_lost_finish(struct dead_lost *lost)
{
	dead_letter_finish(&lost->message.letter);
	text_finish(&lost->body);
	*lost = (struct dead_lost){0};
}

void dead_lost_print(const struct dead_lost *lost)
{
	const struct job_message *job = &lost->message.letter.job;

	if (lost->found)
		printf("  1 has lost its letter: storesync-producer --force --account %" PRId64
		       " --job-type %s --date %s repeats it, syncctl dead discard --job %s settles the audit\n",
			job->account_id, job_type_name(job->job_type), job->snapshot_date,
			job->job_id);
}
