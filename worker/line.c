/* SPDX-License-Identifier: MIT */
/*
 * Where a job goes next. Run by every stage's thread, for the job it owns.
 */
#include "worker/line.h"

#include "common/clock.h"

static void hand_over(struct line *line, struct job *job, enum sync_action action)
{
	if (atomic_load(&line->giving_back) && sync_may_stop_before(job, action)) {
		line_give_back(line, job);
		return;
	}
	job->action = action;
	job->due_ms = job->wait_ms ? clock_monotonic_ms() + job->wait_ms : 0;
	switch (action) {
	case SYNC_CLAIM:
	case SYNC_LEASE:
	case SYNC_SAVE_TOKEN:
	case SYNC_RELEASE:
		claims_put(line->claims, job);
		break;
	case SYNC_CALL:
		fetcher_put(line->fetcher, job);
		break;
	case SYNC_SAVE_ROWS:
		writer_put(line->writers[job->message.account_id % LINE_WRITERS], job);
		break;
	case SYNC_REPORT:
		outlet_put(line->outlet, job);
		break;
	case SYNC_DONE:
		intake_settle(line->intake, job);
		break;
	}
}

static void pass(struct line *line, struct job *job, const struct outcome *outcome)
{
	bool held_lease = job->holds_lease;
	enum sync_action action = sync_advance(job, &line->settings, outcome);

	if (job->holds_lease != held_lease)
		atomic_fetch_add(&line->refreshes, job->holds_lease ? 1 : -1);
	hand_over(line, job, action);
}

void line_pass(struct line *line, struct job *job, enum outcome_kind kind)
{
	struct outcome outcome = {.kind = kind, .now_us = clock_unix_us()};

	pass(line, job, &outcome);
}

void line_pass_reply(struct line *line, struct job *job, const struct http_reply *reply)
{
	struct outcome outcome = {
		.kind = OUTCOME_REPLIED, .now_us = clock_unix_us(), .reply = reply};

	pass(line, job, &outcome);
}

void line_pass_failure(struct line *line, struct job *job, const struct error *error)
{
	struct outcome outcome = {
		.kind = OUTCOME_FAILED, .now_us = clock_unix_us(), .error = error};

	pass(line, job, &outcome);
}

void line_give_back(struct line *line, struct job *job)
{
	job->give_back = true;
	intake_settle(line->intake, job);
}

void line_give_back_rest(struct line *line)
{
	atomic_store(&line->giving_back, true);
	claims_wake(line->claims);
	fetcher_wake(line->fetcher);
}
