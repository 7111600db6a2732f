/* SPDX-License-Identifier: MIT */
/*
 * Tests of common/killpoint.c. What strikes ends a process, so each test acts in a child and looks
 * at how it ended. In a build without kill points the only claim is that nothing happens.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/killpoint.h"

#define SURVIVED 17
#define HUNG     (128 + SIGALRM)
#define STOPPED  (256 + SIGSTOP)

/* How the child dies: its exit code; 128 + signal when one ended it, 256 + signal that stopped it. */
static int death_of(pid_t child)
{
	int status = 0;

	assert_int_equal(waitpid(child, &status, WUNTRACED), child);
	if (WIFSTOPPED(status)) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		return 256 + SIGSTOP;
	}
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* In the child: silent, with the setting, alarmed for when it hangs. */
static void arm(const char *setting, const char *account)
{
	if (!freopen("/dev/null", "w", stderr))
		_exit(1);
	signal(SIGSEGV, SIG_DFL); /* a sanitizer would handle it */
	alarm(2);
	setenv("STORESYNC_KILLPOINT", setting, 1);
	if (account)
		setenv("STORESYNC_KILLPOINT_ACCOUNT", account, 1);
	killpoint_arm();
}

/* A process that comes to worker.claimed for accounts 1, 2, 3, and then ends. */
static int death_with(const char *setting, const char *account)
{
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		arm(setting, account);
		for (int64_t id = 1; id <= 3; id++) {
			killpoint(KILL_WORKER_SAVED, id);
			killpoint(KILL_WORKER_CLAIMED, id);
		}
		_exit(SURVIVED);
	}
	return death_of(child);
}

#ifdef STORESYNC_KILLPOINTS

static void every_point_has_a_name_of_its_own_and_words(void **state)
{
	for (int i = 0; i < KILLPOINTS; i++) {
		const struct killpoint_row *row = killpoint_row((enum killpoint)i);

		assert_non_null(row->name);
		assert_int_equal(
			strspn(row->name, "abcdefghijklmnopqrstuvwxyz_."), strlen(row->name));
		assert_non_null(strchr(row->name, '.'));
		assert_true(row->when && strlen(row->when) > 15);
		assert_true(row->keeps && strlen(row->keeps) > 5);
		for (int other = 0; other < i; other++)
			assert_string_not_equal(
				row->name, killpoint_row((enum killpoint)other)->name);
	}
}

static void each_blow_does_what_its_name_says(void **state)
{
	assert_int_equal(death_with("worker.claimed", NULL), 128 + SIGKILL);
	assert_int_equal(death_with("worker.claimed:1:kill", NULL), 128 + SIGKILL);
	assert_int_equal(death_with("worker.claimed:1:segv", NULL), 128 + SIGSEGV);
	assert_int_equal(death_with("worker.claimed:1:stop", NULL), STOPPED);
	assert_int_equal(death_with("worker.claimed:1:hang", NULL), HUNG);
}

static void a_point_strikes_the_nth_time_it_is_reached(void **state)
{
	assert_int_equal(death_with("worker.claimed:3", NULL), 128 + SIGKILL);
	assert_int_equal(death_with("worker.claimed:4", NULL), SURVIVED);
	assert_int_equal(death_with("worker.confirmed", NULL), SURVIVED);
}

static void a_point_of_one_account_counts_no_other(void **state)
{
	assert_int_equal(death_with("worker.claimed", "3"), 128 + SIGKILL);
	assert_int_equal(death_with("worker.claimed:2", "3"), SURVIVED);
	assert_int_equal(death_with("worker.claimed", "4"), SURVIVED);
}

static void a_setting_that_is_not_understood_ends_the_program(void **state)
{
	static const char *const wrong[] = {"worker", "worker.claimed:", "worker.claimed:0",
		"worker.claimed:x", "worker.claimed:1:", "worker.claimed:1:murder",
		"worker.claimed:1:kill:", "worker.claimedx", "worker.claimed kill"};

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_int_equal(death_with(wrong[i], NULL), 2);
	assert_int_equal(death_with("worker.claimed", "x"), 2);
	assert_int_equal(death_with("worker.claimed", "0"), 2);
	assert_int_equal(death_with("", NULL), SURVIVED);
}

/* A grandchild's end becomes the child's. */
static int death_in_a_child_of_the_armed_process(const char *account)
{
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		arm("worker.claimed", account);
		pid_t worker = fork();
		int status = 0;

		if (worker == 0) {
			killpoint(KILL_WORKER_CLAIMED, 1);
			_exit(SURVIVED);
		}
		waitpid(worker, &status, 0);
		_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
	}
	return death_of(child);
}

static void only_a_point_of_one_account_strikes_in_children(void **state)
{
	assert_int_equal(death_in_a_child_of_the_armed_process(NULL), SURVIVED);
	assert_int_equal(death_in_a_child_of_the_armed_process("1"), 128 + SIGKILL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_point_has_a_name_of_its_own_and_words),
		cmocka_unit_test(each_blow_does_what_its_name_says),
		cmocka_unit_test(a_point_strikes_the_nth_time_it_is_reached),
		cmocka_unit_test(a_point_of_one_account_counts_no_other),
		cmocka_unit_test(a_setting_that_is_not_understood_ends_the_program),
		cmocka_unit_test(only_a_point_of_one_account_strikes_in_children),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

static void a_release_has_no_kill_points(void **state)
{
	assert_int_equal(death_with("worker.claimed", NULL), SURVIVED);
	assert_int_equal(death_with("no such point", "1"), SURVIVED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_release_has_no_kill_points)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
