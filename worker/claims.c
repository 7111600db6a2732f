/* SPDX-License-Identifier: MIT */
/*
 * Claims: begins attempts in the manifest and reads accounts, many in one query; takes and returns
 * token leases; saves new token pairs at once, each in its own transaction. Borrows a connection for
 * each query. One thread.
 *
 * While PostgreSQL is away the stage keeps what it has and tries again with back-off; no job is
 * charged for it.
 */
#include <assert.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/db_session.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/metrics.h"
#include "common/process.h"
#include "worker/account_row.h"
#include "worker/line.h"

#define CLAIM_BATCH_JOBS 128
#define SAVE_AGAIN_MS    1000

struct claims {
	struct line *line;
	struct queue queue;
	pthread_t thread;
	atomic_bool stopping;
	struct db_session *session;
	struct health_loop *loop;
	struct job *waiting; /* for a lease, linked by link.next; the stage's own */
};

/* ---- CLAIM ---- */

static bool query_claims(struct claims *claims, struct job **jobs, int count,
	struct db_result **result, struct error *err)
{
	struct db_array ids, attempts, accounts;
	struct db_params params = {0};
	bool ok;

	db_array_init(&ids, DB_UUID);
	db_array_init(&attempts, DB_INT4);
	db_array_init(&accounts, DB_INT8);
	for (int i = 0; i < count; i++) {
		db_array_uuid(&ids, jobs[i]->message.job_id);
		db_array_integer(&attempts, jobs[i]->message.attempt);
		db_array_integer(&accounts, jobs[i]->message.account_id);
	}
	db_param_array(&params, &ids);
	db_param_array(&params, &attempts);
	db_param_array(&params, &accounts);
	db_param_text(&params, claims->line->worker_name);
	ok = db_session_query(claims->session, STATEMENT_CLAIM_JOBS, &params, result, err);
	db_array_finish(&ids);
	db_array_finish(&attempts);
	db_array_finish(&accounts);
	return ok;
}

/* Jobs that are in no manifest were published by another program: enter them. */
static bool adopt(struct claims *claims, struct job **jobs, int count, struct error *err)
{
	struct db_array ids, runs, accounts, stores, types, days, attempts;
	struct db_array *columns[] = {&ids, &runs, &accounts, &stores, &types, &days, &attempts};
	static const enum db_type column_types[] = {
		DB_UUID, DB_UUID, DB_INT8, DB_TEXT, DB_TEXT, DB_DATE, DB_INT4};
	const size_t column_count = sizeof column_types / sizeof *column_types;
	struct db_params params = {0};
	bool ok;

	for (size_t i = 0; i < column_count; i++)
		db_array_init(columns[i], column_types[i]);
	for (int i = 0; i < count; i++) {
		const struct job_message *message = &jobs[i]->message;

		db_array_uuid(&ids, message->job_id);
		db_array_uuid(&runs, message->run_id);
		db_array_integer(&accounts, message->account_id);
		db_array_text(&stores, message->store_code);
		db_array_text(&types, job_type_name(message->job_type));
		db_array_day(&days, message->snapshot_date);
		db_array_integer(&attempts, message->attempt);
	}
	for (size_t i = 0; i < column_count; i++)
		db_param_array(&params, columns[i]);
	ok = db_session_query(claims->session, STATEMENT_ADOPT_JOBS, &params, NULL, err);
	for (size_t i = 0; i < column_count; i++)
		db_array_finish(columns[i]);
	return ok;
}

static void put_back_all(struct claims *claims, struct job **jobs, int count)
{
	while (count--)
		queue_put_first(&claims->queue, &jobs[count]->link);
}

/*
 * Hand on what was claimed; what is in no manifest moves to the front of jobs. Returns how many
 * those are.
 */
static int pass_claimed(
	struct claims *claims, struct job **jobs, int count, const struct db_result *result)
{
	int unknown = 0;

	assert(db_row_count(result) == count);
	for (int row = 0; row < count; row++) {
		struct job *job = jobs[db_integer(result, row, 0) - 1];

		claim_read(result, row, 1, &job->claim);
		account_read(claims->line->cipher, result, row, 13, &job->account);
	}
	for (int i = 0; i < count; i++) {
		if (jobs[i]->claim.known)
			line_pass(claims->line, jobs[i], OUTCOME_CLAIMED);
		else
			jobs[unknown++] = jobs[i];
	}
	return unknown;
}

