/* SPDX-License-Identifier: MIT */
/*
 * Outages of PostgreSQL as a stage sees them: a server that is frozen or out of reach, locked,
 * read-only, full, gone. Each is class database, is waited for, and ends by itself; and however many
 * threads wait, few connects are tried.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/db_internal.h"
#include "common/db_pool.h"
#include "common/db_session.h"
#include "tests/support/database.h"
#include "tests/support/detour.h"
#include "tests/support/environment.h"
#include "tests/support/wait.h"

#define SHORT_MS 1000 /* how long an answer may take here */

static struct test_database database;
static struct db *admin; /* of another database of the same server */
static pid_t frozen;     /* a backend; 0: none */
static struct db *db;
static struct db_pool *pool;
static struct db_session *session;

static int set_up(void **state)
{
	struct error err;

	test_database_create(&database);
	test_insert_accounts(database.db, 1);
	if (!db_open(test_setting("DATABASE_URL"), 0, false, &admin, &err))
		fail_msg("%s", err.text);
	return 0;
}

static int tear_down(void **state)
{
	if (frozen > 0)
		kill(frozen, SIGCONT);
	frozen = 0;
	db_close(db);
	db = NULL;
	db_session_destroy(session);
	session = NULL;
	db_pool_destroy(pool);
	pool = NULL;
	db_close(admin);
	admin = NULL;
	test_database_destroy(&database);
	return 0;
}

/* ---- A server that does not answer ---- */

static void connect_impatiently(void)
{
	db = test_database_connect(&database, PROGRAM_WORKER);
	db->answer_limit_ms = SHORT_MS;
}

static void freeze_server(void)
{
	frozen = (pid_t)test_query_integer(db, "SELECT pg_backend_pid()");
	assert_int_equal(kill(frozen, SIGSTOP), 0);
}

static void assert_no_answer(const struct error *err)
{
	assert_int_equal(err->class, ERROR_DATABASE);
	assert_non_null(strstr(err->text, "PostgreSQL has not answered for 1 s"));
	assert_false(db_is_usable(db));
}

static void a_frozen_server_is_given_up(void **state)
{
	struct error err;

	connect_impatiently();
	freeze_server();

	assert_false(db_query(db, STATEMENT_PROBE, NULL, NULL, &err));
	assert_no_answer(&err);
	assert_false(db_query(db, STATEMENT_PROBE, NULL, NULL, &err));
	assert_no_answer(&err);
}

struct large {
	struct db_array ids, names, avatars;
	struct db_params params;
	struct db_step steps[8];
};

static void fill(struct large *large)
{
	*large = (struct large){0};
	db_array_init(&large->ids, DB_INT8);
	db_array_init(&large->names, DB_TEXT);
	db_array_init(&large->avatars, DB_TEXT);
	for (int i = 0; i < 20000; i++) {
		db_array_integer(&large->ids, 1000 + i);
		db_array_text(&large->names, "a name that fills the buffers of both sides");
		db_array_text(&large->avatars, "https://cdn.test/a-picture-address-of-some-length");
	}
	db_param_array(&large->params, &large->ids);
	db_param_array(&large->params, &large->names);
	db_param_array(&large->params, &large->avatars);
	for (int i = 0; i < 8; i++)
		large->steps[i] = (struct db_step){
			.statement = STATEMENT_TOUCH_ACCOUNTS, .params = &large->params};
}

static void finish(struct large *large)
{
	db_steps_finish(large->steps, 8);
	db_array_finish(&large->ids);
	db_array_finish(&large->names);
	db_array_finish(&large->avatars);
}

static void a_server_that_freezes_while_megabytes_are_sent_is_given_up(void **state)
{
	struct large large;
	struct error err;

	fill(&large);
	connect_impatiently();
	freeze_server();

	assert_false(db_transact(db, large.steps, 8, &err));
	assert_no_answer(&err);
	finish(&large);
}

/* The network takes what we send and acknowledges it, and nothing comes back. */
static void a_half_open_connection_is_given_up_and_the_next_one_works(void **state)
{
	struct text url = {0};
	struct chaos *wire = test_detour_start(database.url, &url);
	struct error err;

	assert_true(db_open(url.data, PROGRAM_WORKER, false, &db, &err));
	db->answer_limit_ms = SHORT_MS;
	chaos_hold(wire);

	assert_false(db_query(db, STATEMENT_PROBE, NULL, NULL, &err));
	assert_no_answer(&err);
	db_close(db);
	db = NULL;

	chaos_heal(wire);
	assert_true(db_open(url.data, PROGRAM_WORKER, false, &db, &err));
	assert_true(db_query(db, STATEMENT_PROBE, NULL, NULL, &err));
	db_close(db);
	db = NULL;
	chaos_stop(wire);
	text_finish(&url);
}

