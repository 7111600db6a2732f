/* SPDX-License-Identifier: MIT */
/*
 * A fleet under load while something is done to what it depends on: servers of its own if wanted, a
 * slow simulator, two workers, a logger, and a producer that is run again (--force) whenever few jobs
 * are left. One call of TikTok's takes 300 ms, a job two calls.
 *
 *     scene_open(&scene, "broker", seed, "broker", NULL);
 *     scene_tend(&scene, 1000);                  a second under load
 *     ... break and heal something ...
 *     recovery_ms = scene_wait_for_progress(&scene);
 *     scene_settle(&scene);                      the load ends, and everything with it
 *     scene_close(&scene);
 *
 * Threads: the test thread.
 */
#ifndef TESTS_FAULTS_SCENE_H
#define TESTS_FAULTS_SCENE_H

#include <stdint.h>

#include "tests/faults/oracle.h"
#include "tests/faults/private.h"
#include "tests/faults/vitals.h"

#define SCENE_ACCOUNTS    300
#define SCENE_RECOVERY_MS 30000 /* I9 */
#define SCENE_CPU_PERCENT 5     /* I12 */

struct scene {
	struct harness harness;
	struct private_servers servers; /* zeroed: the shared ones */
	struct test_fleet fleet;
	struct crew crew;
	struct oracle oracle;
	int64_t loaded_at_ms; /* when the load was looked at last */
	struct vitals first;
};

/* servers: the name of servers of its own; NULL: the shared ones. simulator_arguments: as test_fleet_create(). */
void scene_open(struct scene *scene, const char *name, uint64_t seed, const char *servers,
	const char *const simulator_arguments[]);
/* The crew at work under load. The database must answer or be away, not frozen. */
void scene_tend(struct scene *scene, int64_t duration_ms);
/* Until there is work for some seconds: a fault that nobody feels proves nothing. */
void scene_wait_for_load(struct scene *scene);
/* How many ms pass until a job succeeds; the harness hears when it takes longer than I9 allows. */
int64_t scene_wait_for_progress(struct scene *scene, const char *what);
/*
 * End the load and wait until everything has ended; then the harness hears I1, I3, I4 and that no attempt was
 * charged, under the name of what was done.
 */
void scene_settle(struct scene *scene, const char *what);
/* The whole oracle, an orderly end of all programs. */
void scene_close(struct scene *scene);
/* "<what>.<name>=value" */
void scene_figure(struct scene *scene, const char *what, const char *name, double value);

#endif