static void claim(struct claims *claims, struct job **jobs, int count)
{
	struct db_result *result = NULL;
	struct error err;

	while (count) {
		if (!query_claims(claims, jobs, count, &result, &err))
			break;
		count = pass_claimed(claims, jobs, count, result);
		db_result_destroy(result);
		result = NULL;
		if (count && !adopt(claims, jobs, count, &err))
			break;
	}
	if (count && err.class != ERROR_INTERNAL) {
		put_back_all(claims, jobs, count);
		return;
	}
	/* PostgreSQL refuses for good: each of the rest fails with its words. */
	for (int i = 0; i < count; i++)
		line_pass_failure(claims->line, jobs[i], &err);
}

/* ---- LEASE, SAVE_TOKEN, RELEASE ---- */

/* Somebody else has the lease, or has replaced the pair: look which. */
static bool read_again(struct claims *claims, struct job *job, struct error *err)
{
	struct db_params params = {0};
	struct db_result *result = NULL;
	int64_t version = job->account.token_version;

	db_param_integer(&params, job->message.account_id);
	if (!db_session_query(claims->session, STATEMENT_READ_ACCOUNT, &params, &result, err))
		return false;
	account_read(claims->line->cipher, result, 0, 0, &job->account);
	db_result_destroy(result);
	if (job->account.exists && job->account.token_version == version) {
		line_pass(claims->line, job, OUTCOME_LEASE_BUSY);
	} else {
		metric_add(METRIC_TOKEN_REFRESHES, REFRESH_ADOPTED, 1);
		line_pass(claims->line, job, OUTCOME_TOKEN_CHANGED);
	}
	return true;
}

static bool lease(struct claims *claims, struct job *job, struct error *err)
{
	struct db_params params = {0};
	struct db_result *result = NULL;
	int64_t asked_ms = clock_monotonic_ms();
	bool granted;

	db_param_integer(&params, job->message.account_id);
	db_param_text(&params, claims->line->worker_name);
	db_param_integer(&params, job->account.token_version);
	if (!db_session_query(claims->session, STATEMENT_LEASE_TOKEN, &params, &result, err))
		return false;
	granted = db_row_count(result) == 1;
	db_result_destroy(result);
	if (!granted)
		return read_again(claims, job, err);
	job->leased_ms = asked_ms;
	line_pass(claims->line, job, OUTCOME_LEASED);
	return true;
}

static bool save_token(struct claims *claims, struct job *job, struct error *err)
{
	const struct token_cipher *cipher = claims->line->cipher;
	const struct account *account = &job->account;
	const struct tiktok_tokens *tokens = &job->new_tokens;
	struct text access = {0}, refresh = {0};
	struct db_params params = {0};
	struct db_result *result = NULL;
	bool ok, saved = false;

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
	ok = db_session_query(claims->session, STATEMENT_SAVE_TOKEN, &params, &result, err);
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
		metric_add(METRIC_TOKEN_REFRESHES, REFRESH_DONE, 1);
		line_pass(claims->line, job, OUTCOME_TOKEN_SAVED);
		return true;
	}
	return read_again(claims, job, err);
}

static bool release(struct claims *claims, struct job *job, struct error *err)
{
	struct db_params params = {0};
	bool unknown = error_rule(job->verdict.error_class)->may_have_acted;

	db_param_integer(&params, job->message.account_id);
	db_param_text(&params, claims->line->worker_name);
	db_param_boolean(&params, unknown || job->account.refresh_interrupted);
	if (!db_session_query(claims->session, STATEMENT_RELEASE_TOKEN, &params, NULL, err))
		return false;
	metric_add(METRIC_TOKEN_REFRESHES, REFRESH_FAILED, 1);
	line_pass(claims->line, job, OUTCOME_RELEASED);
	return true;
}

