/* SPDX-License-Identifier: MIT */
/*
 * The life of a connection, and statements over it: one at a time, several as one transaction in
 * one round trip (pipeline mode), or as script. Every result is read to the end and the first error
 * kept: libpq hides the SQLSTATE of a killed session behind later results. Runs on the thread that
 * owns the connection.
 */
#include "common/db.h"

#include <assert.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/db_internal.h"
#include "common/log.h"
#include "common/memory.h"

static void log_statement(
	const struct db *db, enum statement statement, int64_t began_ms, PGresult *result)
{
	int64_t took_ms = clock_monotonic_ms() - began_ms;
	const char *written = result ? PQcmdTuples(result) : "";

	if (!db->logging)
		return;
	log_info("statement %s took %" PRId64 " ms, rows: %s",
		statement_definition(statement)->name, took_ms, *written ? written : "none");
}

bool db_is_failure(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	return status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK &&
	       status != PGRES_EMPTY_QUERY;
}

PGresult *db_read_results(struct db *db)
{
	PGresult *kept = NULL;
	PGresult *next;

	db_expect_answer(db);
	while ((next = db_next_result(db))) {
		if (kept && db_is_failure(kept)) {
			PQclear(next);
		} else {
			PQclear(kept);
			kept = next;
		}
		/* A dead connection may give results for ever. */
		if (PQstatus(db->connection) != CONNECTION_OK)
			break;
	}
	return kept;
}

/*
 * After the last statement of a pipeline: read up to the answer to its sync. NULL: committed, or
 * the connection is lost; else the error of the commit, which the caller clears.
 */
static PGresult *read_sync(struct db *db)
{
	PGresult *failure = NULL;
	bool is_sync = false;

	db_expect_answer(db);
	while (!is_sync && !db->lost) {
		PGresult *result = db_next_result(db);

		is_sync = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
		/* Nothing at all before the sync: it was never sent. */
		if (!result || PQstatus(db->connection) != CONNECTION_OK)
			db->lost = true;
		if (!is_sync && !failure)
			failure = result;
		else
			PQclear(result);
	}
	if (!db->lost && !PQexitPipelineMode(db->connection))
		db->lost = true;
	return failure;
}

/* Give the result to the caller, or say why there is none. */
static bool take_result(struct db *db, PGresult *rows, const char *what, struct db_result **result,
	struct error *err)
{
	if (!rows || db_is_failure(rows)) {
		db_fault(db, rows, what, DB_HIDE_VALUES, err);
		PQclear(rows);
		return false;
	}
	if (!result) {
		PQclear(rows);
		return true;
	}
	*result = db_result_create(rows);
	return true;
}

static bool send_prepare(struct db *db, enum statement statement)
{
	const struct statement_definition *definition = statement_definition(statement);
	Oid types[DB_PARAMS_MAX];
	int count = db_types_parse(definition->params, types);

	db_expect_answer(db);
	return PQsendPrepare(db->connection, definition->name, definition->sql, count, types) &&
	       db_flush(db);
}

static bool is_used_by(enum statement statement, enum program program)
{
	return (statement_definition(statement)->users & program) != 0;
}

/* The schema lacks what a statement needs: tables, columns, functions. */
static void blame_schema(const PGresult *result, struct error *err)
{
	const char *sqlstate = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;

	if (!sqlstate || strncmp(sqlstate, "42", 2) != 0)
		return;
	error_wrap(err, "the schema does not fit this program: run syncctl migrate up");
	err->class = ERROR_SETTINGS;
}

/* All statements of the program in one round trip. */
static bool prepare_statements(struct db *db, struct error *err)
{
	bool ok = true;
	PGresult *failure;

	PQenterPipelineMode(db->connection);
	for (int i = 0; i < STATEMENTS; i++)
		if (is_used_by((enum statement)i, db->program))
			send_prepare(db, (enum statement)i);
	PQpipelineSync(db->connection);
	for (int i = 0; i < STATEMENTS; i++) {
		PGresult *result;

		if (!is_used_by((enum statement)i, db->program))
			continue;
		result = db_read_results(db);
		db->prepared[i] = result && !db_is_failure(result);
		if (ok && !db->prepared[i]) {
			db_fault(db, result, statement_definition((enum statement)i)->name,
				DB_HIDE_VALUES, err);
			blame_schema(result, err);
			ok = false;
		}
		PQclear(result);
	}
	failure = read_sync(db);
	if (ok && (failure || db->lost)) {
		db_fault(db, failure, "prepare", DB_HIDE_VALUES, err);
		ok = false;
	}
	PQclear(failure);
	return ok;
}

bool db_open(const char *url, enum program program, bool logging, struct db **db, struct error *err)
{
	struct db *opened = memory_allocate(1, sizeof *opened);

	opened->program = program;
	opened->logging = logging;
	if (!db_connect(url, program, opened, err) ||
		(program && !prepare_statements(opened, err))) {
		db_close(opened);
		return false;
	}
	*db = opened;
	return true;
}

