/* SPDX-License-Identifier: MIT */
/*
 * syncctl migrate, the real program, on fresh databases, on databases with data, and with
 * migrations that somebody spoiled.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/db.h"
#include "common/memory.h"
#include "tests/support/database.h"
#include "tests/support/environment.h"
#include "tests/support/process.h"
#include "tests/support/wait.h"

#define DONE      0
#define FAILED    1
#define MISUSED   2
#define DIFFERENT 3

static struct test_database database;
static char *directory; /* a copy of the migrations that a test may spoil */
static struct text output;
static int migrations;        /* how many there are */
static char newest[NAME_MAX]; /* the last of them */

/* ---- a directory of migrations ---- */

static char *path_in_directory(const char *file)
{
	struct text path = {0};

	text_append_format(&path, "%s/%s", directory, file);
	return path.data;
}

static void write_migration(const char *file, const char *sql)
{
	char *path = path_in_directory(file);

	test_write_file(path, sql);
	free(path);
}

static void remove_migration(const char *file)
{
	char *path = path_in_directory(file);

	assert_int_equal(unlink(path), 0);
	free(path);
}

static void append_to_migration(const char *file, const char *sql)
{
	char *path = path_in_directory(file);
	struct text content = {0};

	test_read_file(path, &content);
	text_append(&content, sql);
	test_write_file(path, content.data);
	text_finish(&content);
	free(path);
}

/* Call for each file of the directory. */
static void for_each_file(const char *folder, void (*visit)(const char *folder, const char *file))
{
	DIR *opened = opendir(folder);
	struct dirent *entry;

	assert_non_null(opened);
	while ((entry = readdir(opened)))
		if (entry->d_name[0] != '.')
			visit(folder, entry->d_name);
	closedir(opened);
}

static void copy_file(const char *folder, const char *file)
{
	migrations++;
	if (strcmp(file, newest) > 0)
		snprintf(newest, sizeof newest, "%s", file);

	struct text from = {0};
	struct text content = {0};

	text_append_format(&from, "%s/%s", folder, file);
	test_read_file(from.data, &content);
	write_migration(file, text_string(&content));
	text_finish(&from);
	text_finish(&content);
}

/* The file of a migration that a test adds: "0010" and suffix. Valid until the next call. */
static const char *next_file(const char *suffix)
{
	static char file[NAME_MAX];

	snprintf(file, sizeof file, "%04d%s", migrations + 1, suffix);
	return file;
}

static void remove_file(const char *folder, const char *file)
{
	remove_migration(file);
}

static void remove_later_file(const char *folder, const char *file)
{
	if (strncmp(file, "0001", 4) != 0)
		remove_migration(file);
}

/* ---- running syncctl ---- */

/* Runs syncctl with up to three arguments on the test's database and directory. */
static int syncctl(const char *first, const char *second, const char *third)
{
	const char *const argv[] = {"syncctl", first, second, third, NULL};
	struct text url = {0};
	struct text folder = {0};
	int status;

	text_append_format(&url, "DATABASE_URL=%s", database.url);
	text_append_format(&folder, "MIGRATIONS_DIR=%s", directory);
	const char *const environment[] = {url.data, folder.data, NULL};

	text_clear(&output);
	status = test_run(argv, environment, &output);
	text_finish(&url);
	text_finish(&folder);
	return status;
}

static void assert_printed(const char *expected)
{
	if (!strstr(text_string(&output), expected))
		fail_msg("\"%s\" is not in:\n%s", expected, text_string(&output));
}

static void assert_not_printed(const char *unexpected)
{
	if (strstr(text_string(&output), unexpected))
		fail_msg("\"%s\" is in:\n%s", unexpected, text_string(&output));
}

static int64_t applied(void)
{
	return test_query_integer(database.db, "SELECT count(*) FROM schema_migrations");
}

