/* SPDX-License-Identifier: MIT */
/*
 * What a day's sync costs: a fleet of its own (a database, a virtual host, a simulated TikTok
 * without a limit of calls), the producer, workers and one logger, from the producer's start (with
 * --prefilled: the worker's) until every job has its final log row. Prints one figure a line,
 * "first.worker_cpu_ms_per_job 0.8412"; "again." for the forced second sync. A row that is missing
 * or wrong, or a program that does not end in good order, ends it with an error. tests/bench/run
 * makes tables of what it prints. One thread.
 *
 *     bench_sync [OPTION]...
 *       --accounts N --videos-average N --videos-each N --latency-ms N     the world [300, 50, as average, 0]
 *       --concurrency N --workers N                                       the workers [64, 1]
 *       --quota N     QUOTA_USER_INFO and QUOTA_VIDEO_LIST; up to 100000 the simulator enforces it [0]
 *       --prefilled   publish all jobs before the worker starts
 *       --rows        compare every column of every row, not their number alone
 *       --again       then sync the same day once more, by --force
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
#include "common/json.h"
#include "tests/bench/meter/proc.h"
#include "tests/bench/meter/service.h"
#include "tests/support/fleet.h"
#include "tests/support/wait.h"

#define WORKERS_MAX    16
#define RATE_LIMIT_MAX 100000 /* that the simulator knows */
#define LOOK_NS        20000000
#define PATIENCE_MS    300000

struct options {
	int64_t accounts, videos_average, videos_each, latency_ms, concurrency, workers, quota;
	int prefilled, rows, again; /* flags of getopt_long() */
};

struct bench {
	struct options options;
	struct test_fleet fleet;
	struct service workers[WORKERS_MAX];
	struct service logger;
	int workers_started;
	pid_t observer; /* the PostgreSQL process behind our own connection: not counted */
	pid_t postgres;
	pid_t rabbitmq;
};

/* Everything that is counted up while a fleet works. */
struct usage {
	int64_t at_ms;
	double worker_ms, logger_ms, postgres_ms, rabbitmq_ms, simulator_ms, rest_ms;
	struct proc_machine machine;
	int64_t wal_bytes;
	int64_t calls;
};

static int64_t query(struct bench *bench, const char *sql)
{
	return test_query_integer(bench->fleet.database.db, sql);
}

/* ---- Measuring ---- */

/* A broker that has just started does not know its own number yet. */
static bool learn_rabbitmq(void *context)
{
	struct bench *bench = context;
	struct text reply = {0};
	struct json *nodes = NULL;
	const char *pid = NULL;
	struct error err;

	if (test_management_call("GET", "/api/nodes", NULL, &reply) == 200 &&
		json_parse(reply.data, reply.length, &nodes, &err) &&
		json_array_length(nodes) == 1 &&
		json_string(json_array_at(nodes, 0), "os_pid", 20, &pid) == JSON_FOUND)
		bench->rabbitmq = (pid_t)strtol(pid, NULL, 10);
	json_destroy(nodes);
	text_finish(&reply);
	return bench->rabbitmq != 0;
}

static void look(struct bench *bench, struct usage *usage)
{
	*usage = (struct usage){.at_ms = clock_monotonic_ms()};
	proc_machine(&usage->machine);
	for (int i = 0; i < bench->workers_started; i++)
		usage->worker_ms += proc_cpu_ms(bench->workers[i].pid);
	if (bench->logger.process)
		usage->logger_ms = proc_cpu_ms(bench->logger.pid);
	usage->postgres_ms = proc_family_cpu_ms(bench->postgres, bench->observer);
	usage->rabbitmq_ms = proc_cpu_ms(bench->rabbitmq);
	usage->simulator_ms = proc_cpu_ms(test_process_pid(bench->fleet.simulator));
	usage->rest_ms = proc_own_cpu_ms() + proc_cpu_ms(bench->observer);
	usage->wal_bytes = query(bench, "SELECT (pg_current_wal_insert_lsn() - '0/0')::int8");
	usage->calls = test_fleet_calls(&bench->fleet);
}

static double counted_ms(const struct usage *usage)
{
	return usage->worker_ms + usage->logger_ms + usage->postgres_ms + usage->rabbitmq_ms +
	       usage->simulator_ms + usage->rest_ms;
}

static double peak_mb_of_workers(const struct bench *bench)
{
	double peak_mb = 0;

	for (int i = 0; i < bench->workers_started; i++) {
		double mb = proc_peak_mb(bench->workers[i].pid);

		peak_mb = mb > peak_mb ? mb : peak_mb;
	}
	return peak_mb;
}

/* How often the workers have asked for quota. */
static double asks(const struct bench *bench)
{
	double sum = 0;

	for (int i = 0; i < bench->workers_started; i++)
		sum += service_metric(&bench->workers[i], "storesync_quota_asks_total");
	return sum;
}

static void print(const char *phase, const char *name, double value)
{
	printf("%s.%s %.4f\n", phase, name, value);
}