void db_close(struct db *db)
{
	if (!db)
		return;
	PQfinish(db->connection);
	free(db);
}

bool db_is_usable(const struct db *db)
{
	return !db->lost && PQstatus(db->connection) == CONNECTION_OK &&
	       PQtransactionStatus(db->connection) == PQTRANS_IDLE;
}

const char *db_problem(const struct db *db)
{
	if (!db->lost && PQstatus(db->connection) == CONNECTION_OK)
		return "";
	return *db->farewell ? db->farewell : "the connection to PostgreSQL is lost";
}

/* An idle server has nothing to say, but for news of its settings and its farewell. */
bool db_check_idle(struct db *db, struct error *err)
{
	struct pollfd socket = {.fd = PQsocket(db->connection), .events = POLLIN};

	while (!db->lost && poll(&socket, 1, 0) > 0) {
		if (!PQconsumeInput(db->connection))
			db->lost = true;
		(void)PQisBusy(db->connection); /* makes libpq look at what came */
	}
	if (!db->lost)
		return true;
	db_fault(db, NULL, "an idle connection broke", DB_HIDE_VALUES, err);
	return false;
}

/* Arrays are completed here, because they may have grown since they became a parameter. */
static void complete_arrays(struct db_params *params)
{
	for (int i = 0; i < params->count; i++) {
		if (!params->arrays[i])
			continue;
		db_array_complete(params->arrays[i]);
		params->values[i] = params->arrays[i]->bytes.data;
		params->lengths[i] = (int)params->arrays[i]->bytes.length;
	}
}

static bool send_statement(struct db *db, enum statement statement, struct db_params *params)
{
	const struct statement_definition *definition = statement_definition(statement);
	struct db_params none = {0};
	Oid types[DB_PARAMS_MAX];
	int count = db_types_parse(definition->params, types);
	int sent;

	if (!params)
		params = &none;
	assert(params->count == count);
	complete_arrays(params);
	db_expect_answer(db);
	sent = db->prepared[statement]
		       ? PQsendQueryPrepared(db->connection, definition->name, count,
				 params->values, params->lengths, params->formats, 0)
		       : PQsendQueryParams(db->connection, definition->sql, count, types,
				 params->values, params->lengths, params->formats, 0);
	return sent && db_flush(db);
}

bool db_query(struct db *db, enum statement statement, struct db_params *params,
	struct db_result **result, struct error *err)
{
	int64_t began_ms = clock_monotonic_ms();
	PGresult *rows = NULL;

	if (send_statement(db, statement, params))
		rows = db_read_results(db);
	log_statement(db, statement, began_ms, rows);
	return take_result(db, rows, statement_definition(statement)->name, result, err);
}

/* The first failing step sets *err; the ones after it fail because of it. */
static bool read_steps(struct db *db, struct db_step *steps, size_t count, struct error *err)
{
	int64_t began_ms = clock_monotonic_ms();
	bool ok = true;

	for (size_t i = 0; i < count; i++) {
		PGresult *rows = db_read_results(db);

		log_statement(db, steps[i].statement, began_ms, rows);
		if (!ok)
			PQclear(rows);
		else if (!take_result(db, rows, statement_definition(steps[i].statement)->name,
				 &steps[i].result, err))
			ok = false;
	}
	return ok;
}

bool db_transact(struct db *db, struct db_step *steps, size_t count, struct error *err)
{
	PGresult *failure;
	bool ok;

	for (size_t i = 0; i < count; i++)
		steps[i].result = NULL;
	PQenterPipelineMode(db->connection);
	/* What cannot be sent gives no result, which is how the failure is noticed below. */
	for (size_t i = 0; i < count; i++)
		send_statement(db, steps[i].statement, steps[i].params);
	PQpipelineSync(db->connection);
	ok = read_steps(db, steps, count, err);
	failure = read_sync(db);
	/* The commit happens at the sync: without its answer nobody knows whether it did. */
	if (ok && (failure || db->lost)) {
		db_fault(db, failure, "commit", DB_HIDE_VALUES, err);
		ok = false;
	}
	PQclear(failure);
	return ok;
}

void db_steps_finish(struct db_step *steps, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		db_result_destroy(steps[i].result);
		steps[i].result = NULL;
	}
}

static bool run_command(struct db *db, const char *command, struct error *err)
{
	PGresult *rows = PQsendQuery(db->connection, command) ? db_read_results(db) : NULL;

	return take_result(db, rows, command, NULL, err);
}

bool db_begin(struct db *db, struct error *err)
{
	return run_command(db, "BEGIN", err);
}

bool db_commit(struct db *db, struct error *err)
{
	return run_command(db, "COMMIT", err);
}

void db_rollback(struct db *db)
{
	struct error ignored;

	run_command(db, "ROLLBACK", &ignored);
}
