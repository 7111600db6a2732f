/* SPDX-License-Identifier: MIT */
/*
 * The story of a job. Each step is a short function, in the order in which things happen; it is run
 * by the stage that has just performed the job's last action.
 */
#include "worker/sync.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "worker/verdict.h"

#define LEASE_WAIT_MS   1000
#define LEASE_WAITS_MAX 100 /* a lease lives 90 s: after that long, something is wrong */
#define QUOTA_WAIT_MS   1000
#define QUOTA_WAIT_CAP  60000
#define QUOTA_WAITS_MAX 8 /* then the job goes through the ladder, and others get their turn */

static enum sync_action read_user(struct job *job, const struct sync_settings *settings);
static enum sync_action read_videos(struct job *job, const struct sync_settings *settings);
static enum sync_action lease_token(struct job *job);

static enum sync_action go(struct job *job, enum sync_step step, enum sync_action action)
{
	job->step = step;
	job->wait_ms = 0;
	return action;
}

/* ---- How an attempt ends ---- */

static enum sync_action save(struct job *job)
{
	if (job->holds_lease)
		return go(job, STEP_RELEASE, SYNC_RELEASE);
	return go(job, STEP_SAVE, SYNC_SAVE_ROWS);
}

static enum sync_action succeed(struct job *job)
{
	verdict_succeed(job);
	return save(job);
}

static enum sync_action fail(struct job *job, const struct error *err)
{
	verdict_fail(job, err);
	snapshot_finish(&job->snapshot); /* half a snapshot is none */
	return save(job);
}

static enum sync_action fail_with(struct job *job, enum error_class class, const char *text)
{
	struct error err;

	error_set(&err, class, "%s", text);
	return fail(job, &err);
}

/* ---- Claim ---- */

static enum sync_action start(struct job *job, const struct outcome *outcome)
{
	job->started_at_us = outcome->now_us;
	return go(job, STEP_CLAIM, SYNC_CLAIM);
}

static bool token_is_due(
	const struct job *job, const struct sync_settings *settings, int64_t now_us)
{
	return job->message.job_type == JOB_TOKEN_REFRESH ||
	       job->account.access_expires_us - now_us < settings->refresh_margin_us;
}

static bool wants_user(const struct job *job)
{
	return job->message.job_type == JOB_DAILY_SYNC || job->message.job_type == JOB_USER_STATS;
}

static bool wants_videos(const struct job *job)
{
	return job->message.job_type == JOB_DAILY_SYNC || job->message.job_type == JOB_VIDEO_STATS;
}

static enum sync_action read_statistics(struct job *job, const struct sync_settings *settings)
{
	bool user = wants_user(job) && tiktok_can_read_user(job->account.scope);
	bool videos = wants_videos(job) && tiktok_can_list_videos(job->account.scope);

	job->profile_left_out = wants_user(job) && !user;
	job->videos_left_out = wants_videos(job) && !videos;
	if (user && !job->snapshot.profile.read)
		return read_user(job, settings);
	if (videos) /* from the cursor where a refused token stopped us */
		return read_videos(job, settings);
	if (user)
		return succeed(job);
	return fail_with(
		job, ERROR_SCOPE, "the account grants none of the scopes that this job reads");
}

/* The manifest has this job_id for another account, whose row and log must stay as they are. */
static enum sync_action refuse_impostor(struct job *job)
{
	struct error err;

	error_set(&err, ERROR_BAD_MESSAGE, "the manifest has this job_id for another account");
	verdict_fail(job, &err);
	job->impostor = true;
	return go(job, STEP_REPORT, SYNC_REPORT);
}

static enum sync_action skip(struct job *job)
{
	verdict_skip(job);
	return save(job);
}

