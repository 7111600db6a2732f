/* SPDX-License-Identifier: MIT */
/*
 * What process_prepare() changes is for good, so each test acts in a child of its own and reads its
 * exit code.
 */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/process.h"

/* The exit code of a child that runs the function; 128 + signal when one ended it. */
static int run_child(int (*run)(void))
{
	int status = 0;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		alarm(60);
		_exit(run());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static bool stop_fd_is_readable(void)
{
	struct pollfd watched = {.fd = process_stop_fd(), .events = POLLIN};

	return poll(&watched, 1, 0) == 1;
}

static void wait_stop(void)
{
	struct pollfd watched = {.fd = process_stop_fd(), .events = POLLIN};

	while (!process_is_stopping())
		poll(&watched, 1, -1);
}

static int stop_on_signal(void)
{
	process_prepare();
	if (process_is_stopping() || stop_fd_is_readable())
		return 1;
	raise(SIGTERM);
	wait_stop();
	return process_is_stopping() && stop_fd_is_readable() ? 0 : 2;
}

static void signal_asks_the_process_to_stop(void **state)
{
	assert_int_equal(run_child(stop_on_signal), 0);
}

static int wait_for_another_process(void)
{
	pid_t child;

	process_prepare();
	child = fork();
	if (child == 0) {
		usleep(50000);
		kill(getppid(), SIGINT);
		_exit(0);
	}
	wait_stop();
	waitpid(child, NULL, 0);
	return process_is_stopping() ? 0 : 1;
}

static void wait_sleeps_until_the_signal(void **state)
{
	assert_int_equal(run_child(wait_for_another_process), 0);
}

static int interrupt_twice(void)
{
	process_prepare();
	raise(SIGINT);
	raise(SIGINT);
	return 0;
}

static int terminate_twice(void)
{
	process_prepare();
	raise(SIGTERM);
	raise(SIGTERM);
	return process_is_stopping() ? 0 : 1;
}

static void second_interrupt_ends_at_once(void **state)
{
	assert_int_equal(run_child(interrupt_twice), 128 + SIGINT);
}

static void second_termination_cuts_nothing(void **state)
{
	assert_int_equal(run_child(terminate_twice), 0);
}

static int write_to_nobody(void)
{
	int ends[2];

	process_prepare();
	if (pipe(ends) != 0)
		return 1;
	close(ends[0]);
	return write(ends[1], "x", 1) == -1 ? 0 : 2;
}

static void broken_pipe_is_an_error_and_no_end(void **state)
{
	assert_int_equal(run_child(write_to_nobody), 0);
}

/* Of another caller's making: less stack than the deepest message takes. */
static int start_with_a_small_stack(void)
{
	struct rlimit stack;

	getrlimit(RLIMIT_STACK, &stack);
	stack.rlim_cur = (rlim_t)512 * 1024;
	setrlimit(RLIMIT_STACK, &stack);
	process_prepare();
	getrlimit(RLIMIT_STACK, &stack);
	return stack.rlim_cur >= (rlim_t)8 * 1024 * 1024 || stack.rlim_cur == stack.rlim_max ? 0
											     : 1;
}

static void the_main_thread_has_as_much_stack_as_the_others(void **state)
{
	assert_int_equal(run_child(start_with_a_small_stack), 0);
}

static int read_limits(void)
{
	struct rlimit core, files;

	process_prepare();
	if (getrlimit(RLIMIT_CORE, &core) != 0 || getrlimit(RLIMIT_NOFILE, &files) != 0)
		return 1;
	return core.rlim_cur == 0 && core.rlim_max == 0 && files.rlim_cur == files.rlim_max ? 0 : 2;
}

static void no_core_dumps_and_many_files(void **state)
{
	assert_int_equal(run_child(read_limits), 0);
}

/* What a thread says about itself, for the test to judge. */
struct thread_facts {
	char name[16];
	size_t stack_bytes;
};

static void *look_around(void *argument)
{
	struct thread_facts *facts = argument;
	pthread_attr_t attributes;

	for (int i = 0; i < 1000 && strcmp(facts->name, "claims") != 0; i++) {
		pthread_getname_np(pthread_self(), facts->name, sizeof facts->name);
		usleep(1000); /* the name is given after the start */
	}
	pthread_getattr_np(pthread_self(), &attributes);
	pthread_attr_getstacksize(&attributes, &facts->stack_bytes);
	pthread_attr_destroy(&attributes);
	return facts;
}

static void thread_has_its_name_and_a_large_stack(void **state)
{
	struct thread_facts facts = {0};
	void *returned = NULL;
	pthread_t thread;

	process_start_thread("claims", &thread, look_around, &facts);
	pthread_join(thread, &returned);

	assert_ptr_equal(returned, &facts);
	assert_string_equal(facts.name, "claims");
	assert_true(facts.stack_bytes >= (size_t)8 * 1024 * 1024);
}

static void worker_name_is_host_and_pid_and_never_the_same_twice(void **state)
{
	char name[101], again[101], pid[32];

	process_worker_name(name, sizeof name);
	process_worker_name(again, sizeof again);
	snprintf(pid, sizeof pid, ":%ld:", (long)getpid());

	assert_non_null(strstr(name, pid));
	assert_string_not_equal(name, again);
}

static void print_help(FILE *out)
{
	fputs("help\n", out);
}

static int with_option(const char *option, enum exit_code *code)
{
	char program[] = "program";
	char argument[32];
	char *argv[] = {program, argument, NULL};

	snprintf(argument, sizeof argument, "%s", option);
	return process_answer_options(2, argv, "program", print_help, code);
}

static int refuse_option(void)
{
	enum exit_code code = EXIT_DONE;

	if (!freopen("/dev/null", "w", stderr))
		return 9;
	return with_option("--what", &code) ? (int)code : 9;
}

static int answer_help(void)
{
	enum exit_code code = EXIT_FAILED;

	if (!freopen("/dev/null", "w", stdout))
		return 9;
	return with_option("--help", &code) ? (int)code : 9;
}

static void options_are_answered_or_refused(void **state)
{
	assert_int_equal(run_child(answer_help), EXIT_DONE);
	assert_int_equal(run_child(refuse_option), EXIT_USAGE);
}

static void without_options_the_program_runs(void **state)
{
	char program[] = "program";
	char *argv[] = {program, NULL};
	enum exit_code code = EXIT_FAILED;

	assert_false(process_answer_options(1, argv, "program", print_help, &code));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signal_asks_the_process_to_stop),
		cmocka_unit_test(wait_sleeps_until_the_signal),
		cmocka_unit_test(second_interrupt_ends_at_once),
		cmocka_unit_test(second_termination_cuts_nothing),
		cmocka_unit_test(the_main_thread_has_as_much_stack_as_the_others),
		cmocka_unit_test(broken_pipe_is_an_error_and_no_end),
		cmocka_unit_test(no_core_dumps_and_many_files),
		cmocka_unit_test(thread_has_its_name_and_a_large_stack),
		cmocka_unit_test(worker_name_is_host_and_pid_and_never_the_same_twice),
		cmocka_unit_test(options_are_answered_or_refused),
		cmocka_unit_test(without_options_the_program_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
