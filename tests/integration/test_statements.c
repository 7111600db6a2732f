/* SPDX-License-Identifier: MIT */
/*
 * The table of SQL statements against the migrated schema: the types of every row, and what the
 * statements that keep data safe do: upserts, compare-and-swap, leases, fencing, one log row an
 * attempt.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/db.h"
#include "common/statements.h"
#include "tests/support/database.h"

#define DAY_US (86400 * INT64_C(1000000))
#define NOON   INT64_C(1700049600000000) /* 2023-11-15 12:00 UTC */

static struct test_database database;

static int create_database(void **state)
{
	test_database_create(&database);
	return 0;
}

static int destroy_database(void **state)
{
	test_database_destroy(&database);
	return 0;
}

static int empty_tables(void **state)
{
	test_execute(database.db, "TRUNCATE stores, sync_jobs, sync_runs RESTART IDENTITY CASCADE");
	test_insert_accounts(database.db, 2);
	return 0;
}

/* Run a statement that must succeed; returns the rows written. */
static int64_t run(enum statement statement, struct db_params *params)
{
	struct db_result *result = NULL;
	struct error err;
	int64_t rows;

	if (!db_query(database.db, statement, params, &result, &err))
		fail_msg("%s", err.text);
	rows = db_rows_affected(result);
	db_result_destroy(result);
	return rows;
}

/* ---- types ---- */

static void every_statement_has_the_types_that_the_table_says(void **state)
{
	for (int i = 0; i < STATEMENTS; i++) {
		const struct statement_definition *definition =
			statement_definition((enum statement)i);
		struct text params = {0};
		struct text columns = {0};
		struct error err;

		if (!db_describe(database.db, (enum statement)i, &params, &columns, &err))
			fail_msg("%s", err.text);
		if (strcmp(text_string(&params), definition->params) != 0)
			fail_msg("%s takes %s", definition->name, text_string(&params));
		if (strcmp(text_string(&columns), definition->columns) != 0)
			fail_msg("%s gives %s", definition->name, text_string(&columns));
		text_finish(&params);
		text_finish(&columns);
	}
}

static void every_statement_has_a_name_of_its_own(void **state)
{
	for (int i = 0; i < STATEMENTS; i++)
		for (int other = 0; other < i; other++)
			assert_string_not_equal(statement_definition((enum statement)i)->name,
				statement_definition((enum statement)other)->name);
}

static void every_program_prepares_its_statements(void **state)
{
	static const enum program programs[] = {
		PROGRAM_PRODUCER, PROGRAM_WORKER, PROGRAM_LOGGER, PROGRAM_OPERATOR};

	for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
		struct db *db = test_database_connect(&database, programs[i]);
		int expected = 0;

		for (int s = 0; s < STATEMENTS; s++)
			if (statement_definition((enum statement)s)->users & programs[i])
				expected++;
		assert_int_equal(
			test_query_integer(db, "SELECT count(*) FROM pg_prepared_statements"),
			expected);
		db_close(db);
	}
}

/* ---- snapshots ---- */

struct video {
	const char *store;
	const char *id;
	const char *description;
	int64_t views; /* -1: not sent */
	int64_t shares;
	int64_t fetched_us;
};

static void append_counter(struct db_array *array, int64_t counter)
{
	if (counter < 0)
		db_array_null(array);
	else
		db_array_integer(array, counter);
}

static int64_t save_videos(const struct video *videos, size_t count)
{
	static const enum db_type types[] = {DB_TEXT, DB_TEXT, DB_DATE, DB_TEXT, DB_TEXT, DB_TEXT,
		DB_TIMESTAMPTZ, DB_INT8, DB_INT8, DB_INT4, DB_INT4, DB_TIMESTAMPTZ};
	struct db_array columns[12];
	struct db_params params = {0};
	int64_t rows;

	for (size_t i = 0; i < 12; i++) {
		db_array_init(&columns[i], types[i]);
		db_param_array(&params, &columns[i]);
	}
	for (size_t i = 0; i < count; i++) {
		db_array_text(&columns[0], videos[i].store);
		db_array_text(&columns[1], videos[i].id);
		db_array_day(&columns[2], "2023-11-15");
		db_array_text(&columns[3], videos[i].description);
		db_array_text(&columns[4], "https://cdn.test/cover?signature=1");
		db_array_text(&columns[5], "https://tiktok.test/video");
		db_array_integer(&columns[6], NOON - DAY_US);
		append_counter(&columns[7], videos[i].views);
		append_counter(&columns[8], videos[i].views);
		append_counter(&columns[9], videos[i].shares);
		append_counter(&columns[10], videos[i].shares);
		db_array_integer(&columns[11], videos[i].fetched_us);
	}
	rows = run(STATEMENT_SAVE_VIDEOS, &params);
	for (size_t i = 0; i < 12; i++)
		db_array_finish(&columns[i]);
	return rows;
}

