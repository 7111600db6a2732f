/* SPDX-License-Identifier: MIT */
/*
 * One partition, from a fleet at work to the proof that nothing was lost:
 *
 *     start --> some successes --> harm --> (seconds) --> heal --> first progress --> all done --> checks
 *
 * The test thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/faults/partition/cell.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/memory.h"
#include "common/topology.h"
#include "tests/support/wait.h"

#define ACCOUNTS        60
#define WORKERS         2
#define LINKS_MAX       4
#define RECOVERY_MS     30000 /* from healing to the first progress, at most */
#define DONE_MS         240000
#define ENDING_MS       60000 /* after SIGTERM */
#define QUIET_MS        90000 /* from the last job to empty queues, at most: the ladder has its turn */
#define COUNTED_MS      6000
#define CPU_PERCENT     5.0
#define CONNECTS_PER_S  1.0
#define RATES_FROM_S    10 /* shorter ones are too short for a rate */
#define LOOK_NS         50000000
#define SHOWN_OF_OUTPUT 6000
#define NO_RECOVERY     (-1) /* nothing was left to be done */

static struct {
	struct cell cell;
	FILE *report;
	bool has_reported;
	struct text failures;
	struct test_fleet fleet;
	struct link links[LINKS_MAX];
	int link_count;
	struct test_process *logger;
	struct link *producer; /* SHAPE_ALL_BROKER only */
	enum chaos_direction direction;
	int injected_after;
	int64_t jobs;
	struct link_figures figures[LINKS_MAX];
	int64_t recovery_ms, done_ms;
	int producer_starts;
} scene;

#define SUCCESSES "SELECT count(*) FROM sync_jobs WHERE state = 'success'"
#define LOGGED    "SELECT count(*) FROM sync_logs WHERE final"

static const struct {
	const char *name;
	enum link_server server;
	bool worker, logger, producer; /* who is parted from it */
	const char *progress;          /* what cannot rise while they are */
} shapes[] = {
	[SHAPE_WORKER_BROKER] = {"worker-broker", LINK_BROKER, true, false, false, LOGGED},
	[SHAPE_WORKER_DATABASE] = {"worker-database", LINK_DATABASE, true, false, false, SUCCESSES},
	[SHAPE_LOGGER_BROKER] = {"logger-broker", LINK_BROKER, false, true, false, LOGGED},
	[SHAPE_ALL_BROKER] = {"all-broker", LINK_BROKER, true, true, true, LOGGED},
};

static const char *const harm_names[] = {[HARM_DROP] = "drop",
	[HARM_RESET] = "reset",
	[HARM_ONE_WAY] = "one-way",
	[HARM_SLICER] = "slicer"};

void cell_name(const struct cell *cell, char name[CELL_NAME_SIZE])
{
	snprintf(name, CELL_NAME_SIZE, "%s.%s.%d", shapes[cell->shape].name, harm_names[cell->harm],
		cell->seconds);
}

/* splitmix64 (Vigna 2015): a number for each use of a seed. */
static uint64_t chance(uint64_t use)
{
	uint64_t z = scene.cell.seed + use * 0x9e3779b97f4a7c15U;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
	return z ^ (z >> 31);
}

__attribute__((format(printf, 2, 3))) static void check(bool holds, const char *format, ...)
{
	char words[2000];
	va_list arguments;

	if (holds)
		return;
	va_start(arguments, format);
	vsnprintf(words, sizeof words, format, arguments);
	va_end(arguments);
	text_append_format(&scene.failures, "%s\n", words);
}

static int64_t count(const char *sql)
{
	return test_query_integer(scene.fleet.database.db, sql);
}

