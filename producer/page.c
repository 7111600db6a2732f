/* SPDX-License-Identifier: MIT */
/*
 * Reading and marking pages of the manifest. Runs on the main thread.
 */
#include "producer/page.h"

#include <stdio.h>
#include <string.h>

#include "common/memory.h"

struct page *page_create(struct plan *plan)
{
	struct page *page = memory_allocate(1, sizeof *page);

	page->plan = plan;
	page->left = plan->unpublished;
	return page;
}

/* Whoever takes the turn begins at the first job: the one who had it before may have stopped anywhere. */
static bool take_turn(struct session *session, struct page *page, struct error *err)
{
	struct db_params params = {0};
	struct db_result *result = NULL;

	db_param_text(&params, job_type_name(page->plan->options->job_type));
	db_param_text(&params, page->plan->day);
	if (!db_query(session->db, STATEMENT_LOCK_PUBLISHING, &params, &result, err))
		return false;
	session->locked = db_boolean(result, 0, 0);
	db_result_destroy(result);
	page->has_turn = session->locked;
	page->count = 0;
	if (!page->has_turn)
		return true;
	if (!plan_count_unpublished(session, page->plan, err))
		return false;
	page->left = page->plan->unpublished;
	return true;
}

static void read_job(
	const struct page *page, const struct db_result *result, int row, struct page_job *job)
{
	struct job_message *message = &job->message;

	*job = (struct page_job){.state = PAGE_JOB_WAITING};
	snprintf(message->job_id, sizeof message->job_id, "%s", db_text(result, row, 0));
	snprintf(message->run_id, sizeof message->run_id, "%s", db_text(result, row, 1));
	message->account_id = db_integer(result, row, 2);
	job->generation = (int)db_integer(result, row, 3);
	snprintf(message->store_code, sizeof message->store_code, "%s", db_text(result, row, 4));
	message->attempt = (int)db_integer(result, row, 5);
	job->express = db_boolean(result, row, 6) || page->plan->options->express;
	job->place = db_integer(result, row, 7);
	message->job_type = page->plan->options->job_type;
	memcpy(message->snapshot_date, page->plan->day, DAY_SIZE);
}

bool page_read(struct session *session, void *context, struct error *err)
{
	struct page *page = context;
	const struct page_job *last = NULL;
	struct db_params params = {0};
	struct db_result *result = NULL;

	if (!session->locked && !take_turn(session, page, err))
		return false;
	if (!session->locked)
		return true;
	if (page->count > 0)
		last = &page->jobs[page->count - 1];
	plan_add_selection(page->plan, &params);
	db_param_integer(&params, last != NULL ? last->place : INT64_MIN);
	db_param_integer(&params, last != NULL ? last->message.account_id : 0);
	db_param_integer(&params, last != NULL ? last->generation : 0);
	db_param_integer(&params, PAGE_JOBS_MAX);
	if (!db_query(session->db, STATEMENT_NEXT_UNPUBLISHED, &params, &result, err))
		return false;
	page->count = db_row_count(result);
	for (int row = 0; row < page->count; row++)
		read_job(page, result, row, &page->jobs[row]);
	db_result_destroy(result);
	return true;
}

bool page_mark(struct session *session, void *context, struct error *err)
{
	struct page *page = context;
	struct db_params params = {0};
	struct db_array ids;
	bool ok = false;

	db_array_init(&ids, DB_UUID);
	for (int i = 0; i < page->count; i++)
		if (page->jobs[i].state == PAGE_JOB_STORED)
			db_array_uuid(&ids, page->jobs[i].message.job_id);
	db_param_array(&params, &ids);
	ok = ids.count == 0 || db_query(session->db, STATEMENT_MARK_PUBLISHED, &params, NULL, err);
	if (ok)
		page->left -= ids.count;
	db_array_finish(&ids);
	return ok;
}
