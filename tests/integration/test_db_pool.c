/* SPDX-License-Identifier: MIT */
/*
 * The pool against a real PostgreSQL: its limit, its line of waiters, and what its keeper does with
 * idle connections.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/db_pool.h"
#include "common/log.h"
#include "common/metrics.h"
#include "tests/support/database.h"
#include "tests/support/environment.h"
#include "tests/support/wait.h"

#define SIZE          2
#define LONG_IDLE_MS  600000
#define SHORT_IDLE_MS 50

static struct test_database database;
static struct db_pool *pool;

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

static void create_pool(int64_t idle_ms)
{
	struct db_pool_options options = {
		.url = database.url, .program = PROGRAM_WORKER, .size = SIZE, .idle_ms = idle_ms};

	pool = db_pool_create(&options);
}

static int patient_pool(void **state)
{
	create_pool(LONG_IDLE_MS);
	return 0;
}

static int hasty_pool(void **state)
{
	create_pool(SHORT_IDLE_MS);
	return 0;
}

static int destroy_pool(void **state)
{
	db_pool_destroy(pool);
	pool = NULL;
	return 0;
}

static struct db *get(void)
{
	struct error err;
	struct db *db;

	if (!db_pool_get(pool, DB_POOL_GET_TIMEOUT_MS, &db, &err))
		fail_msg("%s", err.text);
	return db;
}

/* Sessions of the pool in the database. */
static const char count_sessions[] = "SELECT count(*) FROM pg_stat_activity"
				     " WHERE datname = current_database()"
				     " AND application_name = 'storesync-worker'";

static int64_t session_of(struct db *db)
{
	return test_query_integer(db, "SELECT pg_backend_pid()");
}

static void kill_sessions(void)
{
	test_execute(database.db,
		"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
		" WHERE datname = current_database() AND application_name = 'storesync-worker'");
}

static void nothing_is_opened_before_it_is_needed(void **state)
{
	assert_int_equal(test_query_integer(database.db, count_sessions), 0);
}

static void a_connection_that_was_put_back_is_lent_again(void **state)
{
	struct db *first = get();
	int64_t session = session_of(first);
	struct db *second;

	db_pool_put(pool, first);
	second = get();

	assert_int_equal(session_of(second), session);
	assert_int_equal(metric_value(METRIC_DB_CONNECTIONS, 0), 1);
	db_pool_put(pool, second);
}

static void no_more_than_size_are_lent(void **state)
{
	struct db *first = get();
	struct db *second = get();
	struct db *third = NULL;
	struct error err;

	assert_false(db_pool_get(pool, 20, &third, &err));
	assert_int_equal(err.class, ERROR_DATABASE);
	assert_false(db_pool_get(pool, 0, &third, &err));
	assert_null(third);
	db_pool_put(pool, first);
	db_pool_put(pool, second);
	assert_true(db_pool_get(pool, 0, &third, &err));
	db_pool_put(pool, third);
}

static void a_connection_left_inside_a_transaction_is_not_lent_again(void **state)
{
	struct db *db = get();
	int64_t session = session_of(db);
	struct error err;

	assert_true(db_begin(db, &err));
	db_pool_put(pool, db);
	db = get();

	assert_int_not_equal(session_of(db), session);
	db_pool_put(pool, db);
}

static void idle_connections_are_closed(void **state)
{
	struct db *first = get();
	struct db *second = get();

	db_pool_put(pool, first);
	db_pool_put(pool, second);

	test_wait_for_query(database.db, count_sessions, 0);
}

static void a_lent_connection_is_not_closed_for_idleness(void **state)
{
	struct db *lent = get();
	struct db *idle = get();
	int64_t session = session_of(lent);

	db_pool_put(pool, idle);
	test_wait_for_query(database.db, count_sessions, 1);

	assert_int_equal(session_of(lent), session);
	db_pool_put(pool, lent);
}

static void a_killed_session_fails_once_and_the_next_loan_works(void **state)
{
	struct db *db = get();
	struct db_params params = {0};
	struct error err;

	db_param_integer(&params, 1);
	kill_sessions();
	assert_false(db_query(db, STATEMENT_READ_ACCOUNT, &params, NULL, &err));
	assert_int_equal(err.class, ERROR_DATABASE);
	db_pool_put(pool, db);

	db = get();
	assert_true(db_query(db, STATEMENT_READ_ACCOUNT, &params, NULL, &err));
	db_pool_put(pool, db);
}

static void a_connection_that_broke_while_idle_is_replaced_at_the_next_loan(void **state)
{
	struct db_params params = {0};
	struct error err;
	struct db *db = get();

	db_param_integer(&params, 1);
	db_pool_put(pool, db);
	kill_sessions();
	db = get();

	assert_true(db_query(db, STATEMENT_READ_ACCOUNT, &params, NULL, &err));
	db_pool_put(pool, db);
}

static bool pool_has_no_connection(void *context)
{
	return metric_value(METRIC_DB_CONNECTIONS, 0) == 0;
}

