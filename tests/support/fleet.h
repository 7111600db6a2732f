/* SPDX-License-Identifier: MIT */
/*
 * A whole storesync of a test's own: database, virtual host with topology, a simulated TikTok with
 * its world, and the programs.
 *
 *     struct test_fleet fleet;
 *
 *     test_fleet_create(&fleet, 20, NULL);
 *     test_fleet_start(&fleet, "storesync-worker", NULL);
 *     test_fleet_produce(&fleet, NULL);
 *     test_wait_for_query(fleet.database.db, "SELECT ...", 20);
 *     test_fleet_destroy(&fleet);
 *
 * Threads: the test thread.
 */
#ifndef TESTS_SUPPORT_FLEET_H
#define TESTS_SUPPORT_FLEET_H

#include <stdint.h>

#include "common/text.h"
#include "tests/simulator/world.h"
#include "tests/support/database.h"
#include "tests/support/process.h"
#include "tests/support/vhost.h"

#define TEST_FLEET_PROGRAMS  20
#define TEST_FLEET_ARGUMENTS 32

struct test_fleet {
	struct test_database database;
	struct test_vhost vhost;
	struct world world;
	uint32_t big_store; /* so many of the first accounts belong to store-0 */
	struct test_process *simulator;
	char *simulator_url;
	char *spool; /* TOKEN_SPOOL_DIR of its workers, who make it */
	char *simulator_arguments[TEST_FLEET_ARGUMENTS]; /* ended by NULL */
	char *settings[16]; /* the environment of every program, ended by NULL */
	struct test_process *programs[TEST_FLEET_PROGRAMS];
	int program_count;
};

/*
 * Everything but workers and loggers: account n of the world belongs to store "store-n", or to
 * "store-0" (store_accounts.id n + 1), its tokens are sealed cells. simulator_arguments (ended by NULL; NULL:
 * none) follow those that make the world; the simulator has no limit of calls.
 */
void test_fleet_create(
	struct test_fleet *fleet, uint32_t accounts, const char *const simulator_arguments[]);
/* Ends what runs and drops everything. Zeroed: nothing to do. */
void test_fleet_destroy(struct test_fleet *fleet);

/* Start a program; overrides ("NAME=value", ended by NULL; NULL: none) win over the fleet's settings. */
struct test_process *test_fleet_start(
	struct test_fleet *fleet, const char *program, const char *const overrides[]);
/* Run a program to its end; returns its exit code. Its output is added to output (NULL: not wanted). */
int test_fleet_run(struct test_fleet *fleet, const char *const argv[], struct text *output);
/* Run the producer with arguments (ended by NULL; NULL: none); fails the test unless it exits with 0. */
void test_fleet_produce(struct test_fleet *fleet, const char *const arguments[]);

/*
 * POST body to a path of the simulator's admin side, "/admin/knobs"; fails the test unless it
 * answers 200.
 */
void test_fleet_tell_simulator(struct test_fleet *fleet, const char *path, const char *body);
/* A number of /admin/stats, "refreshes_granted", or of an endpoint, "user_info.calls". */
int64_t test_fleet_stat(struct test_fleet *fleet, const char *name);
/* TikTok is gone; and there again at the same address, taking the tokens that it gave out before. */
void test_fleet_kill_simulator(struct test_fleet *fleet);
void test_fleet_start_simulator(struct test_fleet *fleet);
/* Calls to all of TikTok's endpoints. */
int64_t test_fleet_calls(struct test_fleet *fleet);

/* Wait until no job of the manifest is unfinished. */
void test_fleet_wait_until_done(struct test_fleet *fleet);
/*
 * Compare every snapshot row of the day with the world: users, videos, every column. Adds a line for
 * each kind of row that is missing, too many or different, with an example. Accounts for which is_left_out() is true
 * must have no rows; NULL: none.
 */
void test_fleet_compare_snapshots(
	struct test_fleet *fleet, bool (*is_left_out)(uint32_t account), struct text *differences);
/* The same; fails the test where they differ. */
void test_fleet_assert_snapshots(struct test_fleet *fleet, bool (*is_left_out)(uint32_t account));

#endif
