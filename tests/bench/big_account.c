/* SPDX-License-Identifier: MIT */
/*
 * What an account with very many videos costs the others: 200 small accounts of 20 videos each,
 * synced by one worker that is ready when the producer starts, once by themselves and once beside a
 * big one, whose job is published first. Prints one figure a line: "alone." and "beside." are the
 * two runs, median_ms is when half of the small jobs had ended, slowest_ms when all had, both from
 * the producer's start; "beside.big_" is of the big one. A job that failed, or a row that is missing,
 * ends it with an error. With --store the others are beside a store of many small accounts instead, whose
 * ids are the lowest. tests/bench/run makes a table of several pairs. One thread.
 *
 *     bench_big_account [OPTION]...
 *       --small N --videos-each N --videos-big N     the world [200, 20, 10000]
 *       --latency-ms N                               of every call [50]
 *       --concurrency N --quota N                    the worker; calls a minute to video/list [64, 0: no limit]
 *       --leave-big                                  end when the small ones have
 *       --store N                                    accounts of a big store, instead of a big account
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/clock.h"
#include "tests/bench/meter/service.h"
#include "tests/support/fleet.h"

#define LOOK_NS     20000000
#define PATIENCE_MS 900000

/* The big one is the first account: among accounts that were never read the producer goes by their ids. */
enum company { ALONE, BESIDE_BIG };

static struct options {
	int64_t small, videos_each, videos_big, latency_ms, concurrency, quota, store;
	int leave_big; /* a flag of getopt_long() */
} options = {
	.small = 200, .videos_each = 20, .videos_big = 10000, .latency_ms = 50, .concurrency = 64};

static struct test_fleet fleet;
static struct service worker, logger;

