/* SPDX-License-Identifier: MIT */
/*
 * Where a job goes next. Run by every stage's thread, for the job it owns.
 */
#include "worker/line.h"

#include "common/clock.h"

void line_hand_over(struct line *line, struct job *job, enum sync_action action)
{
	job->action = action;
	if (line->advanced)
		line->advanced(job);
	if (line_wants_back(line, job)) {
		line_give_back(line, job);
		return;
	}
	job->due_ms = job->wait_ms ? clock_monotonic_ms() + job->wait_ms : 0;
	switch (action) {
	case SYNC_CLAIM:
	case SYNC_LEASE:
	case SYNC_SAVE_TOKEN:
	case SYNC_RELEASE:
	case SYNC_RETURN:
		claims_put(line->claims, job);
		break;
	case SYNC_CALL:
	case SYNC_DOUBT:
		fetcher_put(line->fetcher, job);
		break;
	case SYNC_ISOLATE:
		isolation_put(line->isolation, job);
		break;
	case SYNC_SAVE_ROWS:
		writer_put(line->writers[job->message.account_id % LINE_WRITERS], job);
		break;
	case SYNC_REPORT:
		outlet_put(line->outlet, job);
		break;
	case SYNC_DONE:
		line->settle(line, job);
		break;
	}
}

static int64_t now_us(const struct line *line)
{
	int64_t offset_us = atomic_load(&line->clock_offset_us);

	return offset_us ? clock_monotonic_ms() * 1000 + offset_us : clock_unix_us();
}

static enum sync_action advance(struct line *line, struct job *job, const struct outcome *outcome)
{
	bool held_lease = job->holds_lease;
	enum sync_action action = sync_advance(job, &line->settings, outcome);

	if (job->holds_lease != held_lease)
		atomic_fetch_add(&line->refreshes, job->holds_lease ? 1 : -1);
	return action;
}

void line_pass(struct line *line, struct job *job, enum outcome_kind kind)
{
	struct outcome outcome = {.kind = kind, .now_us = now_us(line)};

	line_hand_over(line, job, advance(line, job, &outcome));
}

void line_pass_failure(struct line *line, struct job *job, const struct error *error)
{
	struct outcome outcome = {.kind = OUTCOME_FAILED, .now_us = now_us(line), .error = error};

	line_hand_over(line, job, advance(line, job, &outcome));
}

enum sync_action line_advance_reply(
	struct line *line, struct job *job, const struct http_reply *reply)
{
	struct outcome outcome = {.kind = OUTCOME_REPLIED, .now_us = now_us(line), .reply = reply};

	return advance(line, job, &outcome);
}

void line_give_back(struct line *line, struct job *job)
{
	job->give_back = true;
	job->due_ms = 0;
	if (!job->claim.begun) {
		line->settle(line, job);
		return;
	}
	job->action = SYNC_RETURN;
	claims_put(line->claims, job);
}

bool line_gives_back(const struct line *line)
{
	return atomic_load(&line->giving_back) || atomic_load(&line->recalls) > 0;
}

bool line_wants_back(const struct line *line, const struct job *job)
{
	if (atomic_load(&line->giving_back) && sync_may_stop_before(job, job->action))
		return true;
	return atomic_load(&job->recalled) && sync_may_be_recalled_before(job, job->action);
}

void line_give_back_queue(struct line *line, struct queue *queue)
{
	/* Once around: what stays is put behind what stayed before it. */
	for (size_t left = queue_length(queue); left > 0; left--) {
		struct job *job = (struct job *)queue_take(queue, 0);

		if (!job)
			return;
		if (line_wants_back(line, job))
			line_give_back(line, job);
		else
			queue_put(queue, &job->link);
	}
}

void line_give_back_rest(struct line *line)
{
	atomic_store(&line->giving_back, true);
	claims_wake(line->claims);
	fetcher_wake(line->fetcher);
	isolation_wake(line->isolation);
}
