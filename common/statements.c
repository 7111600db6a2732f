/* SPDX-License-Identifier: MIT */
/*
 * The table of SQL statements. To add one: a name in statements.h, a row here, and the test that
 * prepares every row checks the types. Batches arrive as arrays, one element a row, so that the
 * text of a statement never changes and PostgreSQL plans it once.
 */
#include "common/statements.h"

#include <assert.h>
#include <stddef.h>

#include "common/config.h"
#include "common/statements_audit.h"
#include "common/statements_dead.h"

/* clang-format off */

/* What a worker knows of an account; account_read() in worker/account_row.c reads the columns in this order. */
#define ACCOUNT_COLUMNS \
	"a.id IS NOT NULL, a.store_code::text, a.open_id::text, a.status::text, a.status_reason, a.scope, " \
	"a.encrypted_access_token, a.encrypted_refresh_token, " \
	"(extract(epoch FROM a.token_expires_at) * 1000000)::int8, a.token_version, " \
	"a.refresh_intent_at IS NOT NULL "
#define ACCOUNT_TYPES "bool,text,text,text,text,text,text,text,int8,int8,bool"

/* Accounts that a producer run is about: $1 job type, $2 day, $3 store, $4 account, $5 expiring within seconds. */
#define PICKED_ACCOUNTS \
	"SELECT a.id, a.store_code, a.status, last.generation, last.finished " \
	"FROM store_accounts a LEFT JOIN LATERAL (" \
	"	SELECT j.generation, j.state IN ('success', 'skipped', 'dead') AS finished FROM sync_jobs j" \
	"	WHERE j.account_id = a.id AND j.job_type = $1 AND j.snapshot_date = $2" \
	"	ORDER BY j.generation DESC LIMIT 1) last ON true " \
	"WHERE ($3 IS NULL OR a.store_code = $3) AND ($4 IS NULL OR a.id = $4)" \
	"	AND ($5 IS NULL OR a.token_expires_at < now() + $5 * interval '1 second') "