static int begin(void **state)
{
	migrations = 0;
	newest[0] = '\0';
	directory = test_temporary_path("migrations");
	assert_int_equal(mkdir(directory, 0700), 0);
	for_each_file(STORESYNC_SOURCE_MIGRATIONS_DIR, copy_file);
	test_database_create_empty(&database);
	/*
	 * Nothing here is about surviving a crash, and waiting for the disk is most of what
	 * migrating takes.
	 */
	test_execute(database.db,
		"DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off',"
		" current_database()); END $$");
	return 0;
}

static int end(void **state)
{
	test_database_destroy(&database);
	for_each_file(directory, remove_file);
	rmdir(directory);
	free(directory);
	text_finish(&output);
	return 0;
}

/* ---- up and status ---- */

static void up_applies_everything_once(void **state)
{
	assert_int_equal(syncctl("migrate", "up", NULL), DONE);
	assert_printed("0001_original_schema: applied in ");
	assert_true(applied() >= 7);

	assert_int_equal(syncctl("migrate", "up", NULL), DONE);
	assert_printed("nothing to do");
	assert_not_printed("applied in");
}

static void status_tells_pending_from_applied(void **state)
{
	assert_int_equal(syncctl("migrate", "status", NULL), DONE);
	assert_printed("never been migrated");
	assert_printed("pending");

	syncctl("migrate", "up", NULL);
	assert_int_equal(syncctl("migrate", "status", NULL), DONE);
	assert_printed("applied");
	assert_not_printed("pending");
}

static void an_unreachable_database_is_told_without_the_password(void **state)
{
	free(database.url);
	database.url = memory_copy_text("postgresql://user:secret@127.0.0.1:1/x");

	assert_int_equal(syncctl("migrate", "status", NULL), FAILED);
	assert_printed("cannot connect to PostgreSQL");
	assert_not_printed("secret");
	assert_int_equal(syncctl("migrate", "verify", NULL), FAILED);
	assert_int_equal(syncctl("migrate", "up", NULL), FAILED);
}

static void two_runners_at_once_apply_everything_once(void **state)
{
	const char *const argv[] = {"syncctl", "migrate", "up", NULL};
	struct text url = {0};
	struct test_process *runners[3];

	text_append_format(&url, "DATABASE_URL=%s", database.url);
	const char *const environment[] = {url.data, NULL};

	for (int i = 0; i < 3; i++)
		runners[i] = test_process_start(argv, environment, NULL);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(test_process_wait(runners[i], TEST_WAIT_MS), DONE);
		test_process_destroy(runners[i]);
	}

	assert_int_equal(test_query_integer(database.db,
				 "SELECT count(*) - max(version) FROM schema_migrations"),
		0);
	text_finish(&url);
}

static void the_second_runner_waits_and_says_so(void **state)
{
	const char *const argv[] = {"syncctl", "migrate", "up", NULL};
	struct text url = {0};
	struct test_process *runner;

	text_append_format(&url, "DATABASE_URL=%s", database.url);
	const char *const environment[] = {url.data, NULL};

	test_execute(database.db,
		"SELECT pg_advisory_lock(hashtextextended('storesync migrations', 0))");
	runner = test_process_start(argv, environment, NULL);
	test_process_wait_for_output(runner, "another syncctl is migrating this database");
	assert_true(test_process_is_running(runner));
	test_execute(database.db,
		"SELECT pg_advisory_unlock(hashtextextended('storesync migrations', 0))");

	assert_int_equal(test_process_wait(runner, TEST_WAIT_MS), DONE);
	test_process_destroy(runner);
	text_finish(&url);
}

static void a_failing_migration_is_located_and_undone(void **state)
{
	char summary[60];

	write_migration(next_file("_spoiled.sql"),
		"CREATE TABLE half (id int);\n\nALTER TABLE half ADD COLUMN x no_such_type;\n");

	assert_int_equal(syncctl("migrate", "up", NULL), FAILED);

	assert_printed(next_file("_spoiled.sql: line 3: "));
	assert_printed("no_such_type");
	snprintf(summary, sizeof summary, "%d of %d migrations are", migrations, migrations + 1);
	assert_printed(summary);
	assert_int_equal(applied(), migrations);
	assert_int_equal(test_query_integer(database.db,
				 "SELECT count(*) FROM pg_class WHERE relname = 'half'"),
		0);
}

