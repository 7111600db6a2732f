/* SPDX-License-Identifier: MIT */
/*
 * From a failed result to an error: its class by SQLSTATE, and a text that holds no value of any
 * row. libpq's own message is not used, because its DETAIL quotes rows. Runs on the thread that
 * owns the connection.
 */
#include <stdio.h>
#include <string.h>

#include "common/db_error.h"
#include "common/db_internal.h"
#include "common/metrics.h"

static bool is_class(const char *sqlstate, const char *prefix)
{
	return strncmp(sqlstate, prefix, strlen(prefix)) == 0;
}

/* Append ", <label> <name>" when the server named one. */
static void append_name(struct text *text, const PGresult *result, int field, const char *label)
{
	const char *name = PQresultErrorField(result, field);

	if (name)
		text_append_format(text, ", %s %s", label, name);
}

static void describe(
	const PGresult *result, const char *sqlstate, enum db_detail detail, struct text *text)
{
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	/* "invalid input syntax for type integer: ..." and its like (data exceptions) quote the value. */
	if (!message || (detail == DB_HIDE_VALUES && is_class(sqlstate, "22")))
		message = "a value is refused";
	text_append_format(text, "%s (SQLSTATE %s", message, sqlstate);
	append_name(text, result, PG_DIAG_TABLE_NAME, "table");
	append_name(text, result, PG_DIAG_COLUMN_NAME, "column");
	append_name(text, result, PG_DIAG_CONSTRAINT_NAME, "constraint");
	text_append_char(text, ')');
}

void db_fault(struct db *db, const PGresult *result, const char *what, enum db_detail detail,
	struct error *err)
{
	const char *sqlstate = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
	const struct db_error_rule *rule = db_error_rule(sqlstate);
	struct text text = {0};

	if (sqlstate)
		describe(result, sqlstate, detail, &text);
	else if (*db->farewell)
		text_append(&text, db->farewell);
	else
		text_append(&text, "the connection to PostgreSQL is lost");
	/*
	 * A session that was refused its login is new; in a living one it is our statement that is
	 * refused.
	 */
	error_set(err, rule->class == ERROR_SETTINGS ? ERROR_INTERNAL : rule->class, "%s: %s", what,
		text_string(&text));
	if (rule->ends_session || PQstatus(db->connection) != CONNECTION_OK)
		db->lost = true;
	if (db->lost && !*db->farewell)
		snprintf(db->farewell, sizeof db->farewell, "%s", text_string(&text));
	metric_add(METRIC_DB_ERRORS, 0, 1);
	text_finish(&text);
}
