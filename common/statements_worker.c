/* SPDX-License-Identifier: MIT */
/*
 * The SQL of worker and logger: claims, tokens, snapshots, ends, log rows. Batches arrive as arrays,
 * one element a row, so that the text of a statement never changes and PostgreSQL plans it once.
 * Constant: any thread.
 */
#include "common/statements_parts.h"

#include "common/config.h"

/* clang-format off */

/* What a worker knows of an account; account_read() in worker/account_row.c reads the columns in this order. */
#define ACCOUNT_COLUMNS \
	"a.id IS NOT NULL, a.store_code::text, a.open_id::text, a.status::text, a.status_reason, a.scope, " \
	"a.encrypted_access_token, a.encrypted_refresh_token, " \
	"(extract(epoch FROM a.token_expires_at) * 1000000)::int8, a.token_version, " \
	"a.refresh_intent_at IS NOT NULL, (extract(epoch FROM a.refresh_token_expires_at) * 1000000)::int8 "
#define ACCOUNT_TYPES "bool,text,text,text,text,text,text,text,int8,int8,bool,int8"

const struct statement_definition statements_of_worker[STATEMENTS] = {
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

	/*
	 * Become the one who refreshes: $1 account, $2 owner, $3 the token version that was read. No row: somebody else is. Else: did the last
	 * one leave an intent that was never completed? NULL: that was $2 itself.
	 */
	[STATEMENT_LEASE_TOKEN] = {"lease_token", PROGRAM_WORKER,
		"UPDATE store_accounts a SET refresh_lease_owner = $2, refresh_lease_until = now() + interval '90 seconds',"
		"	refresh_intent_at = now() "
		"FROM (SELECT id, refresh_intent_at, refresh_lease_owner FROM store_accounts WHERE id = $1 FOR UPDATE) last "
		"WHERE a.id = last.id AND a.token_version = $3 AND a.status IN ('CONNECTED', 'ERROR')"
		"	AND (a.refresh_lease_until IS NULL OR a.refresh_lease_until < now() OR a.refresh_lease_owner = $2) "
		"RETURNING CASE WHEN last.refresh_lease_owner IS DISTINCT FROM $2 THEN last.refresh_intent_at IS NOT NULL END",
		"int8,text,int8", "bool"},

	/*
	 * Compare and swap: $1 account, $2 the version that was refreshed, $3 and $4 the new cells, $5 when they were issued, $6
	 * and $7 when they expire (microseconds since 1970), $8 the scopes. No row: the pair was replaced meanwhile. A new pair proves the grant: an account that another worker took
	 * for lost while this one waited for PostgreSQL is connected again.
	 */
	[STATEMENT_SAVE_TOKEN] = {"save_token", PROGRAM_WORKER | PROGRAM_OPERATOR,
		"UPDATE store_accounts SET encrypted_access_token = $3, encrypted_refresh_token = $4,"
		"	token_issued_at = timestamptz 'epoch' + $5 * interval '1 microsecond',"
		"	token_expires_at = timestamptz 'epoch' + $6 * interval '1 microsecond',"
		"	refresh_token_expires_at = coalesce(timestamptz 'epoch' + $7 * interval '1 microsecond', refresh_token_expires_at),"
		"	scope = coalesce($8, scope), token_version = token_version + 1,"
		"	refresh_lease_owner = NULL, refresh_lease_until = NULL, refresh_intent_at = NULL, updated_at = now(),"
		"	status_reason = CASE WHEN status = 'NEED_RECONNECT' THEN NULL ELSE status_reason END,"
		"	status = CASE WHEN status = 'NEED_RECONNECT' THEN 'CONNECTED' ELSE status END "
		"WHERE id = $1 AND token_version = $2 RETURNING token_version",
		"int8,int8,text,text,int8,int8,int8,text", "int8"},

	/*
	 * A refresh that did not succeed: $1 account, $2 owner, $3 TikTok may have rotated the token all the same. The lease
	 * ends at once, not after 90 s; the intent stays where the outcome is unknown.
	 */
	[STATEMENT_RELEASE_TOKEN] = {"release_token", PROGRAM_WORKER | PROGRAM_OPERATOR,
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
};
/* clang-format on */