static int64_t views_of(const char *video)
{
	return test_query_integer(database.db,
		strcmp(video, "v1") == 0
			? "SELECT coalesce(view_count, -1) FROM tiktok_video_daily WHERE video_id = 'v1'"
			: "SELECT coalesce(view_count, -1) FROM tiktok_video_daily WHERE video_id = 'v2'");
}

static void every_column_of_a_video_arrives_as_sent(void **state)
{
	const struct video video = {"store-1", "v1",
		"quote \" back\\slash {brace} \xF0\x9F\x8E\x89", 5000000000, 3000000000, NOON};
	char *row;

	assert_int_equal(save_videos(&video, 1), 1);

	row = test_query_string(database.db,
		"SELECT concat_ws('|', store_code, video_id, snapshot_date, description, cover_image_url,"
		"	share_url, extract(epoch FROM create_time)::int8, view_count, like_count, comment_count,"
		"	share_count, extract(epoch FROM fetched_at)::int8) FROM tiktok_video_daily");
	assert_string_equal(row,
		"store-1|v1|2023-11-15|quote \" back\\slash {brace} \xF0\x9F\x8E\x89|"
		"https://cdn.test/cover?signature=1|https://tiktok.test/video|1699963200|5000000000|5000000000|"
		"2147483647|2147483647|1700049600");
	free(row);
}

static void a_second_identical_write_writes_nothing(void **state)
{
	const struct video videos[] = {
		{"store-1", "v1", "one", 10, 1, NOON}, {"store-1", "v2", NULL, -1, -1, NOON}};

	assert_int_equal(save_videos(videos, 2), 2);
	assert_int_equal(save_videos(videos, 2), 0);
}

static void older_figures_do_not_replace_newer_ones(void **state)
{
	const struct video newer = {"store-1", "v1", "one", 20, 2, NOON};
	const struct video older = {"store-1", "v1", "one", 10, 1, NOON - 1000000};

	save_videos(&newer, 1);

	assert_int_equal(save_videos(&older, 1), 0);
	assert_int_equal(views_of("v1"), 20);
}

static void newer_figures_replace_older_ones(void **state)
{
	const struct video older = {"store-1", "v1", "one", 10, 1, NOON};
	const struct video newer = {"store-1", "v1", "one", 20, 2, NOON + 1000000};

	save_videos(&older, 1);

	assert_int_equal(save_videos(&newer, 1), 1);
	assert_int_equal(views_of("v1"), 20);
}

static void a_counter_that_was_not_sent_is_null(void **state)
{
	const struct video video = {"store-1", "v1", "one", -1, -1, NOON};

	save_videos(&video, 1);

	assert_int_equal(
		test_query_integer(database.db,
			"SELECT num_nulls(view_count, like_count, comment_count, share_count)"
			" FROM tiktok_video_daily"),
		4);
}

static void a_counter_that_was_not_sent_does_not_erase_a_known_one(void **state)
{
	const struct video known = {"store-1", "v1", "one", 10, 1, NOON};
	const struct video unknown = {"store-1", "v1", "one", -1, 2, NOON + 1000000};

	save_videos(&known, 1);

	assert_int_equal(save_videos(&unknown, 1), 1);
	assert_int_equal(views_of("v1"), 10);
}

static void of_one_key_twice_in_a_batch_the_newest_is_saved(void **state)
{
	const struct video videos[] = {{"store-1", "v1", "old", 10, 1, NOON},
		{"store-1", "v1", "new", 20, 2, NOON + 1000000},
		{"store-1", "v2", "other", 30, 3, NOON}};

	assert_int_equal(save_videos(videos, 3), 2);
	assert_int_equal(views_of("v1"), 20);
	assert_int_equal(views_of("v2"), 30);
}

static void an_empty_batch_is_no_error(void **state)
{
	assert_int_equal(save_videos(NULL, 0), 0);
}

static int64_t save_user(
	const char *name, const char *avatar, int64_t followers, int64_t fetched_us)
{
	static const enum db_type types[] = {DB_TEXT, DB_TEXT, DB_DATE, DB_TEXT, DB_TEXT, DB_INT4,
		DB_INT4, DB_INT8, DB_INT4, DB_TIMESTAMPTZ};
	struct db_array columns[10];
	struct db_params params = {0};
	int64_t rows;

	for (size_t i = 0; i < 10; i++) {
		db_array_init(&columns[i], types[i]);
		db_param_array(&params, &columns[i]);
	}
	db_array_text(&columns[0], "store-1");
	db_array_text(&columns[1], "open-1");
	db_array_day(&columns[2], "2023-11-15");
	db_array_text(&columns[3], name);
	db_array_text(&columns[4], avatar);
	for (size_t i = 5; i < 9; i++)
		append_counter(&columns[i], followers);
	db_array_integer(&columns[9], fetched_us);
	rows = run(STATEMENT_SAVE_USERS, &params);
	for (size_t i = 0; i < 10; i++)
		db_array_finish(&columns[i]);
	return rows;
}

