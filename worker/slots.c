/* SPDX-License-Identifier: MIT */
/*
 * Leased slots. Guarded by the governor's lock.
 */
#include "worker/slots.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#define MS INT64_C(1000)

void slots_add(struct slots *slots, const struct slot_run *run)
{
	if (slots->run_count == SLOT_RUNS)
		slots->lapsed += run->count;
	else if (run->count > 0)
		slots->runs[slots->run_count++] = *run;
}

static void pass(struct slots *slots)
{
	struct slot_run *run = &slots->runs[0];

	run->first_us += run->step_us;
	if (--run->count == 0)
		memmove(run, run + 1, --slots->run_count * sizeof *run);
}

int64_t slots_next_us(struct slots *slots, int64_t now_us)
{
	while (slots->run_count) {
		int64_t slot_us = slots->runs[0].first_us;
		bool is_owed = slots->owed > 0 && slot_us >= slots->owed_since_us;

		if (slot_us + SLOT_USE_MS * MS >= now_us && !is_owed)
			return slot_us;
		slots->owed -= is_owed;
		slots->lapsed++;
		pass(slots);
	}
	return INT64_MAX;
}

void slots_take(struct slots *slots)
{
	assert(slots->run_count > 0);
	pass(slots);
}

int64_t slots_left(const struct slots *slots)
{
	int64_t left = -slots->owed;

	for (size_t i = 0; i < slots->run_count; i++)
		left += slots->runs[i].count;
	return left;
}

void slots_owe(struct slots *slots, int64_t now_us)
{
	slots->owed++;
	slots->owed_since_us = now_us;
}

void slots_drop_before(struct slots *slots, int64_t until_us)
{
	while (slots->run_count && slots->runs[0].first_us < until_us) {
		slots->lapsed++;
		pass(slots);
	}
}
