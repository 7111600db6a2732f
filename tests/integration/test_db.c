/* SPDX-License-Identifier: MIT */
/*
 * One connection against a real PostgreSQL: values, transactions, and above all what each failure
 * is called.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/db.h"
#include "tests/support/database.h"
#include "tests/support/environment.h"

static struct test_database database;
static struct db *db; /* a worker's connection */

static int create_database(void **state)
{
	test_database_create(&database);
	test_insert_accounts(database.db, 1);
	return 0;
}

static int destroy_database(void **state)
{
	test_database_destroy(&database);
	return 0;
}

static int connect_worker(void **state)
{
	db = test_database_connect(&database, PROGRAM_WORKER);
	return 0;
}

static int disconnect_worker(void **state)
{
	db_close(db);
	db = NULL;
	return 0;
}

/* ---- connecting ---- */

/* Part by part of the private server's URL. Owns: the caller frees. */
static char *url_with(const char *user_and_password, const char *database_name, const char *options)
{
	const char *at = strchr(test_setting("DATABASE_URL"), '@');
	int length = (int)strcspn(at, "/?");
	struct text url = {0};

	text_append_format(&url, "postgresql://%s%.*s/%s%s", user_and_password, length, at,
		database_name, options);
	return url.data;
}

static struct error fail_to_open(const char *url, enum program program)
{
	struct error err = {.class = ERROR_NONE};
	struct db *opened = NULL;

	if (db_open(url, program, false, &opened, &err))
		fail_msg("a connection that must fail succeeds");
	assert_null(opened);
	return err;
}

static void a_wrong_password_is_a_wrong_setting_and_is_not_shown(void **state)
{
	char *url = url_with("storesync:not-the-password", "storesync", "");
	struct error err = fail_to_open(url, PROGRAM_WORKER);

	assert_int_equal(err.class, ERROR_SETTINGS);
	assert_non_null(strstr(err.text, "28P01"));
	assert_null(strstr(err.text, "not-the-password"));
	free(url);
}

static void a_missing_database_is_a_wrong_setting(void **state)
{
	struct text url = {0};
	const char *private_url = test_setting("DATABASE_URL");
	struct error err;

	text_append_format(&url, "%.*s/no_such_database",
		(int)(strrchr(private_url, '/') - private_url), private_url);
	err = fail_to_open(url.data, PROGRAM_WORKER);

	assert_int_equal(err.class, ERROR_SETTINGS);
	assert_non_null(strstr(err.text, "no_such_database"));
	text_finish(&url);
}

static void a_url_that_cannot_be_read_is_a_wrong_setting_and_is_not_shown(void **state)
{
	static const char *const urls[] = {"postgresql://user:secret@host:port/x",
		"postgresql://user:secret@[::1/x", "secret",
		"postgresql://user:secret@h/x?sslmode=secret"};

	for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
		struct error err = fail_to_open(urls[i], PROGRAM_WORKER);

		assert_int_equal(err.class, ERROR_SETTINGS);
		assert_null(strstr(err.text, "secret"));
	}
}

static void a_port_where_nobody_listens_is_temporary(void **state)
{
	struct error err = fail_to_open("postgresql://u:p@127.0.0.1:1/x", PROGRAM_WORKER);

	assert_int_equal(err.class, ERROR_DATABASE);
}

/* A port that accepts and then says nothing. */
static int listen_silently(int *port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(listener, (struct sockaddr *)&address, length), 0);
	assert_int_equal(listen(listener, 5), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
	*port = ntohs(address.sin_port);
	return listener;
}

static void a_server_that_says_nothing_is_given_up_in_bounded_time(void **state)
{
	struct text url = {0};
	int port;
	int listener = listen_silently(&port);
	int64_t began_ms = clock_monotonic_ms();
	struct error err;

	text_append_format(&url, "postgresql://u:p@127.0.0.1:%d/x?connect_timeout=1", port);
	err = fail_to_open(url.data, PROGRAM_WORKER);

	assert_int_equal(err.class, ERROR_DATABASE);
	assert_true(clock_monotonic_ms() - began_ms < 30000);
	close(listener);
	text_finish(&url);
}

static void an_unmigrated_database_says_what_to_do(void **state)
{
	struct test_database empty;
	struct error err;

	test_database_create_empty(&empty);
	err = fail_to_open(empty.url, PROGRAM_WORKER);

	assert_int_equal(err.class, ERROR_SETTINGS);
	assert_non_null(strstr(err.text, "syncctl migrate up"));
	test_database_destroy(&empty);
}