static void a_user_is_written_once_however_often_it_is_saved(void **state)
{
	assert_int_equal(save_user("Ann", "https://cdn.test/a", 7, NOON), 1);
	assert_int_equal(save_user("Ann", "https://cdn.test/a", 7, NOON + 1), 0);
	assert_int_equal(
		test_query_integer(database.db, "SELECT count(*) FROM tiktok_user_daily"), 1);
}

static void a_new_signature_of_the_same_picture_is_no_change(void **state)
{
	save_user("Ann", "https://cdn.test/a?signature=1", 7, NOON);

	assert_int_equal(save_user("Ann", "https://cdn.test/a?signature=2", 7, NOON + 1), 0);
}

static void older_user_figures_do_not_replace_newer_ones(void **state)
{
	save_user("Ann", NULL, 7, NOON);

	assert_int_equal(save_user("Ann", NULL, 6, NOON - 1), 0);
	assert_int_equal(
		test_query_integer(database.db, "SELECT follower_count FROM tiktok_user_daily"), 7);
}

static void user_counters_that_were_not_sent_stay_null(void **state)
{
	save_user("Ann", NULL, -1, NOON);

	assert_int_equal(
		test_query_integer(database.db,
			"SELECT num_nulls(follower_count, following_count, likes_count, video_count)"
			" FROM tiktok_user_daily"),
		4);
}

/* ---- tokens ---- */

static int64_t lease(const char *owner, int64_t version)
{
	struct db_params params = {0};

	db_param_integer(&params, 1);
	db_param_text(&params, owner);
	db_param_integer(&params, version);
	return run(STATEMENT_LEASE_TOKEN, &params);
}

static int64_t save_token(int64_t version, const char *access)
{
	struct db_params params = {0};

	db_param_integer(&params, 1);
	db_param_integer(&params, version);
	db_param_text(&params, access);
	db_param_text(&params, "v1:new-refresh");
	db_param_integer(&params, NOON);
	db_param_integer(&params, NOON + INT64_C(86400) * 1000000);
	db_param_text(&params, NULL);
	db_param_text(&params, NULL);
	return run(STATEMENT_SAVE_TOKEN, &params);
}

static void a_lease_is_taken_by_one_of_two(void **state)
{
	assert_int_equal(lease("worker-a", 0), 1);
	assert_int_equal(lease("worker-b", 0), 0);
}

static void a_lease_that_ran_out_can_be_taken_over(void **state)
{
	lease("worker-a", 0);
	test_execute(database.db,
		"UPDATE store_accounts SET refresh_lease_until = now() - interval '1 second' WHERE id = 1");

	assert_int_equal(lease("worker-b", 0), 1);
}

static void a_lease_for_a_pair_that_was_replaced_is_refused(void **state)
{
	test_execute(database.db, "UPDATE store_accounts SET token_version = 1 WHERE id = 1");

	assert_int_equal(lease("worker-a", 0), 0);
}

/* "t", "f", or "" for NULL. */
static const char *lease_tells(const char *owner)
{
	struct db_params params = {0};
	struct db_result *result = NULL;
	const char *told;
	struct error err;

	db_param_integer(&params, 1);
	db_param_text(&params, owner);
	db_param_integer(&params, 0);
	if (!db_query(database.db, STATEMENT_LEASE_TOKEN, &params, &result, &err))
		fail_msg("%s", err.text);
	assert_int_equal(db_row_count(result), 1);
	told = db_is_null(result, 0, 0) ? "" : db_boolean(result, 0, 0) ? "t" : "f";
	db_result_destroy(result);
	return told;
}

/* By another worker that is dead; one's own is no interruption. */
static void a_lease_tells_of_an_intent_that_was_never_completed(void **state)
{
	assert_string_equal(lease_tells("worker-a"), "f");
	assert_string_equal(lease_tells("worker-a"), "");
	test_execute(database.db,
		"UPDATE store_accounts SET refresh_lease_until = now() - interval '1 second' WHERE id = 1");
	assert_string_equal(lease_tells("worker-b"), "t");
	test_execute(database.db,
		"UPDATE store_accounts SET refresh_lease_owner = NULL, refresh_lease_until = NULL WHERE id = 1");
	assert_string_equal(lease_tells("worker-b"), "t");
	save_token(0, "v1:new");
	test_execute(database.db, "UPDATE store_accounts SET token_version = 0 WHERE id = 1");
	assert_string_equal(lease_tells("worker-c"), "f");
}

