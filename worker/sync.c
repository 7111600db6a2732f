/* SPDX-License-Identifier: MIT */
/*
 * The story of a job. Each step is a short function, in the order in which things happen; it is run
 * by the stage that has just performed the job's last action.
 */
#include "worker/sync.h"

#include <assert.h>
#include <string.h>

#include "worker/sync_steps.h"
#include "worker/verdict.h"

/*
 * RabbitMQ counts every lost connection against every message that its consumer had, and puts a
 * message with the dead letters after 50 (topology.c). That count is there for messages which kill
 * us before we can count; who comes here is counted by the manifest, and gets a new message.
 */
#define DELIVERIES_MAX  20
#define QUOTA_WAIT_MS   1000
#define QUOTA_WAIT_CAP  60000
#define QUOTA_WAITS_MAX 8 /* then the job goes through the ladder, and others get their turn */

static enum sync_action read_user(struct job *job, const struct sync_settings *settings);
static enum sync_action read_videos(struct job *job, const struct sync_settings *settings);

enum sync_action step_go(struct job *job, enum sync_step step, enum sync_action action)
{
	job->step = step;
	job->wait_ms = 0;
	return action;
}

/* ---- How an attempt ends ---- */

static enum sync_action save(struct job *job)
{
	if (job->holds_lease)
		return step_go(job, STEP_RELEASE, SYNC_RELEASE);
	return step_go(job, STEP_SAVE, SYNC_SAVE_ROWS);
}

enum sync_action step_succeed(struct job *job)
{
	verdict_succeed(job);
	return save(job);
}

enum sync_action step_fail(struct job *job, const struct error *err)
{
	verdict_fail(job, err);
	snapshot_finish(&job->snapshot); /* half a slice is none */
	return save(job);
}

enum sync_action step_fail_with(struct job *job, enum error_class class, const char *text)
{
	struct error err;

	error_set(&err, class, "%s", text);
	return step_fail(job, &err);
}

/* ---- Whose failure a failed call is ---- */

enum sync_action step_doubt(struct job *job, const struct error *err)
{
	enum error_blame blame = error_rule(err->class)->blame;

	if (blame != BLAME_DOUBT && blame != BLAME_APP)
		return step_fail(job, err);
	job->failure = *err;
	job->failed_step = job->step;
	if (job->holds_lease) /* an outage may last longer than a lease */
		return step_go(job, STEP_RELEASE, SYNC_RELEASE);
	return step_go(job, STEP_DOUBT, SYNC_DOUBT);
}

static enum sync_action after_doubt(
	struct job *job, const struct sync_settings *settings, const struct outcome *outcome)
{
	struct error failure = job->failure;

	job->failure = (struct error){0};
	if (outcome->kind == OUTCOME_BLAMED)
		return step_fail(job, &failure);
	if (job->failed_step == STEP_REFRESH)
		return step_lease_token(job);
	return job->failed_step == STEP_USER ? read_user(job, settings)
					     : read_videos(job, settings);
}

/* ---- Claim ---- */

static enum sync_action start(struct job *job, const struct outcome *outcome)
{
	job->started_at_us = outcome->now_us;
	if (job->deliveries >= DELIVERIES_MAX) {
		verdict_renew(job);
		return step_go(job, STEP_REPORT, SYNC_REPORT);
	}
	return step_go(job, STEP_CLAIM, SYNC_CLAIM);
}

static bool token_is_due(
	const struct job *job, const struct sync_settings *settings, int64_t now_us)
{
	const struct account *account = &job->account;
	/* Up to half as much more, each token its own: what was issued at once is not due at once. */
	uint64_t share =
		((uint64_t)job->message.account_id * 31 + (uint64_t)account->token_version) *
			UINT64_C(0x9e3779b97f4a7c15) >>
		54;
	int64_t margin_us = settings->refresh_margin_us +
			    settings->refresh_margin_us / 2 * (int64_t)share / 1024;

	return job->message.job_type == JOB_TOKEN_REFRESH ||
	       account->access_expires_us - now_us < margin_us;
}

enum sync_action step_read_statistics(struct job *job, const struct sync_settings *settings)
{
	bool user = job_wants_user(job) && tiktok_can_read_user(job->account.scope);
	bool videos = job_wants_videos(job) && tiktok_can_list_videos(job->account.scope);

