/* SPDX-License-Identifier: MIT */
/*
 * How far a command is, for whoever watches standard error: a line that rewrites itself on a
 * terminal, a line now and then elsewhere; nothing for what is quickly done.
 * Threads: the main thread alone.
 */
#ifndef OPERATOR_COMMAND_PROGRESS_H
#define OPERATOR_COMMAND_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct command_progress {
	const char *doing; /* "retrying dead letters" */
	const char *unit;  /* "messages passed" */
	int64_t shown_ms;
	bool is_terminal;
	bool is_drawn;
};

void command_progress_start(struct command_progress *progress, const char *doing, const char *unit);
void command_progress_show(struct command_progress *progress, int64_t done, int64_t total);
void command_progress_clear(struct command_progress *progress);

#endif
