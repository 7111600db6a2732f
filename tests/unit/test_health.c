/* SPDX-License-Identifier: MIT */
/*
 * The endpoint as a probe sees it, over a real socket, and what the log says when a need changes.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/health.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/metrics.h"

#define PAGE_SIZE 65536

static _Atomic int64_t now_ms;

static int64_t tell_time(void)
{
	return now_ms;
}

/* Standard error goes to a file, so that the log can be read. */
struct fixture {
	struct health *health;
	int stderr_fd;
	int file;
	char log[PAGE_SIZE];
	char page[PAGE_SIZE];
};

static int set_up(void **state)
{
	struct fixture *f = memory_allocate(1, sizeof *f);
	char path[] = "/tmp/test_health.XXXXXX";
	struct error err;

	now_ms = 1000000;
	if (!health_start("127.0.0.1:0", PROGRAM_WORKER, &f->health, &err))
		return -1;
	health_set_clock(f->health, tell_time);
	f->stderr_fd = dup(STDERR_FILENO);
	f->file = mkstemp(path);
	unlink(path);
	dup2(f->file, STDERR_FILENO);
	log_open("tester", LOG_INFO, LOG_JSON);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	dup2(f->stderr_fd, STDERR_FILENO);
	close(f->stderr_fd);
	close(f->file);
	health_stop(f->health);
	free(f);
	return 0;
}

static const char *logged(struct fixture *f)
{
	ssize_t length = pread(f->file, f->log, sizeof f->log - 1, 0);

	dup2(f->stderr_fd, STDERR_FILENO);
	assert_true(length >= 0);
	return f->log;
}

static size_t count(const char *text, const char *words)
{
	size_t found = 0;

	for (const char *at = strstr(text, words); at; at = strstr(at + 1, words))
		found++;
	return found;
}

/* Send a request, return the status; head and body are in f->page. */
static int ask(struct fixture *f, const char *method, const char *path)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)health_port(f->health))};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t length = 0;
	ssize_t got;

	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	dprintf(fd, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", method, path);
	while ((got = read(fd, f->page + length, sizeof f->page - 1 - length)) > 0)
		length += (size_t)got;
	f->page[length] = '\0';
	close(fd);
	assert_memory_equal(f->page, "HTTP/1.1 ", 9);
	return (int)strtol(f->page + 9, NULL, 10);
}

static const char *body(struct fixture *f)
{
	const char *end = strstr(f->page, "\r\n\r\n");

	assert_non_null(end);
	return end + 4;
}

static void alive_while_loops_turn(void **state)
{
	struct fixture *f = *state;
	struct health_loop *loop = health_add_loop(f->health, "claims");

	now_ms += HEALTH_LOOP_LIMIT_MS;
	health_beat(loop);
	now_ms += HEALTH_LOOP_LIMIT_MS;

	assert_int_equal(ask(f, "GET", "/livez"), 200);
	assert_string_equal(body(f), "alive\n");
}

static void stuck_loop_is_named(void **state)
{
	struct fixture *f = *state;
	struct health_loop *turning = health_add_loop(f->health, "claims");

	health_add_loop(f->health, "fetcher");
	now_ms += HEALTH_LOOP_LIMIT_MS + 5000;
	health_beat(turning);

	assert_int_equal(ask(f, "GET", "/livez"), 503);
	assert_string_equal(body(f), "fetcher has not turned for 65 s, the limit is 60 s\n");
}

static void ended_loop_is_not_watched(void **state)
{
	struct fixture *f = *state;

	health_loop_end(health_add_loop(f->health, "claims"));
	now_ms += 2LL * HEALTH_LOOP_LIMIT_MS;

	assert_int_equal(ask(f, "GET", "/livez"), 200);
}

/* A program also asks itself, with a limit of its own. */
static void no_loop_is_stuck_within_the_limit(void **state)
{
	struct fixture *f = *state;

	assert_null(health_stuck_loop(f->health, 30000)); /* there is none */
	health_add_loop(f->health, "claims");
	now_ms += 30000;

	assert_null(health_stuck_loop(f->health, 30000));
}

