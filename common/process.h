/* SPDX-License-Identifier: MIT */
/*
 * What the main() of every program does alike: exit codes, being asked to stop, keeping secrets out
 * of core dumps, threads.
 */
#ifndef COMMON_PROCESS_H
#define COMMON_PROCESS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum exit_code {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,   /* bad usage or settings */
	EXIT_WANTING = 3, /* checked and found wanting */
};

/*
 * Once, before any thread starts: SIGTERM and SIGINT from now on ask the process to stop (a second
 * SIGINT ends it at once), SIGPIPE is ignored, core dumps and ptrace by others are forbidden
 * (secrets are in memory), and as many files may be open as the hard limit allows.
 */
void process_prepare(void);
bool process_is_stopping(void);
/* Readable for good once the process is asked to stop: for poll(2). */
int process_stop_fd(void);

/*
 * A thread with this name (at most 15 characters) and a stack of 8 MB; ends the process when there
 * can be none.
 */
void process_start_thread(
	const char *name, pthread_t *thread, void *(*run)(void *), void *argument);

/*
 * "host:pid:chance", which tells the processes of a fleet apart, also containers that share a host
 * name and each have the pid 1: two that take themselves for one would share a token lease.
 */
void process_worker_name(char *name, size_t size_bytes);

/*
 * The command line of a program that has no options of its own: --help and --version are answered,
 * anything else is refused in words. False: the program runs. True: it ends with *code.
 */
bool process_answer_options(int argc, char *const *argv, const char *program,
	void (*print_help)(FILE *out), enum exit_code *code);

#endif