static void a_session_has_its_name_and_its_limits(void **state)
{
	char *name = test_query_string(db, "SHOW application_name");
	char *statement = test_query_string(db, "SHOW statement_timeout");
	char *lock = test_query_string(db, "SHOW lock_timeout");

	assert_string_equal(name, "storesync-worker");
	assert_string_equal(statement, "30s");
	assert_string_equal(lock, "10s");
	free(name);
	free(statement);
	free(lock);
}

static void the_url_overrides_what_a_session_is_given(void **state)
{
	struct text url = {0};
	struct db *other;
	struct error err;
	char *name;

	text_append_format(&url, "%s?application_name=mine", database.url);
	assert_true(db_open(url.data, PROGRAM_WORKER, false, &other, &err));
	name = test_query_string(other, "SHOW application_name");

	assert_string_equal(name, "mine");
	free(name);
	db_close(other);
	text_finish(&url);
}

/* ---- statements ---- */

static int64_t touch(struct db *connection, const char *name, bool *ok, struct error *err)
{
	struct db_array ids;
	struct db_array names;
	struct db_array avatars;
	struct db_params params = {0};
	struct db_result *result = NULL;
	int64_t rows = -1;

	db_array_init(&ids, DB_INT8);
	db_array_init(&names, DB_TEXT);
	db_array_init(&avatars, DB_TEXT);
	db_param_array(&params, &ids);
	db_param_array(&params, &names);
	db_param_array(&params, &avatars);
	db_array_integer(&ids, 1); /* arrays may grow until the query */
	db_array_text(&names, name);
	db_array_null(&avatars);
	*ok = db_query(connection, STATEMENT_TOUCH_ACCOUNTS, &params, &result, err);
	if (*ok)
		rows = db_rows_affected(result);
	db_result_destroy(result);
	db_array_finish(&ids);
	db_array_finish(&names);
	db_array_finish(&avatars);
	return rows;
}

static struct error refused_touch(const char *name)
{
	struct error err = {.class = ERROR_NONE};
	bool ok;

	touch(db, name, &ok, &err);
	assert_false(ok);
	return err;
}

static void a_poison_value_is_refused_for_good_and_not_shown(void **state)
{
	char too_long[300];
	struct error err;

	memset(too_long, 'x', sizeof too_long - 1);
	too_long[sizeof too_long - 1] = '\0';
	err = refused_touch(too_long);
	assert_int_equal(err.class, ERROR_INTERNAL);
	assert_non_null(strstr(err.text, "22001"));
	assert_null(strstr(err.text, "xxxx"));

	err = refused_touch("\xff\xfe");
	assert_int_equal(err.class, ERROR_INTERNAL);
	assert_non_null(strstr(err.text, "22021"));
	assert_null(strstr(err.text, "0xff"));
}

static void a_refused_statement_leaves_the_connection_usable(void **state)
{
	struct error err;
	bool ok;

	refused_touch("\xff");

	assert_true(db_is_usable(db));
	assert_int_equal(touch(db, "Ann", &ok, &err), 1);
}

static void a_broken_constraint_is_named(void **state)
{
	struct error err;

	assert_false(db_run_script(database.db,
		"INSERT INTO store_accounts SELECT 99, store_code, open_id, display_name, avatar_url,"
		" encrypted_access_token, encrypted_refresh_token, token_expires_at, refresh_token_expires_at,"
		" scope FROM store_accounts",
		NULL, &err));
	assert_int_equal(err.class, ERROR_INTERNAL);
	assert_non_null(strstr(err.text, "unique_store_openid"));
	assert_null(strstr(err.text, "open-1"));
}

static void a_cancelled_statement_is_temporary(void **state)
{
	struct error err;
	bool ok;

	test_execute(database.db, "BEGIN; UPDATE store_accounts SET scope = scope");
	test_execute(db, "SET statement_timeout = 50");
	touch(db, "Ann", &ok, &err);
	test_execute(database.db, "ROLLBACK");

	assert_false(ok);
	assert_int_equal(err.class, ERROR_DATABASE);
	assert_non_null(strstr(err.text, "57014"));
	assert_true(db_is_usable(db));
}

static void a_lock_that_is_not_given_in_time_is_temporary(void **state)
{
	struct error err;
	bool ok;

	test_execute(database.db, "BEGIN; UPDATE store_accounts SET scope = scope");
	test_execute(db, "SET lock_timeout = 50");
	touch(db, "Ann", &ok, &err);
	test_execute(database.db, "ROLLBACK");

	assert_false(ok);
	assert_int_equal(err.class, ERROR_DATABASE);
	assert_non_null(strstr(err.text, "55P03"));
}

static void kill_session(void)
{
	struct text sql = {0};

	text_append_format(&sql, "SELECT pg_terminate_backend(%d, 10000)",
		(int)test_query_integer(db, "SELECT pg_backend_pid()"));
	test_execute(database.db, sql.data);
	text_finish(&sql);
}

