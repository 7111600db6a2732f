/* SPDX-License-Identifier: MIT */
/*
 * Results as columns: one array for each parameter of the statement save_logs, one element for each
 * result. Runs on the logger's main thread.
 */
#include "logger/log_batch.h"

#include <assert.h>
#include <stdlib.h>

#include "common/memory.h"

/* In the order of the parameters. */
enum column {
	COLUMN_STORE_CODE,
	COLUMN_JOB_TYPE,
	COLUMN_STATUS,
	COLUMN_MESSAGE,
	COLUMN_RECORDS,
	COLUMN_DETAILS,
	COLUMN_STARTED_AT,
	COLUMN_COMPLETED_AT,
	COLUMN_JOB_ID,
	COLUMN_RUN_ID,
	COLUMN_ACCOUNT_ID,
	COLUMN_SNAPSHOT_DATE,
	COLUMN_ATTEMPT_ID,
	COLUMN_ATTEMPT,
	COLUMN_FINAL,
	COLUMN_ERROR_CLASS,
	COLUMN_API_CALLS,
	COLUMN_WORKER,
	COLUMNS
};

static const enum db_type column_types[COLUMNS] = {
	[COLUMN_STORE_CODE] = DB_TEXT,
	[COLUMN_JOB_TYPE] = DB_TEXT,
	[COLUMN_STATUS] = DB_TEXT,
	[COLUMN_MESSAGE] = DB_TEXT,
	[COLUMN_RECORDS] = DB_INT4,
	[COLUMN_DETAILS] = DB_TEXT,
	[COLUMN_STARTED_AT] = DB_TIMESTAMPTZ,
	[COLUMN_COMPLETED_AT] = DB_TIMESTAMPTZ,
	[COLUMN_JOB_ID] = DB_UUID,
	[COLUMN_RUN_ID] = DB_UUID,
	[COLUMN_ACCOUNT_ID] = DB_INT8,
	[COLUMN_SNAPSHOT_DATE] = DB_DATE,
	[COLUMN_ATTEMPT_ID] = DB_UUID,
	[COLUMN_ATTEMPT] = DB_INT4,
	[COLUMN_FINAL] = DB_BOOL,
	[COLUMN_ERROR_CLASS] = DB_TEXT,
	[COLUMN_API_CALLS] = DB_INT4,
	[COLUMN_WORKER] = DB_TEXT,
};

struct log_batch {
	struct db_array columns[COLUMNS];
};

struct log_batch *log_batch_create(void)
{
	struct log_batch *batch = memory_allocate(1, sizeof *batch);

	for (int i = 0; i < COLUMNS; i++)
		db_array_init(&batch->columns[i], column_types[i]);
	return batch;
}

void log_batch_destroy(struct log_batch *batch)
{
	if (batch == NULL)
		return;
	for (int i = 0; i < COLUMNS; i++)
		db_array_finish(&batch->columns[i]);
	free(batch);
}

static void add_optional_text(struct db_array *column, const char *text)
{
	db_array_text(column, text[0] != '\0' ? text : NULL);
}

static void add_result(struct log_batch *batch, const struct result_message *result)
{
	struct db_array *columns = batch->columns;

	db_array_text(&columns[COLUMN_STORE_CODE], result->store_code);
	db_array_text(&columns[COLUMN_JOB_TYPE], result->job_type);
	db_array_text(&columns[COLUMN_STATUS], sync_status_name(result->status));
	add_optional_text(&columns[COLUMN_MESSAGE], result->message);
	db_array_integer(&columns[COLUMN_RECORDS], result->records_processed);
	add_optional_text(&columns[COLUMN_DETAILS], result->error_details);
	db_array_integer(&columns[COLUMN_STARTED_AT], result->started_at_us);
	if (result->completed_at_us != 0)
		db_array_integer(&columns[COLUMN_COMPLETED_AT], result->completed_at_us);
	else
		db_array_null(&columns[COLUMN_COMPLETED_AT]);
	db_array_uuid(&columns[COLUMN_JOB_ID], result->job_id);
	db_array_uuid(&columns[COLUMN_RUN_ID], result->run_id);
	db_array_integer(&columns[COLUMN_ACCOUNT_ID], result->account_id);
	db_array_day(&columns[COLUMN_SNAPSHOT_DATE], result->snapshot_date);
	db_array_uuid(&columns[COLUMN_ATTEMPT_ID], result->attempt_id);
	db_array_integer(&columns[COLUMN_ATTEMPT], result->attempt);
	db_array_boolean(&columns[COLUMN_FINAL], result->final);
	add_optional_text(&columns[COLUMN_ERROR_CLASS], result->error_class);
	db_array_integer(&columns[COLUMN_API_CALLS], result->api_calls);
	add_optional_text(&columns[COLUMN_WORKER], result->worker);
}

/* The statement's rows: position from 1, is the store known, was it stored. */
static enum log_verdict read_verdict(const struct db_result *result, int row)
{
	if (!db_boolean(result, row, 1))
		return LOG_UNKNOWN_STORE;
	return db_boolean(result, row, 2) ? LOG_STORED : LOG_REPEATED;
}

bool log_batch_write(struct log_batch *batch, struct db_session *session,
	const struct held_list *list, int rows, enum log_verdict verdicts[], struct error *err)
{
	const struct held *held = list->first;
	struct db_params params = {0};
	struct db_result *result = NULL;

	assert(rows <= list->count);
	for (int i = 0; i < COLUMNS; i++)
		db_array_clear(&batch->columns[i]);
	for (int i = 0; i < rows; i++, held = held->next)
		add_result(batch, &held->result);
	for (int i = 0; i < COLUMNS; i++)
		db_param_array(&params, &batch->columns[i]);
	if (!db_session_query(session, STATEMENT_SAVE_LOGS, &params, &result, err))
		return false;
	assert(db_row_count(result) == rows);
	for (int row = 0; row < rows; row++) {
		int64_t position = db_integer(result, row, 0);

		assert(position >= 1 && position <= rows);
		verdicts[position - 1] = read_verdict(result, row);
	}
	db_result_destroy(result);
	return true;
}
