/* SPDX-License-Identifier: MIT */
/*
 * The SQL of `syncctl audit`: whole tables at a time, one pass each, for a manifest of a million
 * jobs. Lists are cursors, so that the operator's memory holds a page of them; they are declared in
 * the one transaction of a look, and see what its counts saw. AUDIT_LOOK
 * says that all of their rows are wanted (cursor_tuple_fraction favours plans for the first), and
 * gives memory to the joins of whole tables.
 */
#include "common/statements_parts.h"

#include "common/config.h"

/* clang-format off */

#define ENDED  "('success', 'skipped', 'dead')"
#define CURSOR "DECLARE audit_rows NO SCROLL CURSOR FOR "

/* What was asked for: $1 run, $2 day, $3 days back from now (and every run that has open jobs); NULL: not asked for. */
#define ASKED_TYPES "uuid,date,int4"
#define ASKED(run_id, day, moment) \
	"($1 IS NULL OR " run_id " = $1) AND ($2 IS NULL OR " day " = $2)" \
	"	AND ($3 IS NULL OR " moment " >= now() - $3 * interval '1 day'" \
	"		OR " run_id " IN (SELECT run_id FROM sync_jobs WHERE state NOT IN " ENDED ")) "
#define ASKED_JOBS \
	"asked AS NOT MATERIALIZED (" \
	"	SELECT j.*, r.run_id IS NOT NULL AS has_run" \
	"	FROM sync_jobs j LEFT JOIN sync_runs r ON r.run_id = j.run_id" \
	"	WHERE " ASKED("j.run_id", "coalesce(r.snapshot_date, j.snapshot_date)", "coalesce(r.started_at, j.created_at)") ")"

/* The jobs that a run has planned: all of it but those that repeat a dead job of the same run. */
#define IS_PLANNED(job) \
	"(" job ".origin_job_id IS NULL OR EXISTS (SELECT FROM sync_jobs o" \
	"	WHERE o.job_id = " job ".origin_job_id AND o.run_id <> " job ".run_id))"

/*
 * Attempts that have ended and have no row in sync_logs that tells so. A store that is gone takes its rows with it, and can have
 * no new ones. A job that was adopted may have had attempts before, elsewhere: there its first row counts.
 */
#define UNLOGGED \
	"unlogged AS (" \
	"	SELECT j.*, j.attempt AS ended_attempt FROM asked j JOIN stores s ON s.store_code = j.store_code" \
	"	WHERE j.state IN " ENDED " AND NOT EXISTS (SELECT FROM sync_logs l WHERE l.job_id = j.job_id" \
	"		AND l.attempt = j.attempt AND l.final AND l.status <> 'RUNNING')" \
	"	UNION ALL " \
	"	SELECT j.*, n FROM asked j JOIN stores s ON s.store_code = j.store_code," \
	"		generate_series(CASE WHEN j.has_run OR j.origin_job_id IS NOT NULL THEN 1 ELSE" \
	"			coalesce((SELECT min(l.attempt) FROM sync_logs l WHERE l.job_id = j.job_id), j.attempt) END," \
	"			j.attempt - 1) n" \
	"	WHERE j.attempt > 1 AND NOT EXISTS (SELECT FROM sync_logs l WHERE l.job_id = j.job_id" \
	"		AND l.attempt = n AND l.status <> 'RUNNING')) "

/* The columns of every list: run, job, account, store, type, day, what is wrong. */
#define LIST_OF(job, sentence) \
	"SELECT " job ".run_id::text, " job ".job_id::text, " job ".account_id, " job ".store_code::text," \
	"	" job ".job_type::text, " job ".snapshot_date::text, " sentence " "

/* Is it the job's only final row? Told of both tables, so that it is asked of the few rows that their join leaves. */
#define IS_ONLY_FINAL \
	"(SELECT count(*) FROM sync_logs m WHERE m.job_id = j.job_id AND m.final AND l.final) = 1"

