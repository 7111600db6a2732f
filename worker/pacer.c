/* SPDX-License-Identifier: MIT */
/*
 * The pace of one endpoint. Owned by the fetcher's thread.
 */
#include "worker/pacer.h"

#include <stdlib.h>

#include "common/memory.h"

/*
 * A call leaves us and arrives there at different speeds: two that are a minute apart here may be
 * less there.
 */
#define WINDOW_MS 62000

void pacer_init(struct pacer *pacer, size_t limit)
{
	*pacer = (struct pacer){.limit = limit};
	if (!limit)
		return;
	pacer->sent_ms = memory_allocate(limit, sizeof *pacer->sent_ms);
	for (size_t i = 0; i < limit; i++)
		pacer->sent_ms[i] = INT64_MIN / 2;
}

void pacer_finish(struct pacer *pacer)
{
	free(pacer->sent_ms);
	*pacer = (struct pacer){0};
}

int64_t pacer_next_ms(const struct pacer *pacer)
{
	int64_t next_ms = pacer->limit ? pacer->sent_ms[pacer->next] + WINDOW_MS : INT64_MIN;

	return next_ms > pacer->paused_until_ms ? next_ms : pacer->paused_until_ms;
}

void pacer_note_sent(struct pacer *pacer, int64_t now_ms)
{
	if (!pacer->limit)
		return;
	pacer->sent_ms[pacer->next] = now_ms;
	pacer->next = (pacer->next + 1) % pacer->limit;
}

void pacer_pause(struct pacer *pacer, int64_t until_ms)
{
	if (until_ms > pacer->paused_until_ms)
		pacer->paused_until_ms = until_ms;
}
