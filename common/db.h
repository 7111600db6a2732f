/* SPDX-License-Identifier: MIT */
/*
 * One PostgreSQL connection, and what travels over it: parameters, batches, results. The only place
 * that knows libpq. Statements come from the table in statements.c and are prepared when a
 * connection opens.
 *
 * Threads: a connection and what was made from it belong to one thread at a time.
 */
#ifndef COMMON_DB_H
#define COMMON_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/config.h"
#include "common/error.h"
#include "common/statements.h"
#include "common/text.h"

struct db;
struct db_result;

/*
 * Connect (5 s at most an address) and prepare the statements of program (0: none).
 *
 * Owns:  the caller ends *db with db_close().
 * Fails: database - cannot connect, or is starting, stopping, full or in recovery: try again later;
 *        settings - refused for good (password, no such database or role), or the schema is older
 *        than this program ("run syncctl migrate up"). The text never holds the password.
 */
bool db_open(
	const char *url, enum program program, bool logging, struct db **db, struct error *err);
void db_close(struct db *db); /* NULL: nothing to do */
/*
 * False once the connection has broken or been left inside a transaction; close it then and open
 * another.
 */
bool db_is_usable(const struct db *db);
/* Why the connection is broken; "" when it is not. Borrowed. */
const char *db_problem(const struct db *db);
/*
 * Look, without waiting, whether the server has ended a connection that nobody uses at the moment.
 * Fails: database - it has; the text says why, where the server told.
 */
bool db_check_idle(struct db *db, struct error *err);

/*
 * Parameters of one statement, in order. Start from a zeroed struct; values that are pointers are
 * borrowed until the query returns, so the struct itself needs no end.
 */
#define DB_PARAMS_MAX 24

struct db_array;

struct db_params {
	int count;
	const char *values[DB_PARAMS_MAX];
	int lengths[DB_PARAMS_MAX];
	int formats[DB_PARAMS_MAX];             /* 0 text, 1 binary */
	char numbers[DB_PARAMS_MAX][24];        /* where integers are spelled */
	struct db_array *arrays[DB_PARAMS_MAX]; /* their headers are completed at the query */
};

void db_param_text(struct db_params *params, const char *text); /* NULL: NULL */
void db_param_integer(struct db_params *params, int64_t number);
void db_param_boolean(struct db_params *params, bool value);
void db_param_array(struct db_params *params, struct db_array *array);

/*
 * A column of values for unnest(), sent in PostgreSQL's binary array format: nothing to escape,
 * cheap to gather from many jobs. Source: src/backend/utils/adt/arrayfuncs.c, array_recv.
 */
enum db_type { DB_TEXT, DB_INT4, DB_INT8, DB_BOOL, DB_UUID, DB_DATE, DB_TIMESTAMPTZ };

struct db_array {
	enum db_type type;
	int32_t count;
	bool has_null;
	struct text bytes;
};

void db_array_init(struct db_array *array, enum db_type type);
void db_array_finish(struct db_array *array);
void db_array_clear(struct db_array *array); /* keeps the memory */
void db_array_null(struct db_array *array);
/* DB_TEXT. NULL gives NULL. */
void db_array_text(struct db_array *array, const char *text);
/* DB_INT4 (saturated), DB_INT8, DB_TIMESTAMPTZ (microseconds since 1970). */
void db_array_integer(struct db_array *array, int64_t number);
void db_array_boolean(struct db_array *array, bool value);    /* DB_BOOL */
void db_array_uuid(struct db_array *array, const char *uuid); /* DB_UUID; a valid one */
void db_array_day(struct db_array *array, const char *day);   /* DB_DATE; a valid YYYY-MM-DD */

/*
 * Run one statement. One that is not answered in time (worker 40 s, logger 15 s, others 16 min; each
 * a little above its statement_timeout) fails, and the connection is lost.
 *
 * Owns:  *result (NULL: not wanted) is ended with db_result_destroy(); untouched on failure.
 * Fails: database - temporary: lost connection, deadlock, time-out, shutdown, no room: the caller
 *        tries again; internal - PostgreSQL refuses it for good (data, constraint, defect). The
 *        text holds SQLSTATE and constraint, never values.
 */
bool db_query(struct db *db, enum statement statement, struct db_params *params,
	struct db_result **result, struct error *err);

struct db_step {
	enum statement statement;
	struct db_params *params;
	struct db_result *result; /* out; may be NULL on failure */
};

/*
 * Run steps as one transaction in one round trip (pipeline mode): all of them or none. The results
 * are the caller's, also after a failure. Each step has the time that a statement has. Fails as
 * db_query(); a connection that is lost after sending leaves the outcome unknown, so that every step
 * must be safe to repeat.
 */
bool db_transact(struct db *db, struct db_step *steps, size_t count, struct error *err);
void db_steps_finish(struct db_step *steps, size_t count);

/* BEGIN, COMMIT, ROLLBACK for the few places where a transaction spans several round trips. */
bool db_begin(struct db *db, struct error *err);
bool db_commit(struct db *db, struct error *err);
void db_rollback(struct db *db);

/*
 * Run SQL text of possibly several statements, however long it takes: migrations and tests only. The error text names the
 * statement's number, and the line where PostgreSQL gives a position; *result (NULL: not wanted) is
 * the last statement's.
 */
bool db_run_script(struct db *db, const char *sql, struct db_result **result, struct error *err);
/*
 * The types of a statement's parameters and columns as PostgreSQL sees them, spelled as in the
 * table of statements: for the test that compares the two. Appended to params and columns.
 */
bool db_describe(struct db *db, enum statement statement, struct text *params, struct text *columns,
	struct error *err);

/* Reading a result: row and column from 0, both must exist. NULL cells read as "", 0, false. */
int db_row_count(const struct db_result *result);
bool db_is_null(const struct db_result *result, int row, int column);
const char *db_text(
	const struct db_result *result, int row, int column); /* borrowed from the result */
int64_t db_integer(const struct db_result *result, int row, int column);
bool db_boolean(const struct db_result *result, int row, int column);
/* Rows written by an INSERT, UPDATE or DELETE. */
int64_t db_rows_affected(const struct db_result *result);
void db_result_destroy(struct db_result *result); /* NULL: nothing to do */

#endif
