/* SPDX-License-Identifier: MIT */
/*
 * How fast, and in how much memory, the two programs around the workers are: storesync-producer
 * over ACCOUNTS accounts, and storesync-logger over RESULTS results that stand in its queue when it
 * starts.
 *
 *     bench_plumbing [ACCOUNTS [RESULTS]]
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/broker.h"
#include "common/clock.h"
#include "common/crypto.h"
#include "common/result_message.h"
#include "tests/support/database.h"
#include "tests/support/environment.h"
#include "tests/support/process.h"
#include "tests/support/vhost.h"

static struct test_database database;
static struct test_vhost vhost;

/* Children are started here rather than by tests/support, because wait4() tells what they used. */
static pid_t start_program(const char *program)
{
	char *path = test_binary(program);
	pid_t pid = fork();

	if (pid == 0) {
		execl(path, program, (char *)NULL);
		_exit(127);
	}
	free(path);
	return pid;
}

static void report(
	const char *program, const char *unit, int64_t count, int64_t elapsed_ms, pid_t pid)
{
	struct rusage usage;
	int status;
	double cpu_ms;

	wait4(pid, &status, 0, &usage);
	if (status != 0)
		fail_msg("%s ended with status %d", program, status);
	cpu_ms = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
		 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
	printf("%s: %lld %s in %.1f s, %.0f a second, %.3f ms CPU each, at most %.1f MB\n", program,
		(long long)count, unit, (double)elapsed_ms / 1000,
		(double)count * 1000 / (double)elapsed_ms, cpu_ms / (double)count,
		(double)usage.ru_maxrss / 1024);
}

static void measure_producer(int accounts)
{
	int64_t started_ms;
	pid_t pid;
	siginfo_t ended;

	test_insert_accounts(database.db, accounts);
	test_execute(database.db, "ANALYZE store_accounts");
	started_ms = clock_monotonic_ms();
	pid = start_program("storesync-producer");
	waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOWAIT);
	report("storesync-producer", "jobs", accounts, clock_monotonic_ms() - started_ms, pid);
}

static void ignore_settled(void *context, void *publish_context, enum broker_fate fate)
{
	if (fate != FATE_STORED)
		fail_msg("a result was not stored by the broker");
}

static void send_results(int count)
{
	struct broker_options options = {
		.url = vhost.amqp_url, .name = "bench", .window = 500, .settled = ignore_settled};
	struct result_message result = {
		.attempt = 1,
		.account_id = 1,
		.store_code = "store-1",
		.job_type = "daily_sync",
		.snapshot_date = "2026-11-22",
		.status = STATUS_SUCCESS,
		.final = true,
		.message = "user and 60 videos saved",
		.records_processed = 61,
		.api_calls = 4,
		.worker = "host:1",
		.started_at_us = clock_unix_us(),
		.completed_at_us = clock_unix_us(),
	};
	struct broker *broker = NULL;
	struct text body = {0};
	struct error err;

	assert_true(broker_create(&options, &broker, &err));
	for (int i = 0; i < count; i++) {
		struct broker_message message = {.exchange = "sync", .key = "result"};

		uuid_random(result.job_id);
		uuid_random(result.run_id);
		job_attempt_id(result.job_id, 1, result.attempt_id);
		message.message_id = result.attempt_id;
		text_clear(&body);
		result_message_write(&result, &body);
		message.body = body.data;
		message.length = body.length;
		while (!broker_publish(broker, &message, NULL))
			broker_run(broker, -1, 100);
	}
	while (broker_unconfirmed(broker) > 0)
		broker_run(broker, -1, 100);
	broker_destroy(broker);
	text_finish(&body);
}

static void measure_logger(int results)
{
	int64_t started_ms;
	int64_t elapsed_ms;
	pid_t pid;

	send_results(results);
	started_ms = clock_monotonic_ms();
	pid = start_program("storesync-logger");
	while (test_query_integer(database.db, "SELECT count(*) FROM sync_logs") < results)
		usleep(100 * 1000);
	elapsed_ms = clock_monotonic_ms() - started_ms;
	kill(pid, SIGTERM);
	report("storesync-logger", "results", results, elapsed_ms, pid);
}

int main(int argc, char **argv)
{
	int accounts = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 100000;
	int results = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 100000;

	test_database_create(&database);
	test_vhost_create(&vhost);
	setenv("DATABASE_URL", database.url, 1);
	setenv("AMQP_URL", vhost.amqp_url, 1);
	setenv("LOG_LEVEL", "warn", 1);
	if (test_run((const char *const[]){"syncctl", "topology", "apply", NULL}, NULL, NULL) != 0)
		fail_msg("syncctl topology apply failed");
	measure_producer(accounts);
	measure_logger(results);
	test_database_destroy(&database);
	test_vhost_destroy(&vhost);
	return 0;
}
