/* SPDX-License-Identifier: MIT */
/*
 * Child processes of tests. Every child asks the kernel to be killed when the test program ends.
 * The test thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "tests/support/environment.h"
#include "tests/support/wait.h"

#define POLL_NS 10000000

struct test_process {
	pid_t pid;
	int status; /* exit code, 128 + signal; -1 while it runs */
	char *name;
	char *log_path;
	bool log_is_ours;
	struct text output;
	const char *awaited;
};

/* In the child: become argv, or end with the code that a shell gives for a missing command. */
_Noreturn static void become(
	const char *path, const char *const argv[], const char *const environment[], int log)
{
	char **arguments;
	size_t count = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (argv[count])
		count++;
	arguments = memory_allocate(count + 1, sizeof *arguments);
	for (size_t i = 0; i < count; i++)
		arguments[i] = memory_copy_text(argv[i]);
	for (size_t i = 0; environment && environment[i]; i++)
		putenv(memory_copy_text(environment[i]));
	dup2(log, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
	execvp(path, arguments);
	dprintf(STDERR_FILENO, "cannot run %s: %s\n", path, strerror(errno));
	_exit(127);
}

struct test_process *test_process_start(
	const char *const argv[], const char *const environment[], const char *log_path)
{
	struct test_process *process = memory_allocate(1, sizeof *process);
	char *path = strchr(argv[0], '/') ? memory_copy_text(argv[0]) : test_binary(argv[0]);
	int log;

	process->status = -1;
	process->name = memory_copy_text(argv[0]);
	process->log_is_ours = !log_path;
	process->log_path = log_path ? memory_copy_text(log_path) : test_temporary_path("output");
	log = open(process->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (log < 0)
		fail_msg("cannot write %s: %s", process->log_path, strerror(errno));
	process->pid = fork();
	if (process->pid == 0)
		become(path, argv, environment, log);
	if (process->pid < 0)
		fail_msg("cannot fork: %s", strerror(errno));
	close(log);
	free(path);
	return process;
}

pid_t test_process_pid(const struct test_process *process)
{
	return process->pid;
}

bool test_process_is_running(struct test_process *process)
{
	return test_process_wait(process, 0) < 0;
}

void test_process_signal(struct test_process *process, int signal_number)
{
	if (process->status < 0)
		kill(process->pid, signal_number);
}

int test_process_wait(struct test_process *process, int64_t timeout_ms)
{
	const struct timespec pause = {.tv_nsec = POLL_NS};
	int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
	int status;

	while (process->status < 0) {
		if (waitpid(process->pid, &status, WNOHANG) == process->pid)
			process->status =
				WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
		else if (clock_monotonic_ms() >= deadline_ms)
			break;
		else
			nanosleep(&pause, NULL);
	}
	return process->status;
}

int test_process_stop(struct test_process *process)
{
	test_process_signal(process, SIGTERM);
	if (test_process_wait(process, TEST_WAIT_MS) < 0) {
		test_process_kill(process);
		fail_msg("%s had not ended %d ms after SIGTERM; it printed:\n%s", process->name,
			TEST_WAIT_MS, test_process_output(process));
	}
	return process->status;
}

void test_process_kill(struct test_process *process)
{
	test_process_signal(process, SIGKILL);
	test_process_wait(process, TEST_WAIT_MS);
}

const char *test_process_output(struct test_process *process)
{
	text_clear(&process->output);
	test_read_file(process->log_path, &process->output);
	return text_string(&process->output);
}

static bool has_ended_or_printed(void *context)
{
	struct test_process *process = context;

	return !test_process_is_running(process) ||
	       strstr(test_process_output(process), process->awaited);
}

void test_process_wait_for_output(struct test_process *process, const char *text)
{
	process->awaited = text;
	test_wait_until(has_ended_or_printed, process);
	if (!strstr(test_process_output(process), text))
		fail_msg("%s (%s) does not print \"%s\" but:\n%s", process->name,
			process->status < 0 ? "running" : "ended", text,
			text_string(&process->output));
}

/*
 * A report of AddressSanitizer, UndefinedBehaviorSanitizer, LeakSanitizer or ThreadSanitizer in
 * what was printed.
 */
static bool sanitizer_complained(struct test_process *process)
{
	const char *output = test_process_output(process);

	return strstr(output, "Sanitizer: ") || strstr(output, ": runtime error: ");
}

void test_process_destroy(struct test_process *process)
{
	bool complained;

	if (!process)
		return;
	test_process_kill(process);
	complained = sanitizer_complained(process);
	if (complained)
		print_error("%s printed:\n%s\n", process->name, text_string(&process->output));
	if (process->log_is_ours)
		unlink(process->log_path);
	text_finish(&process->output);
	free(process->log_path);
	free(process->name);
	free(process);
	if (complained)
		fail_msg("a sanitizer complained of a program under test");
}

int test_run(const char *const argv[], const char *const environment[], struct text *output)
{
	struct test_process *process = test_process_start(argv, environment, NULL);
	int status = test_process_wait(process, TEST_WAIT_MS);

	if (status < 0) {
		test_process_kill(process);
		fail_msg("%s had not ended after %d ms; it printed:\n%s", argv[0], TEST_WAIT_MS,
			test_process_output(process));
	}
	if (output)
		text_append(output, test_process_output(process));
	test_process_destroy(process);
	return status;
}