static void a_migration_that_ends_its_transaction_is_refused(void **state)
{
	write_migration(next_file("_commits.sql"), "CREATE TABLE half (id int); COMMIT;");

	assert_int_equal(syncctl("migrate", "up", NULL), FAILED);
	assert_printed(next_file("_commits.sql"));
	assert_printed("leave out BEGIN, COMMIT");
	assert_int_equal(applied(), migrations);
}

/* ---- spoiled directories ---- */

static void an_edited_file_is_named(void **state)
{
	syncctl("migrate", "up", NULL);
	append_to_migration("0003_fetched_at.sql", "-- an afterthought\n");
	write_migration(next_file("_new.sql"), "CREATE TABLE new (id int);");

	assert_int_equal(syncctl("migrate", "up", NULL), FAILED);
	assert_printed("0003_fetched_at.sql was edited after it was applied");
	assert_int_equal(applied(), migrations);
	assert_int_equal(syncctl("migrate", "verify", NULL), FAILED);
	assert_printed("0003_fetched_at.sql was edited");
	assert_int_equal(syncctl("migrate", "status", NULL), FAILED);
	assert_printed("file edited");
}

static void a_missing_applied_file_is_named(void **state)
{
	syncctl("migrate", "up", NULL);
	remove_migration(newest);

	assert_int_equal(syncctl("migrate", "up", NULL), FAILED);
	newest[strcspn(newest, ".")] = '\0';
	assert_printed(newest);
	assert_printed(" was applied");
	assert_printed("no such file");
	assert_int_equal(syncctl("migrate", "status", NULL), FAILED);
	assert_printed("file missing");
}

static void a_gap_in_the_numbers_is_named(void **state)
{
	remove_migration("0003_fetched_at.sql");

	assert_int_equal(syncctl("migrate", "up", NULL), FAILED);
	assert_printed("migration 0003 is missing");
	assert_printed("0004_token_lease.sql");
}

static void a_number_used_twice_is_named(void **state)
{
	write_migration("0003_rival.sql", "");

	assert_int_equal(syncctl("migrate", "up", NULL), FAILED);
	assert_printed("0003_rival.sql is used twice");
}

static void a_file_with_another_name_is_named(void **state)
{
	write_migration("8-Fix.sql", "");

	assert_int_equal(syncctl("migrate", "up", NULL), FAILED);
	assert_printed("8-Fix.sql is not named NNNN_name.sql");
}

static void new_begins_the_next_file(void **state)
{
	char *path = path_in_directory(next_file("_add_region.sql"));
	struct text content = {0};

	assert_int_equal(syncctl("migrate", "new", "add_region"), DONE);
	assert_printed(next_file("_add_region.sql\n"));
	test_read_file(path, &content);
	assert_int_equal(strncmp(text_string(&content), "-- ", 3), 0);
	assert_int_equal(syncctl("migrate", "up", NULL), DONE);

	text_finish(&content);
	free(path);
}

static void new_refuses_a_name_that_is_none(void **state)
{
	assert_int_equal(syncctl("migrate", "new", "../x"), MISUSED);
	assert_int_equal(syncctl("migrate", "new", NULL), MISUSED);
}

/* ---- verify ---- */

static void verify_finds_a_migrated_schema_right(void **state)
{
	syncctl("migrate", "up", NULL);

	assert_int_equal(syncctl("migrate", "verify", NULL), DONE);
	assert_printed("the schema is what the");
}

static void verify_finds_an_unmigrated_database_wanting(void **state)
{
	assert_int_equal(syncctl("migrate", "verify", NULL), DIFFERENT);
	assert_printed("never been migrated");
}

struct planted {
	const char *sql;
	const char *printed;
};