static int64_t query(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int64_t query(const char *format, ...)
{
	char sql[500];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(sql, sizeof sql, format, arguments);
	va_end(arguments);
	return test_query_integer(fleet.database.db, sql);
}

static void expect(int64_t found, int64_t expected, const char *what)
{
	if (found != expected)
		fail_msg("%" PRId64 ", not %" PRId64 ": %s", found, expected, what);
}

/* Accounts that are not small ones. */
static int64_t others(enum company company)
{
	if (company == ALONE)
		return 0;
	return options.store > 0 ? options.store : 1;
}

static void start_fleet(enum company company)
{
	char latency[24], concurrency[48], quota[48];
	const char *const settings[] = {concurrency, quota, NULL};

	snprintf(latency, sizeof latency, "%" PRId64, options.latency_ms);
	snprintf(concurrency, sizeof concurrency, "WORKER_CONCURRENCY=%" PRId64,
		options.concurrency);
	snprintf(quota, sizeof quota, "QUOTA_VIDEO_LIST=%" PRId64, options.quota);
	world_init(&fleet.world);
	fleet.world.videos_each = (uint32_t)options.videos_each;
	if (company == BESIDE_BIG && options.store > 0)
		fleet.big_store = (uint32_t)options.store;
	else if (company == BESIDE_BIG)
		fleet.world.videos_first = (uint32_t)options.videos_big;
	test_fleet_create(&fleet, (uint32_t)(options.small + others(company)),
		(const char *const[]){"--latency-ms", latency, NULL});
	service_start(&logger, &fleet, "storesync-logger", NULL);
	service_start(&worker, &fleet, "storesync-worker", settings);
	service_wait_until_ready(&logger);
	service_wait_until_ready(&worker);
}

static void stop_program(struct service *service)
{
	if (test_process_stop(service->process) != 0)
		fail_msg("a program did not end in good order; it printed:\n%s",
			test_process_output(service->process));
}

static void wait_for_jobs(int64_t jobs)
{
	const struct timespec pause = {.tv_nsec = LOOK_NS};
	int64_t deadline_ms = clock_monotonic_ms() + PATIENCE_MS;

	while (query("SELECT count(*) FROM sync_jobs WHERE finished_at IS NOT NULL") < jobs) {
		if (clock_monotonic_ms() > deadline_ms)
			fail_msg("not all jobs have ended after %d ms", PATIENCE_MS);
		nanosleep(&pause, NULL);
	}
}

/* Every job has succeeded at its first attempt, and every row is there. */
static void check(int64_t jobs, int64_t videos)
{
	expect(query("SELECT count(*) FROM sync_jobs WHERE state = 'success' AND attempt = 1"
		     " AND crashes = 0"),
		jobs, "jobs that succeeded at once");
	expect(query("SELECT count(*) FROM tiktok_user_daily"), jobs, "rows of profiles");
	expect(query("SELECT count(*) FROM tiktok_video_daily"), videos, "rows of videos");
}

static void print(const char *phase, const char *name, double value)
{
	printf("%s.%s %.4f\n", phase, name, value);
}

/* Milliseconds from began_us until this share of the small jobs had ended. */
static double small_ended_ms(int64_t began_us, const char *share)
{
	int64_t ended_us = query(
		"SELECT (percentile_cont(%s) WITHIN GROUP (ORDER BY extract(epoch FROM finished_at)"
		"::float8) * 1000000)::int8 FROM sync_jobs"
		" WHERE account_id > (SELECT count(*) FROM store_accounts) - %" PRId64,
		share, options.small);

	return (double)(ended_us - began_us) / 1000;
}

static void report_big(const char *phase, int64_t began_us)
{
	print(phase, "big_slices",
		(double)query("SELECT slice + (state = 'success')::int FROM sync_jobs"
			      " WHERE account_id = 1"));
	if (!options.leave_big)
		print(phase, "big_s",
			(double)(query("SELECT (extract(epoch FROM finished_at) * 1000000)::int8"
				       " FROM sync_jobs WHERE account_id = 1") -
				 began_us) /
				1000000);
}

/* Returns when half of the small jobs had ended. */
static double run(const char *phase, enum company company)
{
	bool to_the_end = company == ALONE || !options.leave_big;
	int64_t jobs = options.small + (to_the_end ? others(company) : 0);
	int64_t videos = company == ALONE    ? 0
			 : options.store > 0 ? options.store * options.videos_each
					     : options.videos_big;
	int64_t began_us;
	double median_ms;

	start_fleet(company);
	began_us = query("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::int8");
	test_fleet_produce(&fleet, NULL);
	wait_for_jobs(jobs);
	median_ms = small_ended_ms(began_us, "0.5");
	print(phase, "median_ms", median_ms);
	print(phase, "slowest_ms", small_ended_ms(began_us, "1"));
	if (company == BESIDE_BIG && options.store == 0)
		report_big(phase, began_us);
	if (to_the_end)
		check(jobs, options.small * options.videos_each + videos);
	stop_program(&worker);
	stop_program(&logger);
	test_fleet_destroy(&fleet);
	return median_ms;
}

static void small_accounts_are_synced_alone_and_beside_a_big_one(void **state)
{
	double alone_ms = run("alone", ALONE);

	print("pair", "ratio", run("beside", BESIDE_BIG) / alone_ms);
}

/* ---- Options ---- */

static bool read_number(const char *text, int64_t *number)
{
	char *end;

	*number = strtoll(text, &end, 10);
	return *text != '\0' && *end == '\0' && *number >= 0 && *number <= 1000000;
}

static bool read_options(int argc, char **argv)
{
	const struct option table[] = {
		{"small", required_argument, NULL, 0},
		{"videos-each", required_argument, NULL, 1},
		{"videos-big", required_argument, NULL, 2},
		{"latency-ms", required_argument, NULL, 3},
		{"concurrency", required_argument, NULL, 4},
		{"quota", required_argument, NULL, 5},
		{"store", required_argument, NULL, 6},
		{"leave-big", no_argument, &options.leave_big, 1},
		{0},
	};
	int64_t *const numbers[] = {&options.small, &options.videos_each, &options.videos_big,
		&options.latency_ms, &options.concurrency, &options.quota, &options.store};
	int place = 0, option;

	while ((option = getopt_long(argc, argv, "", table, &place)) != -1) {
		if (option == '?' || (!table[place].flag && !read_number(optarg, numbers[option])))
			return false;
	}
	return optind == argc && options.small > 0 && options.videos_each > 0 &&
	       options.videos_big > 0;
}

/* As a test of cmocka: its assertions say what is wrong nowhere else. */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_accounts_are_synced_alone_and_beside_a_big_one)};

	if (!read_options(argc, argv)) {
		fprintf(stderr,
			"bench_big_account: bad options; the top of tests/bench/big_account.c lists them\n");
		return 2;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
