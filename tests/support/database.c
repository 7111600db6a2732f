/* SPDX-License-Identifier: MIT */
/*
 * Databases of tests: made and dropped over a connection to the private server's own database. The
 * test thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/database.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"
#include "common/text.h"
#include "tests/support/environment.h"
#include "tests/support/process.h"

#define NO_PROGRAM ((enum program)0) /* nothing is prepared */

/* What is left to drop when the program ends, however it ends. */
#define DATABASES_MAX 64
static char *leftover[DATABASES_MAX];
static pid_t owner;

static struct db *open_connection(const char *url, enum program program)
{
	struct error err;
	struct db *db;

	if (!db_open(url, program, false, &db, &err))
		fail_msg("%s", err.text);
	return db;
}

/*
 * Not WITH (FORCE), which fails when it meets an autovacuum worker: that one is the superuser's. A
 * plain DROP sends autovacuum away by itself.
 */
static void drop_database_over(struct db *db, const char *name)
{
	struct text sql = {0};

	text_append_format(&sql,
		"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
		" WHERE datname = '%s' AND usename = current_user",
		name);
	test_execute(db, sql.data);
	text_clear(&sql);
	text_append_format(&sql, "DROP DATABASE IF EXISTS %s", name);
	test_execute(db, sql.data);
	text_finish(&sql);
}

static void drop_database(const char *name)
{
	struct db *db = open_connection(test_setting("DATABASE_URL"), NO_PROGRAM);

	drop_database_over(db, name);
	db_close(db);
}

static void drop_leftover(void)
{
	for (size_t i = 0; i < DATABASES_MAX && getpid() == owner; i++) {
		if (leftover[i])
			drop_database(leftover[i]);
		free(leftover[i]);
		leftover[i] = NULL;
	}
}

static void remember(const char *name)
{
	if (owner == 0) {
		owner = getpid();
		atexit(drop_leftover);
	}
	for (size_t i = 0; i < DATABASES_MAX; i++) {
		if (leftover[i])
			continue;
		leftover[i] = memory_copy_text(name);
		return;
	}
	fail_msg("a test program has at most %d databases at once", DATABASES_MAX);
}

static void forget(const char *name)
{
	for (size_t i = 0; i < DATABASES_MAX; i++) {
		if (!leftover[i] || strcmp(leftover[i], name) != 0)
			continue;
		free(leftover[i]);
		leftover[i] = NULL;
	}
}

/* DATABASE_URL with another database. Owns: the caller frees. */
static char *url_of_database(const char *name)
{
	const char *url = test_setting("DATABASE_URL");
	const char *authority = strstr(url, "://") + 3;
	const char *path = authority + strcspn(authority, "/?");
	struct text with_name = {0};

	text_append_format(
		&with_name, "%.*s/%s%s", (int)(path - url), url, name, path + strcspn(path, "?"));
	return with_name.data;
}

void test_database_create_empty(struct test_database *database)
{
	struct db *db = open_connection(test_setting("DATABASE_URL"), NO_PROGRAM);
	struct text sql = {0};
	char *name = test_unique_name("test");

	drop_database_over(db, name); /* of an earlier process with our number */
	text_append_format(&sql, "CREATE DATABASE %s", name);
	remember(name);
	test_execute(db, sql.data);
	text_finish(&sql);
	db_close(db);

	database->name = name;
	database->url = url_of_database(name);
	database->db = open_connection(database->url, NO_PROGRAM);
}

void test_database_create(struct test_database *database)
{
	const char *const up[] = {"syncctl", "migrate", "up", NULL};
	struct text setting = {0};
	struct text output = {0};

	test_database_create_empty(database);
	text_append_format(&setting, "DATABASE_URL=%s", database->url);
	const char *const environment[] = {setting.data, NULL};

	if (test_run(up, environment, &output) != 0)
		fail_msg("syncctl migrate up fails: %s", text_string(&output));
	text_finish(&output);
	text_finish(&setting);
}

void test_database_destroy(struct test_database *database)
{
	if (!database || !database->name)
		return;
	db_close(database->db);
	drop_database(database->name);
	forget(database->name);
	free(database->name);
	free(database->url);
	*database = (struct test_database){0};
}

struct db *test_database_connect(const struct test_database *database, enum program program)
{
	return open_connection(database->url, program);
}

void test_execute(struct db *db, const char *sql)
{
	struct error err;

	if (!db_run_script(db, sql, NULL, &err))
		fail_msg("%s, in: %s", err.text, sql);
}

static struct db_result *query_row(struct db *db, const char *sql)
{
	struct db_result *result = NULL;
	struct error err;

	if (!db_run_script(db, sql, &result, &err))
		fail_msg("%s, in: %s", err.text, sql);
	if (db_row_count(result) == 0)
		fail_msg("no row comes from: %s", sql);
	return result;
}

int64_t test_query_integer(struct db *db, const char *sql)
{
	struct db_result *result = query_row(db, sql);
	int64_t number = db_integer(result, 0, 0);

	db_result_destroy(result);
	return number;
}

char *test_query_string(struct db *db, const char *sql)
{
	struct db_result *result = query_row(db, sql);
	char *string = memory_copy_text(db_text(result, 0, 0));

	db_result_destroy(result);
	return string;
}

void test_insert_accounts(struct db *db, int count)
{
	struct text sql = {0};

	text_append_format(&sql,
		"INSERT INTO stores (store_code, store_name, pic_name)"
		" SELECT 'store-' || n, 'Store ' || n, 'Somebody' FROM generate_series(1, %d) n;"
		"INSERT INTO store_accounts (store_code, open_id, encrypted_access_token,"
		"	encrypted_refresh_token, token_expires_at, refresh_token_expires_at, scope)"
		" SELECT 'store-' || n, 'open-' || n, 'v1:access', 'v1:refresh', now() + interval '1 day',"
		"	now() + interval '300 days', 'user.info.basic,user.info.profile,user.info.stats,video.list'"
		" FROM generate_series(1, %d) n ORDER BY n",
		count, count);
	test_execute(db, sql.data);
	text_finish(&sql);
}