	job->profile_left_out = job_wants_user(job) && !user;
	job->videos_left_out = job_wants_videos(job) && !videos;
	if (job->paging.cursor == 0) /* of an earlier slice */
		job->paging.cursor = job->message.progress.cursor;
	if (user && !job->snapshot.profile.read)
		return read_user(job, settings);
	if (videos) /* from the cursor where a refused token stopped us */
		return read_videos(job, settings);
	if (user)
		return step_succeed(job);
	return step_fail_with(
		job, ERROR_SCOPE, "the account grants none of the scopes that this job reads");
}

/* The manifest has this job_id for another account, whose row and log must stay as they are. */
static enum sync_action refuse_impostor(struct job *job)
{
	struct error err;

	error_set(&err, ERROR_BAD_MESSAGE, "the manifest has this job_id for another account");
	verdict_fail(job, &err);
	job->impostor = true;
	return step_go(job, STEP_REPORT, SYNC_REPORT);
}

enum sync_action step_skip(struct job *job)
{
	verdict_skip(job);
	return save(job);
}

bool step_account_is_off(const struct account *account)
{
	return strcmp(account->status, "DISABLED") == 0 ||
	       strcmp(account->status, "NEED_RECONNECT") == 0;
}

static enum sync_action after_claim(
	struct job *job, const struct sync_settings *settings, const struct outcome *outcome)
{
	const struct account *account = &job->account;

	if (job->claim.account_id != job->message.account_id)
		return refuse_impostor(job);
	if (job->claim.suspect)
		return step_go(job, STEP_ISOLATED, SYNC_ISOLATE);
	if (!job->claim.begun) /* ended before: what may not have been told then is told again */
		return verdict_repeat(job) ? step_go(job, STEP_REPORT, SYNC_REPORT)
					   : step_go(job, STEP_DONE, SYNC_DONE);
	if (!account->exists)
		return step_fail_with(
			job, ERROR_BAD_MESSAGE, "there is no account with this account_id");
	if (strcmp(account->store_code, job->message.store_code) != 0)
		return step_fail_with(
			job, ERROR_BAD_MESSAGE, "the account belongs to another store_code");
	if (step_account_is_off(account))
		return step_skip(job);
	if (account->token_fault.class != ERROR_NONE)
		return step_fail(job, &account->token_fault);
	if (token_is_due(job, settings, outcome->now_us))
		return step_lease_token(job);
	return step_read_statistics(job, settings);
}

/* ---- User and videos ---- */

/* TikTok refuses a token that should live: refresh once, then make the same call again. */
static enum sync_action refuse_reply(
	struct job *job, const struct http_reply *reply, const struct error *err)
{
	bool token_refused = err->class == ERROR_TOKEN_EXPIRED || err->class == ERROR_TOKEN_REVOKED;

	if (token_refused && !job->refreshed)
		return step_lease_token(job);
	if (err->class == ERROR_RATE_LIMITED && job->quota_waits < QUOTA_WAITS_MAX) {
		int64_t wait_ms = (int64_t)QUOTA_WAIT_MS << job->quota_waits++;

		if (reply->retry_after_ms > wait_ms)
			wait_ms = reply->retry_after_ms;
		job->wait_ms = wait_ms < QUOTA_WAIT_CAP ? wait_ms : QUOTA_WAIT_CAP;
		return SYNC_CALL;
	}
	return step_doubt(job, err);
}

static enum sync_action read_user(struct job *job, const struct sync_settings *settings)
{
	tiktok_write_user_call(
		&settings->app, job->account.scope, job->account.access_token, &job->call);
	return step_go(job, STEP_USER, SYNC_CALL);
}

static enum sync_action after_user(
	struct job *job, const struct sync_settings *settings, const struct outcome *outcome)
{
	struct error err;

	if (!tiktok_read_user(outcome->reply, job->account.open_id, outcome->now_us,
		    &job->snapshot.profile, &err)) {
		error_wrap(&err, "reading the profile");
		return refuse_reply(job, outcome->reply, &err);
	}
	job->quota_waits = 0;
	if (!job_wants_videos(job) || job->videos_left_out)
		return step_succeed(job);
	return read_videos(job, settings);
}

static enum sync_action read_videos(struct job *job, const struct sync_settings *settings)
{
	tiktok_write_videos_call(
		&settings->app, job->paging.cursor, job->account.access_token, &job->call);
	return step_go(job, STEP_VIDEOS, SYNC_CALL);
}

static enum sync_action after_videos(
	struct job *job, const struct sync_settings *settings, const struct outcome *outcome)
{
	struct tiktok_page page;
	struct error err;

