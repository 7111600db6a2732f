/* SPDX-License-Identifier: MIT */
/*
 * SQL of `syncctl dead`: what has become of dead letters' jobs, and deciding about them. Each statement is a transaction
 * and safe to repeat: a killed command leaves nothing that the next one does not complete. Constant: any thread.
 */
#include "common/statements_parts.h"

#include "common/config.h"

/* clang-format off */

/*
 * An operator decided about a dead letter: $1 action, $3 its job ($14 account), $9 error class, $10 error text, $13 when it died. A
 * job that RabbitMQ gave up, not a worker, is unfinished in the manifest: it ends here.
 */
#define END_DEAD_JOB \
	"UPDATE sync_jobs SET state = 'dead', finished_at = coalesce($13, now()), error_class = $9, error_details = $10 " \
	"WHERE job_id = $3 AND account_id = $14 AND state IN ('planned', 'queued', 'running', 'retrying')"

const struct statement_definition statements_of_dead[STATEMENTS] = {
	/* One syncctl passes the dead letters of a vhost ($1) at a time; the lock ends with the session. */
	[STATEMENT_DEAD_LOCK] = {"dead_lock", PROGRAM_OPERATOR,
		"SELECT pg_try_advisory_lock(hashtextextended('storesync dead letters ' || $1, 0))", "text", "bool"},
	/* Who that is. Sessions of other users show no address. */
	[STATEMENT_DEAD_LOCK_HOLDER] = {"dead_lock_holder", PROGRAM_OPERATOR,
		"SELECT coalesce(nullif(a.application_name, ''), 'a program') || ' as database user ' || coalesce(a.usename, '?')"
		"	|| coalesce(' from ' || host(a.client_addr), '') || ', session ' || l.pid"
		"	|| coalesce(' since ' || to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC', '') "
		"FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid),"
		"	hashtextextended('storesync dead letters ' || $1, 0) AS wanted (key) "
		"WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1"
		"	AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
		"	AND l.classid::int8 << 32 | l.objid::int8 = wanted.key",
		"text", "text"},

	/*
	 * What has become of dead letters' jobs: $1 dead letters, $2 jobs, $3 accounts, $4 stores, $5 types, $6 days, $7 when they died
	 * (NULLs for one that is no job), $8 today. By position: its fate; the job that repeats it, its state, was it published; the
	 * job's own account and state; the account's status and why; did another job bring what it should have; is it of an earlier day.
	 */
	[STATEMENT_DEAD_STATUS] = {"dead_status", PROGRAM_OPERATOR,
		"WITH given AS ("
		"	SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7) WITH ORDINALITY AS g (dead_id, job_id, account_id,"
		"		store_code, job_type, snapshot_date, died_at, position)) "
		"SELECT g.position::int4, f.fate, coalesce(n.job_id, f.new_job_id)::text, n.state, n.published_at IS NOT NULL,"
		"	coalesce(j.account_id = g.account_id, true), j.state, a.status::text, a.status_reason,"
		"	j.state = 'success' OR EXISTS ("
		"		SELECT FROM sync_jobs s WHERE s.account_id = g.account_id AND s.snapshot_date >= g.snapshot_date"
		"			AND (s.job_type = g.job_type"
		"				OR s.job_type = 'daily_sync' AND g.job_type IN ('user_stats', 'video_stats'))"
		"			AND s.state = 'success' AND s.finished_at > g.died_at),"
		"	coalesce(g.snapshot_date < $8, false) "
		"FROM given g LEFT JOIN dead_letter_fates f USING (dead_id) LEFT JOIN sync_jobs j ON j.job_id = g.job_id"
		"	LEFT JOIN sync_jobs n ON n.origin_job_id = g.job_id"
		"	LEFT JOIN store_accounts a ON a.id = g.account_id AND a.store_code = g.store_code",
		"uuid[],uuid[],int8[],text[],text[],date[],timestamptz[],date",
		"int4,text,text,text,bool,bool,text,text,text,bool,bool"},

	/*
	 * The job $1, if it is dead and nobody has decided about it: job, account, store, type, day, attempt, worker, error class, error
	 * text, when it died, the row as JSON.
	 */
	[STATEMENT_DEAD_LOST] = {"dead_lost", PROGRAM_OPERATOR,
		"SELECT job_id::text, account_id, store_code::text, job_type::text, snapshot_date::text, attempt, coalesce(worker, ''),"
		"	coalesce(error_class, 'unknown'), coalesce(error_details, message, ''),"
		"	coalesce((extract(epoch FROM finished_at) * 1000000)::int8, 0), to_jsonb(j)::text "
		"FROM sync_jobs j WHERE job_id = $1 AND state = 'dead'"
		"	AND NOT EXISTS (SELECT FROM dead_letter_fates f WHERE f.job_id = $1)",
		"uuid", "text,int8,text,text,text,int4,text,text,text,int8,text"},

	/* $1 action, $2 what, $3 who, $4 the selection in words, $5 the reason, $6 how many letters. */
	[STATEMENT_DEAD_BEGIN_ACTION] = {"dead_begin_action", PROGRAM_OPERATOR,
		"INSERT INTO operator_actions (action_id, action, actor, selection, reason, planned) VALUES ($1, $2, $3, $4, $5, $6)",
		"uuid,text,text,text,text,int8", ""},
	[STATEMENT_DEAD_END_ACTION] = {"dead_end_action", PROGRAM_OPERATOR,
		"UPDATE operator_actions SET finished_at = now() WHERE action_id = $1", "uuid", ""},

	/*
	 * Repeat a dead job: $1 action, $2 dead letter, $3 its job, $4 the new job, $5 store, $6 type, $7 day, $8 its body in hex, $9 to $10
	 * and $13, $14 as above, $11 the selection in words, $12 today. Everything or nothing, and the same when repeated: the job that
	 * repeats it, its run, and whether it was published. The action is the run of its jobs. No row: the generation was taken
	 * by somebody else at the same moment; repeat the statement.
	 */
	[STATEMENT_DEAD_RETRY] = {"dead_retry", PROGRAM_OPERATOR,
		"WITH made AS ("
		"	INSERT INTO sync_jobs (job_id, run_id, account_id, store_code, job_type, snapshot_date, generation,"
		"		origin_job_id)"
		"	SELECT $4, $1, $14, $5, $6, $7, coalesce((SELECT max(generation) + 1 FROM sync_jobs"
		"		WHERE account_id = $14 AND job_type = $6 AND snapshot_date = $7), 0), $3"
		"	ON CONFLICT DO NOTHING RETURNING job_id, run_id, published_at), "
		"run AS ("
		"	INSERT INTO sync_runs (run_id, job_type, snapshot_date, selection, planned)"
		"	SELECT $1, 'retry', $12, $11, 1 FROM made"
		"	ON CONFLICT (run_id) DO UPDATE SET planned = sync_runs.planned + 1), "
		"ended AS (" END_DEAD_JOB "), "
		"job AS ("
		"	SELECT * FROM made UNION ALL"
		"	SELECT job_id, run_id, published_at FROM sync_jobs WHERE origin_job_id = $3), "
		"fate AS ("
		"	INSERT INTO dead_letter_fates (dead_id, action_id, fate, job_id, new_job_id, error_class, error_text, body)"
		"	SELECT $2, $1, 'retried', $3, job_id, $9, $10, decode($8, 'hex') FROM job"
		"	ON CONFLICT DO NOTHING RETURNING 1), "
		"counted AS ("
		"	UPDATE operator_actions SET done = done + (SELECT count(*) FROM fate) WHERE action_id = $1) "
		"SELECT job_id::text, run_id::text, published_at IS NOT NULL FROM job",
		"uuid,uuid,uuid,uuid,text,text,date,text,text,text,text,date,timestamptz,int8", "text,text,bool"},

	/* Throw a dead letter away, but keep it here; the parameters: as above, $4 to $7, $11 and $12 are not looked at. */
	[STATEMENT_DEAD_DISCARD] = {"dead_discard", PROGRAM_OPERATOR,
		"WITH ended AS (" END_DEAD_JOB "), "
		"fate AS ("
		"	INSERT INTO dead_letter_fates (dead_id, action_id, fate, job_id, error_class, error_text, body)"
		"	VALUES ($2, $1, 'discarded', $3, $9, $10, decode($8, 'hex'))"
		"	ON CONFLICT DO NOTHING RETURNING 1) "
		"UPDATE operator_actions SET done = done + (SELECT count(*) FROM fate) WHERE action_id = $1",
		"uuid,uuid,uuid,uuid,text,text,date,text,text,text,text,date,timestamptz,int8", ""},

	/* How jobs ($1) are getting on. */
	[STATEMENT_DEAD_WATCH] = {"dead_watch", PROGRAM_OPERATOR,
		"SELECT job_id::text, account_id, state, coalesce(error_class, ''), coalesce(error_details, message, '') "
		"FROM sync_jobs WHERE job_id = ANY ($1) ORDER BY job_id",
		"uuid[]", "text,int8,text,text,text"},

	/* All that is known of a job, for people: name and value. */
	[STATEMENT_DEAD_SHOW_JOB] = {"dead_show_job", PROGRAM_OPERATOR,
		"SELECT f.key, f.value FROM sync_jobs j, jsonb_each_text(to_jsonb(j)) f "
		"WHERE j.job_id = $1 AND f.value IS NOT NULL ORDER BY f.key",
		"uuid", "text,text"},
	[STATEMENT_DEAD_SHOW_ATTEMPTS] = {"dead_show_attempts", PROGRAM_OPERATOR,
		"SELECT attempt, to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), status::text,"
		"	coalesce(error_class, ''), coalesce(worker, ''), coalesce(error_details, message, '') "
		"FROM sync_logs WHERE job_id = $1 ORDER BY attempt, id",
		"uuid", "int4,text,text,text,text,text"},
	/* What operators decided of a dead letter or a job ($1), the repeated or the new one. */
	[STATEMENT_DEAD_SHOW_FATES] = {"dead_show_fates", PROGRAM_OPERATOR,
		"SELECT f.dead_id::text, f.fate, to_char(f.decided_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), a.actor,"
		"	coalesce(a.reason, ''), coalesce(f.job_id::text, ''), coalesce(f.new_job_id::text, ''),"
		"	coalesce(f.error_class, ''), coalesce(f.error_text, ''), encode(f.body, 'escape') "
		"FROM dead_letter_fates f JOIN operator_actions a USING (action_id) "
		"WHERE f.dead_id = $1 OR f.job_id = $1 OR f.new_job_id = $1 ORDER BY f.decided_at",
		"uuid", "text,text,text,text,text,text,text,text,text,text"},
};
/* clang-format on */
