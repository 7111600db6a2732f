/* SPDX-License-Identifier: MIT */
/*
 * The SQL of the quota that the fleet shares; the rules stand with the functions, in migration 0010.
 * Constant: any thread.
 */
#include "common/statements_parts.h"

#include "common/config.h"

/* clang-format off */
const struct statement_definition statements_of_quota[STATEMENTS] = {
	/* Lease slots: $1 client key, $2 endpoint, $3 the step in microseconds, $4 how far ahead, likewise, $5 calls that wait, $6 those of express jobs among them. */
	[STATEMENT_LEASE_QUOTA] = {"lease_quota", PROGRAM_WORKER | PROGRAM_OPERATOR,
		"SELECT granted, first_slot_us, step_us, paused_us, now_us FROM lease_quota($1, $2, $3, $4, $5, $6, NULL)",
		"text,text,int8,int8,int4,int4", "int4,int8,int8,int8,int8"},

	/* A 429: $1 client key, $2 endpoint, $3 milliseconds since the call was sent, $4 for which TikTok wants none; NULL: it did not say. */
	[STATEMENT_LIMIT_QUOTA] = {"limit_quota", PROGRAM_WORKER,
		"SELECT limit_quota($1, $2, $3 * interval '1 millisecond', $4 * interval '1 millisecond', NULL)",
		"text,text,int8,int8", "bool"},
};
/* clang-format on */