static void the_loop_that_stands_still_beyond_the_limit_is_found(void **state)
{
	struct fixture *f = *state;
	struct health_loop *turning = health_add_loop(f->health, "claims");
	struct health_loop *stuck = health_add_loop(f->health, "fetcher");

	now_ms += 30001;
	health_beat(turning);
	assert_string_equal(health_stuck_loop(f->health, 30000), "fetcher");
	assert_null(health_stuck_loop(f->health, 30001));

	health_beat(stuck);
	assert_null(health_stuck_loop(f->health, 30000));
}

static void a_loop_that_ended_is_not_stuck(void **state)
{
	struct fixture *f = *state;

	health_loop_end(health_add_loop(f->health, "claims"));
	health_add_loop(f->health, "fetcher");
	now_ms += 30001;

	assert_string_equal(health_stuck_loop(f->health, 30000), "fetcher");
}

static void missing_need_does_not_make_it_dead(void **state)
{
	struct fixture *f = *state;

	health_add_need(f->health, "broker");

	assert_int_equal(ask(f, "GET", "/livez"), 200);
}

static void ready_when_nothing_is_missing(void **state)
{
	struct fixture *f = *state;

	health_set_need(health_add_need(f->health, "broker"), NULL);

	assert_true(health_is_ready(f->health));
	assert_int_equal(ask(f, "GET", "/readyz"), 200);
	assert_string_equal(body(f), "ready\n");
}

static void each_missing_need_is_named(void **state)
{
	struct fixture *f = *state;
	struct health_need *broker = health_add_need(f->health, "broker");

	health_add_need(f->health, "database");
	health_set_need(broker, "amqp://u:s3cret@h/ refused");
	now_ms += 12000;

	assert_false(health_is_ready(f->health));
	assert_int_equal(ask(f, "GET", "/readyz"), 503);
	assert_string_equal(body(f), "waiting for broker for 12 s: amqp://u:***@h/ refused\n"
				     "waiting for database for 12 s: starting\n");
}

static void change_is_logged_once(void **state)
{
	struct fixture *f = *state;
	struct health_need *need = health_add_need(f->health, "broker");

	for (int i = 0; i < 3; i++)
		health_set_need(need, NULL);
	for (int i = 0; i < 3; i++)
		health_set_need(need, "connection refused");
	now_ms += 12000;
	for (int i = 0; i < 3; i++)
		health_set_need(need, NULL);
	logged(f);

	assert_int_equal(count(f->log, "\"message\":\"broker is ready\""), 1);
	assert_int_equal(
		count(f->log,
			"\"warn\",\"program\":\"tester\",\"message\":\"waiting for broker: connection refused\""),
		1);
	assert_int_equal(count(f->log, "\"message\":\"broker is back after 12 s\""), 1);
	assert_int_equal(count(f->log, "\n"), 3);
}

/* Reasons that take turns are no news. */
static void long_wait_is_logged_once_a_minute(void **state)
{
	struct fixture *f = *state;
	struct health_need *need = health_add_need(f->health, "broker");

	for (int second = 0; second <= 120; second++, now_ms += 1000)
		health_set_need(need, second % 2 ? "starting up" : "connection refused");
	logged(f);

	assert_int_equal(count(f->log, "\"waiting for broker: connection refused\""), 1);
	assert_int_equal(count(f->log, "still waiting for broker, for 1 s: starting up"), 1);
	assert_int_equal(count(f->log, "still waiting for broker, for 61 s: starting up"), 1);
	assert_int_equal(count(f->log, "\n"), 3);
}

