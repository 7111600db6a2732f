/* SPDX-License-Identifier: MIT */
/*
 * The SQL of the producer: choosing accounts, the manifest, what is published. Constant: any thread.
 */
#include "common/statements_parts.h"

#include "common/config.h"

/* clang-format off */

/*
 * Those of them that get a new job, $6: repeat finished ones; and whose turn it is: each store's stalest account comes
 * first, then each store's second, so that no store has to wait for another one's many.
 */
#define PLACED_ACCOUNTS \
	"SELECT *, row_number() OVER (ORDER BY turn, since NULLS FIRST, id) AS place FROM (" \
	"	SELECT *, row_number() OVER (PARTITION BY store_code ORDER BY since NULLS FIRST, id) AS turn FROM picked" \
	"	WHERE status = 'CONNECTED' AND (generation IS NULL OR finished AND $6)) t "

const struct statement_definition statements_of_producer[STATEMENTS] = {
	/* The calendar day that it is in the time zone $1. One clock for the whole fleet: the database's. */
	[STATEMENT_TODAY] = {"today", PROGRAM_PRODUCER | PROGRAM_OPERATOR, "SELECT to_char(now() AT TIME ZONE $1, 'YYYY-MM-DD')", "text", "text"},

	/* Do the store $1 and the account $2 exist, and does the account belong to the store? NULL: not asked about. */
	[STATEMENT_CHECK_SELECTION] = {"check_selection", PROGRAM_PRODUCER | PROGRAM_OPERATOR,
		"SELECT $1 IS NULL OR EXISTS (SELECT FROM stores WHERE store_code = $1),"
		"	$2 IS NULL OR EXISTS (SELECT FROM store_accounts WHERE id = $2),"
		"	$1 IS NULL OR $2 IS NULL"
		"		OR EXISTS (SELECT FROM store_accounts WHERE id = $2 AND store_code = $1)",
		"text,int8", "bool,bool,bool"},

	/* What a run would do: new jobs, jobs on their way, finished ones, accounts that are not connected. $6: repeat finished ones. */
	[STATEMENT_COUNT_SELECTION] = {"count_selection", PROGRAM_PRODUCER,
		"WITH picked AS (" PICKED_ACCOUNTS("") ") SELECT"
		"	count(*) FILTER (WHERE status = 'CONNECTED' AND (generation IS NULL OR finished AND $6)),"
		"	count(*) FILTER (WHERE status = 'CONNECTED' AND NOT finished),"
		"	count(*) FILTER (WHERE status = 'CONNECTED' AND finished AND NOT $6),"
		"	count(*) FILTER (WHERE status <> 'CONNECTED') FROM picked",
		"text,date,text,int8,int8,bool", "int8,int8,int8,int8"},

	/* Write the manifest of a run: as above, and $7 run, $8 express, $9 the selection in words. The columns: as above. */
	[STATEMENT_PLAN_RUN] = {"plan_run", PROGRAM_PRODUCER,
		"WITH picked AS (" PICKED_ACCOUNTS("") "), "
		"placed AS (" PLACED_ACCOUNTS "), "
		"planned AS ("
		"	INSERT INTO sync_jobs (job_id, run_id, account_id, store_code, job_type, snapshot_date, generation,"
		"		express, place)"
		"	SELECT gen_random_uuid(), $7, p.id, p.store_code, $1, $2, coalesce(p.generation + 1, 0), $8, p.place"
		"	FROM placed p"
		"	ON CONFLICT ON CONSTRAINT unique_job DO NOTHING RETURNING 1), "
		"total AS (SELECT count(*) AS jobs FROM planned), "
		"run AS ("
		"	INSERT INTO sync_runs (run_id, job_type, snapshot_date, selection, planned)"
		"	SELECT $7, $1, $2, $9, jobs FROM total WHERE jobs > 0) "
		"SELECT (SELECT jobs FROM total),"
		"	count(*) FILTER (WHERE status = 'CONNECTED' AND NOT finished),"
		"	count(*) FILTER (WHERE status = 'CONNECTED' AND finished AND NOT $6),"
		"	count(*) FILTER (WHERE status <> 'CONNECTED') FROM picked",
		"text,date,text,int8,int8,bool,uuid,bool,text", "int8,int8,int8,int8"},

	/*
	 * --force, --republish: jobs that are on their way are published once more, big ones from their beginning. $1 type, $2 day,
	 * $3 store, $4 account.
	 */
	[STATEMENT_REPUBLISH_OPEN] = {"republish_open", PROGRAM_PRODUCER,
		"UPDATE sync_jobs SET published_at = NULL, slice = 0, cursor = NULL "
		"WHERE job_type = $1 AND snapshot_date = $2 AND ($3 IS NULL OR store_code = $3)"
		"	AND ($4 IS NULL OR account_id = $4) AND published_at IS NOT NULL"
		"	AND state IN ('planned', 'queued', 'running', 'retrying')",
		"text,date,text,int8", ""},

	/* One producer publishes a type and day at a time; the lock ends with the session. */
	[STATEMENT_LOCK_PUBLISHING] = {"lock_publishing", PROGRAM_PRODUCER,
		"SELECT pg_try_advisory_lock(hashtextextended('storesync publishing ' || $1 || ' ' || $2, 0))",
		"text,text", "bool"},
	[STATEMENT_UNLOCK_PUBLISHING] = {"unlock_publishing", PROGRAM_PRODUCER,
		"SELECT pg_advisory_unlock(hashtextextended('storesync publishing ' || $1 || ' ' || $2, 0))",
		"text,text", "bool"},

	[STATEMENT_COUNT_UNPUBLISHED] = {"count_unpublished", PROGRAM_PRODUCER,
		"SELECT count(*) FROM sync_jobs WHERE job_type = $1 AND snapshot_date = $2 AND published_at IS NULL"
		"	AND ($3 IS NULL OR store_code = $3) AND ($4 IS NULL OR account_id = $4)",
		"text,date,text,int8", "int8"},

	/* The next jobs to publish, after place $5, account $6 and generation $7, at most $8. */
	[STATEMENT_NEXT_UNPUBLISHED] = {"next_unpublished", PROGRAM_PRODUCER,
		"SELECT job_id::text, run_id::text, account_id, generation, store_code::text, attempt, express, place "
		"FROM sync_jobs "
		"WHERE job_type = $1 AND snapshot_date = $2 AND published_at IS NULL"
		"	AND ($3 IS NULL OR store_code = $3) AND ($4 IS NULL OR account_id = $4)"
		"	AND (place, account_id, generation) > ($5, $6, $7) "
		"ORDER BY place, account_id, generation LIMIT $8",
		"text,date,text,int8,int8,int8,int4,int4", "text,text,int8,int4,text,int4,bool,int8"},

	[STATEMENT_MARK_PUBLISHED] = {"mark_published", PROGRAM_PRODUCER | PROGRAM_OPERATOR,
		"UPDATE sync_jobs SET published_at = now(), state = CASE state WHEN 'planned' THEN 'queued' ELSE state END "
		"WHERE job_id = ANY ($1) AND published_at IS NULL",
		"uuid[]", ""},
};
/* clang-format on */