/* ---- A stage through an outage ---- */

static void open_session(const char *options)
{
	struct text url = {0};
	struct db_pool_options pool_options = {.program = PROGRAM_WORKER, .size = 2};

	text_append_format(&url, "%s%s", database.url, options);
	pool_options.url = url.data;
	pool = db_pool_create(&pool_options);
	session = db_session_create(pool, NULL);
	text_finish(&url);
}

static void tell_server(const char *format, const char *what)
{
	struct text sql = {0};

	text_append_format(&sql, "ALTER DATABASE %s %s %s", database.name, format, what);
	test_execute(admin, sql.data);
	text_finish(&sql);
}

static void end_sessions(void)
{
	test_execute(database.db,
		"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
		" WHERE datname = current_database() AND application_name = 'storesync-worker'");
}

static bool probe(void *error)
{
	return db_session_pause_ms(session) == 0 && db_session_probe(session, error);
}

static void become_there(void)
{
	struct error err = {0};

	assert_true(db_session_is_away(session));
	if (!test_wait_until(probe, &err))
		fail_msg("PostgreSQL is not found again: %s", err.text);
	assert_false(db_session_is_away(session));
	assert_int_equal(db_session_pause_ms(session), 0);
}

static void assert_away(const char *reason)
{
	struct error err = {0};

	assert_false(db_session_probe(session, &err));
	assert_int_not_equal(err.class, ERROR_INTERNAL);
	if (!strstr(err.text, reason))
		fail_msg("\"%s\" does not tell of %s", err.text, reason);
	assert_true(db_session_is_away(session));
	assert_true(db_session_pause_ms(session) > 0);
}

static void a_read_only_server_is_waited_for(void **state)
{
	open_session("");
	become_there();
	tell_server("SET default_transaction_read_only =", "on");
	end_sessions();

	assert_away("25006");
	tell_server("RESET", "default_transaction_read_only");
	become_there();
}

static void a_server_without_connections_left_is_waited_for(void **state)
{
	open_session("");
	become_there();
	tell_server("CONNECTION LIMIT", "0");
	end_sessions();

	assert_away("53300");
	tell_server("CONNECTION LIMIT", "-1");
	become_there();
}

static void a_lock_holder_is_waited_for(void **state)
{
	open_session("?options=-c%20lock_timeout%3D50");
	become_there();
	test_execute(database.db, "BEGIN; LOCK TABLE sync_jobs");

	assert_away("55P03");
	test_execute(database.db, "ROLLBACK");
	become_there();
}

/* At the start it is a wrong setting; later, somebody is at work on the server. */
static void a_database_that_disappears_is_waited_for(void **state)
{
	struct text elsewhere = {0};
	struct text sql = {0};

	open_session("");
	become_there();
	end_sessions();
	db_close(database.db);
	database.db = NULL;
	text_append_format(&elsewhere, "%s_moved", database.name);
	tell_server("RENAME TO", elsewhere.data);

	assert_away("3D000");
	text_append_format(&sql, "ALTER DATABASE %s RENAME TO %s", elsewhere.data, database.name);
	test_execute(admin, sql.data);
	become_there();
	text_finish(&elsewhere);
	text_finish(&sql);
}

static void data_that_is_refused_is_no_outage(void **state)
{
	struct db_params params = {0};
	struct error err;

	open_session("");
	become_there();
	db_param_integer(&params, 1);
	db_param_text(&params, "\xff");
	db_param_boolean(&params, false);

	assert_false(db_session_query(session, STATEMENT_RELEASE_TOKEN, &params, NULL, &err));
	assert_int_equal(err.class, ERROR_INTERNAL);
	assert_false(db_session_is_away(session));
}

