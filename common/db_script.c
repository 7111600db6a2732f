/* SPDX-License-Identifier: MIT */
/*
 * SQL that does not stand in the table of statements: scripts of several statements, for migrations
 * and tests; and the types of those that do, for the test of that table. Runs on the thread that
 * owns the connection.
 */
#include <stdlib.h>
#include <string.h>

#include "common/db_internal.h"

/* PostgreSQL counts characters from 1; the script is UTF-8. */
static int line_of_character(const char *sql, const char *position)
{
	long left = strtol(position, NULL, 10) - 1;
	int line = 1;

	for (const char *at = sql; *at && left > 0; at++) {
		bool begins_character = ((unsigned char)at[1] & 0xC0) != 0x80;

		if (*at == '\n')
			line++;
		if (begins_character)
			left--;
	}
	return line;
}

/* Where in the script it went wrong, as precisely as the server tells. */
static void locate_failure(
	const char *sql, const PGresult *result, int statement, struct text *where)
{
	const char *position = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
	const char *context = PQresultErrorField(result, PG_DIAG_CONTEXT);

	if (position)
		text_append_format(where, "line %d", line_of_character(sql, position));
	else
		text_append_format(where, "statement %d", statement);
	/* Inside a DO block: the last line of the context is the outermost. */
	if (context && strstr(context, "PL/pgSQL")) {
		context = strstr(context, "PL/pgSQL");
		text_append_format(where, ", %.*s", (int)strcspn(context, "\n"), context);
	}
}

/* The server waits for rows that nobody sends: end it in the way that it reports as an error. */
static void refuse_copy(struct db *db, const PGresult *result)
{
	if (PQresultStatus(result) == PGRES_COPY_IN)
		PQputCopyEnd(db->connection, "COPY FROM STDIN is not possible here");
	else if (PQresultStatus(result) == PGRES_COPY_OUT)
		db->lost = true;
}

bool db_run_script(struct db *db, const char *sql, struct db_result **result, struct error *err)
{
	PGresult *last = NULL;
	PGresult *next;
	struct text where = {0};
	int statement = 0;
	bool ok = PQsendQuery(db->connection, sql) == 1;

	/* A migration may take hours, and a person is watching. */
	db->deadline_ms = INT64_MAX;
	while (ok && !db->lost && (next = db_next_result(db))) {
		refuse_copy(db, next);
		PQclear(last);
		last = next;
		statement++;
		ok = !db_is_failure(last) || PQresultStatus(last) == PGRES_COPY_IN;
	}
	if (!last || db_is_failure(last)) {
		locate_failure(sql, last, statement, &where);
		db_fault(db, last, text_string(&where), DB_SHOW_MESSAGE, err);
		ok = false;
	}
	/* After an error nothing more is run, but what is left must be read. */
	while (PQstatus(db->connection) == CONNECTION_OK && (next = db_next_result(db)))
		PQclear(next);
	if (ok && result)
		*result = db_result_create(last);
	else
		PQclear(last);
	text_finish(&where);
	return ok;
}

bool db_describe(struct db *db, enum statement statement, struct text *params, struct text *columns,
	struct error *err)
{
	const struct statement_definition *definition = statement_definition(statement);
	Oid types[DB_PARAMS_MAX];
	int count = db_types_parse(definition->params, types);
	PGresult *result = NULL;
	bool ok = false;

	if (PQsendPrepare(db->connection, "", definition->sql, count, types))
		result = db_read_results(db);
	if (result && !db_is_failure(result)) {
		PQclear(result);
		result = PQsendDescribePrepared(db->connection, "") ? db_read_results(db) : NULL;
	}
	if (!result || db_is_failure(result)) {
		db_fault(db, result, definition->name, DB_SHOW_MESSAGE, err);
		goto out;
	}
	for (int i = 0; i < PQnparams(result); i++)
		db_type_append(params, PQparamtype(result, i));
	for (int i = 0; i < PQnfields(result); i++)
		db_type_append(columns, PQftype(result, i));
	ok = true;
out:
	PQclear(result);
	return ok;
}