static bool account_is_off(const struct account *account)
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
	if (!job->claim.begun) /* ended before: what may not have been told then is told again */
		return verdict_repeat(job) ? go(job, STEP_REPORT, SYNC_REPORT)
					   : go(job, STEP_DONE, SYNC_DONE);
	if (!account->exists)
		return fail_with(
			job, ERROR_BAD_MESSAGE, "there is no account with this account_id");
	if (strcmp(account->store_code, job->message.store_code) != 0)
		return fail_with(
			job, ERROR_BAD_MESSAGE, "the account belongs to another store_code");
	if (account_is_off(account))
		return skip(job);
	if (account->token_fault.class != ERROR_NONE)
		return fail(job, &account->token_fault);
	if (token_is_due(job, settings, outcome->now_us))
		return lease_token(job);
	return read_statistics(job, settings);
}

/* ---- Token: lease, refresh, save before first use ---- */

static enum sync_action lease_token(struct job *job)
{
	return go(job, STEP_LEASE, SYNC_LEASE);
}

static enum sync_action after_token(struct job *job, const struct sync_settings *settings)
{
	job->refreshed = true;
	job->grant_refused = false;
	if (job->message.job_type == JOB_TOKEN_REFRESH)
		return succeed(job);
	return read_statistics(job, settings);
}

/* Somebody else has replaced the pair, and job->account was read again. */
static enum sync_action adopt_token(struct job *job, const struct sync_settings *settings)
{
	job->holds_lease = false;
	if (!job->account.exists)
		return fail_with(job, ERROR_BAD_MESSAGE, "the account was deleted meanwhile");
	if (account_is_off(&job->account))
		return skip(job);
	if (job->account.token_fault.class != ERROR_NONE)
		return fail(job, &job->account.token_fault);
	return after_token(job, settings);
}

static enum sync_action lose_grant(struct job *job)
{
	return fail_with(job, ERROR_TOKEN_REVOKED,
		job->account.refresh_interrupted
			? "lost_rotation: a refresh was interrupted after TikTok had replaced the token"
			: "revoked: TikTok no longer accepts the refresh token");
}

static enum sync_action after_lease(
	struct job *job, const struct sync_settings *settings, const struct outcome *outcome)
{
	if (outcome->kind == OUTCOME_LEASE_BUSY) {
		if (account_is_off(&job->account))
			return skip(job);
		if (++job->lease_waits > LEASE_WAITS_MAX)
			return fail_with(job, ERROR_INTERNAL,
				"another worker holds the token lease and does not end");
		job->wait_ms = LEASE_WAIT_MS;
		return SYNC_LEASE;
	}
	if (outcome->kind == OUTCOME_TOKEN_CHANGED)
		return adopt_token(job, settings);
	job->holds_lease = true;
	if (job->grant_refused) /* looked again: the stored token is the one that was refused */
		return lose_grant(job);
	tiktok_write_refresh_call(&settings->app, job->account.refresh_token, &job->call);
	return go(job, STEP_REFRESH, SYNC_CALL);
}

static enum sync_action after_refresh(struct job *job, const struct outcome *outcome)
{
	const struct http_reply *reply = outcome->reply;
	struct error err;

	tiktok_call_finish(&job->call); /* wipes the secrets */
	if (outcome->kind == OUTCOME_LEASE_AGED)
		return lease_token(job);
	if (tiktok_read_tokens(reply, &job->new_tokens, &err))
		return go(job, STEP_SAVE_TOKEN, SYNC_SAVE_TOKEN);
	error_wrap(&err, "refreshing the token");
	if (err.class == ERROR_TOKEN_REVOKED) {
		job->grant_refused = true;
		return lease_token(job);
	}
	if (err.class == ERROR_TOKEN_EXPIRED) /* a 401 of no known code: the app, not the account */
		err.class = ERROR_BAD_REQUEST;
	return fail(job, &err);
}

static enum sync_action after_token_saved(
	struct job *job, const struct sync_settings *settings, const struct outcome *outcome)
{
	struct account *account = &job->account;
	struct tiktok_tokens *saved = &job->new_tokens;