	if (!tiktok_read_videos(outcome->reply, outcome->now_us, &job->snapshot, &page, &err)) {
		error_wrap(&err, "reading the videos");
		return refuse_reply(job, outcome->reply, &err);
	}
	job->quota_waits = 0;
	if (!paging_goes_on(&job->paging, &page, job->message.progress.slice))
		return step_succeed(job);
	if (job->paging.pages < SLICE_PAGES &&
		outcome->now_us - job->started_at_us < settings->slice_us)
		return read_videos(job, settings);
	verdict_continue(job);
	return save(job);
}

/* ---- Save and report ---- */

/* The lease is given up before the attempt ends, before an outage is waited for, or to be renewed. */
static enum sync_action after_release(struct job *job)
{
	job->holds_lease = false;
	if (job->failure.class != ERROR_NONE)
		return step_go(job, STEP_DOUBT, SYNC_DOUBT);
	if (verdict_is_open(job))
		return step_lease_token_later(job);
	return save(job);
}

static enum sync_action after_save(struct job *job, const struct outcome *outcome)
{
	if (outcome->kind ==
		OUTCOME_OVERTAKEN) { /* what became of it is told in the words of the manifest */
		job->verdict = (struct verdict){0};
		job->paging = (struct paging){0};
		snapshot_finish(&job->snapshot);
		return step_go(job, STEP_CLAIM, SYNC_CLAIM);
	}
	/* PostgreSQL refuses the rows, then perhaps even the failure: only the message tells then. */
	if (outcome->kind == OUTCOME_FAILED && job->failed_saves++ == 0)
		return step_fail(job, outcome->error);
	return step_go(job, STEP_REPORT, SYNC_REPORT);
}

static enum sync_action next_action(
	struct job *job, const struct sync_settings *settings, const struct outcome *outcome)
{
	if (outcome->kind == OUTCOME_FAILED && job->step != STEP_SAVE && job->step != STEP_RELEASE)
		return step_fail(job, outcome->error);
	switch (job->step) {
	case STEP_NEW:
		return start(job, outcome);
	case STEP_CLAIM:
		return after_claim(job, settings, outcome);
	case STEP_LEASE:
		return step_after_lease(job, settings, outcome);
	case STEP_REFRESH:
		return step_after_refresh(job, outcome);
	case STEP_SAVE_TOKEN:
		return step_after_token_saved(job, settings, outcome);
	case STEP_USER:
		return after_user(job, settings, outcome);
	case STEP_VIDEOS:
		return after_videos(job, settings, outcome);
	case STEP_RELEASE: /* or it could not be released: then it lapses */
		return after_release(job);
	case STEP_DOUBT:
		return after_doubt(job, settings, outcome);
	case STEP_ISOLATED: /* the other process has told its end */
		return step_go(job, STEP_DONE, SYNC_DONE);
	case STEP_SAVE:
		return after_save(job, outcome);
	case STEP_REPORT:
		return step_go(job, STEP_DONE, SYNC_DONE);
	case STEP_DONE:
		break;
	}
	assert(job->step != STEP_DONE); /* a job that is done goes nowhere */
	return SYNC_DONE;
}

enum sync_action sync_advance(
	struct job *job, const struct sync_settings *settings, const struct outcome *outcome)
{
	enum sync_action action;

	if (outcome->kind == OUTCOME_REPLIED)
		job->api_calls++;
	action = next_action(job, settings, outcome);
	if (job->verdict.status != STATUS_RUNNING && !job->verdict.completed_at_us)
		job->verdict.completed_at_us = outcome->now_us;
	return action;
}

bool sync_may_stop_before(const struct job *job, enum sync_action action)
{
	switch (action) {
	case SYNC_CLAIM:
		return true;
	case SYNC_LEASE:
	case SYNC_CALL:
		return !job->holds_lease; /* a refresh that has begun is brought to its end */
	case SYNC_DOUBT:
		return true;
	case SYNC_ISOLATE: /* isolation knows by itself */
	case SYNC_SAVE_TOKEN:
	case SYNC_RELEASE:
	case SYNC_SAVE_ROWS:
	case SYNC_REPORT:
	case SYNC_RETURN:
	case SYNC_DONE:
		return false;
	}
	return false;
}

bool sync_may_be_recalled_before(const struct job *job, enum sync_action action)
{
	return sync_may_stop_before(job, action) || action == SYNC_SAVE_ROWS ||
	       action == SYNC_REPORT;
}