/* Standard error goes to a file meanwhile: the log is what this claim is about. */
static void a_connection_that_breaks_while_idle_is_logged_once_and_closed(void **state)
{
	char *path = test_temporary_path("log");
	int standard_error = dup(STDERR_FILENO);
	int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	struct text log = {0};
	const char *told;
	bool closed;

	db_pool_put(pool, get());
	dup2(file, STDERR_FILENO);
	kill_sessions();
	closed = test_wait_until(pool_has_no_connection, NULL);
	dup2(standard_error, STDERR_FILENO);
	close(standard_error);
	close(file);
	test_read_file(path, &log);
	unlink(path);
	free(path);

	assert_true(closed);
	told = strstr(text_string(&log), "an idle connection broke");
	assert_non_null(told);
	assert_non_null(strstr(told, "57P01"));
	assert_null(strstr(told + 1, "an idle connection broke"));
	text_finish(&log);
}

static void an_unreachable_server_does_not_use_up_the_places(void **state)
{
	struct db_pool_options options = {
		.url = "postgresql://u:p@127.0.0.1:1/x", .program = PROGRAM_WORKER, .size = 1};
	struct db_pool *unreachable = db_pool_create(&options);
	struct error err;
	struct db *db;

	for (int i = 0; i < 3; i++) {
		assert_false(db_pool_get(unreachable, 0, &db, &err));
		assert_int_equal(err.class, ERROR_DATABASE);
		assert_non_null(strstr(err.text, "cannot connect"));
	}
	db_pool_destroy(unreachable);
}

/* ---- several threads; they report, the test thread asserts ---- */

struct borrower {
	pthread_t thread;
	atomic_int loans;
	atomic_bool got;
	struct error err;
};

static void *borrow_once(void *context)
{
	struct borrower *borrower = context;
	struct db *db = NULL;

	borrower->got = db_pool_get(pool, 30000, &db, &borrower->err);
	if (borrower->got)
		db_pool_put(pool, db);
	return NULL;
}

static void stopping_wakes_those_who_wait(void **state)
{
	struct db *first = get();
	struct db *second = get();
	struct borrower borrowers[3] = {0};
	struct error err;
	struct db *late;

	for (int i = 0; i < 3; i++)
		pthread_create(&borrowers[i].thread, NULL, borrow_once, &borrowers[i]);
	db_pool_stop(pool);
	for (int i = 0; i < 3; i++)
		pthread_join(borrowers[i].thread, NULL);

	for (int i = 0; i < 3; i++) {
		assert_false(borrowers[i].got);
		assert_int_equal(borrowers[i].err.class, ERROR_STOPPING);
	}
	assert_false(db_pool_get(pool, 1000, &late, &err));
	assert_int_equal(err.class, ERROR_STOPPING);
	db_pool_put(pool, first);
	db_pool_put(pool, second);
}

#define BORROWERS 8
#define LOANS     50

static void *borrow_often(void *context)
{
	struct borrower *borrower = context;
	struct db_params params = {0};
	struct db *db;

	db_param_integer(&params, 1);
	for (int i = 0; i < LOANS; i++) {
		if (!db_pool_get(pool, 30000, &db, &borrower->err))
			break;
		if (db_query(db, STATEMENT_READ_ACCOUNT, &params, NULL, &borrower->err))
			borrower->loans++;
		db_pool_put(pool, db);
	}
	return NULL;
}

static void many_threads_share_few_connections_and_none_starves(void **state)
{
	struct borrower borrowers[BORROWERS] = {0};

	for (int i = 0; i < BORROWERS; i++)
		pthread_create(&borrowers[i].thread, NULL, borrow_often, &borrowers[i]);
	for (int i = 0; i < BORROWERS; i++)
		pthread_join(borrowers[i].thread, NULL);

	for (int i = 0; i < BORROWERS; i++)
		assert_int_equal(borrowers[i].loans, LOANS);
	assert_in_range(test_query_integer(database.db, count_sessions), 1, SIZE);
}

static void a_place_that_comes_free_goes_to_who_waits(void **state)
{
	struct db *first = get();
	struct db *second = get();
	struct borrower borrower = {0};

	pthread_create(&borrower.thread, NULL, borrow_once, &borrower);
	db_pool_put(pool, first);
	pthread_join(borrower.thread, NULL);

	assert_true(borrower.got);
	db_pool_put(pool, second);
}

#define PATIENT(claim) cmocka_unit_test_setup_teardown(claim, patient_pool, destroy_pool)
#define HASTY(claim)   cmocka_unit_test_setup_teardown(claim, hasty_pool, destroy_pool)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PATIENT(nothing_is_opened_before_it_is_needed),
		PATIENT(a_connection_that_was_put_back_is_lent_again),
		PATIENT(no_more_than_size_are_lent),
		PATIENT(a_connection_left_inside_a_transaction_is_not_lent_again),
		HASTY(idle_connections_are_closed),
		HASTY(a_lent_connection_is_not_closed_for_idleness),
		PATIENT(a_killed_session_fails_once_and_the_next_loan_works),
		PATIENT(a_connection_that_broke_while_idle_is_replaced_at_the_next_loan),
		PATIENT(a_connection_that_breaks_while_idle_is_logged_once_and_closed),
		cmocka_unit_test(an_unreachable_server_does_not_use_up_the_places),
		PATIENT(stopping_wakes_those_who_wait),
		PATIENT(many_threads_share_few_connections_and_none_starves),
		PATIENT(a_place_that_comes_free_goes_to_who_waits),
	};

	return cmocka_run_group_tests(tests, create_database, destroy_database);
}
