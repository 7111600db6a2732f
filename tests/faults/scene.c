/* SPDX-License-Identifier: MIT */
/*
 * A fleet under load. The test thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/faults/scene.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "tests/support/wait.h"

#define LOOK_MS         500
#define FEW             (SCENE_ACCOUNTS / 4)
#define ENOUGH          (FEW * 3 / 2)
#define DRAIN_MS        240000
#define PATIENCE_MS     120000
#define PRODUCER_TRIALS 10

void scene_figure(struct scene *scene, const char *what, const char *name, double value)
{
	char *full = harness_sentence("%s.%s", what, name);

	harness_figure(&scene->harness, full, value);
	free(full);
}

void scene_open(struct scene *scene, const char *name, uint64_t seed, const char *servers,
	const char *const simulator_arguments[])
{
	static const char *const narrow[] = {"WORKER_CONCURRENCY=8", "DRAIN_TIMEOUT=30", NULL};
	const char *argv[16] = {"--latency-ms", "300"};
	int count = 2;

	harness_open(&scene->harness, name, seed);
	if (servers)
		private_servers_start(&scene->servers, servers);
	while (simulator_arguments && *simulator_arguments && count < 15)
		argv[count++] = *simulator_arguments++;
	world_init(&scene->fleet.world);
	scene->fleet.world.videos_each = 2;
	test_fleet_create(&scene->fleet, SCENE_ACCOUNTS, argv);
	crew_init(&scene->crew, &scene->harness, &scene->fleet);
	crew_add(&scene->crew, "storesync-worker", NULL, END_NEVER, narrow);
	crew_add(&scene->crew, "storesync-worker", NULL, END_NEVER, narrow);
	crew_add(&scene->crew, "storesync-logger", NULL, END_NEVER, NULL);
	crew_add(&scene->crew, "storesync-producer", "--force", END_REPEAT, NULL);
	oracle_init(&scene->oracle, &scene->crew);
	if (!crew_wait_until_ready(&scene->crew, TEST_WAIT_MS))
		fail_msg("the fleet is not ready after %d ms", TEST_WAIT_MS);
	scene_wait_for_progress(scene, "start");
	vitals_look(&scene->crew, &scene->first);
}

/* An unanswered question leaves things as they are. */
static void look_at_load(struct scene *scene)
{
	int64_t unfinished;

	if (clock_monotonic_ms() - scene->loaded_at_ms < LOOK_MS)
		return;
	scene->loaded_at_ms = clock_monotonic_ms();
	unfinished = oracle_unfinished(&scene->oracle);
	if (unfinished >= 0)
		scene->crew.load_wanted = unfinished <= FEW;
}

void scene_tend(struct scene *scene, int64_t duration_ms)
{
	int64_t until_ms = clock_monotonic_ms() + duration_ms;

	do {
		look_at_load(scene);
		crew_tend(&scene->crew, 50);
	} while (clock_monotonic_ms() < until_ms);
}

void scene_wait_for_load(struct scene *scene)
{
	int64_t deadline_ms = clock_monotonic_ms() + PATIENCE_MS;

	while (oracle_unfinished(&scene->oracle) < ENOUGH) {
		if (clock_monotonic_ms() > deadline_ms)
			fail_msg("there is no load after %d ms", PATIENCE_MS);
		scene_tend(scene, 100);
	}
}

int64_t scene_wait_for_progress(struct scene *scene, const char *what)
{
	int64_t began_ms = clock_monotonic_ms(), ended = 0, took_ms;
	char *sql = harness_sentence("SELECT count(*) FROM sync_jobs WHERE state = 'success'"
				     " AND finished_at >= to_timestamp(%f)",
		(double)clock_unix_us() / 1000000);

	do
		scene_tend(scene, 50);
	while ((!observer_number(&scene->oracle.observer, sql, &ended) || ended == 0) &&
		clock_monotonic_ms() - began_ms < PATIENCE_MS);
	free(sql);
	took_ms = clock_monotonic_ms() - began_ms;
	harness_note(&scene->harness, "progress %" PRId64 " ms after %s", took_ms, what);
	if (took_ms > SCENE_RECOVERY_MS)
		harness_check(&scene->harness, "I9",
			harness_sentence(
				"%s: work goes on only after %" PRId64 " ms", what, took_ms));
	return took_ms;
}

/* What an interrupted producer has left is published by the next one. */
static void publish_rest(struct scene *scene)
{
	static const char *const argv[] = {"storesync-producer", NULL};
	struct text output = {0};
	int code = 1;

	for (int i = 0; i < PRODUCER_TRIALS && code != 0; i++) {
		text_clear(&output);
		code = test_fleet_run(&scene->fleet, argv, &output);
		crew_tend(&scene->crew, 500);
	}
	if (code != 0)
		harness_check(&scene->harness, "I4",
			harness_sentence("the producer fails: %.1000s", text_string(&output)));
	text_finish(&output);
}

static void check(struct scene *scene, const char *what, const char *invariant, char *sentence)
{
	if (sentence)
		harness_check(
			&scene->harness, invariant, harness_sentence("%s: %s", what, sentence));
	free(sentence);
}

void scene_settle(struct scene *scene, const char *what)
{
	int64_t drain_ms;

	scene->crew.load_wanted = false;
	while (scene->crew.members[scene->crew.count - 1].process) /* the producer */
		crew_tend(&scene->crew, 50);
	publish_rest(scene);
	drain_ms = oracle_drain(&scene->oracle, DRAIN_MS);
	scene_figure(scene, what, "drain_ms", (double)drain_ms);
	check(scene, what, "I1", oracle_every_job_has_ended(&scene->oracle));
	check(scene, what, "I1", oracle_queues_are_empty(&scene->oracle));
	check(scene, what, "I3", oracle_logs_are_complete(&scene->oracle));
	check(scene, what, "I4", oracle_confirmed_was_seen(&scene->oracle));
	check(scene, what, "attempts", oracle_no_attempt_was_charged(&scene->oracle));
}

void scene_close(struct scene *scene)
{
	struct vitals last;
	int64_t jobs = 0;

	vitals_look(&scene->crew, &last);
	harness_check(&scene->harness, "I8", vitals_growth(&scene->crew, &scene->first, &last));
	harness_figure(&scene->harness, "peak_mb", vitals_peak_mb(&last));
	if (observer_number(&scene->oracle.observer, "SELECT count(*) FROM sync_jobs", &jobs))
		harness_figure(&scene->harness, "jobs", (double)jobs);
	oracle_ask_all(&scene->oracle);
	crew_stop(&scene->crew);
	oracle_finish(&scene->oracle);
	crew_finish(&scene->crew);
	test_fleet_destroy(&scene->fleet);
	private_servers_stop(&scene->servers);
	harness_close(&scene->harness);
}