/* False: the query's number is still below wanted after timeout_ms. */
static bool wait_for(const char *sql, int64_t wanted, int64_t timeout_ms)
{
	const struct timespec pause = {.tv_nsec = LOOK_NS};
	int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;

	while (count(sql) < wanted) {
		if (clock_monotonic_ms() > deadline_ms)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

/* ---- Before ---- */

static void start_program(const char *program, bool is_parted, const char *const overrides[])
{
	const char *const argv[] = {program, NULL};

	if (!is_parted) {
		test_fleet_start(&scene.fleet, program, overrides);
		return;
	}
	link_start(&scene.links[scene.link_count++], &scene.fleet, argv, overrides);
}

static struct link *prepare_link(int number)
{
	link_create(&scene.links[number], &scene.fleet, shapes[scene.cell.shape].server,
		scene.cell.means, chance(100 + (uint64_t)number));
	return &scene.links[number];
}

static void start_fleet(void)
{
	static const char *const slow[] = {"--latency-ms", "150", NULL};
	static const char *const narrow[] = {"WORKER_CONCURRENCY=2", NULL};
	bool worker = shapes[scene.cell.shape].worker, logger = shapes[scene.cell.shape].logger;

	world_init(&scene.fleet.world);
	scene.fleet.world.videos_each = 30;
	test_fleet_create(&scene.fleet, ACCOUNTS, slow);
	for (int i = 0; i < WORKERS; i++) {
		if (worker)
			prepare_link(scene.link_count);
		start_program("storesync-worker", worker, narrow);
	}
	if (logger)
		prepare_link(scene.link_count);
	start_program("storesync-logger", logger, NULL);
	scene.logger = scene.fleet.programs[scene.fleet.program_count - 1];
	if (shapes[scene.cell.shape].producer)
		scene.producer = prepare_link(scene.link_count++);
	test_fleet_produce(&scene.fleet, NULL);
	scene.jobs = ACCOUNTS;
}

/* ---- During ---- */

/* A run of another type, whose jobs are to be published while the broker cannot be reached. */
static void start_producer(void)
{
	static const char *const argv[] = {"storesync-producer", "--job-type", "user_stats", NULL};

	if (!scene.producer)
		return;
	link_start(scene.producer, &scene.fleet, argv, NULL);
	scene.producer_starts = 1;
	scene.jobs += ACCOUNTS;
}

static void harm_and_wait(void)
{
	const struct timespec pause = {.tv_sec = scene.cell.seconds};

	for (int i = 0; i < scene.link_count; i++)
		link_harm(&scene.links[i], scene.cell.harm, scene.direction);
	start_producer();
	nanosleep(&pause, NULL);
	for (int i = 0; i < scene.link_count; i++)
		link_measure(&scene.links[i], &scene.figures[i]);
}

/* ---- After ---- */

/* How long after healing the shape's progress rises above what it was. */
static int64_t time_to_progress(int64_t before, int64_t healed_ms)
{
	const char *sql = shapes[scene.cell.shape].progress;

	if (before >= scene.jobs)
		return NO_RECOVERY;
	if (!wait_for(sql, before + 1, DONE_MS))
		fail_msg("%d s after healing \"%s\" still gives %" PRId64, DONE_MS / 1000, sql,
			before);
	return clock_monotonic_ms() - healed_ms;
}

/* What the partition interrupted is finished by the next start. */
static void finish_producer(void)
{
	static const char *const argv[] = {"storesync-producer", "--job-type", "user_stats", NULL};
	int status;

	if (!scene.producer)
		return;
	status = test_process_wait(scene.producer->process, DONE_MS);
	for (; status != 0 && scene.producer_starts < 4; scene.producer_starts++)
		status = test_fleet_run(&scene.fleet, argv, NULL);
	check(status == 0, "the producer ends with %d", status);
}

static void heal_and_wait(void)
{
	int64_t before = count(shapes[scene.cell.shape].progress), healed_ms;
	char wanted[64];

	for (int i = 0; i < scene.link_count; i++)
		link_heal(&scene.links[i]);
	healed_ms = clock_monotonic_ms();
	scene.recovery_ms = time_to_progress(before, healed_ms);
	finish_producer();
	snprintf(wanted, sizeof wanted, "%" PRId64, scene.jobs);
	check(wait_for(
		      "SELECT count(*) FROM sync_jobs WHERE state IN ('success', 'skipped', 'dead')",
		      scene.jobs, DONE_MS),
		"%s jobs were not done %d s after healing", wanted, DONE_MS / 1000);
	check(wait_for(LOGGED, scene.jobs, DONE_MS), "%s jobs were not logged %d s after healing",
		wanted, DONE_MS / 1000);
	scene.done_ms = clock_monotonic_ms() - healed_ms;
}

/* What the broker's management says of all queues together, delivered messages included; -1: not known. */
static int64_t messages_held(void)
{
	struct text path = {0}, reply = {0};
	struct json *queues = NULL;
	int64_t sum = 0, number = 0;
	struct error err;

	text_append_format(&path, "/api/queues/%s?columns=name,messages", scene.fleet.vhost.name);
	if (test_management_call("GET", text_string(&path), NULL, &reply) != 200 ||
		!json_parse(reply.data, reply.length, &queues, &err))
		sum = -1;
	for (size_t i = 0; i < json_array_length(queues) && sum >= 0; i++)
		sum = json_integer(json_array_at(queues, i), "messages", &number) == JSON_FOUND
			      ? sum + number
			      : -1;
	json_destroy(queues);
	text_finish(&path);
	text_finish(&reply);
	return sum;
}

/*
 * The broker delivers again what was not acknowledged when connections broke: the fleet is to be
 * through with that, too. A quorum queue counts its messages every 5 s; what it says earlier is old.
 */
static void wait_until_queues_are_empty(void)
{
	const struct timespec pause = {.tv_nsec = 500000000};
	int64_t begin_ms = clock_monotonic_ms(), now_ms = begin_ms;
	int64_t held = -1;

	while (held != 0 && now_ms - begin_ms < QUIET_MS) {
		nanosleep(&pause, NULL);
		now_ms = clock_monotonic_ms();
		if (now_ms - begin_ms >= COUNTED_MS)
			held = messages_held();
	}
	check(held == 0, "%" PRId64 " messages were left %d s after the last job", held,
		QUIET_MS / 1000);
}

static void stop_program(struct test_process *program)
{
	int status;

	test_process_signal(program, SIGTERM);
	status = test_process_wait(program, ENDING_MS);
	if (!scene.producer || program != scene.producer->process)
		check(status == 0, "a program ends with %d on SIGTERM", status);
}

/*
 * In the end nobody has anything left to say. A worker may: what it could not report is still in its
 * memory when the other one, to which the broker gave the same jobs, has long reported them. It says so
 * before it ends, and the logger must hear it.
 */
static void stop_programs(void)
{
	wait_until_queues_are_empty();
	for (int i = 0; i < scene.fleet.program_count; i++)
		if (scene.fleet.programs[i] != scene.logger)
			stop_program(scene.fleet.programs[i]);
	wait_until_queues_are_empty();
	stop_program(scene.logger);
}

static void check_queues(void)
{
	static const char body[] =
		"{\"count\":100,\"ackmode\":\"ack_requeue_true\",\"encoding\":\"auto\"}";
	struct text path = {0}, reply = {0};

	for (int id = 0; id < QUEUES; id++) {
		const char *name = topology_queue((enum topology_queue_id)id)->name;
		int status;

		text_clear(&path);
		text_clear(&reply);
		text_append_format(&path, "/api/queues/%s/%s/get", scene.fleet.vhost.name, name);
		status = test_management_call("POST", text_string(&path), body, &reply);
		check(status == 200 && strcmp(text_string(&reply), "[]") == 0,
			"queue %s holds (status %d): %.1500s", name, status, text_string(&reply));
	}
	text_finish(&path);
	text_finish(&reply);
}

/* I1 and I4: every accepted job has one end, and is seen; I3: one log row an attempt; nothing is left. */
static void check_jobs(void)
{
	int64_t jobs = count("SELECT count(*) FROM sync_jobs");
	int64_t charged = count("SELECT coalesce(sum(attempt - 1), 0) FROM sync_jobs");
	int64_t rows = count("SELECT count(*) FROM sync_logs");

	check(jobs == scene.jobs, "%" PRId64 " jobs instead of %" PRId64, jobs, scene.jobs);
	check(count(SUCCESSES) == scene.jobs, "%" PRId64 " of %" PRId64 " jobs succeeded",
		count(SUCCESSES), scene.jobs);
	check(charged == 0, "%" PRId64 " attempts were charged for the outage", charged);
	check(rows == count("SELECT count(DISTINCT attempt_id) FROM sync_logs WHERE final") &&
			rows == scene.jobs + charged,
		"%" PRId64 " log rows, for %" PRId64 " attempts", rows, scene.jobs + charged);
	check(count("SELECT count(*) FROM (SELECT job_id FROM sync_logs WHERE final AND status = 'SUCCESS'"
		    " GROUP BY job_id HAVING count(*) = 1) once") == scene.jobs,
		"not every job has one row of success in the log");
	check(count("SELECT count(*) FROM sync_jobs WHERE published_at IS NULL") == 0,
		"jobs stayed unpublished");
	check(count("SELECT count(*) FROM store_accounts WHERE status <> 'CONNECTED'") == 0,
		"accounts are no longer connected");
}

static void check_rates(void)
{
	check(scene.recovery_ms <= RECOVERY_MS,
		"the first progress came %" PRId64 " ms after healing", scene.recovery_ms);
	for (int i = 0; i < scene.link_count && scene.cell.seconds >= RATES_FROM_S; i++) {
		check(scene.figures[i].cpu_percent < CPU_PERCENT,
			"program %d used %.1f %% of a processor while parted", i,
			scene.figures[i].cpu_percent);
		check(scene.figures[i].connects_per_second <= CONNECTS_PER_S,
			"program %d connected %.2f times a second while parted", i,
			scene.figures[i].connects_per_second);
	}
}

/* ---- The report ---- */

static void write_report(void)
{
	double cpu = 0, connects = 0;
	char name[CELL_NAME_SIZE];
	char recovery[32] = "none", rate[32] = "unknown";
	bool is_known = true;

	for (int i = 0; i < scene.link_count; i++) {
		if (scene.figures[i].cpu_percent > cpu)
			cpu = scene.figures[i].cpu_percent;
		if (scene.figures[i].connects_per_second > connects)
			connects = scene.figures[i].connects_per_second;
		if (scene.figures[i].connects_per_second < 0)
			is_known = false;
	}
	if (is_known)
		snprintf(rate, sizeof rate, "%.2f", connects);
	if (scene.recovery_ms != NO_RECOVERY)
		snprintf(recovery, sizeof recovery, "%" PRId64, scene.recovery_ms);
	cell_name(&scene.cell, name);
	fprintf(scene.report,
		"cell=%s seed=%" PRIu64 " means=%s direction=%s jobs=%" PRId64
		" injected_after=%d success=%" PRId64 " attempts_charged=%" PRId64
		" log_rows=%" PRId64 " recovery_ms=%s done_ms=%" PRId64
		" connects_per_s=%s cpu_percent=%.1f producer_starts=%d",
		name, scene.cell.seed, scene.links[0].has_wire ? "network" : "proxy",
		scene.cell.harm != HARM_ONE_WAY      ? "both"
		: scene.direction == CHAOS_TO_SERVER ? "to-server"
						     : "to-client",
		scene.jobs, scene.injected_after, count(SUCCESSES),
		count("SELECT coalesce(sum(attempt - 1), 0) FROM sync_jobs"),
		count("SELECT count(*) FROM sync_logs"), recovery, scene.done_ms, rate, cpu,
		scene.producer_starts);
	scene.has_reported = true;
}

static void a_partition_loses_nothing_and_heals(void **state)
{
	scene.injected_after = (int)(8 + chance(1) % 13);
	scene.direction = (enum chaos_direction)(chance(2) % CHAOS_DIRECTIONS);
	start_fleet();
	assert_true(wait_for(SUCCESSES, scene.injected_after, TEST_WAIT_MS));
	harm_and_wait();
	heal_and_wait();
	stop_programs();
	check_jobs();
	check_queues();
	check_rates();
	write_report();
	print_error("%s", text_string(&scene.failures));
	test_fleet_assert_snapshots(&scene.fleet, NULL);
	assert_int_equal(scene.failures.length, 0);
}

static void show_programs(void)
{
	for (int i = 0; i < scene.fleet.program_count; i++) {
		const char *output = test_process_output(scene.fleet.programs[i]);
		size_t length = strlen(output);

		fprintf(stderr, "---- program %d printed, in the end:\n%s\n", i,
			output + (length > SHOWN_OF_OUTPUT ? length - SHOWN_OF_OUTPUT : 0));
	}
}

static int tear_down(void **state)
{
	/* Where the programs wait for what is harmed, they would not end in time. */
	for (int i = 0; i < scene.link_count; i++)
		link_heal(&scene.links[i]);
	if (!scene.has_reported || scene.failures.length > 0)
		show_programs();
	test_fleet_destroy(&scene.fleet);
	for (int i = 0; i < scene.link_count; i++)
		link_destroy(&scene.links[i]);
	return 0;
}

int cell_run(const struct cell *cell, FILE *report)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_partition_loses_nothing_and_heals, tear_down)};
	char name[CELL_NAME_SIZE];
	int failed;

	scene.cell = *cell;
	scene.report = report;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	cell_name(cell, name);
	if (!scene.has_reported)
		fprintf(report, "cell=%s seed=%" PRIu64, name, cell->seed);
	fprintf(report, " result=%s\n", failed ? "failed" : "ok");
	fflush(report);
	text_finish(&scene.failures);
	return failed;
}
