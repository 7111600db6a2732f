/* SPDX-License-Identifier: MIT */
/*
 * How far a command is, for whoever watches standard error: a line that rewrites itself on a
 * terminal, a line now and then elsewhere; nothing for what is quickly done.
 * Threads: the main thread alone.
 */
#ifndef OPERATOR_DEAD_PROGRESS_H
#define OPERATOR_DEAD_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct dead_progress {
	const char *doing;
	int64_t shown_ms;
	bool is_terminal;
	bool is_drawn;
};

void dead_progress_start(struct dead_progress *progress, const char *doing);
void dead_progress_show(struct dead_progress *progress, int64_t done, int64_t total);
void dead_progress_clear(struct dead_progress *progress);

#endif