	if (outcome->kind == OUTCOME_TOKEN_CHANGED) {
		tiktok_tokens_finish(saved);
		return adopt_token(job, settings);
	}
	job->holds_lease = false;
	memory_free_secret(account->access_token);
	account->access_token = saved->access_token;
	saved->access_token = NULL;
	if (saved->scope) {
		free(account->scope);
		account->scope = saved->scope;
		saved->scope = NULL;
	}
	tiktok_tokens_finish(saved);
	return after_token(job, settings);
}

/* ---- User and videos ---- */

/* TikTok refuses a token that should live: refresh once, then make the same call again. */
static enum sync_action refuse_reply(
	struct job *job, const struct http_reply *reply, const struct error *err)
{
	if (err->class == ERROR_TOKEN_EXPIRED && !job->refreshed)
		return lease_token(job);
	if (err->class == ERROR_RATE_LIMITED && job->quota_waits < QUOTA_WAITS_MAX) {
		int64_t wait_ms = (int64_t)QUOTA_WAIT_MS << job->quota_waits++;

		if (reply->retry_after_ms > wait_ms)
			wait_ms = reply->retry_after_ms;
		job->wait_ms = wait_ms < QUOTA_WAIT_CAP ? wait_ms : QUOTA_WAIT_CAP;
		return SYNC_CALL;
	}
	return fail(job, err);
}

static enum sync_action read_user(struct job *job, const struct sync_settings *settings)
{
	tiktok_write_user_call(
		&settings->app, job->account.scope, job->account.access_token, &job->call);
	return go(job, STEP_USER, SYNC_CALL);
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
	if (!wants_videos(job) || job->videos_left_out)
		return succeed(job);
	return read_videos(job, settings);
}

static enum sync_action read_videos(struct job *job, const struct sync_settings *settings)
{
	tiktok_write_videos_call(
		&settings->app, job->paging.cursor, job->account.access_token, &job->call);
	return go(job, STEP_VIDEOS, SYNC_CALL);
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
	if (!paging_goes_on(&job->paging, &page))
		return succeed(job);
	return read_videos(job, settings);
}

/* ---- Save and report ---- */

static enum sync_action after_save(struct job *job, const struct outcome *outcome)
{
	/* PostgreSQL refuses the rows, then perhaps even the failure: only the message tells then. */
	if (outcome->kind == OUTCOME_FAILED && job->failed_saves++ == 0)
		return fail(job, outcome->error);
	return go(job, STEP_REPORT, SYNC_REPORT);
}

static enum sync_action next_action(
	struct job *job, const struct sync_settings *settings, const struct outcome *outcome)
{
	if (outcome->kind == OUTCOME_FAILED && job->step != STEP_SAVE && job->step != STEP_RELEASE)
		return fail(job, outcome->error);
	switch (job->step) {
	case STEP_NEW:
		return start(job, outcome);
	case STEP_CLAIM:
		return after_claim(job, settings, outcome);
	case STEP_LEASE:
		return after_lease(job, settings, outcome);
	case STEP_REFRESH:
		return after_refresh(job, outcome);
	case STEP_SAVE_TOKEN:
		return after_token_saved(job, settings, outcome);
	case STEP_USER:
		return after_user(job, settings, outcome);
	case STEP_VIDEOS:
		return after_videos(job, settings, outcome);
	case STEP_RELEASE: /* or it could not be released: then it lapses */
		job->holds_lease = false;
		return save(job);
	case STEP_SAVE:
		return after_save(job, outcome);
	case STEP_REPORT:
		return go(job, STEP_DONE, SYNC_DONE);
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
	case SYNC_SAVE_TOKEN:
	case SYNC_RELEASE:
	case SYNC_SAVE_ROWS:
	case SYNC_REPORT:
	case SYNC_DONE:
		return false;
	}
	return false;
}
