/* SPDX-License-Identifier: MIT */
/*
 * Programs under test as child processes: started, watched through what they print, ended in
 * bounded time. They die with the test program.
 */
#ifndef TESTS_SUPPORT_PROCESS_H
#define TESTS_SUPPORT_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/text.h"

struct test_process;

/*
 * Start argv (ended by NULL; argv[0] without a slash is a program under test) with environment
 * ("NAME=value", ended by NULL; NULL: none) added to our own. Standard output and error go to
 * log_path (NULL: a temporary file).
 */
struct test_process *test_process_start(
	const char *const argv[], const char *const environment[], const char *log_path);
pid_t test_process_pid(const struct test_process *process);
bool test_process_is_running(struct test_process *process);
void test_process_signal(struct test_process *process, int signal_number);
/* The exit code, 128 + signal for one that was killed; -1: still running after timeout_ms. */
int test_process_wait(struct test_process *process, int64_t timeout_ms);
/*
 * SIGTERM and wait; fails the test, showing the output, when it has not ended after TEST_WAIT_MS. As
 * test_process_wait().
 */
int test_process_stop(struct test_process *process);
/* SIGKILL and wait. */
void test_process_kill(struct test_process *process);
/* Everything that was printed so far. Borrowed until the next call. */
const char *test_process_output(struct test_process *process);
/* Wait until the output contains text; fails the test, showing the output, when it does not in TEST_WAIT_MS. */
void test_process_wait_for_output(struct test_process *process, const char *text);
/*
 * Kills what still runs. Fails the test when a sanitizer has complained of the program. NULL:
 * nothing to do.
 */
void test_process_destroy(struct test_process *process);

/*
 * Run a command to its end (TEST_WAIT_MS at most); its output is added to output (NULL: not wanted).
 * Returns as test_process_wait().
 */
int test_run(const char *const argv[], const char *const environment[], struct text *output);

#endif