static void a_token_is_saved_only_over_the_pair_that_it_replaces(void **state)
{
	assert_int_equal(save_token(0, "v1:first"), 1);
	assert_int_equal(save_token(0, "v1:second"), 0);
	assert_int_equal(
		test_query_integer(database.db,
			"SELECT count(*) FROM store_accounts WHERE id = 1 AND token_version = 1"
			" AND encrypted_access_token = 'v1:first' AND scope LIKE 'user.info%'"),
		1);
}

/* However long the pair waited for PostgreSQL, it expires when TikTok said. */
static void a_token_lives_from_its_issue_not_from_its_saving(void **state)
{
	save_token(0, "v1:first");
	assert_int_equal(
		test_query_integer(database.db, "SELECT count(*) FROM store_accounts WHERE id = 1"
						" AND token_issued_at = '2023-11-15 12:00+00'"
						" AND token_expires_at = '2023-11-16 12:00+00'"),
		1);
}

/* Programs that know nothing of the column have just got the pair that they write. */
static void a_pair_that_another_program_writes_was_issued_just_now(void **state)
{
	save_token(0, "v1:first");
	test_execute(database.db,
		"UPDATE store_accounts SET encrypted_refresh_token = 'y' WHERE id = 1");
	assert_int_equal(test_query_integer(database.db,
				 "SELECT count(*) FROM store_accounts WHERE id = 1"
				 " AND token_issued_at > now() - interval '1 minute'"),
		1);
}

static void saving_a_token_ends_lease_and_intent(void **state)
{
	lease("worker-a", 0);

	save_token(0, "v1:new");

	assert_int_equal(
		test_query_integer(database.db,
			"SELECT num_nulls(refresh_lease_owner, refresh_lease_until, refresh_intent_at)"
			" FROM store_accounts WHERE id = 1"),
		3);
}

/* The pair was saved late: meanwhile another worker was told that the old one is gone. */
static void a_new_pair_connects_an_account_that_was_taken_for_lost(void **state)
{
	test_execute(database.db,
		"UPDATE store_accounts SET status = 'NEED_RECONNECT', status_reason = 'revoked' WHERE id = 1");

	assert_int_equal(save_token(0, "v1:new"), 1);
	assert_int_equal(
		test_query_integer(database.db,
			"SELECT count(*) FROM store_accounts WHERE id = 1 AND status = 'CONNECTED'"
			" AND status_reason IS NULL"),
		1);
}

static void a_new_pair_does_not_enable_a_disabled_account(void **state)
{
	test_execute(database.db, "UPDATE store_accounts SET status = 'DISABLED' WHERE id = 1");

	assert_int_equal(save_token(0, "v1:new"), 1);
	assert_int_equal(test_query_integer(database.db,
				 "SELECT count(*) FROM store_accounts WHERE status = 'DISABLED'"),
		1);
}

/* The program that connects accounts knows nothing of token_version. */
static void a_pair_that_another_program_writes_counts_as_a_rotation(void **state)
{
	lease("worker-a", 0);
	test_execute(database.db,
		"UPDATE store_accounts SET encrypted_access_token = 'x', encrypted_refresh_token = 'y' WHERE id = 1");

	assert_int_equal(save_token(0, "v1:late"), 0);
	assert_int_equal(
		test_query_integer(database.db,
			"SELECT count(*) FROM store_accounts WHERE id = 1 AND token_version = 1"
			" AND encrypted_refresh_token = 'y' AND refresh_intent_at IS NULL"),
		1);
}

/* ---- jobs ---- */

#define JOB "11111111-1111-4111-8111-111111111111"

static void plan_job(const char *state_name, int attempt)
{
	struct text sql = {0};

	text_append_format(&sql,
		"INSERT INTO sync_jobs (job_id, run_id, account_id, store_code, job_type, snapshot_date, state,"
		"	attempt) VALUES ('" JOB "', '" JOB
		"', 1, 'store-1', 'daily_sync', '2023-11-15', '%s', %d)",
		state_name, attempt);
	test_execute(database.db, sql.data);
	text_finish(&sql);
}

enum claimed { ENDED, BEGUN, SUSPECT };

static enum claimed claim_slice(int attempt, int slice)
{
	struct db_array jobs, attempts, accounts, slices;
	struct db_params params = {0};
	struct db_result *result = NULL;
	struct error err;
	enum claimed claimed;