static const struct statement_definition statements[STATEMENTS] = {
	/* Does PostgreSQL take writes? Writes nothing, but is refused by a server that is read-only. */
	[STATEMENT_PROBE] = {"probe", PROGRAM_WORKER | PROGRAM_LOGGER,
		"UPDATE sync_jobs SET starts = starts WHERE false", "", ""},

	/*
	 * Begin jobs: $1 job ids, $2 attempts, $3 account ids, $4 slices, $5 worker, $6 crashes that are too many. A job begins unless it is
	 * finished, or the message is of an attempt or slice that has already ended; then its last outcome is what the columns tell, to
	 * be reported again. Among them is the time it is by the database's clock. One that still runs has lost its worker: that is counted, and beyond $6 it is marked but not begun.
	 */
	[STATEMENT_CLAIM_JOBS] = {"claim_jobs", PROGRAM_WORKER,
		"WITH wanted AS ("
		"	SELECT * FROM unnest($1, $2, $3, $4) WITH ORDINALITY AS w (job_id, attempt, account_id, slice, position)), "
		"begun AS ("
		"	UPDATE sync_jobs j SET attempt = w.attempt, slice = w.slice,"
		"		state = CASE WHEN j.crashes + (j.state = 'running')::int4 < $6 THEN 'running' ELSE 'queued' END,"
		"		starts = j.starts + (j.crashes + (j.state = 'running')::int4 < $6)::int4,"
		"		crashes = j.crashes + (j.state = 'running')::int4,"
		"		worker = $5, started_at = now(), retry_at = NULL,"
		"		published_at = coalesce(j.published_at, now())"
		"	FROM wanted w WHERE j.job_id = w.job_id AND j.account_id = w.account_id"
		"		AND j.state IN ('planned', 'queued', 'running', 'retrying') AND j.attempt <= w.attempt"
		"		AND j.slice <= w.slice"
		"	RETURNING j.job_id, j.state = 'running' AS runs, j.crashes) "
		"SELECT w.position::int4, j.job_id IS NOT NULL, coalesce(b.runs, false), coalesce(NOT b.runs, false),"
		"	j.account_id, j.state, j.attempt, j.slice, j.cursor, coalesce(b.crashes, j.crashes),"
		"	j.message, j.records_processed, j.error_class, j.error_details, j.api_calls,"
		"	(extract(epoch FROM j.started_at) * 1000000)::int8,"
		"	(extract(epoch FROM j.finished_at) * 1000000)::int8,"
		"	(extract(epoch FROM clock_timestamp()) * 1000000)::int8, " ACCOUNT_COLUMNS
		"FROM wanted w LEFT JOIN sync_jobs j USING (job_id) LEFT JOIN begun b USING (job_id)"
		"	LEFT JOIN store_accounts a ON a.id = w.account_id",
		"uuid[],int4[],int8[],int4[],text,int4",
		"int4,bool,bool,bool,int8,text,int4,int4,int8,int4,text,int4,text,text,int4,int8,int8,int8," ACCOUNT_TYPES},

	/* Begins that are taken back: the jobs go to the queue undone, which is no crash. $1 jobs, $2 attempts, $3 slices, $4 worker. */
	[STATEMENT_RETURN_JOBS] = {"return_jobs", PROGRAM_WORKER,
		"UPDATE sync_jobs j SET state = 'queued' FROM unnest($1, $2, $3) AS w (job_id, attempt, slice) "
		"WHERE j.job_id = w.job_id AND j.attempt = w.attempt AND j.slice = w.slice AND j.state = 'running'"
		"	AND j.worker = $4",
		"uuid[],int4[],int4[],text", ""},

	/*
	 * Enter jobs that no producer of ours planned: $1 job ids, $2 run ids, $3 accounts, $4 stores, $5 types, $6 days,
	 * $7 attempts. Whoever publishes a valid job message gets the same guarantees.
	 */
	[STATEMENT_ADOPT_JOBS] = {"adopt_jobs", PROGRAM_WORKER,
		"INSERT INTO sync_jobs (job_id, run_id, account_id, store_code, job_type, snapshot_date, generation,"
		"	state, attempt, published_at) "
		"SELECT w.job_id, w.run_id, w.account_id, w.store_code, w.job_type, w.snapshot_date,"
		"	coalesce((SELECT max(generation) + 1 FROM sync_jobs j WHERE j.account_id = w.account_id"
		"		AND j.job_type = w.job_type AND j.snapshot_date = w.snapshot_date), 0),"
		"	'queued', w.attempt, now() "
		"FROM unnest($1, $2, $3, $4, $5, $6, $7)"
		"	AS w (job_id, run_id, account_id, store_code, job_type, snapshot_date, attempt) "
		"ON CONFLICT DO NOTHING",
		"uuid[],uuid[],int8[],text[],text[],date[],int4[]", ""},

	[STATEMENT_READ_ACCOUNT] = {"read_account", PROGRAM_WORKER,
		"SELECT " ACCOUNT_COLUMNS "FROM (VALUES ($1)) AS w (id) LEFT JOIN store_accounts a ON a.id = w.id",
		"int8", ACCOUNT_TYPES},

	/* Become the one who refreshes: $1 account, $2 owner, $3 the token version that was read. No row: somebody else is. */
	[STATEMENT_LEASE_TOKEN] = {"lease_token", PROGRAM_WORKER,
		"UPDATE store_accounts SET refresh_lease_owner = $2, refresh_lease_until = now() + interval '90 seconds',"
		"	refresh_intent_at = now() "
		"WHERE id = $1 AND token_version = $3 AND status IN ('CONNECTED', 'ERROR')"
		"	AND (refresh_lease_until IS NULL OR refresh_lease_until < now() OR refresh_lease_owner = $2) "
		"RETURNING id::int8",
		"int8,text,int8", "int8"},

	/*
	 * Compare and swap: $1 account, $2 the version that was refreshed, $3 and $4 the new cells, $5 and $6 seconds until they
	 * expire, $7 the scopes. No row: the pair was replaced meanwhile. A new pair proves the grant: an account that another worker took
	 * for lost while this one waited for PostgreSQL is connected again.
	 */
	[STATEMENT_SAVE_TOKEN] = {"save_token", PROGRAM_WORKER,
		"UPDATE store_accounts SET encrypted_access_token = $3, encrypted_refresh_token = $4,"
		"	token_expires_at = now() + $5 * interval '1 second',"
		"	refresh_token_expires_at = coalesce(now() + $6 * interval '1 second', refresh_token_expires_at),"
		"	scope = coalesce($7, scope), token_version = token_version + 1,"
		"	refresh_lease_owner = NULL, refresh_lease_until = NULL, refresh_intent_at = NULL, updated_at = now(),"
		"	status_reason = CASE WHEN status = 'NEED_RECONNECT' THEN NULL ELSE status_reason END,"
		"	status = CASE WHEN status = 'NEED_RECONNECT' THEN 'CONNECTED' ELSE status END "
		"WHERE id = $1 AND token_version = $2 RETURNING token_version",
		"int8,int8,text,text,int8,int8,text", "int8"},

	/*
	 * A refresh that did not succeed: $1 account, $2 owner, $3 TikTok may have rotated the token all the same. The lease
	 * ends at once, not after 90 s; the intent stays where the outcome is unknown.
	 */
	[STATEMENT_RELEASE_TOKEN] = {"release_token", PROGRAM_WORKER,
		"UPDATE store_accounts SET refresh_lease_owner = NULL, refresh_lease_until = NULL,"
		"	refresh_intent_at = CASE WHEN $3 THEN refresh_intent_at END "
		"WHERE id = $1 AND refresh_lease_owner = $2",
		"int8,text,bool", ""},

	/*
	 * Upserts. Sorted by key in every writer, or two writers deadlock; a row that says the same is not written again; older
	 * figures never replace newer ones (fetched_at is the time of the reading that last changed the row); a figure that TikTok left out does not erase one that is known for the day. Of
	 * signed picture addresses only the part before the query counts as a change: the rest differs at every reading.
	 */
	[STATEMENT_SAVE_USERS] = {"save_users", PROGRAM_WORKER,
		"INSERT INTO tiktok_user_daily AS t (store_code, open_id, snapshot_date, display_name, avatar_url,"
		"	follower_count, following_count, likes_count, video_count, fetched_at) "
		"SELECT DISTINCT ON (g.store_code, g.open_id, g.snapshot_date) g.* "
		"FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) AS g (store_code, open_id, snapshot_date,"
		"	display_name, avatar_url, follower_count, following_count, likes_count, video_count, fetched_at) "
		"ORDER BY g.store_code, g.open_id, g.snapshot_date, g.fetched_at DESC "
		"ON CONFLICT (store_code, open_id, snapshot_date) DO UPDATE SET"
		"	display_name = coalesce(excluded.display_name, t.display_name),"
		"	avatar_url = coalesce(excluded.avatar_url, t.avatar_url),"
		"	follower_count = coalesce(excluded.follower_count, t.follower_count),"
		"	following_count = coalesce(excluded.following_count, t.following_count),"
		"	likes_count = coalesce(excluded.likes_count, t.likes_count),"
		"	video_count = coalesce(excluded.video_count, t.video_count),"
		"	fetched_at = excluded.fetched_at "
		"WHERE excluded.fetched_at >= t.fetched_at AND ("
		"	(t.display_name, split_part(t.avatar_url, '?', 1),"
		"		t.follower_count, t.following_count, t.likes_count, t.video_count)"
		"	IS DISTINCT FROM"
		"	(coalesce(excluded.display_name, t.display_name),"
		"		split_part(coalesce(excluded.avatar_url, t.avatar_url), '?', 1),"
		"		coalesce(excluded.follower_count, t.follower_count),"
		"		coalesce(excluded.following_count, t.following_count),"
		"		coalesce(excluded.likes_count, t.likes_count),"
		"		coalesce(excluded.video_count, t.video_count)))",
		"text[],text[],date[],text[],text[],int4[],int4[],int8[],int4[],timestamptz[]", ""},

	[STATEMENT_SAVE_VIDEOS] = {"save_videos", PROGRAM_WORKER,
		"INSERT INTO tiktok_video_daily AS t (store_code, video_id, snapshot_date, description, cover_image_url,"
		"	share_url, create_time, view_count, like_count, comment_count, share_count, fetched_at) "
		"SELECT DISTINCT ON (g.store_code, g.video_id, g.snapshot_date) g.* "
		"FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) AS g (store_code, video_id, snapshot_date,"
		"	description, cover_image_url, share_url, create_time, view_count, like_count, comment_count,"
		"	share_count, fetched_at) "
		"ORDER BY g.store_code, g.video_id, g.snapshot_date, g.fetched_at DESC "
		"ON CONFLICT (store_code, video_id, snapshot_date) DO UPDATE SET"
		"	description = coalesce(excluded.description, t.description),"
		"	cover_image_url = coalesce(excluded.cover_image_url, t.cover_image_url),"
		"	share_url = coalesce(excluded.share_url, t.share_url),"
		"	create_time = coalesce(excluded.create_time, t.create_time),"
		"	view_count = coalesce(excluded.view_count, t.view_count),"
		"	like_count = coalesce(excluded.like_count, t.like_count),"
		"	comment_count = coalesce(excluded.comment_count, t.comment_count),"
		"	share_count = coalesce(excluded.share_count, t.share_count),"
		"	fetched_at = excluded.fetched_at "
		"WHERE excluded.fetched_at >= t.fetched_at AND ("
		"	(t.description, split_part(t.cover_image_url, '?', 1), t.share_url, t.create_time,"
		"		t.view_count, t.like_count, t.comment_count, t.share_count)"
		"	IS DISTINCT FROM"
		"	(coalesce(excluded.description, t.description),"
		"		split_part(coalesce(excluded.cover_image_url, t.cover_image_url), '?', 1),"
		"		coalesce(excluded.share_url, t.share_url), coalesce(excluded.create_time, t.create_time),"
		"		coalesce(excluded.view_count, t.view_count), coalesce(excluded.like_count, t.like_count),"
		"		coalesce(excluded.comment_count, t.comment_count),"
		"		coalesce(excluded.share_count, t.share_count)))",
		"text[],text[],date[],text[],text[],text[],timestamptz[],int8[],int8[],int4[],int4[],timestamptz[]", ""},

	/*
	 * End attempts and slices: $1 jobs, $2 the attempt that ran, $3 its slice, $4 the state it leads to, $5 the attempt to run next, $6 its
	 * slice, $7 where that goes on, $8 milliseconds until then, $9 message, $10 records, $11 error class, $12 details, $13 API calls, $14 it is a
	 * failure of its account: after three in a row a person has to look at that. What somebody else has ended is left alone; the rows are
	 * the jobs that were ended here. A slice
	 * that was saved shows that the job is no danger to its worker.
	 */
	[STATEMENT_FINISH_JOBS] = {"finish_jobs", PROGRAM_WORKER,
		"WITH ended AS ("
		"UPDATE sync_jobs j SET state = w.state, attempt = w.next_attempt, slice = w.next_slice, cursor = w.cursor,"
		"	finished_at = CASE w.state WHEN 'queued' THEN j.finished_at ELSE now() END,"
		"	crashes = CASE w.state WHEN 'queued' THEN 0 ELSE j.crashes END,"
		"	retry_at = now() + w.retry_delay_ms * interval '1 millisecond', message = w.message,"
		"	records_processed = w.records, error_class = w.error_class, error_details = w.error_details,"
		"	api_calls = w.api_calls "
		"FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) AS w (job_id, attempt, slice,"
		"	state, next_attempt, next_slice, cursor, retry_delay_ms, message, records, error_class, error_details,"
		"	api_calls, is_failure) "
		"WHERE j.job_id = w.job_id AND j.attempt = w.attempt AND j.slice = w.slice AND j.state IN ('queued', 'running') "
		"RETURNING j.job_id, j.account_id, w.is_failure, w.error_details)"
		", failed AS ("
		"UPDATE store_accounts a SET failed_syncs = a.failed_syncs + 1, updated_at = now(),"
		"	status_reason = CASE WHEN a.failed_syncs >= 2 AND a.status = 'CONNECTED' THEN e.error_details ELSE a.status_reason END,"
		"	status = CASE WHEN a.failed_syncs >= 2 AND a.status = 'CONNECTED' THEN 'ERROR' ELSE a.status END "
		"FROM ended e WHERE e.is_failure AND a.id = e.account_id) "
		"SELECT job_id::text FROM ended",
		"uuid[],int4[],int4[],text[],int4[],int4[],int8[],int8[],text[],int4[],text[],text[],int4[],bool[]", "text"},

	/* After a successful sync: $1 accounts, $2 display names, $3 avatars; NULL: not asked for, keep what is known. */
	[STATEMENT_TOUCH_ACCOUNTS] = {"touch_accounts", PROGRAM_WORKER,
		"UPDATE store_accounts a SET last_sync_at = now(), updated_at = now(), failed_syncs = 0,"
		"	status_reason = CASE a.status WHEN 'ERROR' THEN NULL ELSE a.status_reason END,"
		"	status = CASE a.status WHEN 'ERROR' THEN 'CONNECTED' ELSE a.status END,"
		"	display_name = coalesce(w.display_name, a.display_name),"
		"	avatar_url = coalesce(w.avatar_url, a.avatar_url) "
		"FROM unnest($1, $2, $3) AS w (id, display_name, avatar_url) WHERE a.id = w.id",
		"int8[],text[],text[]", ""},

	/* The grant is gone: $1 accounts, $2 the token version that was refused, $3 reasons. A pair saved meanwhile wins. */
	[STATEMENT_MARK_RECONNECT] = {"mark_reconnect", PROGRAM_WORKER,
		"UPDATE store_accounts a SET status = 'NEED_RECONNECT', status_reason = w.reason,"
		"	refresh_lease_owner = NULL, refresh_lease_until = NULL, updated_at = now() "
		"FROM unnest($1, $2, $3) AS w (id, version, reason) "
		"WHERE a.id = w.id AND a.token_version = w.version AND a.status IN ('CONNECTED', 'ERROR')",
		"int8[],int8[],text[]", ""},

	/*
	 * Store results, one row an attempt; anything replaces RUNNING, nothing replaces the last word. A column per member; for
	 * each result, by position: is its store known, was it stored (no: an attempt that has its row already).
	 */
	[STATEMENT_SAVE_LOGS] = {"save_logs", PROGRAM_LOGGER,
		"WITH given AS ("
		"	SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)"
		"	WITH ORDINALITY AS g (store_code, job_type, status, message, records, details, started_at,"
		"		completed_at, job_id, run_id, account_id, snapshot_date, attempt_id, attempt, final,"
		"		error_class, api_calls, worker, position)), "
		"kept AS ("
		"	INSERT INTO sync_logs AS l (store_code, job_type, status, message, records_processed,"
		"		error_details, started_at, completed_at, job_id, run_id, account_id, snapshot_date,"
		"		attempt_id, attempt, final, error_class, api_calls, worker)"
		"	SELECT DISTINCT ON (g.attempt_id) g.store_code, g.job_type, g.status::sync_status, g.message,"
		"		g.records, g.details, g.started_at, g.completed_at, g.job_id, g.run_id, g.account_id,"
		"		g.snapshot_date, g.attempt_id, g.attempt, g.final, g.error_class, g.api_calls, g.worker"
		"	FROM given g JOIN stores s USING (store_code)"
		"	ORDER BY g.attempt_id, g.final DESC, g.status = 'RUNNING'"
		"	ON CONFLICT (attempt_id) DO UPDATE SET status = excluded.status, message = excluded.message,"
		"		records_processed = excluded.records_processed, error_details = excluded.error_details,"
		"		started_at = excluded.started_at, completed_at = excluded.completed_at,"
		"		final = excluded.final, error_class = excluded.error_class,"
		"		api_calls = excluded.api_calls, worker = excluded.worker"
		"	WHERE NOT l.final AND (excluded.final OR l.status = 'RUNNING')"
		"	RETURNING l.attempt_id) "
		"SELECT g.position::int4, s.store_code IS NOT NULL, k.attempt_id IS NOT NULL "
		"FROM given g LEFT JOIN stores s USING (store_code) LEFT JOIN kept k USING (attempt_id)",
		"text[],text[],text[],text[],int4[],text[],timestamptz[],timestamptz[],uuid[],uuid[],int8[],date[],uuid[],"
		"int4[],bool[],text[],int4[],text[]",
		"int4,bool,bool"},

	/* The calendar day that it is in the time zone $1. One clock for the whole fleet: the database's. */
	[STATEMENT_TODAY] = {"today", PROGRAM_PRODUCER | PROGRAM_OPERATOR, "SELECT to_char(now() AT TIME ZONE $1, 'YYYY-MM-DD')", "text", "text"},

	/* Do the store $1 and the account $2 exist, and does the account belong to the store? NULL: not asked about. */
	[STATEMENT_CHECK_SELECTION] = {"check_selection", PROGRAM_PRODUCER,
		"SELECT $1 IS NULL OR EXISTS (SELECT FROM stores WHERE store_code = $1),"
		"	$2 IS NULL OR EXISTS (SELECT FROM store_accounts WHERE id = $2),"
		"	$1 IS NULL OR $2 IS NULL"
		"		OR EXISTS (SELECT FROM store_accounts WHERE id = $2 AND store_code = $1)",
		"text,int8", "bool,bool,bool"},

	/* What a run would do: new jobs, jobs on their way, finished ones, accounts that are not connected. $6: repeat finished ones. */
	[STATEMENT_COUNT_SELECTION] = {"count_selection", PROGRAM_PRODUCER,
		"WITH picked AS (" PICKED_ACCOUNTS ") SELECT"
		"	count(*) FILTER (WHERE status = 'CONNECTED' AND (generation IS NULL OR finished AND $6)),"
		"	count(*) FILTER (WHERE status = 'CONNECTED' AND NOT finished),"
		"	count(*) FILTER (WHERE status = 'CONNECTED' AND finished AND NOT $6),"
		"	count(*) FILTER (WHERE status <> 'CONNECTED') FROM picked",
		"text,date,text,int8,int8,bool", "int8,int8,int8,int8"},

	/* Write the manifest of a run: as above, and $7 run, $8 express, $9 the selection in words. The columns: as above. */
	[STATEMENT_PLAN_RUN] = {"plan_run", PROGRAM_PRODUCER,
		"WITH picked AS (" PICKED_ACCOUNTS "), "
		"planned AS ("
		"	INSERT INTO sync_jobs (job_id, run_id, account_id, store_code, job_type, snapshot_date, generation,"
		"		express)"
		"	SELECT gen_random_uuid(), $7, p.id, p.store_code, $1, $2, coalesce(p.generation + 1, 0), $8"
		"	FROM picked p"
		"	WHERE p.status = 'CONNECTED' AND (p.generation IS NULL OR p.finished AND $6)"
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

	/* --force: jobs that are on their way are published once more. $1 type, $2 day, $3 store, $4 account. */
	[STATEMENT_REPUBLISH_OPEN] = {"republish_open", PROGRAM_PRODUCER,
		"UPDATE sync_jobs SET published_at = NULL "
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

	/* The next jobs to publish, after account $5 and generation $6, at most $7. */
	[STATEMENT_NEXT_UNPUBLISHED] = {"next_unpublished", PROGRAM_PRODUCER,
		"SELECT job_id::text, run_id::text, account_id, generation, store_code::text, attempt, express FROM sync_jobs "
		"WHERE job_type = $1 AND snapshot_date = $2 AND published_at IS NULL"
		"	AND ($3 IS NULL OR store_code = $3) AND ($4 IS NULL OR account_id = $4)"
		"	AND (account_id, generation) > ($5, $6) "
		"ORDER BY account_id, generation LIMIT $7",
		"text,date,text,int8,int8,int4,int4", "text,text,int8,int4,text,int4,bool"},

	[STATEMENT_MARK_PUBLISHED] = {"mark_published", PROGRAM_PRODUCER | PROGRAM_OPERATOR,
		"UPDATE sync_jobs SET published_at = now(), state = CASE state WHEN 'planned' THEN 'queued' ELSE state END "
		"WHERE job_id = ANY ($1) AND published_at IS NULL",
		"uuid[]", ""},

	/* Migrations. The journal may not be there yet, so these are not prepared when a connection opens. */
	[STATEMENT_JOURNAL_EXISTS] = {"journal_exists", 0,
		"SELECT to_regclass('schema_migrations') IS NOT NULL", "", "bool"},
	[STATEMENT_JOURNAL_CREATE] = {"journal_create", 0,
		"CREATE TABLE IF NOT EXISTS schema_migrations (version integer PRIMARY KEY, name text NOT NULL,"
		"	checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now(), duration_ms integer NOT NULL)",
		"", ""},
	/* Asked for again and again instead of waited for: a waiting statement would run into its time-out. */
	[STATEMENT_JOURNAL_LOCK] = {"journal_lock", 0,
		"SELECT pg_try_advisory_lock(hashtextextended('storesync migrations', 0))", "", "bool"},
	[STATEMENT_JOURNAL_UNLOCK] = {"journal_unlock", 0,
		"SELECT pg_advisory_unlock(hashtextextended('storesync migrations', 0))", "", "bool"},
	[STATEMENT_JOURNAL_READ] = {"journal_read", 0,
		"SELECT version, name, checksum, to_char(applied_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), duration_ms "
		"FROM schema_migrations ORDER BY version",
		"", "int4,text,text,text,int4"},
	[STATEMENT_JOURNAL_ADD] = {"journal_add", 0,
		"INSERT INTO schema_migrations (version, name, checksum, duration_ms) VALUES ($1, $2, $3, $4)",
		"int4,text,text,int4", ""},

	/*
	 * The schema that comes first in the search path, a sorted line for each of its parts. Nothing in a line depends on the
	 * schema's name. Primary and foreign keys stand without their names, which nothing refers to and tools choose differently.
	 */
	[STATEMENT_CATALOG] = {"catalog", 0,
		"WITH mine AS ("
		"	SELECT c.oid, c.relname, c.reloptions FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
		"	WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND NOT c.relispartition) "
		"SELECT line FROM ("
		"	SELECT 'table ' || relname || coalesce(' with (' || array_to_string(reloptions, ', ') || ')', '') FROM mine"
		"	UNION ALL"
		"	SELECT format('column %s.%s %s', m.relname, a.attname, format_type(a.atttypid, a.atttypmod))"
		"		|| CASE WHEN a.attnotnull THEN ' not null' ELSE '' END"
		"		|| CASE a.attidentity WHEN 'a' THEN ' generated always as identity'"
		"			WHEN 'd' THEN ' generated by default as identity' ELSE '' END"
		"		|| coalesce(CASE WHEN a.attgenerated = 's' THEN ' generated ' ELSE ' default ' END"
		"			|| pg_get_expr(d.adbin, d.adrelid, true), '')"
		"	FROM mine m JOIN pg_attribute a ON a.attrelid = m.oid AND a.attnum > 0 AND NOT a.attisdropped"
		"		LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
		"	UNION ALL"
		"	SELECT format('constraint %s%s: %s', m.relname,"
		"		CASE WHEN k.contype IN ('p', 'f') THEN '' ELSE '.' || k.conname END, pg_get_constraintdef(k.oid, true))"
		"	FROM mine m JOIN pg_constraint k ON k.conrelid = m.oid"
		"	UNION ALL"
		"	SELECT format('index %s.%s: %s%s', m.relname, c.relname, pg_get_indexdef(c.oid, 0, true),"
		"		CASE WHEN i.indisvalid THEN '' ELSE ' (invalid)' END)"
		"	FROM mine m JOIN pg_index i ON i.indrelid = m.oid JOIN pg_class c ON c.oid = i.indexrelid"
		"	WHERE NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = m.oid AND k.conindid = c.oid)"
		"	UNION ALL"
		"	SELECT format('trigger %s.%s: %s', m.relname, t.tgname, pg_get_triggerdef(t.oid, true))"
		"	FROM mine m JOIN pg_trigger t ON t.tgrelid = m.oid AND NOT t.tgisinternal"
		"	UNION ALL"
		"	SELECT format('enum %s: %s', t.typname, string_agg(e.enumlabel, ', ' ORDER BY e.enumsortorder))"
		"	FROM pg_type t JOIN pg_enum e ON e.enumtypid = t.oid JOIN pg_namespace n ON n.oid = t.typnamespace"
		"	WHERE n.nspname = current_schema() GROUP BY t.typname"
		") AS part (line) ORDER BY line COLLATE \"C\"",
		"", "text"},
};
/* clang-format on */

const struct statement_definition *statement_definition(enum statement statement)
{
	const struct statement_definition *of_audit;

	assert(statement < STATEMENTS);
	of_audit = statements_audit(statement);
	if (of_audit)
		return of_audit;
	if (statement >= STATEMENT_DEAD_FIRST && statement <= STATEMENT_DEAD_LAST)
		return &statements_dead[statement - STATEMENT_DEAD_FIRST];
	return &statements[statement];
}