static void a_killed_session_is_temporary_and_tells_why(void **state)
{
	struct error err;
	bool ok;

	kill_session();
	touch(db, "Ann", &ok, &err);

	assert_false(ok);
	assert_int_equal(err.class, ERROR_DATABASE);
	assert_non_null(strstr(err.text, "57P01"));
	assert_false(db_is_usable(db));
}

static void a_dead_connection_keeps_failing_without_hanging(void **state)
{
	struct db_step step = {.statement = STATEMENT_RELEASE_TOKEN};
	struct db_params params = {0};
	struct error err;
	bool ok;

	db_param_integer(&params, 1);
	db_param_text(&params, "nobody");
	db_param_boolean(&params, false);
	step.params = &params;
	kill_session();
	for (int i = 0; i < 3; i++) {
		touch(db, "Ann", &ok, &err);
		assert_false(ok);
		assert_int_equal(err.class, ERROR_DATABASE);
		assert_false(db_transact(db, &step, 1, &err));
		assert_int_equal(err.class, ERROR_DATABASE);
		db_steps_finish(&step, 1);
	}
}

static void an_idle_connection_is_found_broken_with_its_reason(void **state)
{
	struct error err;

	assert_true(db_check_idle(db, &err));
	kill_session();

	assert_false(db_check_idle(db, &err));
	assert_int_equal(err.class, ERROR_DATABASE);
	assert_non_null(strstr(err.text, "57P01"));
}

static void news_of_settings_do_not_make_an_idle_connection_broken(void **state)
{
	struct error err;

	test_execute(db, "SET application_name = 'renamed'");

	assert_true(db_check_idle(db, &err));
	assert_true(db_is_usable(db));
}

/* ---- transactions ---- */

static int64_t display_name_is(const char *name)
{
	struct text sql = {0};
	int64_t count;

	text_append_format(
		&sql, "SELECT count(*) FROM store_accounts WHERE display_name = '%s'", name);
	count = test_query_integer(database.db, sql.data);
	text_finish(&sql);
	return count;
}

struct touch_params {
	struct db_array ids;
	struct db_array names;
	struct db_array avatars;
	struct db_params params;
};

static void touch_params_init(struct touch_params *touch, const char *name)
{
	*touch = (struct touch_params){0};
	db_array_init(&touch->ids, DB_INT8);
	db_array_init(&touch->names, DB_TEXT);
	db_array_init(&touch->avatars, DB_TEXT);
	db_array_integer(&touch->ids, 1);
	db_array_text(&touch->names, name);
	db_array_null(&touch->avatars);
	db_param_array(&touch->params, &touch->ids);
	db_param_array(&touch->params, &touch->names);
	db_param_array(&touch->params, &touch->avatars);
}

static void touch_params_finish(struct touch_params *touch)
{
	db_array_finish(&touch->ids);
	db_array_finish(&touch->names);
	db_array_finish(&touch->avatars);
}

static void the_steps_of_a_transaction_are_all_kept(void **state)
{
	struct touch_params first;
	struct touch_params second;
	struct db_params account = {0};
	struct db_step steps[3];
	struct error err;

	touch_params_init(&first, "First");
	touch_params_init(&second, "Second");
	db_param_integer(&account, 1);
	steps[0] = (struct db_step){.statement = STATEMENT_TOUCH_ACCOUNTS, .params = &first.params};
	steps[1] =
		(struct db_step){.statement = STATEMENT_TOUCH_ACCOUNTS, .params = &second.params};
	steps[2] = (struct db_step){.statement = STATEMENT_READ_ACCOUNT, .params = &account};

	assert_true(db_transact(db, steps, 3, &err));
	assert_int_equal(db_rows_affected(steps[0].result), 1);
	assert_int_equal(db_rows_affected(steps[1].result), 1);
	assert_string_equal(db_text(steps[2].result, 0, 1), "store-1");
	assert_int_equal(display_name_is("Second"), 1);
	assert_true(db_is_usable(db));

	db_steps_finish(steps, 3);
	touch_params_finish(&first);
	touch_params_finish(&second);
}

static void a_failing_step_undoes_the_ones_before_it(void **state)
{
	struct touch_params good;
	struct touch_params poison;
	struct db_step steps[3];
	struct error err;

	touch_params_init(&good, "Undone");
	touch_params_init(&poison, "\xff");
	steps[0] = (struct db_step){.statement = STATEMENT_TOUCH_ACCOUNTS, .params = &good.params};
	steps[1] =
		(struct db_step){.statement = STATEMENT_TOUCH_ACCOUNTS, .params = &poison.params};
	steps[2] = (struct db_step){.statement = STATEMENT_TOUCH_ACCOUNTS, .params = &good.params};

	assert_false(db_transact(db, steps, 3, &err));
	assert_int_equal(err.class, ERROR_INTERNAL);
	assert_non_null(strstr(err.text, "22021"));
	assert_int_equal(display_name_is("Undone"), 0);
	assert_true(db_is_usable(db));

	db_steps_finish(steps, 3);
	touch_params_finish(&good);
	touch_params_finish(&poison);
}

