/* SPDX-License-Identifier: MIT */
/*
 * The logger's pace, see pace.h. Runs on the logger's main thread.
 */
#include "logger/pace.h"

void pace_note_arrival(struct pace *pace, int held, int64_t now_ms)
{
	if (held == 0)
		pace->due_at_ms = now_ms + PACE_LINGER_MS;
}

void pace_note_done(struct pace *pace, int rows, int64_t now_ms)
{
	pace->alone = pace->alone > rows ? pace->alone - rows : 0;
	/* What is still held came later than what is done. */
	pace->due_at_ms = now_ms + PACE_LINGER_MS;
}

void pace_note_refusal(struct pace *pace, int rows)
{
	pace->alone = rows;
}

void pace_note_dropped(struct pace *pace)
{
	pace->alone = 0;
}

int pace_rows(const struct pace *pace, int held, enum pace_hurry hurry, int64_t now_ms)
{
	if (held == 0)
		return 0;
	if (pace->alone > 0)
		return 1;
	if (held >= PACE_ROWS_MAX)
		return PACE_ROWS_MAX;
	return hurry == PACE_FLUSH || now_ms >= pace->due_at_ms ? held : 0;
}

int64_t pace_idle_ms(const struct pace *pace, int held, int64_t now_ms)
{
	int64_t idle_ms = pace->due_at_ms - now_ms;

	if (held == 0 || idle_ms > PACE_IDLE_MS)
		return PACE_IDLE_MS;
	return pace->alone > 0 || idle_ms < 0 ? 0 : idle_ms;
}