static void report(struct bench *bench, const char *phase, const struct usage *before,
	const struct usage *after)
{
	double jobs = (double)bench->options.accounts;
	double seconds = (double)(after->at_ms - before->at_ms) / 1000;
	double total_ms = after->machine.total_ms - before->machine.total_ms;
	double busy_ms = after->machine.busy_ms - before->machine.busy_ms;
	double others_ms = busy_ms - (counted_ms(after) - counted_ms(before));

	print(phase, "seconds", seconds);
	print(phase, "jobs_per_s", jobs / seconds);
	print(phase, "worker_cpu_ms_per_job", (after->worker_ms - before->worker_ms) / jobs);
	print(phase, "logger_cpu_ms_per_job", (after->logger_ms - before->logger_ms) / jobs);
	print(phase, "postgres_cpu_ms_per_job", (after->postgres_ms - before->postgres_ms) / jobs);
	print(phase, "rabbitmq_cpu_ms_per_job", (after->rabbitmq_ms - before->rabbitmq_ms) / jobs);
	print(phase, "simulator_cpu_ms_per_job",
		(after->simulator_ms - before->simulator_ms) / jobs);
	print(phase, "wal_kb_per_job",
		(double)(after->wal_bytes - before->wal_bytes) / 1024 / jobs);
	print(phase, "calls_per_job", (double)(after->calls - before->calls) / jobs);
	print(phase, "calls_at_once", (double)test_fleet_stat(&bench->fleet, "highest_in_flight"));
	print(phase, "quota_asks_per_call", asks(bench) / (double)test_fleet_calls(&bench->fleet));
	print(phase, "worker_peak_mb", peak_mb_of_workers(bench));
	print(phase, "logger_peak_mb", proc_peak_mb(bench->logger.pid));
	print(phase, "stolen_percent",
		(after->machine.stolen_ms - before->machine.stolen_ms) * 100 / total_ms);
	print(phase, "others_percent", others_ms > 0 ? others_ms * 100 / total_ms : 0);
}

/* ---- The fleet at work ---- */

static void start_fleet(struct bench *bench)
{
	const struct options *options = &bench->options;
	struct world *world = &bench->fleet.world;
	char latency[24], limit[40];
	const char *const arguments[] = {"--latency-ms", latency, "--set", limit, NULL};

	snprintf(latency, sizeof latency, "%" PRId64, options->latency_ms);
	snprintf(limit, sizeof limit, "rate_limit=%" PRId64,
		options->quota <= RATE_LIMIT_MAX ? options->quota : 0);
	world_init(world);
	world->videos_average = (uint32_t)options->videos_average;
	world->videos_each = (uint32_t)options->videos_each;
	test_fleet_create(&bench->fleet, (uint32_t)options->accounts, arguments);
	bench->observer = (pid_t)query(bench, "SELECT pg_backend_pid()");
	bench->postgres = proc_parent(bench->observer);
	if (!test_wait_until(learn_rabbitmq, bench))
		fail_msg("RabbitMQ's management API does not tell the process of its one node");
}

static void start_programs(struct bench *bench)
{
	char concurrency[40], users[40], videos[40];
	const char *const settings[] = {concurrency, users, videos, NULL};

	snprintf(users, sizeof users, "QUOTA_USER_INFO=%" PRId64, bench->options.quota);
	snprintf(videos, sizeof videos, "QUOTA_VIDEO_LIST=%" PRId64, bench->options.quota);

	snprintf(concurrency, sizeof concurrency, "WORKER_CONCURRENCY=%" PRId64,
		bench->options.concurrency);
	service_start(&bench->logger, &bench->fleet, "storesync-logger", NULL);
	for (int i = 0; i < bench->options.workers; i++) {
		service_start(&bench->workers[i], &bench->fleet, "storesync-worker", settings);
		bench->workers_started++;
	}
}

static void wait_until_ready(struct bench *bench)
{
	service_wait_until_ready(&bench->logger);
	for (int i = 0; i < bench->workers_started; i++)
		service_wait_until_ready(&bench->workers[i]);
}

static void stop_program(struct service *service)
{
	if (test_process_stop(service->process) != 0)
		fail_msg("a program did not end in good order; it printed:\n%s",
			test_process_output(service->process));
}

static void stop_programs(struct bench *bench)
{
	for (int i = 0; i < bench->workers_started; i++)
		stop_program(&bench->workers[i]);
	stop_program(&bench->logger);
}

static void wait_for_final_logs(struct bench *bench, int64_t expected)
{
	const struct timespec pause = {.tv_nsec = LOOK_NS};
	int64_t deadline_ms = clock_monotonic_ms() + PATIENCE_MS;

	while (query(bench, "SELECT count(*) FROM sync_logs WHERE final") < expected) {
		if (clock_monotonic_ms() > deadline_ms)
			fail_msg("not all jobs have a log row after %d ms", PATIENCE_MS);
		nanosleep(&pause, NULL);
	}
}

