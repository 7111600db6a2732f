/* SPDX-License-Identifier: MIT */
/*
 * Leases and token pairs in the database. Run by the claims' thread, tokens_keep() by the fetcher's.
 */
#include "worker/tokens.h"

#include "common/clock.h"
#include "common/killpoint.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/metrics.h"
#include "worker/account_row.h"
#include "worker/line.h"

/* Somebody else has the lease, or has replaced the pair: look which. */
static bool read_again(
	struct line *line, struct db_session *session, struct job *job, struct error *err)
{
	struct db_params params = {0};
	struct db_result *result = NULL;
	int64_t version = job->account.token_version;

	db_param_integer(&params, job->message.account_id);
	if (!db_session_query(session, STATEMENT_READ_ACCOUNT, &params, &result, err))
		return false;
	account_read(line->cipher, result, 0, 0, &job->account);
	db_result_destroy(result);
	if (job->account.exists && job->account.token_version == version) {
		line_pass(line, job, OUTCOME_LEASE_BUSY);
	} else {
		metric_add(METRIC_TOKEN_REFRESHES, REFRESH_ADOPTED, 1);
		line_pass(line, job, OUTCOME_TOKEN_CHANGED);
	}
	return true;
}

bool tokens_lease(struct line *line, struct db_session *session, struct job *job, struct error *err)
{
	struct db_params params = {0};
	struct db_result *result = NULL;
	int64_t asked_ms = clock_monotonic_ms();
	bool granted;

	db_param_integer(&params, job->message.account_id);
	db_param_text(&params, line->worker_name);
	db_param_integer(&params, job->account.token_version);
	if (!db_session_query(session, STATEMENT_LEASE_TOKEN, &params, &result, err))
		return false;
	granted = db_row_count(result) == 1;
	if (granted && !db_is_null(result, 0, 0))
		job->account.refresh_interrupted = db_boolean(result, 0, 0);
	db_result_destroy(result);
	if (!granted)
		return read_again(line, session, job, err);
	job->leased_ms = asked_ms;
	killpoint(KILL_WORKER_LEASE_TAKEN, job->message.account_id);
	line_pass(line, job, OUTCOME_LEASED);
	return true;
}

static void seal(const struct line *line, struct job *job)
{
	const struct account *account = &job->account;
	const struct tiktok_tokens *tokens = &job->new_tokens;
	struct text access = {0}, refresh = {0};

	token_cipher_seal(line->cipher, account->store_code, account->open_id, TOKEN_ACCESS,
		tokens->access_token, &access);
	token_cipher_seal(line->cipher, account->store_code, account->open_id, TOKEN_REFRESH,
		tokens->refresh_token ? tokens->refresh_token : account->refresh_token, &refresh);
	job->sealed = (struct sealed_pair){.account_id = job->message.account_id,
		.token_version = account->token_version,
		.access_cell = access.data,
		.refresh_cell = refresh.data,
		.scope = tokens->scope ? memory_copy_text(tokens->scope) : NULL,
		.issued_at_us = tokens->issued_at_us,
		.expires_at_us = tokens->issued_at_us + tokens->expires_in_s * 1000000,
		.refresh_expires_at_us =
			tokens->refresh_expires_in_s > 0
				? tokens->issued_at_us + tokens->refresh_expires_in_s * 1000000
				: 0};
}

void tokens_keep(struct line *line, struct job *job)
{
	struct log_job about = job_log(job);
	struct error err;

	killpoint(KILL_WORKER_TOKEN_RECEIVED, job->message.account_id);
	seal(line, job);
	if (line->spool && !spool_keep(line->spool, &job->sealed, &job->spooled, &err))
		log_about(LOG_WARN, &about,
			"the new token pair is in memory alone until PostgreSQL has it: %s",
			err.text);
	killpoint(KILL_WORKER_TOKEN_SPOOLED, job->message.account_id);
}

bool tokens_save_pair(
	struct db_session *session, const struct sealed_pair *pair, bool *saved, struct error *err)
{
	struct db_params params = {0};
	struct db_result *result = NULL;

	db_param_integer(&params, pair->account_id);
	db_param_integer(&params, pair->token_version);
	db_param_text(&params, pair->access_cell);
	db_param_text(&params, pair->refresh_cell);
	db_param_integer(&params, pair->issued_at_us);
	db_param_integer(&params, pair->expires_at_us);
	if (pair->refresh_expires_at_us)
		db_param_integer(&params, pair->refresh_expires_at_us);
	else
		db_param_text(&params, NULL);
	db_param_text(&params, pair->scope);
	if (!db_session_query(session, STATEMENT_SAVE_TOKEN, &params, &result, err))
		return false;
	*saved = db_row_count(result) == 1;
	db_result_destroy(result);
	return true;
}

bool tokens_save(struct line *line, struct db_session *session, struct job *job, struct error *err)
{
	bool saved;

	if (!tokens_save_pair(session, &job->sealed, &saved, err))
		return false;
	if (!saved) {
		spool_forget(line->spool, &job->spooled);
		return read_again(line, session, job, err);
	}
	job->account.token_version++;
	killpoint(KILL_WORKER_TOKEN_SAVED, job->message.account_id);
	spool_forget(line->spool, &job->spooled);
	metric_add(METRIC_TOKEN_REFRESHES, REFRESH_DONE, 1);
	line_pass(line, job, OUTCOME_TOKEN_SAVED);
	return true;
}

bool tokens_release(
	struct line *line, struct db_session *session, struct job *job, struct error *err)
{
	struct db_params params = {0};
	bool failed = job->failure.class != ERROR_NONE || job->verdict.error_class != ERROR_NONE;

	db_param_integer(&params, job->message.account_id);
	db_param_text(&params, line->worker_name);
	db_param_boolean(&params, job->rotation_unknown || job->account.refresh_interrupted);
	if (!db_session_query(session, STATEMENT_RELEASE_TOKEN, &params, NULL, err))
		return false;
	killpoint(KILL_WORKER_RELEASED, job->message.account_id);
	metric_add(METRIC_TOKEN_REFRESHES, REFRESH_FAILED, failed);
	line_pass(line, job, OUTCOME_RELEASED);
	return true;
}
