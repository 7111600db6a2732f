/* SPDX-License-Identifier: MIT */
/*
 * The progress line. Runs on the main thread.
 */
#include "operator/command_progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "common/clock.h"

#define FIRST_MS       1000
#define REDRAW_MS      200
#define LINE_MS        5000
#define ERASE_THE_LINE "\r\033[K"

void command_progress_start(struct command_progress *progress, const char *doing, const char *unit)
{
	bool is_terminal = isatty(STDERR_FILENO) == 1;
	int64_t first_ms = is_terminal ? REDRAW_MS - FIRST_MS : 0;

	*progress = (struct command_progress){
		.doing = doing,
		.unit = unit,
		.shown_ms = clock_monotonic_ms() - first_ms,
		.is_terminal = is_terminal,
	};
}

void command_progress_show(struct command_progress *progress, int64_t done, int64_t total)
{
	int64_t now_ms = clock_monotonic_ms();

	if (now_ms - progress->shown_ms < (progress->is_terminal ? REDRAW_MS : LINE_MS))
		return;
	progress->shown_ms = now_ms;
	fprintf(stderr, "%s%s: %" PRId64 " of %" PRId64 " %s%s",
		progress->is_terminal ? ERASE_THE_LINE : "", progress->doing, done, total,
		progress->unit, progress->is_terminal ? "" : "\n");
	fflush(stderr);
	progress->is_drawn = progress->is_terminal;
}

void command_progress_clear(struct command_progress *progress)
{
	if (!progress->is_drawn)
		return;
	fputs(ERASE_THE_LINE, stderr);
	fflush(stderr);
	progress->is_drawn = false;
}
