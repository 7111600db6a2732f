/* SPDX-License-Identifier: MIT */
/*
 * The pace of connecting, see db_pace.h. Run by the threads that use a pool, under its lock.
 */
#include "common/db_pace.h"

#define PERIOD_MS  1000
#define LONGEST_MS 15000

void db_pace_init(struct db_pace *pace)
{
	*pace = (struct db_pace){
		.backoff = {.base_ms = PERIOD_MS, .cap_ms = LONGEST_MS - PERIOD_MS}};
}

int64_t db_pace_pause_ms(const struct db_pace *pace, int64_t now_ms)
{
	if (pace->trouble.class == ERROR_NONE || now_ms >= pace->connect_at_ms)
		return 0;
	return pace->connect_at_ms - now_ms;
}

/* In trouble the next one keeps its distance even if this one succeeds: it may break as soon. */
void db_pace_note_attempt(struct db_pace *pace, int64_t now_ms)
{
	pace->connect_at_ms = now_ms + PERIOD_MS;
	pace->tried = true;
}

static void pause_longer(struct db_pace *pace, uint64_t random, int64_t now_ms)
{
	pace->connect_at_ms = now_ms + PERIOD_MS + backoff_next_ms(&pace->backoff, random);
	pace->tried = false;
}

void db_pace_note_failure(
	struct db_pace *pace, const struct error *err, uint64_t random, int64_t now_ms)
{
	pace->trouble = *err;
	pause_longer(pace, random, now_ms);
}

void db_pace_note_loss(struct db_pace *pace, const char *reason, uint64_t random, int64_t now_ms)
{
	if (pace->trouble.class == ERROR_NONE) {
		error_set(&pace->trouble, ERROR_DATABASE, "%s", reason);
		pace->connect_at_ms = 0;
		pace->tried = false;
	} else if (pace->tried) {
		pause_longer(pace, random, now_ms);
	}
}

void db_pace_note_health(struct db_pace *pace)
{
	if (!pace->tried)
		return;
	pace->trouble.class = ERROR_NONE;
	backoff_reset(&pace->backoff);
}
