/* SPDX-License-Identifier: MIT */
/*
 * The life of a process from outside. The signal handler runs on any thread and only writes to an
 * eventfd.
 */
#include "common/process.h"
#include "common/killpoint.h"

#include <assert.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/crypto.h"

/*
 * rabbitmq-c before 0.14 decodes the header tables of a message by recursion, one inside the other
 * as deep as a frame of 128 KiB can hold them: measured with 0.11, 21,674 tables take 2.4 MB of
 * stack, 26,009 arrays 2.5 MB. Anybody who may publish could else end every worker.
 */
#define STACK_BYTES ((size_t)8 * 1024 * 1024)

#if defined(__SANITIZE_ADDRESS__)
#define STORESYNC_TRACEABLE
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define STORESYNC_TRACEABLE
#endif
#endif

static atomic_bool stopping;
static int stop_fd = -1;

static void ask_to_stop(int signal_number)
{
	static const uint64_t one = 1;

	if (atomic_exchange(&stopping, true)) {
		/*
		 * Supervisors repeat SIGTERM; that must not cut a token refresh. A person who
		 * insists may.
		 */
		if (signal_number == SIGINT)
			_exit(128 + signal_number);
		return;
	}
	if (write(stop_fd, &one, sizeof one) != sizeof one)
		_exit(128 + signal_number);
}

/*
 * Also hides /proc/PID/environ and the like from other processes of the same user. Not in a build
 * with AddressSanitizer, whose search for leaks traces its own process.
 */
static void forbid_tracing(void)
{
#ifndef STORESYNC_TRACEABLE
	prctl(PR_SET_DUMPABLE, 0);
#endif
}

static void allow_many_files(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

/* The main thread's stack grows up to this limit, whatever it was at the start. */
static void allow_deep_stack(void)
{
	struct rlimit stack;

	if (getrlimit(RLIMIT_STACK, &stack) == 0 && stack.rlim_cur < STACK_BYTES) {
		stack.rlim_cur = stack.rlim_max < STACK_BYTES ? stack.rlim_max : STACK_BYTES;
		setrlimit(RLIMIT_STACK, &stack);
	}
}

void process_prepare(void)
{
	struct sigaction stop = {.sa_handler = ask_to_stop, .sa_flags = SA_RESTART};
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	const struct rlimit no_core = {0, 0};

	killpoint_arm();
	stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert(stop_fd >= 0);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	setrlimit(RLIMIT_CORE, &no_core);
	forbid_tracing();
	allow_many_files();
	allow_deep_stack();
}

bool process_is_stopping(void)
{
	return atomic_load(&stopping);
}

int process_stop_fd(void)
{
	return stop_fd;
}

void process_start_thread(const char *name, pthread_t *thread, void *(*run)(void *), void *argument)
{
	pthread_attr_t attributes;
	int failed;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	failed = pthread_create(thread, &attributes, run, argument);
	pthread_attr_destroy(&attributes);
	if (failed) {
		fprintf(stderr, "storesync: cannot start the thread %s: %s\n", name,
			strerror(failed));
		abort();
	}
	pthread_setname_np(*thread, name);
}

void process_worker_name(char *name, size_t size_bytes)
{
	char host[65] = "localhost";

	gethostname(host, sizeof host - 1);
	snprintf(name, size_bytes, "%s:%ld:%08x", host, (long)getpid(), (uint32_t)random_u64());
}

bool process_answer_options(int argc, char *const *argv, const char *program,
	void (*print_help)(FILE *out), enum exit_code *code)
{
	*code = EXIT_DONE;
	if (argc <= 1)
		return false;
	if (strcmp(argv[1], "--help") == 0) {
		print_help(stdout);
	} else if (strcmp(argv[1], "--version") == 0) {
		printf("%s %s\n", program, STORESYNC_VERSION);
	} else {
		fprintf(stderr, "%s: unknown argument \"%s\"; see %s --help\n", program, argv[1],
			program);
		*code = EXIT_USAGE;
	}
	return true;
}
