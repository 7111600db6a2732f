/* SPDX-License-Identifier: MIT */
/*
 * The SQL of forecasts, for `syncctl forecast` and the producer's --dry-run. Constant: any thread.
 */
#include "common/statements_parts.h"

#include "common/config.h"

/* clang-format off */

const struct statement_definition statements_of_forecast[STATEMENTS] = {
	/*
	 * Calls of a run, after PICKED_ACCOUNTS' parameters: $6 repeat finished jobs, $7 and $8 microseconds between two calls to
	 * user/info and video/list (0: no limit), $9 the time zone, $10 videos a call, $11 and $12 does the job type call user/info,
	 * video/list. An account's number of videos is that of its last successful sync, else of its latest profile, else the average of
	 * the others. A big account that is half read has its calls so far behind it. A token is refreshed when it expires within
	 * ten minutes of its account's turn, at that pace.
	 *
	 * The columns: accounts; left; left with a guessed number; the average; calls to user/info, left; calls to video/list,
	 * left; tokens that expire before their turn; seconds until the day ends; not left, because their job died.
	 */
	[STATEMENT_FORECAST] = {"forecast", PROGRAM_PRODUCER | PROGRAM_OPERATOR,
		"WITH picked AS (" PICKED_ACCOUNTS("a.open_id, a.scope, a.token_expires_at,") "), "
		"due AS ("
		"	SELECT p.id, p.store_code, p.since, p.token_expires_at, NOT coalesce(p.finished AND NOT $6, false) AS is_left,"
		"		coalesce(p.died, false) AS died,"
		"		CASE WHEN NOT p.finished THEN p.slice_calls END AS slice_calls,"
		"		$11 AND strpos(p.scope, 'user.info.') > 0 AS has_user, $12 AND strpos(p.scope, 'video.list') > 0 AS has_videos,"
		"		coalesce("
		"			(SELECT greatest(j.records_processed - (j.job_type = 'daily_sync')::int4, 0) FROM sync_jobs j"
		"			WHERE j.account_id = p.id AND j.state = 'success'"
		"				AND j.job_type = CASE $1 WHEN 'video_stats' THEN 'video_stats' ELSE 'daily_sync' END"
		"			ORDER BY j.snapshot_date DESC, j.generation DESC LIMIT 1),"
		"			(SELECT d.video_count FROM tiktok_user_daily d"
		"			WHERE d.store_code = p.store_code AND d.open_id = p.open_id AND d.video_count IS NOT NULL"
		"			ORDER BY d.snapshot_date DESC LIMIT 1)) AS videos"
		"	FROM picked p WHERE p.status = 'CONNECTED'), "
		"guess AS (SELECT coalesce(avg(videos), 0) AS videos FROM due), "
		"pages AS ("
		"	SELECT d.*, has_videos::int4 * greatest(ceil(coalesce(d.videos, g.videos) / $10), 1)::int8 AS pages,"
		"		row_number() OVER (PARTITION BY store_code ORDER BY since NULLS FIRST, id) AS turn"
		"	FROM due d, guess g), "
		"lacking AS ("
		"	SELECT *, (is_left AND has_user AND slice_calls IS NULL)::int4 AS users_left,"
		"		is_left::int4 * greatest(pages - greatest(coalesce(slice_calls, 0) - 1, 0), 0) AS pages_left"
		"	FROM pages), "
		"paced AS ("
		"	SELECT *, greatest(sum(users_left) OVER turns * $7, sum(pages_left) OVER turns * $8) AS waits_us"
		"	FROM lacking WINDOW turns AS (ORDER BY turn, since NULLS FIRST, id ROWS UNBOUNDED PRECEDING)) "
		"SELECT count(*), count(*) FILTER (WHERE is_left), count(*) FILTER (WHERE is_left AND videos IS NULL),"
		"	coalesce(round((SELECT videos FROM guess)), 0)::int8,"
		"	count(*) FILTER (WHERE has_user), coalesce(sum(users_left), 0)::int8,"
		"	coalesce(sum(pages), 0)::int8, coalesce(sum(pages_left), 0)::int8,"
		"	count(*) FILTER (WHERE is_left"
		"		AND token_expires_at < now() + interval '10 minutes' + waits_us * interval '1 microsecond'),"
		"	extract(epoch FROM ($2 + 1)::timestamp AT TIME ZONE $9 - now())::int8,"
		"	count(*) FILTER (WHERE died AND NOT is_left) "
		"FROM paced",
		"text,date,text,int8,int8,bool,int8,int8,text,int8,bool,bool", "int8,int8,int8,int8,int8,int8,int8,int8,int8,int8,int8"},

	/*
	 * Microseconds that a call takes where nothing is waited for: of the latest thousand successes of type $1, a twentieth took
	 * no longer for each call (a job may wait for quota and yet not all of them do). Big accounts, whose slices are added up, are left out. NULL: there are none.
	 */
	[STATEMENT_FORECAST_PACE] = {"forecast_pace", PROGRAM_PRODUCER | PROGRAM_OPERATOR,
		"SELECT (percentile_cont(0.05) WITHIN GROUP (ORDER BY call_s) * 1000000)::int8 FROM ("
		"	SELECT extract(epoch FROM completed_at - started_at)::float8 / api_calls AS call_s FROM sync_logs"
		"	WHERE final AND status = 'SUCCESS' AND job_type = $1 AND api_calls BETWEEN 1 AND 9"
		"		AND completed_at > started_at AND started_at > now() - interval '2 days'"
		"	ORDER BY started_at DESC LIMIT 1000) recent",
		"text", "int8"},

	/* What the clocks of time zone $2 show in $1 seconds. */
	[STATEMENT_FORECAST_MOMENT] = {"forecast_moment", PROGRAM_PRODUCER | PROGRAM_OPERATOR,
		"SELECT to_char((now() + $1 * interval '1 second') AT TIME ZONE $2, 'YYYY-MM-DD HH24:MI')", "int8,text", "text"},
};
/* clang-format on */