#define UTC(moment) "to_char(" moment " AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')"

const struct statement_definition statements_of_audit[STATEMENTS] = {
	[STATEMENT_AUDIT_SNAPSHOT] = {"audit_snapshot", PROGRAM_OPERATOR,
		"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY", "", ""},

	/*
	 * The moment (for $1 of a later look, and for people); jobs that must have a message: waiting, retrying, and dead ones
	 * whose letter has no fate; and what moves when anything does. $1: count what has not changed since; NULL: all.
	 */
	[STATEMENT_AUDIT_LOOK] = {"audit_look", PROGRAM_OPERATOR,
		"WITH fated AS (SELECT DISTINCT job_id FROM dead_letter_fates WHERE job_id IS NOT NULL), "
		"jobs AS ("
		"	SELECT j.*, f.job_id IS NOT NULL AS has_fate,"
		"		$1 IS NULL OR greatest(j.created_at, j.published_at, j.started_at, j.finished_at) < $1 AS counts"
		"	FROM sync_jobs j LEFT JOIN fated f ON f.job_id = j.job_id AND j.state = 'dead') "
		"SELECT now()::text, " UTC("now()") ", set_config('cursor_tuple_fraction', '1', true)"
		"	|| set_config('work_mem', '128MB', true),"
		"	count(*) FILTER (WHERE counts AND state IN ('queued', 'running') AND published_at IS NOT NULL),"
		"	count(*) FILTER (WHERE counts AND state = 'retrying' AND published_at IS NOT NULL),"
		"	count(*) FILTER (WHERE counts AND state = 'dead' AND NOT has_fate),"
		"	concat_ws(' ', count(*), count(published_at), count(*) FILTER (WHERE state = 'queued'),"
		"		count(*) FILTER (WHERE state IN " ENDED "), sum(starts), sum(attempt), sum(slice), max(started_at),"
		"		max(finished_at)) "
		"FROM jobs",
		"timestamptz", "text,text,text,int8,int8,int8,text"},

	/* Attempts without their row: all, and the waiting jobs among them. $4: as $1 above. */
	[STATEMENT_AUDIT_COUNT_UNLOGGED] = {"audit_count_unlogged", PROGRAM_OPERATOR,
		"WITH " ASKED_JOBS ", " UNLOGGED
		"SELECT count(*), count(DISTINCT job_id) FILTER (WHERE state IN ('queued', 'running')) FROM unlogged "
		"WHERE $4 IS NULL OR finished_at < $4",
		ASKED_TYPES ",timestamptz", "int8,int8"},

	/* Is there anything of run $1? */
	[STATEMENT_AUDIT_RUN_EXISTS] = {"audit_run_exists", PROGRAM_OPERATOR,
		"SELECT EXISTS (SELECT FROM sync_runs WHERE run_id = $1) OR EXISTS (SELECT FROM sync_jobs WHERE run_id = $1)",
		"uuid", "bool"},

	/* Lists: a page of the one that is open. Columns as the list has them; there is none while this is prepared. */
	[STATEMENT_AUDIT_FETCH] = {"audit_fetch", PROGRAM_OPERATOR, "FETCH 1000 FROM audit_rows", "", ""},
	[STATEMENT_AUDIT_CLOSE] = {"audit_close", PROGRAM_OPERATOR, "CLOSE audit_rows", "", ""},

	/*
	 * The equation, a line for each run: kind, run, type, day, start, planned, rows of the manifest, and these by their state.
	 * A line for all jobs that no run planned ("adopted"), and one for those that repeat dead ones ("repeats").
	 */
	[STATEMENT_AUDIT_RUNS] = {"audit_runs", PROGRAM_OPERATOR,
		CURSOR "WITH " ASKED_JOBS ", "
		"fated AS (SELECT DISTINCT job_id FROM dead_letter_fates WHERE job_id IS NOT NULL), "
		"jobs AS ("
		"	SELECT j.*, f.job_id IS NOT NULL AS has_fate, j.published_at IS NOT NULL AS published,"
		"		CASE WHEN j.has_run AND " IS_PLANNED("j") " THEN 'run'"
		"			WHEN j.origin_job_id IS NULL THEN 'adopted' ELSE 'repeats' END AS kind"
		"	FROM asked j LEFT JOIN fated f ON f.job_id = j.job_id), "
		"lines AS ("
		"	SELECT kind, CASE kind WHEN 'run' THEN run_id END AS run_id, count(*) AS jobs,"
		"		count(*) FILTER (WHERE state = 'success') AS succeeded,"
		"		count(*) FILTER (WHERE state = 'dead' AND has_fate) AS failed,"
		"		count(*) FILTER (WHERE state = 'skipped') AS skipped,"
		"		count(*) FILTER (WHERE state IN ('queued', 'running') AND published) AS waiting,"
		"		count(*) FILTER (WHERE state = 'retrying' AND published) AS retrying,"
		"		count(*) FILTER (WHERE state = 'dead' AND NOT has_fate) AS dead,"
		"		count(*) FILTER (WHERE state NOT IN " ENDED " AND NOT published) AS unpublished"
		"	FROM jobs GROUP BY 1, 2), "
		"runs AS (SELECT * FROM sync_runs r WHERE " ASKED("r.run_id", "r.snapshot_date", "r.started_at") ") "
		"SELECT coalesce(l.kind, 'run'), r.run_id::text, r.job_type::text, r.snapshot_date::text, " UTC("r.started_at") ","
		"	coalesce(r.planned, l.jobs), coalesce(l.jobs, 0), coalesce(succeeded, 0), coalesce(failed, 0),"
		"	coalesce(skipped, 0), coalesce(waiting, 0), coalesce(retrying, 0), coalesce(dead, 0), coalesce(unpublished, 0) "
		"FROM runs r FULL JOIN lines l ON l.run_id = r.run_id "
		"ORDER BY r.started_at NULLS LAST, r.run_id, 1",
		ASKED_TYPES, ""},

	/* Runs that planned more or fewer jobs than the manifest has; sync_logs may still know one that is missing. */
	[STATEMENT_AUDIT_RUN_COUNT] = {"audit_run_count", PROGRAM_OPERATOR,
		CURSOR "WITH " ASKED_JOBS ", "
		"lines AS (SELECT j.run_id, count(*) AS jobs FROM asked j WHERE j.has_run AND " IS_PLANNED("j") " GROUP BY 1), "
		"wrong AS ("
		"	SELECT r.*, coalesce(l.jobs, 0) AS jobs FROM sync_runs r LEFT JOIN lines l ON l.run_id = r.run_id"
		"	WHERE r.planned <> coalesce(l.jobs, 0) AND " ASKED("r.run_id", "r.snapshot_date", "r.started_at") "), "
		"known AS ("
		"	SELECT l.run_id, count(DISTINCT l.job_id) AS jobs, min(l.job_id::text) AS job_id, min(l.account_id) AS account_id"
		"	FROM wrong w JOIN sync_logs l ON l.run_id = w.run_id"
		"	WHERE NOT EXISTS (SELECT FROM sync_jobs j WHERE j.job_id = l.job_id) GROUP BY 1) "
		"SELECT w.run_id::text, k.job_id, CASE k.jobs WHEN 1 THEN k.account_id END, NULL, w.job_type::text,"
		"	w.snapshot_date::text, format('the run planned %s jobs, the manifest has %s%s', w.planned, w.jobs,"
		"		'; sync_logs knows ' || k.jobs || ' that it does not have') "
		"FROM wrong w LEFT JOIN known k ON k.run_id = w.run_id ORDER BY w.started_at, w.run_id",
		ASKED_TYPES, ""},

	[STATEMENT_AUDIT_ODD_STATE] = {"audit_odd_state", PROGRAM_OPERATOR,
		CURSOR "WITH " ASKED_JOBS
		LIST_OF("j", "'published at ' || " UTC("j.published_at") " || ', and still planned'")
		"FROM asked j WHERE j.state = 'planned' AND j.published_at IS NOT NULL ORDER BY j.job_id",
		ASKED_TYPES, ""},

	[STATEMENT_AUDIT_MISSING_LOG] = {"audit_missing_log", PROGRAM_OPERATOR,
		CURSOR "WITH " ASKED_JOBS ", " UNLOGGED
		LIST_OF("j", "format('attempt %s ended and has no row in sync_logs that tells how; the job is %s, attempt %s',"
			" j.ended_attempt, j.state, j.attempt)")
		"FROM unlogged j ORDER BY j.finished_at, j.job_id, j.ended_attempt",
		ASKED_TYPES, ""},

	[STATEMENT_AUDIT_DOUBLE_FINAL] = {"audit_double_final", PROGRAM_OPERATOR,
		CURSOR "WITH " ASKED_JOBS ", "
		"doubled AS (SELECT job_id FROM sync_logs WHERE final AND job_id IS NOT NULL GROUP BY 1 HAVING count(*) > 1) "
		LIST_OF("j", "(SELECT format('%s final rows in sync_logs: %s', count(*),"
			"	string_agg(format('%s of attempt %s', l.status, l.attempt), ', ' ORDER BY l.attempt, l.id))"
			" FROM sync_logs l WHERE l.job_id = j.job_id AND l.final)")
		"FROM doubled d JOIN asked j ON j.job_id = d.job_id ORDER BY j.job_id",
		ASKED_TYPES, ""},

	[STATEMENT_AUDIT_WRONG_FINAL] = {"audit_wrong_final", PROGRAM_OPERATOR,
		CURSOR "WITH " ASKED_JOBS
		LIST_OF("j", "format('sync_logs ends the job with %s, the manifest says %s', l.status, j.state)")
		"FROM asked j JOIN sync_logs l ON l.job_id = j.job_id AND l.final "
		"WHERE " IS_ONLY_FINAL " AND l.status::text IS DISTINCT FROM"
		"	CASE j.state WHEN 'success' THEN 'SUCCESS' WHEN 'skipped' THEN 'SKIPPED' WHEN 'dead' THEN 'FAILED' END "
		"ORDER BY j.job_id",
		ASKED_TYPES, ""},

	[STATEMENT_AUDIT_RECORDS_DIFFER] = {"audit_records_differ", PROGRAM_OPERATOR,
		CURSOR "WITH " ASKED_JOBS
		LIST_OF("j", "format('the manifest has %s records, sync_logs %s', coalesce(j.records_processed, 0),"
			" coalesce(l.records_processed, 0))")
		"FROM asked j JOIN sync_logs l ON l.job_id = j.job_id AND l.final AND l.attempt = j.attempt "
		"WHERE " IS_ONLY_FINAL " AND j.state = 'success' AND l.status = 'SUCCESS'"
		"	AND coalesce(j.records_processed, 0) <> coalesce(l.records_processed, 0) ORDER BY j.job_id",
		ASKED_TYPES, ""},

	/* A profile that is not granted is left out, and the message says so; of an account that is gone nobody knows the open_id. */
	[STATEMENT_AUDIT_MISSING_SNAPSHOT] = {"audit_missing_snapshot", PROGRAM_OPERATOR,
		CURSOR "WITH " ASKED_JOBS
		LIST_OF("j", "'the job succeeded, and its day has no row in tiktok_user_daily'")
		"FROM asked j JOIN store_accounts a ON a.id = j.account_id AND a.store_code = j.store_code "
		"WHERE j.state = 'success' AND j.job_type IN ('daily_sync', 'user_stats')"
		"	AND coalesce(j.message, '') NOT LIKE '%profile left out%'"
		"	AND NOT EXISTS (SELECT FROM tiktok_user_daily u WHERE u.store_code = a.store_code"
		"		AND u.open_id = a.open_id AND u.snapshot_date = j.snapshot_date) ORDER BY j.job_id",
		ASKED_TYPES, ""},

	[STATEMENT_AUDIT_STUCK] = {"audit_stuck", PROGRAM_OPERATOR,
		CURSOR "WITH " ASKED_JOBS
		LIST_OF("j", "format('running since %s by %s, and nobody holds its message', " UTC("j.started_at") ", j.worker)")
		"FROM asked j WHERE j.state = 'running' AND j.published_at IS NOT NULL"
		"	AND j.started_at < now() - interval '1 hour' ORDER BY j.started_at, j.job_id",
		ASKED_TYPES, ""},

	[STATEMENT_AUDIT_DOUBLE_JOB] = {"audit_double_job", PROGRAM_OPERATOR,
		CURSOR "WITH " ASKED_JOBS
		LIST_OF("j", "format('one of %s open jobs of its account, type and day', d.jobs)")
		"FROM asked j JOIN (SELECT account_id, job_type, snapshot_date, count(*) AS jobs FROM sync_jobs"
		"	WHERE state NOT IN " ENDED " GROUP BY 1, 2, 3 HAVING count(*) > 1) d"
		"	ON (d.account_id, d.job_type, d.snapshot_date) = (j.account_id, j.job_type, j.snapshot_date) "
		"WHERE j.state NOT IN " ENDED " ORDER BY j.account_id, j.job_type, j.snapshot_date, j.generation",
		ASKED_TYPES, ""},

	/* Of any account: refreshes belong to no run. */
	[STATEMENT_AUDIT_OPEN_INTENT] = {"audit_open_intent", PROGRAM_OPERATOR,
		CURSOR "SELECT NULL, NULL, a.id::int8, a.store_code::text, NULL, NULL,"
		"	format('a token refresh was begun at %s and nobody is at it', " UTC("a.refresh_intent_at") ") "
		"FROM store_accounts a WHERE a.refresh_intent_at < now() - interval '10 minutes'"
		"	AND (a.refresh_lease_until IS NULL OR a.refresh_lease_until < now()) ORDER BY a.refresh_intent_at, a.id",
		ASKED_TYPES, ""},

	/* Open jobs, the longest overdue first: $1 waiting ones, $2 retrying ones. Of any run: the queues do not tell runs apart. */
	[STATEMENT_AUDIT_OPEN_JOBS] = {"audit_open_jobs", PROGRAM_OPERATOR,
		CURSOR LIST_OF("j", "format('%s since %s, attempt %s', j.state, "
			UTC("CASE j.state WHEN 'running' THEN j.started_at WHEN 'retrying' THEN j.finished_at"
				" ELSE greatest(j.published_at, j.started_at) END") ", j.attempt)")
		"FROM sync_jobs j WHERE j.published_at IS NOT NULL"
		"	AND ($1 AND j.state IN ('queued', 'running') OR $2 AND j.state = 'retrying') "
		"ORDER BY coalesce(j.retry_at, j.started_at, j.published_at), j.job_id",
		"bool,bool", ""},

	/* Dead jobs whose letter nobody has decided on. */
	[STATEMENT_AUDIT_DEAD_JOBS] = {"audit_dead_jobs", PROGRAM_OPERATOR,
		CURSOR LIST_OF("j", "format('dead since %s: %s', " UTC("j.finished_at") ", j.error_class)")
		"FROM sync_jobs j WHERE j.state = 'dead'"
		"	AND NOT EXISTS (SELECT FROM dead_letter_fates f WHERE f.job_id = j.job_id) ORDER BY j.finished_at, j.job_id",
		"", ""},
};
/* clang-format on */