static void a_transaction_of_megabytes_does_not_block_on_full_buffers(void **state)
{
	enum { ROWS = 20000, STEPS = 8 };
	struct touch_params large;
	struct db_step steps[STEPS];
	struct error err;

	touch_params_init(&large, "Large");
	for (int i = 0; i < ROWS; i++) {
		db_array_integer(&large.ids, 1000 + i);
		db_array_text(
			&large.names, "a name of some length that fills the buffers of both sides");
		db_array_text(&large.avatars, "https://cdn.test/a-picture-address-of-some-length");
	}
	for (int i = 0; i < STEPS; i++)
		steps[i] = (struct db_step){
			.statement = STATEMENT_TOUCH_ACCOUNTS, .params = &large.params};

	assert_true(db_transact(db, steps, STEPS, &err));
	db_steps_finish(steps, STEPS);
	touch_params_finish(&large);
}

static void a_begun_transaction_can_be_rolled_back(void **state)
{
	struct error err;
	bool ok;

	assert_true(db_begin(db, &err));
	touch(db, "Begun", &ok, &err);
	assert_true(ok);
	assert_false(db_is_usable(db));
	db_rollback(db);

	assert_true(db_is_usable(db));
	assert_int_equal(display_name_is("Begun"), 0);
}

/* ---- scripts ---- */

static void a_failing_script_names_the_line(void **state)
{
	struct error err;

	assert_false(db_run_script(db,
		"-- \xC3\xA9t\xC3\xA9\nSELECT 1;\nSELECT no_such_column\nFROM stores;", NULL,
		&err));
	assert_non_null(strstr(err.text, "line 3"));
	assert_non_null(strstr(err.text, "42703"));
}

static void a_script_that_fails_when_it_runs_names_the_statement(void **state)
{
	struct error err;

	assert_false(
		db_run_script(db, "SELECT 1; SELECT 1; CREATE TABLE stores (a int)", NULL, &err));
	assert_non_null(strstr(err.text, "statement 3"));
	assert_true(db_is_usable(db));
}

static void a_script_that_waits_for_copied_rows_fails_instead(void **state)
{
	struct error err;

	assert_false(db_run_script(db, "COPY stores FROM STDIN", NULL, &err));
	assert_true(db_is_usable(db));
}

#define CONNECTED(claim) cmocka_unit_test_setup_teardown(claim, connect_worker, disconnect_worker)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wrong_password_is_a_wrong_setting_and_is_not_shown),
		cmocka_unit_test(a_missing_database_is_a_wrong_setting),
		cmocka_unit_test(a_url_that_cannot_be_read_is_a_wrong_setting_and_is_not_shown),
		cmocka_unit_test(a_port_where_nobody_listens_is_temporary),
		cmocka_unit_test(a_server_that_says_nothing_is_given_up_in_bounded_time),
		cmocka_unit_test(an_unmigrated_database_says_what_to_do),
		CONNECTED(a_session_has_its_name_and_its_limits),
		CONNECTED(the_url_overrides_what_a_session_is_given),
		CONNECTED(a_poison_value_is_refused_for_good_and_not_shown),
		CONNECTED(a_refused_statement_leaves_the_connection_usable),
		CONNECTED(a_broken_constraint_is_named),
		CONNECTED(a_cancelled_statement_is_temporary),
		CONNECTED(a_lock_that_is_not_given_in_time_is_temporary),
		CONNECTED(a_killed_session_is_temporary_and_tells_why),
		CONNECTED(a_dead_connection_keeps_failing_without_hanging),
		CONNECTED(an_idle_connection_is_found_broken_with_its_reason),
		CONNECTED(news_of_settings_do_not_make_an_idle_connection_broken),
		CONNECTED(the_steps_of_a_transaction_are_all_kept),
		CONNECTED(a_failing_step_undoes_the_ones_before_it),
		CONNECTED(a_transaction_of_megabytes_does_not_block_on_full_buffers),
		CONNECTED(a_begun_transaction_can_be_rolled_back),
		CONNECTED(a_failing_script_names_the_line),
		CONNECTED(a_script_that_fails_when_it_runs_names_the_statement),
		CONNECTED(a_script_that_waits_for_copied_rows_fails_instead),
	};

	return cmocka_run_group_tests(tests, create_database, destroy_database);
}
