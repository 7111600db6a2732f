/* SPDX-License-Identifier: MIT */
/*
 * The breaker of one endpoint. Run by the fetcher's thread.
 */
#include "worker/breaker.h"

#define TRY_BASE_MS    1000
#define TRY_CAP_MS     15000
#define PROBE_EVERY_MS 2000
/* A refused app waits for a person: it is tried as much more rarely. */
#define REFUSED_TIMES 4

void breaker_init(struct breaker *breaker)
{
	*breaker = (struct breaker){.backoff = {.base_ms = TRY_BASE_MS, .cap_ms = TRY_CAP_MS},
		.probe_sent_ms = INT64_MIN / 2,
		.probe_answered_ms = INT64_MIN / 2};
}

int64_t breaker_next_ms(const struct breaker *breaker)
{
	if (!breaker->open)
		return INT64_MIN;
	return breaker->trying ? INT64_MAX : breaker->try_ms;
}

void breaker_note_sent(struct breaker *breaker)
{
	breaker->trying = breaker->open;
}

void breaker_note_dropped(struct breaker *breaker)
{
	breaker->trying = false;
}

void breaker_note_answer(struct breaker *breaker, int64_t account_id, int64_t sent_ms)
{
	unsigned place = breaker->witness_count++ % BREAKER_KEPT;

	breaker->witnesses[place] = (struct breaker_witness){account_id, sent_ms};
	breaker->failing_count = 0;
	if (breaker->open)
		breaker_close(breaker);
}

void breaker_close(struct breaker *breaker)
{
	breaker->open = breaker->refused = breaker->trying = false;
	breaker->failing_count = 0;
	backoff_reset(&breaker->backoff);
}

/* At least TRY_BASE_MS / 2, so that an outage is not asked about more often than that. */
static void try_later(struct breaker *breaker, int64_t now_ms, uint64_t random)
{
	int64_t pause_ms = TRY_BASE_MS / 2 + backoff_next_ms(&breaker->backoff, random);

	breaker->trying = false;
	breaker->try_ms = now_ms + (breaker->refused ? REFUSED_TIMES * pause_ms : pause_ms);
}

static void begin_outage(struct breaker *breaker, int64_t now_ms, uint64_t random)
{
	breaker->open = true;
	breaker->outages++;
	try_later(breaker, now_ms, random);
}

static bool is_failing_already(const struct breaker *breaker, int64_t account_id)
{
	for (int i = 0; i < breaker->failing_count; i++)
		if (breaker->failing[i] == account_id)
			return true;
	return false;
}

/* True if the failure is part of an outage that is known already. */
static bool is_of_this_outage(struct breaker *breaker, int64_t account_id, int64_t now_ms,
	uint64_t random, struct doubt *doubt)
{
	*doubt = (struct doubt){account_id, now_ms, breaker->outages};
	if (!breaker->open)
		return false;
	doubt->outages--;
	try_later(breaker, now_ms, random);
	return true;
}

void breaker_note_refusal(struct breaker *breaker, int64_t account_id, int64_t now_ms,
	uint64_t random, struct doubt *doubt)
{
	breaker->refused = true;
	if (!is_of_this_outage(breaker, account_id, now_ms, random, doubt))
		begin_outage(breaker, now_ms, random);
}

void breaker_note_failure(struct breaker *breaker, int64_t account_id, int64_t now_ms,
	uint64_t random, struct doubt *doubt)
{
	if (is_of_this_outage(breaker, account_id, now_ms, random, doubt))
		return;
	if (!is_failing_already(breaker, account_id))
		breaker->failing[breaker->failing_count++] = account_id;
	if (breaker->failing_count == BREAKER_ACCOUNTS)
		begin_outage(breaker, now_ms, random);
}

bool breaker_is_due(const struct breaker *breaker, int64_t now_ms)
{
	return breaker->open && !breaker->trying && !breaker->probing && now_ms >= breaker->try_ms;
}

void breaker_note_probe(struct breaker *breaker, int64_t now_ms)
{
	breaker->probing = true;
	breaker->probe_sent_ms = now_ms;
}

void breaker_note_probe_end(
	struct breaker *breaker, enum probe_end end, int64_t now_ms, uint64_t random)
{
	breaker->probing = false;
	breaker->refused |= end == PROBE_REFUSED;
	if (end == PROBE_ANSWERED)
		breaker->probe_answered_ms = breaker->probe_sent_ms;
	else if (breaker->open)
		try_later(breaker, now_ms, random);
	else
		begin_outage(breaker, now_ms, random);
}

/* Calls for other accounts that were sent after the failure and got through. */
static int count_witnesses(const struct breaker *breaker, const struct doubt *doubt)
{
	int count = 0;

	for (unsigned i = 0; i < BREAKER_KEPT && i < breaker->witness_count; i++)
		count += breaker->witnesses[i].sent_ms > doubt->failed_ms &&
			 breaker->witnesses[i].account_id != doubt->account_id;
	return count;
}

enum judgement breaker_judge(
	const struct breaker *breaker, const struct doubt *doubt, int64_t now_ms)
{
	int witnesses;

	if (breaker->open)
		return JUDGED_LATER;
	if (breaker->outages > doubt->outages)
		return JUDGED_OUTAGE;
	witnesses = count_witnesses(breaker, doubt);
	if (witnesses >= BREAKER_WITNESSES || breaker->probe_answered_ms > doubt->failed_ms)
		return JUDGED_OWN;
	if (now_ms - doubt->failed_ms < BREAKER_WAIT_MS)
		return JUDGED_LATER;
	if (witnesses > 0)
		return JUDGED_OWN;
	if (breaker->probing || now_ms - breaker->probe_sent_ms < PROBE_EVERY_MS)
		return JUDGED_LATER;
	return JUDGED_PROBE;
}
