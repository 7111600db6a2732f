/* SPDX-License-Identifier: MIT */
/*
 * How far a run is, for whoever watches standard error: a bar that redraws itself on a terminal, a
 * log line now and then elsewhere.
 *
 * Threads: the main thread alone.
 */
#ifndef PRODUCER_PROGRESS_H
#define PRODUCER_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/text.h"

struct progress {
	int64_t started_ms;
	int64_t shown_ms; /* when it was last shown */
	bool is_terminal;
	bool is_drawn; /* the cursor stands behind a bar */
};

void progress_start(struct progress *progress);
/* Show that done of total are done, unless something was shown a moment ago. */
void progress_show(struct progress *progress, int64_t done, int64_t total);
/* Take the bar away, so that something else can be printed. */
void progress_clear(struct progress *progress);

/* "[#####.....]  50 %  500/1000  250 jobs/s  2 s left": the bar without the terminal. */
void progress_format(int64_t done, int64_t total, int64_t elapsed_ms, struct text *out);

#endif