static void verify_finds_a_planted_difference_of_each_kind(void **state)
{
	static const struct planted differences[] = {
		{"CREATE TABLE extra (id int)", "+ table extra"},
		{"ALTER TABLE sync_runs RENAME TO renamed", "- table sync_runs"},
		{"ALTER TABLE stores ADD COLUMN region text", "+ column stores.region text"},
		{"ALTER TABLE stores DROP COLUMN pic_contact",
			"- column stores.pic_contact character varying(255)"},
		{"ALTER TABLE stores ALTER COLUMN store_name TYPE text",
			"+ column stores.store_name text not null"},
		{"ALTER TABLE stores ALTER COLUMN pic_name DROP NOT NULL",
			"+ column stores.pic_name"},
		{"ALTER TABLE stores ALTER COLUMN created_at DROP DEFAULT",
			"- column stores.created_at timestamp with time zone not null default now()"},
		{"ALTER TABLE sync_logs ALTER COLUMN id DROP IDENTITY",
			"- column sync_logs.id bigint not null generated by default as identity"},
		{"ALTER TABLE sync_jobs DROP CONSTRAINT unique_job",
			"- constraint sync_jobs.unique_job: UNIQUE"},
		{"ALTER TABLE store_accounts DROP CONSTRAINT store_accounts_store_code_fkey",
			"- constraint store_accounts: FOREIGN KEY"},
		{"ALTER TABLE sync_jobs DROP CONSTRAINT sync_jobs_state_check",
			"- constraint sync_jobs.sync_jobs_state_check: CHECK"},
		{"DROP INDEX sync_jobs_run_idx", "- index sync_jobs.sync_jobs_run_idx"},
		{"CREATE INDEX extra_idx ON stores (store_name) WITH (fillfactor = 50)",
			"+ index stores.extra_idx"},
		{"ALTER TABLE store_accounts SET (fillfactor = 90)",
			"- table store_accounts with (fillfactor=70)"},
		{"ALTER TYPE sync_status RENAME VALUE 'SKIPPED' TO 'LEFT_OUT'",
			"- enum sync_status: SUCCESS, FAILED, SKIPPED, RUNNING"},
		{"CREATE TYPE mood AS ENUM ('GOOD')", "+ enum mood: GOOD"},
		{"CREATE TRIGGER busy BEFORE UPDATE ON stores FOR EACH ROW"
		 " EXECUTE FUNCTION suppress_redundant_updates_trigger()",
			"+ trigger stores.busy"},
	};

	syncctl("migrate", "up", NULL);
	for (size_t i = 0; i < sizeof differences / sizeof differences[0]; i++)
		test_execute(database.db, differences[i].sql);

	assert_int_equal(syncctl("migrate", "verify", NULL), DIFFERENT);
	for (size_t i = 0; i < sizeof differences / sizeof differences[0]; i++)
		assert_printed(differences[i].printed);
}

static void verify_leaves_nothing_behind(void **state)
{
	syncctl("migrate", "up", NULL);
	syncctl("migrate", "verify", NULL);

	assert_int_equal(
		test_query_integer(database.db,
			"SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'storesync%'"),
		0);
}

/* ---- databases with data ---- */

static void insert_data(void)
{
	test_execute(database.db,
		"INSERT INTO stores VALUES ('s', 'Store', 'Somebody');"
		"INSERT INTO store_accounts (store_code, open_id, encrypted_access_token,"
		"	encrypted_refresh_token, token_expires_at, refresh_token_expires_at, scope)"
		" VALUES ('s', 'o', 'a', 'r', now(), now(), 'user.info.basic');"
		"INSERT INTO tiktok_user_daily (store_code, open_id, snapshot_date, follower_count)"
		" SELECT 's', 'o', date '2023-01-01' + n, n FROM generate_series(1, 100) n;"
		"INSERT INTO tiktok_video_daily (store_code, video_id, snapshot_date, view_count)"
		" SELECT 's', 'v' || n, '2023-01-01', 3000000000 + n FROM generate_series(1, 100) n;"
		"INSERT INTO sync_logs (store_code, job_type, status, started_at)"
		" SELECT 's', 'daily_sync', 'SUCCESS', now() FROM generate_series(1, 100);"
		"DELETE FROM tiktok_video_daily WHERE id = 100");
}

