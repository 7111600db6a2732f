/* SPDX-License-Identifier: MIT */
/*
 * The progress bar. Runs on the main thread.
 */
#include "producer/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"

#define BAR_WIDTH      30
#define REDRAW_MS      100
#define LOG_MS         5000
#define ERASE_THE_LINE "\r\033[K"

void progress_start(struct progress *progress)
{
	int64_t now_ms = clock_monotonic_ms();

	*progress = (struct progress){
		.started_ms = now_ms,
		.shown_ms = now_ms,
		.is_terminal = isatty(STDERR_FILENO) == 1,
	};
}

void progress_format(int64_t done, int64_t total, int64_t elapsed_ms, struct text *out)
{
	int64_t filled = total > 0 ? BAR_WIDTH * done / total : BAR_WIDTH;
	int64_t percent = total > 0 ? 100 * done / total : 100;
	int64_t per_second = elapsed_ms > 0 ? done * 1000 / elapsed_ms : 0;

	text_append_char(out, '[');
	for (int64_t i = 0; i < BAR_WIDTH; i++)
		text_append_char(out, i < filled ? '#' : '.');
	text_append_format(out, "] %3lld %%  %lld/%lld", (long long)percent, (long long)done,
		(long long)total);
	text_append_format(out, "  %lld jobs/s", (long long)per_second);
	if (per_second > 0)
		text_append_format(out, "  %lld s left", (long long)((total - done) / per_second));
}

static void draw(struct progress *progress, int64_t done, int64_t total, int64_t elapsed_ms)
{
	struct text bar = {0};

	progress_format(done, total, elapsed_ms, &bar);
	fprintf(stderr, ERASE_THE_LINE "%s", text_string(&bar));
	fflush(stderr);
	text_finish(&bar);
	progress->is_drawn = true;
}

void progress_show(struct progress *progress, int64_t done, int64_t total)
{
	int64_t now_ms = clock_monotonic_ms();
	int64_t elapsed_ms = now_ms - progress->started_ms;

	if (now_ms - progress->shown_ms < (progress->is_terminal ? REDRAW_MS : LOG_MS))
		return;
	progress->shown_ms = now_ms;
	if (progress->is_terminal)
		draw(progress, done, total, elapsed_ms);
	else
		log_info("published %lld of %lld jobs, %lld a second", (long long)done,
			(long long)total, (long long)(done * 1000 / elapsed_ms));
}

void progress_clear(struct progress *progress)
{
	if (!progress->is_drawn)
		return;
	fputs(ERASE_THE_LINE, stderr);
	fflush(stderr);
	progress->is_drawn = false;
}
