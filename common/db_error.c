/* SPDX-License-Identifier: MIT */
/*
 * The table of SQLSTATEs: temporary (class database: the same work may succeed later), wrong
 * settings, or refused for good (class internal). Used by every thread that owns a connection.
 */
#include "common/db_error.h"

#include <string.h>

/* clang-format off */
static const struct db_error_rule rules[] = {
	{"08", ERROR_DATABASE, true},     /* connection exceptions */
	{"0A000", ERROR_DATABASE, true},  /* "cached plan must not change result type": a column's type was changed under us */
	{"25006", ERROR_DATABASE, true},  /* read-only: the old primary after a failover; another connection finds the new one */
	{"25P03", ERROR_DATABASE, true},  /* idle_in_transaction_session_timeout */
	{"25P04", ERROR_DATABASE, true},  /* transaction_timeout */
	{"26000", ERROR_DATABASE, true},  /* the prepared statement is gone: somebody reset the session */
	{"28", ERROR_SETTINGS, true},     /* password, role or pg_hba.conf */
	{"3D000", ERROR_SETTINGS, true},  /* no such database */
	{"3F000", ERROR_DATABASE, true},  /* the schema is gone */
	{"40", ERROR_DATABASE, false},    /* serialization failure, deadlock */
	{"42501", ERROR_DATABASE, true},  /* rights were taken away: an outage for an operator to end, no fault of the data */
	{"42703", ERROR_DATABASE, true},  /* a column is gone: the schema was changed under us */
	{"42704", ERROR_DATABASE, true},  /* a type is gone */
	{"42883", ERROR_DATABASE, true},  /* a function is gone */
	{"42P01", ERROR_DATABASE, true},  /* a table is gone */
	{"42P10", ERROR_DATABASE, true},  /* a unique index is gone */
	{"53", ERROR_DATABASE, false},    /* no memory, disk space or connection left */
	{"55006", ERROR_DATABASE, false}, /* the database is being copied or dropped */
	{"55P03", ERROR_DATABASE, false}, /* lock_timeout */
	{"57", ERROR_DATABASE, false},    /* an operator or statement_timeout cancelled the statement */
	{"57P", ERROR_DATABASE, true},    /* shutting down, crashed, starting, session ended */
	{"58", ERROR_DATABASE, false},    /* input/output errors of the server */
	{"72", ERROR_DATABASE, false},    /* snapshot too old */
	{"F0", ERROR_DATABASE, true},     /* a fault in the server's own configuration */
	/*
	 * Damaged data or index. It may be one page, and the other accounts could go on; but writing on makes damage worse, and
	 * on a page of sync_jobs it would fail every job. So this is an outage, for a person to end.
	 */
	{"XX001", ERROR_DATABASE, false},
	{"XX002", ERROR_DATABASE, false},
};
/* clang-format on */

static const struct db_error_rule lost = {"", ERROR_DATABASE, true};
static const struct db_error_rule refused = {"", ERROR_INTERNAL, false};

const struct db_error_rule *db_error_rule(const char *sqlstate)
{
	const struct db_error_rule *best = &refused;

	if (!sqlstate)
		return &lost;
	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
		size_t length = strlen(rules[i].prefix);

		if (strncmp(sqlstate, rules[i].prefix, length) == 0 &&
			length > strlen(best->prefix))
			best = &rules[i];
	}
	return best;
}

const struct db_error_rule *db_error_rules(size_t *count)
{
	*count = sizeof rules / sizeof rules[0];
	return rules;
}