/* What another program left: the original schema with rows in every table, and no journal. */
static void create_original_with_data(void)
{
	char *path = path_in_directory("0001_original_schema.sql");
	struct text sql = {0};

	test_read_file(path, &sql);
	test_execute(database.db, sql.data);
	insert_data();
	text_finish(&sql);
	free(path);
}

static void assert_data_is_kept(void)
{
	assert_int_equal(
		test_query_integer(database.db,
			"SELECT sum(follower_count) FROM tiktok_user_daily WHERE fetched_at IS NOT NULL"),
		5050);
	assert_int_equal(
		test_query_integer(database.db,
			"SELECT sum(view_count - 3000000000) + sum(id) FROM tiktok_video_daily"),
		9900);
	assert_int_equal(
		test_query_integer(database.db, "SELECT count(*) FROM sync_logs WHERE final"), 100);
	assert_int_equal(
		test_query_integer(database.db,
			"SELECT count(*) FROM store_accounts WHERE id = 1 AND token_version = 0"),
		1);
}

/* The original program goes on writing with the columns that it knows. */
static void assert_other_programs_still_write(void)
{
	test_execute(database.db,
		"INSERT INTO tiktok_video_daily (store_code, video_id, snapshot_date, view_count)"
		" VALUES ('s', 'new', '2023-01-02', 1);"
		"INSERT INTO tiktok_user_daily (store_code, open_id, snapshot_date)"
		" VALUES ('s', 'o', '2024-01-01');"
		"INSERT INTO sync_logs (store_code, job_type, status, started_at)"
		" VALUES ('s', 'daily_sync', 'FAILED', now());");
	assert_int_equal(
		test_query_integer(database.db,
			"SELECT count(*) FROM tiktok_user_daily WHERE follower_count IS NULL"),
		1);
}

static void an_existing_database_is_taken_over_with_its_data(void **state)
{
	create_original_with_data();

	assert_int_equal(syncctl("migrate", "up", "--baseline"), DONE);
	assert_printed(
		"0001_original_schema: its tables are already there and match; journaled as applied");
	assert_printed("0002_bigint_identity: applied in");
	assert_data_is_kept();
	assert_other_programs_still_write();
	assert_int_equal(syncctl("migrate", "verify", NULL), DONE);
}

static void later_migrations_keep_existing_rows(void **state)
{
	for_each_file(directory, remove_later_file);
	assert_int_equal(syncctl("migrate", "up", NULL), DONE);
	assert_int_equal(applied(), 1);
	insert_data();
	for_each_file(STORESYNC_SOURCE_MIGRATIONS_DIR, copy_file);

	assert_int_equal(syncctl("migrate", "up", NULL), DONE);
	assert_data_is_kept();
	assert_other_programs_still_write();
	assert_int_equal(syncctl("migrate", "verify", NULL), DONE);
}

static void an_existing_database_is_not_taken_over_unasked(void **state)
{
	create_original_with_data();

	assert_int_equal(syncctl("migrate", "up", NULL), FAILED);
	assert_printed("syncctl migrate up --baseline");
	assert_int_equal(applied(), 0);
}

static void a_database_that_differs_is_not_taken_over(void **state)
{
	create_original_with_data();
	test_execute(database.db, "ALTER TABLE stores DROP COLUMN pic_name");

	assert_int_equal(syncctl("migrate", "up", "--baseline"), FAILED);
	assert_printed("- column stores.pic_name character varying(255) not null");
	assert_int_equal(applied(), 0);
}

static void tables_of_other_programs_do_not_hinder_taking_over(void **state)
{
	create_original_with_data();
	test_execute(database.db,
		"CREATE TYPE mood AS ENUM ('GOOD'); CREATE TABLE sessions (id serial PRIMARY KEY, mood mood)");

	assert_int_equal(syncctl("migrate", "up", "--baseline"), DONE);
}

