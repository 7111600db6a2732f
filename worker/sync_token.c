/* SPDX-License-Identifier: MIT */
/*
 * The part of the story that renews an account's token: lease, refresh, save before first use. Pure,
 * as sync.c.
 */
#include <stdlib.h>

#include "common/memory.h"
#include "worker/sync_steps.h"
#include "worker/verdict.h"

#define LEASE_WAIT_MS 1000
/*
 * A refresh takes a second or two. A lease that lasts longer is mostly a dead worker's, and lapses
 * after 90 s: meanwhile the job is better on the ladder than in the hands of a worker, where every
 * lost connection counts against its message.
 */
#define LEASE_WAITS_MAX 5

enum sync_action step_lease_token(struct job *job)
{
	return step_go(job, STEP_LEASE, SYNC_LEASE);
}

enum sync_action step_lease_token_later(struct job *job)
{
	enum sync_action action = step_lease_token(job);

	job->wait_ms = LEASE_WAIT_MS;
	return action;
}

static enum sync_action after_token(struct job *job, const struct sync_settings *settings)
{
	job->refreshed = true;
	job->grant_refused = false;
	if (job->message.job_type == JOB_TOKEN_REFRESH)
		return step_succeed(job);
	return step_read_statistics(job, settings);
}

/* Somebody else has replaced the pair, and job->account was read again. */
static enum sync_action adopt_token(struct job *job, const struct sync_settings *settings)
{
	job->holds_lease = false;
	if (!job->account.exists)
		return step_fail_with(job, ERROR_BAD_MESSAGE, "the account was deleted meanwhile");
	if (step_account_is_off(&job->account))
		return step_skip(job);
	if (job->account.token_fault.class != ERROR_NONE)
		return step_fail(job, &job->account.token_fault);
	return after_token(job, settings);
}

static enum sync_action lose_grant(struct job *job, int64_t now_us)
{
	const struct account *account = &job->account;
	const char *why = "revoked: TikTok no longer accepts the refresh token";

	if (account->refresh_interrupted || job->rotation_unknown)
		why = "lost_rotation: a refresh was interrupted, and TikTok had replaced the token";
	else if (account->refresh_expires_us && account->refresh_expires_us <= now_us)
		why = "expired: the refresh token was not renewed during its life";
	return step_fail_with(job, ERROR_TOKEN_REVOKED, why);
}

enum sync_action step_after_lease(
	struct job *job, const struct sync_settings *settings, const struct outcome *outcome)
{
	if (outcome->kind == OUTCOME_LEASE_BUSY) {
		if (step_account_is_off(&job->account))
			return step_skip(job);
		if (++job->lease_waits > LEASE_WAITS_MAX) {
			verdict_wait(job, RUNG_1M,
				"another worker renews the account's token; looked at again later");
			return step_go(job, STEP_SAVE, SYNC_SAVE_ROWS);
		}
		job->wait_ms = LEASE_WAIT_MS;
		return SYNC_LEASE;
	}
	if (outcome->kind == OUTCOME_TOKEN_CHANGED)
		return adopt_token(job, settings);
	job->holds_lease = true;
	if (job->grant_refused) /* looked again: the stored token is the one that was refused */
		return lose_grant(job, outcome->now_us);
	tiktok_write_refresh_call(&settings->app, job->account.refresh_token, &job->call);
	return step_go(job, STEP_REFRESH, SYNC_CALL);
}

enum sync_action step_after_refresh(struct job *job, const struct outcome *outcome)
{
	const struct http_reply *reply = outcome->reply;
	struct error err;

	tiktok_call_finish(&job->call); /* wipes the secrets */
	if (outcome->kind ==
		OUTCOME_LEASE_AGED) /* not sent in time: let it go, so that it can wait */
		return step_go(job, STEP_RELEASE, SYNC_RELEASE);
	if (tiktok_read_tokens(reply, &job->new_tokens, &err)) {
		job->new_tokens.issued_at_us = outcome->now_us - reply->elapsed_ms * 1000;
		return step_go(job, STEP_SAVE_TOKEN, SYNC_SAVE_TOKEN);
	}
	error_wrap(&err, "refreshing the token");
	if (err.class == ERROR_TOKEN_REVOKED) {
		job->grant_refused = true;
		return step_lease_token(job);
	}
	if (err.class == ERROR_TOKEN_EXPIRED) /* nonsense: no access token was sent */
		err.class = ERROR_BAD_REQUEST;
	job->rotation_unknown |= error_rule(err.class)->may_have_acted;
	return step_doubt(job, &err);
}

enum sync_action step_after_token_saved(
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
