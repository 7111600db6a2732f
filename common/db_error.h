/* SPDX-License-Identifier: MIT */
/*
 * What a PostgreSQL error code (SQLSTATE) means for us. Source of the codes: the manual, appendix
 * A. For common/db and its tests alone.
 */
#ifndef COMMON_DB_ERROR_H
#define COMMON_DB_ERROR_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

struct db_error_rule {
	const char *prefix; /* of the SQLSTATE; the longest that fits counts */
	enum error_class class;
	bool ends_session; /* the connection is of no use any more */
};

/* The rule for a SQLSTATE; NULL: there was none, because the connection broke. Never NULL; static. */
const struct db_error_rule *db_error_rule(const char *sqlstate);
/* Every rule, for the test. */
const struct db_error_rule *db_error_rules(size_t *count);

#endif
