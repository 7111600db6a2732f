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
	{"25006", ERROR_DATABASE, true},  /* read-only: the old primary after a failover; another connection finds the new one */
	{"25P03", ERROR_DATABASE, true},  /* idle_in_transaction_session_timeout */
	{"28", ERROR_SETTINGS, true},     /* password, role or pg_hba.conf */
	{"3D000", ERROR_SETTINGS, true},  /* no such database */
	{"40", ERROR_DATABASE, false},    /* serialization failure, deadlock */
	{"42501", ERROR_DATABASE, true},  /* rights were taken away: an outage for an operator to end, no fault of the data */
	{"42703", ERROR_DATABASE, true},  /* a column is gone: the schema was changed under us */
	{"42P01", ERROR_DATABASE, true},  /* a table is gone */
	{"53", ERROR_DATABASE, false},    /* no memory, disk space or connection left */
	{"55P03", ERROR_DATABASE, false}, /* lock_timeout */
	{"57014", ERROR_DATABASE, false}, /* statement_timeout, or cancelled by an administrator */
	{"57P", ERROR_DATABASE, true},    /* shutting down, crashed, starting, session ended */
	{"58", ERROR_DATABASE, false},    /* input/output errors of the server */
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