static void expect(struct bench *bench, const char *sql, int64_t expected)
{
	int64_t found = query(bench, sql);

	if (found != expected)
		fail_msg("%" PRId64 ", not %" PRId64 ", comes from: %s", found, expected, sql);
}

/* Every job has succeeded at its first attempt, and every snapshot is there. */
static void check(struct bench *bench, int64_t syncs)
{
	int64_t accounts = bench->options.accounts;

	expect(bench,
		"SELECT count(*) FROM sync_jobs WHERE state = 'success' AND attempt = 1 AND starts = 1",
		accounts * syncs);
	expect(bench,
		"SELECT count(*) FROM sync_logs l JOIN sync_jobs j USING (job_id)"
		" WHERE l.final AND l.status = 'SUCCESS' AND l.attempt = 1",
		accounts * syncs);
	expect(bench, "SELECT count(*) FROM sync_logs", accounts * syncs);
	expect(bench, "SELECT count(*) FROM tiktok_user_daily", accounts);
	if (test_fleet_stat(&bench->fleet, "status_429"))
		fail_msg("TikTok answered 429");
	if (bench->options.videos_each)
		expect(bench, "SELECT count(*) FROM tiktok_video_daily",
			accounts * bench->options.videos_each);
	if (bench->options.rows)
		test_fleet_assert_snapshots(&bench->fleet, NULL);
}

static void sync_first(struct bench *bench)
{
	struct usage before, after;

	if (bench->options.prefilled) {
		test_fleet_produce(&bench->fleet, NULL);
		look(bench, &before);
		start_programs(bench);
	} else {
		start_programs(bench);
		wait_until_ready(bench);
		look(bench, &before);
		test_fleet_produce(&bench->fleet, NULL);
	}
	wait_for_final_logs(bench, bench->options.accounts);
	look(bench, &after);
	report(bench, "first", &before, &after);
	check(bench, 1);
}

#define VERSIONS                                                                                   \
	"SELECT tableoid::regclass AS held_by, xmin::text AS written, ctid::text AS place"         \
	" FROM tiktok_user_daily UNION ALL SELECT tableoid::regclass, xmin::text, ctid::text"      \
	" FROM tiktok_video_daily"

/*
 * A row that was written, be it with the same values, is another version: it has another xmin and
 * ctid.
 */
static void sync_again(struct bench *bench)
{
	static const char *const force[] = {"--force", NULL};
	struct usage before, after;

	test_execute(bench->fleet.database.db, "CREATE TEMP TABLE versions AS " VERSIONS);
	look(bench, &before);
	test_fleet_produce(&bench->fleet, force);
	wait_for_final_logs(bench, bench->options.accounts * 2);
	look(bench, &after);
	report(bench, "again", &before, &after);
	print("again", "rows_written",
		(double)query(
			bench, "SELECT count(*) FROM (" VERSIONS " EXCEPT TABLE versions) w"));
	check(bench, 2);
}

/* ---- Options ---- */

static bool read_number(const char *text, int64_t *number)
{
	char *end;

	*number = strtoll(text, &end, 10);
	return *text != '\0' && *end == '\0' && *number >= 0 && *number <= 1000000;
}

static bool read_options(int argc, char **argv, struct options *options)
{
	const struct option table[] = {
		{"accounts", required_argument, NULL, 0},
		{"videos-average", required_argument, NULL, 1},
		{"videos-each", required_argument, NULL, 2},
		{"latency-ms", required_argument, NULL, 3},
		{"concurrency", required_argument, NULL, 4},
		{"workers", required_argument, NULL, 5},
		{"quota", required_argument, NULL, 6},
		{"prefilled", no_argument, &options->prefilled, 1},
		{"rows", no_argument, &options->rows, 1},
		{"again", no_argument, &options->again, 1},
		{0},
	};
	int64_t *const numbers[] = {&options->accounts, &options->videos_average,
		&options->videos_each, &options->latency_ms, &options->concurrency,
		&options->workers, &options->quota};
	int place = 0, option;

	while ((option = getopt_long(argc, argv, "", table, &place)) != -1) {
		if (option == '?' || (!table[place].flag && !read_number(optarg, numbers[option])))
			return false;
	}
	return optind == argc && options->accounts > 0 && options->workers > 0 &&
	       options->workers <= WORKERS_MAX;
}

static struct bench bench = {
	.options = {.accounts = 300, .videos_average = 50, .concurrency = 64, .workers = 1}};

static void a_day_is_synced(void **state)
{
	start_fleet(&bench);
	sync_first(&bench);
	if (bench.options.again)
		sync_again(&bench);
	stop_programs(&bench);
	test_fleet_destroy(&bench.fleet);
}

/*
 * As a test of cmocka: its assertions, those of tests/support among them, say what is wrong nowhere
 * else.
 */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_day_is_synced)};

	if (!read_options(argc, argv, &bench.options)) {
		fprintf(stderr,
			"bench_sync: bad options; the top of tests/bench/sync.c lists them\n");
		return 2;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