static void loans_fail_at_once_while_the_pool_pauses(void **state)
{
	struct db_pool_options options = {
		.url = "postgresql://u:p@127.0.0.1:1/x", .program = PROGRAM_WORKER, .size = 4};
	struct error first, second;
	struct db *lent;

	pool = db_pool_create(&options);
	assert_int_equal(db_pool_pause_ms(pool), 0);
	assert_false(db_pool_get(pool, 0, &lent, &first));
	assert_true(db_pool_pause_ms(pool) > 0);
	assert_false(db_pool_get(pool, 0, &lent, &second));

	assert_int_equal(second.class, ERROR_DATABASE);
	assert_string_equal(second.text, first.text);
}

/* ---- Many threads that wait ---- */

#define STAGES   6
#define WATCH_MS 10000

static atomic_bool watching;

static void *insist(void *argument)
{
	struct db_session *stage = db_session_create(argument, NULL);
	struct error err;

	while (watching) {
		if (db_session_pause_ms(stage) == 0)
			db_session_probe(stage, &err);
		usleep(1000);
	}
	db_session_destroy(stage);
	return NULL;
}

static int count_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int count = 0;

	assert_non_null(directory);
	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

/* Accepts, counts and hangs up, for WATCH_MS. */
static int count_connects(int listener)
{
	int64_t end_ms = clock_monotonic_ms() + WATCH_MS;
	struct pollfd waited = {.fd = listener, .events = POLLIN};
	int connects = 0;

	for (int64_t left_ms = WATCH_MS; left_ms > 0; left_ms = end_ms - clock_monotonic_ms()) {
		if (poll(&waited, 1, (int)left_ms) <= 0)
			continue;
		close(accept(listener, NULL, NULL));
		connects++;
	}
	return connects;
}

static int listen_somewhere(int *port)
{
	struct sockaddr_in here = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof here;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(listener, (struct sockaddr *)&here, length), 0);
	assert_int_equal(listen(listener, 64), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&here, &length), 0);
	*port = ntohs(here.sin_port);
	return listener;
}

static void many_stages_connect_once_a_second_at_most(void **state)
{
	int port, connects, before;
	int listener = listen_somewhere(&port);
	struct db_pool_options options = {.program = PROGRAM_WORKER, .size = STAGES};
	struct text url = {0};
	pthread_t stages[STAGES];

	text_append_format(&url, "postgresql://u:p@127.0.0.1:%d/x?sslmode=disable", port);
	options.url = url.data;
	pool = db_pool_create(&options);
	before = count_descriptors();
	watching = true;
	for (int i = 0; i < STAGES; i++)
		pthread_create(&stages[i], NULL, insist, pool);
	connects = count_connects(listener);
	watching = false;
	close(listener);
	for (int i = 0; i < STAGES; i++)
		pthread_join(stages[i], NULL);

	assert_in_range(connects, 1, WATCH_MS / 1000);
	assert_int_equal(count_descriptors(), before - 1); /* the listener */
	text_finish(&url);
}

/* Each connection works until the first statement, which ends it. */
static void many_stages_at_a_read_only_server_connect_once_a_second_at_most(void **state)
{
	pthread_t stages[STAGES];
	int64_t before, after;
	static const char count[] =
		"SELECT sessions FROM pg_stat_database WHERE datname = current_database()";

	open_session("");
	tell_server("SET default_transaction_read_only =", "on");
	before = test_query_integer(database.db, count);
	watching = true;
	for (int i = 0; i < STAGES; i++)
		pthread_create(&stages[i], NULL, insist, pool);
	usleep(WATCH_MS * 1000);
	watching = false;
	for (int i = 0; i < STAGES; i++)
		pthread_join(stages[i], NULL);
	after = test_query_integer(database.db, count);

	assert_in_range(after - before, 1, WATCH_MS / 1000);
}

#define TEST(claim) cmocka_unit_test_setup_teardown(claim, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_frozen_server_is_given_up),
		TEST(a_server_that_freezes_while_megabytes_are_sent_is_given_up),
		TEST(a_half_open_connection_is_given_up_and_the_next_one_works),
		TEST(a_read_only_server_is_waited_for),
		TEST(a_server_without_connections_left_is_waited_for),
		TEST(a_lock_holder_is_waited_for),
		TEST(a_database_that_disappears_is_waited_for),
		TEST(data_that_is_refused_is_no_outage),
		TEST(loans_fail_at_once_while_the_pool_pauses),
		TEST(many_stages_connect_once_a_second_at_most),
		TEST(many_stages_at_a_read_only_server_connect_once_a_second_at_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