	db_array_init(&jobs, DB_UUID);
	db_array_init(&attempts, DB_INT4);
	db_array_init(&accounts, DB_INT8);
	db_array_init(&slices, DB_INT4);
	db_array_uuid(&jobs, JOB);
	db_array_integer(&attempts, attempt);
	db_array_integer(&accounts, 1);
	db_array_integer(&slices, slice);
	db_param_array(&params, &jobs);
	db_param_array(&params, &attempts);
	db_param_array(&params, &accounts);
	db_param_array(&params, &slices);
	db_param_text(&params, "worker-a");
	db_param_integer(&params, 3);
	if (!db_query(database.db, STATEMENT_CLAIM_JOBS, &params, &result, &err))
		fail_msg("%s", err.text);
	assert_int_equal(db_row_count(result), 1);
	assert_true(db_boolean(result, 0, 1)); /* known */
	claimed = db_boolean(result, 0, 2) ? BEGUN : db_boolean(result, 0, 3) ? SUSPECT : ENDED;
	db_result_destroy(result);
	db_array_finish(&jobs);
	db_array_finish(&attempts);
	db_array_finish(&accounts);
	db_array_finish(&slices);
	return claimed;
}

/* Returns whether the claim began the job. */
static bool claim(int attempt)
{
	return claim_slice(attempt, 0) == BEGUN;
}

struct ending {
	int attempt, slice;
	const char *state;
	int next_attempt, next_slice;
	bool is_failure;
};

/* Returns how many jobs were ended. */
static int64_t end(const struct ending *ending)
{
	static const enum db_type types[] = {DB_UUID, DB_INT4, DB_INT4, DB_TEXT, DB_INT4, DB_INT4,
		DB_INT8, DB_INT8, DB_TEXT, DB_INT4, DB_TEXT, DB_TEXT, DB_INT4, DB_BOOL};
	struct db_array columns[14];
	struct db_params params = {0};

	test_execute(database.db, "UPDATE sync_jobs SET message = NULL");
	for (size_t i = 0; i < 14; i++) {
		db_array_init(&columns[i], types[i]);
		db_param_array(&params, &columns[i]);
	}
	db_array_uuid(&columns[0], JOB);
	db_array_integer(&columns[1], ending->attempt);
	db_array_integer(&columns[2], ending->slice);
	db_array_text(&columns[3], ending->state);
	db_array_integer(&columns[4], ending->next_attempt);
	db_array_integer(&columns[5], ending->next_slice);
	db_array_integer(&columns[6], 5000);
	db_array_null(&columns[7]);
	db_array_text(&columns[8], "said");
	db_array_integer(&columns[9], 61);
	db_array_text(&columns[10], NULL);
	db_array_text(&columns[11], "what went wrong");
	db_array_integer(&columns[12], 4);
	db_array_boolean(&columns[13], ending->is_failure);
	run(STATEMENT_FINISH_JOBS, &params);
	for (size_t i = 0; i < 14; i++)
		db_array_finish(&columns[i]);
	return test_query_integer(
		database.db, "SELECT count(*) FROM sync_jobs WHERE message = 'said'");
}

static int64_t finish(int attempt, const char *state_name, int next_attempt)
{
	return end(&(struct ending){attempt, 0, state_name, next_attempt, 0, false});
}

/* Worker "worker-a" gives the job back. */
static void take_back(void)
{
	struct db_array jobs, attempts, slices;
	struct db_params params = {0};

	db_array_init(&jobs, DB_UUID);
	db_array_init(&attempts, DB_INT4);
	db_array_init(&slices, DB_INT4);
	db_array_uuid(&jobs, JOB);
	db_array_integer(&attempts, 1);
	db_array_integer(&slices, 0);
	db_param_array(&params, &jobs);
	db_param_array(&params, &attempts);
	db_param_array(&params, &slices);
	db_param_text(&params, "worker-a");
	run(STATEMENT_RETURN_JOBS, &params);
	db_array_finish(&jobs);
	db_array_finish(&attempts);
	db_array_finish(&slices);
}

static void a_waiting_job_begins_and_a_finished_one_does_not(void **state)
{
	plan_job("queued", 1);

	assert_true(claim(1));
	assert_int_equal(finish(1, "success", 1), 1);
	assert_false(claim(1));
}

static void a_job_that_a_crashed_worker_began_begins_again(void **state)
{
	plan_job("queued", 1);

	assert_true(claim(1));
	assert_true(claim(1));
	assert_int_equal(test_query_integer(database.db, "SELECT starts FROM sync_jobs"), 2);
}

static void an_attempt_that_has_ended_does_not_begin_again(void **state)
{
	plan_job("queued", 1);
	claim(1);
	finish(1, "retrying", 2);

	assert_false(claim(1));
	assert_true(claim(2));
}

