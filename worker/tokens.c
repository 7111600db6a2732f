/* SPDX-License-Identifier: MIT */
/*
 * Leases and token pairs in the database. Run by the claims' thread.
 */
#include "worker/tokens.h"

#include "common/clock.h"
#include "common/killpoint.h"
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
	db_result_destroy(result);
	if (!granted)
		return read_again(line, session, job, err);
	job->leased_ms = asked_ms;
	killpoint(KILL_WORKER_LEASE_TAKEN, job->message.account_id);
	line_pass(line, job, OUTCOME_LEASED);
	return true;
}

bool tokens_save(struct line *line, struct db_session *session, struct job *job, struct error *err)
{
	const struct token_cipher *cipher = line->cipher;
	const struct account *account = &job->account;
	const struct tiktok_tokens *tokens = &job->new_tokens;
	struct text access = {0}, refresh = {0};
	struct db_params params = {0};
	struct db_result *result = NULL;
	bool ok, saved = false;

	killpoint(KILL_WORKER_TOKEN_RECEIVED, job->message.account_id);
	token_cipher_seal(cipher, account->store_code, account->open_id, TOKEN_ACCESS,
		tokens->access_token, &access);
	token_cipher_seal(cipher, account->store_code, account->open_id, TOKEN_REFRESH,
		tokens->refresh_token ? tokens->refresh_token : account->refresh_token, &refresh);
	db_param_integer(&params, job->message.account_id);
	db_param_integer(&params, account->token_version);
	db_param_text(&params, text_string(&access));
	db_param_text(&params, text_string(&refresh));
	db_param_integer(&params, tokens->expires_in_s);
	if (tokens->refresh_expires_in_s > 0)
		db_param_integer(&params, tokens->refresh_expires_in_s);
	else
		db_param_text(&params, NULL);
	db_param_text(&params, tokens->scope);
	ok = db_session_query(session, STATEMENT_SAVE_TOKEN, &params, &result, err);
	if (ok) {
		saved = db_row_count(result) == 1;
		job->account.token_version += saved;
		db_result_destroy(result);
	}
	text_finish(&access);
	text_finish(&refresh);
	if (!ok)
		return false;
	if (saved) {
		killpoint(KILL_WORKER_TOKEN_SAVED, job->message.account_id);
		metric_add(METRIC_TOKEN_REFRESHES, REFRESH_DONE, 1);
		line_pass(line, job, OUTCOME_TOKEN_SAVED);
		return true;
	}
	return read_again(line, session, job, err);
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