static void perform(struct claims *claims, struct job *job)
{
	bool (*action)(struct claims *, struct job *, struct error *) =
		job->action == SYNC_LEASE        ? lease
		: job->action == SYNC_SAVE_TOKEN ? save_token
						 : release;
	struct error err;

	if (action(claims, job, &err))
		return;
	if (err.class != ERROR_INTERNAL) {
		queue_put_first(&claims->queue, &job->link);
	} else if (job->action == SYNC_SAVE_TOKEN) {
		/*
		 * A new pair is kept until it is saved, whatever PostgreSQL says: it is the only
		 * one there is.
		 */
		struct log_job about = job_log(job);

		log_about(LOG_ERROR, &about,
			"cannot save the new token pair, trying again in %d ms: %s", SAVE_AGAIN_MS,
			err.text);
		job->due_ms = clock_monotonic_ms() + SAVE_AGAIN_MS;
		queue_put(&claims->queue, &job->link);
	} else {
		line_pass_failure(claims->line, job, &err);
	}
}

/* ---- The loop ---- */

/*
 * Jobs that wait for a lease go back into the queue when their time has come, or when everything
 * must go.
 */
static int64_t release_waiting(struct claims *claims)
{
	int64_t now_ms = clock_monotonic_ms(), next_ms = LINE_TURN_MS;
	struct job *job = claims->waiting;
	bool all = atomic_load(&claims->line->giving_back);

	claims->waiting = NULL;
	while (job) {
		struct job *next = (struct job *)job->link.next;

		if (all && sync_may_stop_before(job, job->action)) {
			line_give_back(claims->line, job);
		} else if (job->due_ms <= now_ms) {
			job->due_ms = 0;
			queue_put(&claims->queue, &job->link);
		} else {
			if (job->due_ms - now_ms < next_ms)
				next_ms = job->due_ms - now_ms;
			job->link.next = (struct queue_item *)claims->waiting;
			claims->waiting = job;
		}
		job = next;
	}
	return next_ms;
}

static void turn(struct claims *claims, int64_t timeout_ms)
{
	struct job *batch[CLAIM_BATCH_JOBS];
	int count = 0;
	struct job *job = (struct job *)queue_take(&claims->queue, timeout_ms);

	for (; job; job = (struct job *)queue_take(&claims->queue, 0)) {
		if (atomic_load(&claims->line->giving_back) &&
			sync_may_stop_before(job, job->action)) {
			line_give_back(claims->line, job);
		} else if (job->due_ms) {
			job->link.next = (struct queue_item *)claims->waiting;
			claims->waiting = job;
		} else if (job->action == SYNC_CLAIM) {
			batch[count++] = job;
			if (count == CLAIM_BATCH_JOBS)
				break;
		} else {
			perform(claims, job);
			break; /* look at what else has come: new token pairs go before new claims */
		}
	}
	claim(claims, batch, count);
}

static void *run(void *argument)
{
	struct claims *claims = argument;
	bool known = false; /* that PostgreSQL is there, before the first job comes */
	struct error err;

	while (!atomic_load(&claims->stopping)) {
		int64_t timeout_ms = release_waiting(claims);
		int64_t pause_ms = db_session_pause_ms(claims->session);

		if (pause_ms) /* PostgreSQL is away: sleep without taking */
			queue_sleep(&claims->queue, pause_ms < timeout_ms ? pause_ms : timeout_ms);
		else if (!known)
			known = db_session_probe(claims->session, &err);
		else
			turn(claims, timeout_ms);
		health_beat(claims->loop);
	}
	health_loop_end(claims->loop);
	return NULL;
}

bool claims_start(struct line *line)
{
	struct claims *claims = memory_allocate(1, sizeof *claims);

	claims->line = line;
	claims->loop = health_add_loop(line->health, "claims");
	claims->session =
		db_session_create(line->pool, health_add_need(line->health, "PostgreSQL (claims)"));
	queue_init(&claims->queue);
	line->claims = claims; /* before anybody can look for it */
	process_start_thread("claims", &claims->thread, run, claims);
	return true;
}

void claims_put(struct claims *claims, struct job *job)
{
	if (job->express || job->action == SYNC_SAVE_TOKEN)
		queue_put_first(&claims->queue, &job->link);
	else
		queue_put(&claims->queue, &job->link);
}

void claims_wake(struct claims *claims)
{
	queue_wake(&claims->queue);
}

void claims_stop(struct claims *claims)
{
	if (!claims)
		return;
	atomic_store(&claims->stopping, true);
	queue_wake(&claims->queue);
	pthread_join(claims->thread, NULL);
	db_session_destroy(claims->session);
	queue_finish(&claims->queue);
	free(claims);
}