static void an_attempt_that_somebody_else_ended_is_left_alone(void **state)
{
	plan_job("queued", 1);
	claim(1);
	finish(1, "retrying", 2);
	claim(2);

	assert_int_equal(finish(1, "success", 1), 0);
	assert_int_equal(
		test_query_integer(database.db,
			"SELECT count(*) FROM sync_jobs WHERE state = 'running' AND attempt = 2"),
		1);
}

static void a_finished_job_is_not_finished_twice(void **state)
{
	plan_job("queued", 1);
	claim(1);
	finish(1, "success", 1);

	assert_int_equal(finish(1, "dead", 1), 0);
	assert_int_equal(test_query_integer(database.db,
				 "SELECT count(*) FROM sync_jobs WHERE state = 'success'"),
		1);
}

/* A worker that never told the end died, or was ended because it hung. */
static void begins_without_an_end_are_counted_and_the_fourth_is_not_begun(void **state)
{
	plan_job("queued", 1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(claim_slice(1, 0), BEGUN);
	assert_int_equal(test_query_integer(database.db, "SELECT crashes FROM sync_jobs"), 2);

	assert_int_equal(claim_slice(1, 0), SUSPECT);
	assert_int_equal(
		test_query_integer(database.db,
			"SELECT count(*) FROM sync_jobs WHERE crashes = 3 AND starts = 3 AND state = 'queued'"),
		1);
	assert_int_equal(claim_slice(1, 0), SUSPECT);
	assert_int_equal(test_query_integer(database.db, "SELECT crashes FROM sync_jobs"), 3);
}

static void what_is_given_back_is_no_crash(void **state)
{
	plan_job("queued", 1);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(claim_slice(1, 0), BEGUN);
		take_back();
	}
	assert_int_equal(test_query_integer(database.db, "SELECT crashes FROM sync_jobs"), 0);
}

static void what_another_worker_has_begun_meanwhile_is_not_taken_back(void **state)
{
	plan_job("queued", 1);
	claim(1);
	test_execute(database.db, "UPDATE sync_jobs SET worker = 'worker-b'");
	take_back();
	assert_int_equal(test_query_integer(database.db,
				 "SELECT count(*) FROM sync_jobs WHERE state = 'running'"),
		1);
}

static void a_slice_that_is_saved_is_not_begun_again_and_the_next_one_is(void **state)
{
	plan_job("queued", 1);
	claim(1);
	claim(1);

	assert_int_equal(end(&(struct ending){1, 0, "queued", 1, 1, false}), 1);
	assert_int_equal(
		test_query_integer(database.db,
			"SELECT count(*) FROM sync_jobs WHERE slice = 1 AND cursor = 5000 AND crashes = 0"
			" AND finished_at IS NULL AND records_processed = 61"),
		1);
	assert_int_equal(claim_slice(1, 0), ENDED);
	assert_int_equal(end(&(struct ending){1, 0, "success", 1, 0, false}), 0);
	assert_int_equal(claim_slice(1, 1), BEGUN);
	assert_int_equal(end(&(struct ending){1, 1, "success", 1, 1, false}), 1);
}

static void three_failures_in_a_row_make_the_account_one_for_a_person(void **state)
{
	for (int i = 0; i < 3; i++) {
		assert_int_equal(
			test_query_integer(database.db,
				"SELECT count(*) FROM store_accounts WHERE status = 'ERROR'"),
			0);
		plan_job("running", 1);
		assert_int_equal(end(&(struct ending){1, 0, "dead", 1, 0, true}), 1);
		end(&(struct ending){1, 0, "dead", 1, 0, true}); /* told twice, counted once */
		test_execute(database.db, "DELETE FROM sync_jobs");
	}
	assert_int_equal(
		test_query_integer(database.db,
			"SELECT count(*) FROM store_accounts WHERE id = 1 AND status = 'ERROR'"
			" AND failed_syncs = 3 AND status_reason = 'what went wrong'"),
		1);
}

/* ---- logs ---- */

#define ATTEMPT "22222222-2222-4222-8222-222222222222"