static void metrics_are_those_of_the_program(void **state)
{
	struct fixture *f = *state;

	metric_add(METRIC_DB_ERRORS, 0, 3);

	assert_int_equal(ask(f, "GET", "/metrics"), 200);
	assert_non_null(
		strstr(f->page, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
	assert_non_null(strstr(body(f), "\nstoresync_db_errors_total 3\n"));
	assert_null(strstr(body(f), "storesync_results_total"));
}

static void other_paths_and_methods_are_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(ask(f, "GET", "/"), 404);
	assert_non_null(strstr(body(f), "/livez"));
	assert_int_equal(ask(f, "POST", "/livez"), 405);
	assert_int_equal(ask(f, "HEAD", "/livez"), 200);
	assert_string_equal(body(f), "");
}

static void without_address_all_but_the_endpoint_works(void **state)
{
	struct health *health;
	struct error err;

	assert_true(health_start("", PROGRAM_LOGGER, &health, &err));
	assert_int_equal(health_port(health), 0);
	health_beat(health_add_loop(health, "loop"));
	health_add_need(health, "broker");
	assert_false(health_is_ready(health));
	health_stop(health);
}

static void nobody_needs_to_watch(void **state)
{
	health_beat(health_add_loop(NULL, "loop"));
	health_loop_end(NULL);
	health_set_need(health_add_need(NULL, "broker"), "away");
	health_stop(NULL);

	assert_true(health_is_ready(NULL));
}

static void port_alone_listens_on_every_address(void **state)
{
	struct fixture *f = *state;
	struct error err;

	health_stop(f->health);
	f->health = NULL;
	assert_true(health_start(":0", PROGRAM_WORKER, &f->health, &err));

	assert_int_equal(ask(f, "GET", "/livez"), 200);
}

static void taken_port_is_an_error_that_names_the_setting(void **state)
{
	struct fixture *f = *state;
	struct health *second = NULL;
	struct error err;
	char where[40];

	snprintf(where, sizeof where, "127.0.0.1:%d", health_port(f->health));
	assert_false(health_start(where, PROGRAM_WORKER, &second, &err));

	assert_null(second);
	assert_int_equal(err.class, ERROR_SETTINGS);
	assert_non_null(strstr(err.text, "HTTP_LISTEN is \"127.0.0.1:"));
	assert_non_null(strstr(err.text, "Address already in use"));
}

static void what_is_no_address_is_an_error(void **state)
{
	static const char *const words[] = {
		"9464", "localhost:", "localhost:http-alt-x", "no.such.host.invalid:80"};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		struct health *health = NULL;
		struct error err;

		if (health_start(words[i], PROGRAM_WORKER, &health, &err))
			fail_msg("%s is accepted", words[i]);
		assert_int_equal(err.class, ERROR_SETTINGS);
		assert_non_null(strstr(err.text, "HTTP_LISTEN"));
	}
}

static void *change_needs(void *argument)
{
	struct health *health = argument;
	struct health_need *need = health_add_need(health, "thread");
	struct health_loop *loop = health_add_loop(health, "thread");

	for (int i = 0; i < 500; i++) {
		health_beat(loop);
		health_set_need(need, i % 2 ? "away" : NULL);
	}
	health_set_need(need, NULL);
	return NULL;
}

static void threads_report_while_pages_are_read(void **state)
{
	struct fixture *f = *state;
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, change_needs, f->health), 0);
	for (int i = 0; i < 20; i++) {
		ask(f, "GET", "/readyz");
		assert_int_equal(ask(f, "GET", "/livez"), 200);
	}
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);

	assert_int_equal(ask(f, "GET", "/readyz"), 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(alive_while_loops_turn, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stuck_loop_is_named, set_up, tear_down),
		cmocka_unit_test_setup_teardown(ended_loop_is_not_watched, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			no_loop_is_stuck_within_the_limit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			the_loop_that_stands_still_beyond_the_limit_is_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_loop_that_ended_is_not_stuck, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			missing_need_does_not_make_it_dead, set_up, tear_down),
		cmocka_unit_test_setup_teardown(ready_when_nothing_is_missing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(each_missing_need_is_named, set_up, tear_down),
		cmocka_unit_test_setup_teardown(change_is_logged_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			long_wait_is_logged_once_a_minute, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			metrics_are_those_of_the_program, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			other_paths_and_methods_are_refused, set_up, tear_down),
		cmocka_unit_test(without_address_all_but_the_endpoint_works),
		cmocka_unit_test(nobody_needs_to_watch),
		cmocka_unit_test_setup_teardown(
			port_alone_listens_on_every_address, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			taken_port_is_an_error_that_names_the_setting, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_no_address_is_an_error, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			threads_report_while_pages_are_read, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
