/* SPDX-License-Identifier: MIT */
/*
 * The parts of the table of statements, for statements.c alone: each has the rows of its program,
 * and empty ones for all others.
 */
#ifndef COMMON_STATEMENTS_PARTS_H
#define COMMON_STATEMENTS_PARTS_H

#include "common/statements.h"

extern const struct statement_definition statements_of_worker[STATEMENTS]; /* and the logger */
extern const struct statement_definition statements_of_quota[STATEMENTS];
extern const struct statement_definition statements_of_producer[STATEMENTS];
extern const struct statement_definition statements_of_migrate[STATEMENTS];
extern const struct statement_definition statements_of_audit[STATEMENTS];
extern const struct statement_definition statements_of_dead[STATEMENTS];
extern const struct statement_definition statements_of_accounts[STATEMENTS];
extern const struct statement_definition statements_of_keys[STATEMENTS];
extern const struct statement_definition statements_of_forecast[STATEMENTS]; /* and the producer */

/* clang-format off */

/* From 0 to 1, of an account and its token: what was issued at once shall not be refreshed at once. */
#define TOKEN_SHARE "((hashtextextended(a.id || ' ' || a.token_version, 0) & 1023) / 1023.0)::float8"

/*
 * A token that is to be refreshed ahead: it expires within $5 seconds (up to half as many more), or 75 to 90 % of its life are over, however
 * long TikTok lets it live. Not where the refresh token has expired: there is nothing to refresh with.
 */
#define TOKEN_IS_DUE \
	"(coalesce(a.refresh_token_expires_at > now(), true) AND (" \
	"	a.token_expires_at < now() + $5 * (1 + " TOKEN_SHARE " / 2) * interval '1 second'" \
	"	OR a.token_issued_at + (a.token_expires_at - a.token_issued_at) * (0.75 + 0.15 * " TOKEN_SHARE ") < now()))"

/*
 * Accounts that a producer run is about: $1 job type, $2 day, $3 store, $4 account, $5 token expiring within seconds. since is
 * what makes an account stale: when it was last synchronised, or when its token expires; NULL: never. slice_calls are those that a
 * half-read big account has behind it; more: further columns of a, each followed by a comma.
 */
#define PICKED_ACCOUNTS(more) \
	"SELECT a.id, a.store_code, a.status, last.generation, last.finished, last.died, last.slice_calls, " more \
	"	CASE $1 WHEN 'token_refresh' THEN a.token_expires_at ELSE a.last_sync_at END AS since " \
	"FROM store_accounts a LEFT JOIN LATERAL (" \
	"	SELECT j.generation, j.state IN ('success', 'skipped', 'dead') AS finished, j.state = 'dead' AS died," \
	"		CASE WHEN j.slice > 0 THEN j.api_calls END AS slice_calls FROM sync_jobs j" \
	"	WHERE j.account_id = a.id AND j.job_type = $1 AND j.snapshot_date = $2" \
	"	ORDER BY j.generation DESC LIMIT 1) last ON true " \
	"WHERE ($3 IS NULL OR a.store_code = $3) AND ($4 IS NULL OR a.id = $4)" \
	"	AND ($5 IS NULL OR " TOKEN_IS_DUE ") "
/* clang-format on */

#endif