/* Returns how many rows of the batch say that they were stored. */
static int save_logs(const char *const statuses[], const char *store)
{
	static const enum db_type types[] = {DB_TEXT, DB_TEXT, DB_TEXT, DB_TEXT, DB_INT4, DB_TEXT,
		DB_TIMESTAMPTZ, DB_TIMESTAMPTZ, DB_UUID, DB_UUID, DB_INT8, DB_DATE, DB_UUID,
		DB_INT4, DB_BOOL, DB_TEXT, DB_INT4, DB_TEXT};
	struct db_array columns[18];
	struct db_params params = {0};
	struct db_result *result = NULL;
	struct error err;
	int stored = 0;

	for (size_t i = 0; i < 18; i++) {
		db_array_init(&columns[i], types[i]);
		db_param_array(&params, &columns[i]);
	}
	for (size_t i = 0; statuses[i]; i++) {
		bool final = strcmp(statuses[i], "RUNNING") != 0;

		db_array_text(&columns[0], store);
		db_array_text(&columns[1], "daily_sync");
		db_array_text(&columns[2], statuses[i]);
		db_array_text(&columns[3], "said");
		db_array_integer(&columns[4], final ? 61 : 0);
		db_array_text(&columns[5], NULL);
		db_array_integer(&columns[6], NOON);
		if (final)
			db_array_integer(&columns[7], NOON + 1000000);
		else
			db_array_null(&columns[7]);
		db_array_uuid(&columns[8], JOB);
		db_array_uuid(&columns[9], JOB);
		db_array_integer(&columns[10], 1);
		db_array_day(&columns[11], "2023-11-15");
		db_array_uuid(&columns[12], ATTEMPT);
		db_array_integer(&columns[13], 1);
		db_array_boolean(&columns[14], final);
		db_array_text(&columns[15], NULL);
		db_array_integer(&columns[16], 4);
		db_array_text(&columns[17], "worker-a");
	}
	if (!db_query(database.db, STATEMENT_SAVE_LOGS, &params, &result, &err))
		fail_msg("%s", err.text);
	for (int row = 0; row < db_row_count(result); row++)
		stored += db_boolean(result, row, 2);
	db_result_destroy(result);
	for (size_t i = 0; i < 18; i++)
		db_array_finish(&columns[i]);
	return stored;
}

static int64_t correct_log_rows(void)
{
	return test_query_integer(database.db,
		"SELECT count(*) FILTER (WHERE status = 'SUCCESS' AND final AND records_processed = 61"
		"	AND completed_at > started_at) * 10 + count(*) FROM sync_logs");
}

static const char *const running[] = {"RUNNING", NULL};
static const char *const success[] = {"SUCCESS", NULL};
static const char *const running_then_success[] = {"RUNNING", "SUCCESS", NULL};
static const char *const success_then_running[] = {"SUCCESS", "RUNNING", NULL};

static void running_then_final_give_one_row(void **state)
{
	save_logs(running, "store-1");
	save_logs(success, "store-1");

	assert_int_equal(correct_log_rows(), 11);
}

static void final_then_running_give_one_row(void **state)
{
	save_logs(success, "store-1");

	assert_int_equal(save_logs(running, "store-1"), 0);
	assert_int_equal(correct_log_rows(), 11);
}

static void running_and_final_in_one_batch_give_one_row(void **state)
{
	save_logs(running_then_success, "store-1");
	assert_int_equal(correct_log_rows(), 11);

	test_execute(database.db, "TRUNCATE sync_logs");
	save_logs(success_then_running, "store-1");
	assert_int_equal(correct_log_rows(), 11);
}

static void a_repeated_result_is_stored_once(void **state)
{
	save_logs(success, "store-1");

	assert_int_equal(save_logs(success, "store-1"), 0);
	assert_int_equal(correct_log_rows(), 11);
}

static void a_result_of_an_unknown_store_is_not_stored_and_no_error(void **state)
{
	assert_int_equal(save_logs(success, "nowhere"), 0);
	assert_int_equal(test_query_integer(database.db, "SELECT count(*) FROM sync_logs"), 0);
}

/* ---- the producer's ---- */

static int64_t plan_run(const char *run_id, const char *force)
{
	struct db_params params = {0};
	struct db_result *result = NULL;
	struct error err;
	int64_t planned;

	db_param_text(&params, "daily_sync");
	db_param_text(&params, "2023-11-15");
	db_param_text(&params, NULL);
	db_param_text(&params, NULL);
	db_param_text(&params, NULL);
	db_param_text(&params, force);
	db_param_text(&params, run_id);
	db_param_boolean(&params, false);
	db_param_text(&params, "all accounts");
	if (!db_query(database.db, STATEMENT_PLAN_RUN, &params, &result, &err))
		fail_msg("%s", err.text);
	planned = db_integer(result, 0, 0);
	db_result_destroy(result);
	return planned;
}

static void a_day_is_planned_once(void **state)
{
	assert_int_equal(plan_run(JOB, "f"), 2);
	assert_int_equal(plan_run(ATTEMPT, "f"), 0);
	assert_int_equal(test_query_integer(database.db, "SELECT count(*) FROM sync_runs"), 1);
}