static void other_names_of_foreign_keys_do_not_hinder_taking_over(void **state)
{
	create_original_with_data();
	test_execute(database.db,
		"ALTER TABLE store_accounts RENAME CONSTRAINT store_accounts_store_code_fkey"
		" TO store_accounts_store_code_stores_store_code_fk");

	assert_int_equal(syncctl("migrate", "up", "--baseline"), DONE);
	assert_int_equal(syncctl("migrate", "verify", NULL), DONE);
}

static void baseline_of_an_empty_database_runs_everything(void **state)
{
	assert_int_equal(syncctl("migrate", "up", "--baseline"), DONE);
	assert_printed("0001_original_schema: applied in");
}

/* ---- the command line ---- */

static void an_unknown_command_gets_a_suggestion(void **state)
{
	assert_int_equal(syncctl("migrate", "upp", NULL), MISUSED);
	assert_printed("did you mean \"migrate up\"?");
}

static void wrong_arguments_show_the_usage(void **state)
{
	assert_int_equal(syncctl("migrate", "up", "--no-such-option"), MISUSED);
	assert_printed("Usage: syncctl migrate up [--baseline]");
	assert_int_equal(syncctl("migrate", "verify", "extra"), MISUSED);
}

static void a_missing_database_url_is_misuse(void **state)
{
	free(database.url);
	database.url = memory_copy_text("");

	assert_int_equal(syncctl("migrate", "up", NULL), MISUSED);
	assert_printed("DATABASE_URL");
}

static void help_and_version_are_printed(void **state)
{
	assert_int_equal(syncctl("--help", NULL, NULL), DONE);
	assert_printed("migrate verify");
	assert_int_equal(syncctl("help", "migrate", "up"), DONE);
	assert_printed("--baseline");
	assert_int_equal(syncctl("migrate", "up", "--help"), DONE);
	assert_printed("Usage: syncctl migrate up");
	assert_int_equal(syncctl("--version", NULL, NULL), DONE);
	assert_printed("syncctl ");
	assert_int_equal(syncctl("settings", "--markdown", NULL), DONE);
	assert_printed("`DATABASE_URL`");
}

#define FRESH(claim) cmocka_unit_test_setup_teardown(claim, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FRESH(up_applies_everything_once),
		FRESH(status_tells_pending_from_applied),
		FRESH(an_unreachable_database_is_told_without_the_password),
		FRESH(two_runners_at_once_apply_everything_once),
		FRESH(the_second_runner_waits_and_says_so),
		FRESH(a_failing_migration_is_located_and_undone),
		FRESH(a_migration_that_ends_its_transaction_is_refused),
		FRESH(an_edited_file_is_named),
		FRESH(a_missing_applied_file_is_named),
		FRESH(a_gap_in_the_numbers_is_named),
		FRESH(a_number_used_twice_is_named),
		FRESH(a_file_with_another_name_is_named),
		FRESH(new_begins_the_next_file),
		FRESH(new_refuses_a_name_that_is_none),
		FRESH(verify_finds_a_migrated_schema_right),
		FRESH(verify_finds_an_unmigrated_database_wanting),
		FRESH(verify_finds_a_planted_difference_of_each_kind),
		FRESH(verify_leaves_nothing_behind),
		FRESH(an_existing_database_is_taken_over_with_its_data),
		FRESH(later_migrations_keep_existing_rows),
		FRESH(an_existing_database_is_not_taken_over_unasked),
		FRESH(a_database_that_differs_is_not_taken_over),
		FRESH(tables_of_other_programs_do_not_hinder_taking_over),
		FRESH(other_names_of_foreign_keys_do_not_hinder_taking_over),
		FRESH(baseline_of_an_empty_database_runs_everything),
		FRESH(an_unknown_command_gets_a_suggestion),
		FRESH(wrong_arguments_show_the_usage),
		FRESH(a_missing_database_url_is_misuse),
		FRESH(help_and_version_are_printed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