static void force_plans_finished_jobs_anew(void **state)
{
	plan_run(JOB, "f");
	test_execute(database.db, "UPDATE sync_jobs SET state = 'success' WHERE account_id = 1");

	assert_int_equal(plan_run(ATTEMPT, "t"), 1);
	assert_int_equal(
		test_query_integer(database.db, "SELECT max(generation) FROM sync_jobs"), 1);
}

static void accounts_that_are_not_connected_are_not_planned(void **state)
{
	test_execute(database.db, "UPDATE store_accounts SET status = 'DISABLED' WHERE id = 2");

	assert_int_equal(plan_run(JOB, "f"), 1);
}

#define WITH_ACCOUNTS(claim) cmocka_unit_test_setup(claim, empty_tables)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_statement_has_the_types_that_the_table_says),
		cmocka_unit_test(every_statement_has_a_name_of_its_own),
		cmocka_unit_test(every_program_prepares_its_statements),
		WITH_ACCOUNTS(every_column_of_a_video_arrives_as_sent),
		WITH_ACCOUNTS(a_second_identical_write_writes_nothing),
		WITH_ACCOUNTS(older_figures_do_not_replace_newer_ones),
		WITH_ACCOUNTS(newer_figures_replace_older_ones),
		WITH_ACCOUNTS(a_counter_that_was_not_sent_is_null),
		WITH_ACCOUNTS(a_counter_that_was_not_sent_does_not_erase_a_known_one),
		WITH_ACCOUNTS(of_one_key_twice_in_a_batch_the_newest_is_saved),
		WITH_ACCOUNTS(an_empty_batch_is_no_error),
		WITH_ACCOUNTS(a_user_is_written_once_however_often_it_is_saved),
		WITH_ACCOUNTS(a_new_signature_of_the_same_picture_is_no_change),
		WITH_ACCOUNTS(older_user_figures_do_not_replace_newer_ones),
		WITH_ACCOUNTS(user_counters_that_were_not_sent_stay_null),
		WITH_ACCOUNTS(a_lease_is_taken_by_one_of_two),
		WITH_ACCOUNTS(a_lease_that_ran_out_can_be_taken_over),
		WITH_ACCOUNTS(a_lease_for_a_pair_that_was_replaced_is_refused),
		WITH_ACCOUNTS(a_lease_tells_of_an_intent_that_was_never_completed),
		WITH_ACCOUNTS(a_token_is_saved_only_over_the_pair_that_it_replaces),
		WITH_ACCOUNTS(a_token_lives_from_its_issue_not_from_its_saving),
		WITH_ACCOUNTS(a_pair_that_another_program_writes_was_issued_just_now),
		WITH_ACCOUNTS(saving_a_token_ends_lease_and_intent),
		WITH_ACCOUNTS(a_new_pair_connects_an_account_that_was_taken_for_lost),
		WITH_ACCOUNTS(a_new_pair_does_not_enable_a_disabled_account),
		WITH_ACCOUNTS(a_pair_that_another_program_writes_counts_as_a_rotation),
		WITH_ACCOUNTS(a_waiting_job_begins_and_a_finished_one_does_not),
		WITH_ACCOUNTS(a_job_that_a_crashed_worker_began_begins_again),
		WITH_ACCOUNTS(an_attempt_that_has_ended_does_not_begin_again),
		WITH_ACCOUNTS(an_attempt_that_somebody_else_ended_is_left_alone),
		WITH_ACCOUNTS(a_finished_job_is_not_finished_twice),
		WITH_ACCOUNTS(begins_without_an_end_are_counted_and_the_fourth_is_not_begun),
		WITH_ACCOUNTS(what_is_given_back_is_no_crash),
		WITH_ACCOUNTS(what_another_worker_has_begun_meanwhile_is_not_taken_back),
		WITH_ACCOUNTS(a_slice_that_is_saved_is_not_begun_again_and_the_next_one_is),
		WITH_ACCOUNTS(three_failures_in_a_row_make_the_account_one_for_a_person),
		WITH_ACCOUNTS(running_then_final_give_one_row),
		WITH_ACCOUNTS(final_then_running_give_one_row),
		WITH_ACCOUNTS(running_and_final_in_one_batch_give_one_row),
		WITH_ACCOUNTS(a_repeated_result_is_stored_once),
		WITH_ACCOUNTS(a_result_of_an_unknown_store_is_not_stored_and_no_error),
		WITH_ACCOUNTS(a_day_is_planned_once),
		WITH_ACCOUNTS(force_plans_finished_jobs_anew),
		WITH_ACCOUNTS(accounts_that_are_not_connected_are_not_planned),
	};

	return cmocka_run_group_tests(tests, create_database, destroy_database);
}
