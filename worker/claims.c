/* SPDX-License-Identifier: MIT */
/*
 * Claims: begins attempts in the manifest and reads accounts, many in one query; takes begins back of
 * jobs that return to the queue; has tokens leased and saved (tokens.c). Borrows a connection for
 * each query. One thread.
 *
 * While PostgreSQL is away the stage keeps what it has and tries again with back-off; no job is
 * charged for it.
 */
#include <assert.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/db_session.h"
#include "common/killpoint.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/process.h"
#include "worker/account_row.h"
#include "worker/job_list.h"
#include "worker/line.h"
#include "worker/recovery.h"
#include "worker/tokens.h"

#define CLAIM_BATCH_JOBS 128
#define SAVE_AGAIN_MS    1000
/*
 * A job that was begun so often by workers that never told its end is not begun beside others any
 * more.
 */
#define CRASHES_MAX 3

struct claims {
	struct line *line;
	struct queue queue;
	pthread_t thread;
	atomic_bool stopping;
	struct db_session *session;
	struct health_loop *loop;
	struct job_list waiting; /* for a lease */
	struct recovery recovery;
};

/* ---- CLAIM ---- */

static bool query_claims(struct claims *claims, struct job **jobs, int count,
	struct db_result **result, struct error *err)
{
	struct db_array ids, attempts, accounts, slices;
	struct db_params params = {0};
	bool ok;

	db_array_init(&ids, DB_UUID);
	db_array_init(&attempts, DB_INT4);
	db_array_init(&accounts, DB_INT8);
	db_array_init(&slices, DB_INT4);
	for (int i = 0; i < count; i++) {
		killpoint(KILL_WORKER_BEFORE_CLAIM, jobs[i]->message.account_id);
		db_array_uuid(&ids, jobs[i]->message.job_id);
		db_array_integer(&attempts, jobs[i]->message.attempt);
		db_array_integer(&accounts, jobs[i]->message.account_id);
		db_array_integer(&slices, jobs[i]->message.progress.slice);
	}
	db_param_array(&params, &ids);
	db_param_array(&params, &attempts);
	db_param_array(&params, &accounts);
	db_param_array(&params, &slices);
	db_param_text(&params, claims->line->worker_name);
	db_param_integer(&params, claims->line->isolation ? CRASHES_MAX : INT32_MAX);
	ok = db_session_query(claims->session, STATEMENT_CLAIM_JOBS, &params, result, err);
	db_array_finish(&ids);
	db_array_finish(&attempts);
	db_array_finish(&accounts);
	db_array_finish(&slices);
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
	if (ok)
		killpoint(KILL_WORKER_ADOPTED, jobs[0]->message.account_id);
	for (size_t i = 0; i < column_count; i++)
		db_array_finish(columns[i]);
	return ok;
}

/*
 * The jobs go back undone: their begins are taken back, so that they do not look like crashes. Tried
 * once: where it fails, the next claim counts a crash too many, and no harm comes of it.
 */
static void take_back(struct claims *claims, struct job **jobs, int count)
{
	struct db_array ids, attempts, slices;
	struct db_params params = {0};
	struct error err;

	db_array_init(&ids, DB_UUID);
	db_array_init(&attempts, DB_INT4);
	db_array_init(&slices, DB_INT4);
	for (int i = 0; i < count; i++) {
		db_array_uuid(&ids, jobs[i]->message.job_id);
		db_array_integer(&attempts, jobs[i]->message.attempt);
		db_array_integer(&slices, jobs[i]->message.progress.slice);
	}
	db_param_array(&params, &ids);
	db_param_array(&params, &attempts);
	db_param_array(&params, &slices);
	db_param_text(&params, claims->line->worker_name);
	if (count && !db_session_query(claims->session, STATEMENT_RETURN_JOBS, &params, NULL, &err))
		log_warn("%d jobs go back without a note in the manifest: %s", count, err.text);
	for (int i = 0; i < count; i++) {
		killpoint(KILL_WORKER_TAKEN_BACK, jobs[i]->message.account_id);
		claims->line->settle(claims->line, jobs[i]);
	}
	db_array_finish(&ids);
	db_array_finish(&attempts);
	db_array_finish(&slices);
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
	atomic_store(&claims->line->clock_offset_us,
		db_integer(result, 0, 17) - clock_monotonic_ms() * 1000);
	for (int row = 0; row < count; row++) {
		struct job *job = jobs[db_integer(result, row, 0) - 1];

		claim_read(result, row, 1, &job->claim);
		account_read(claims->line->cipher, result, row, 18, &job->account);
		killpoint(KILL_WORKER_CLAIMED, job->message.account_id);
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
	/* PostgreSQL refuses for good: each is tried alone, so that only the culprit fails. */
	for (int i = 0; count > 1 && i < count; i++)
		claim(claims, &jobs[i], 1);
	if (count == 1)
		line_pass_failure(claims->line, jobs[0], &err);
}

/* ---- LEASE, SAVE_TOKEN, RELEASE ---- */

static void perform(struct claims *claims, struct job *job)
{
	bool (*action)(struct line *, struct db_session *, struct job *, struct error *) =
		job->action == SYNC_LEASE        ? tokens_lease
		: job->action == SYNC_SAVE_TOKEN ? tokens_save
						 : tokens_release;
	struct error err;

	if (action(claims->line, claims->session, job, &err))
		return;
	if (err.class != ERROR_INTERNAL) {
		queue_put_first(&claims->queue, &job->link);
	} else if (job->action == SYNC_SAVE_TOKEN) {
		/* The only new pair there is: kept until saved, whatever PostgreSQL says. */
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
 * Jobs that wait for a lease go back into the queue when their time has come, or when they are
 * wanted back.
 */
static int64_t release_waiting(struct claims *claims)
{
	int64_t now_ms = clock_monotonic_ms(), next_ms = LINE_TURN_MS;
	struct job_list waiting = claims->waiting;
	struct job *job;

	claims->waiting = (struct job_list){0};
	while ((job = job_list_take(&waiting))) {
		if (line_wants_back(claims->line, job)) {
			line_give_back(claims->line, job);
		} else if (job->due_ms <= now_ms) {
			job->due_ms = 0;
			queue_put(&claims->queue, &job->link);
		} else {
			if (job->due_ms - now_ms < next_ms)
				next_ms = job->due_ms - now_ms;
			job_list_add(&claims->waiting, job);
		}
	}
	return next_ms;
}

static void turn(struct claims *claims, int64_t timeout_ms)
{
	struct job *begins[CLAIM_BATCH_JOBS], *returns[CLAIM_BATCH_JOBS];
	int begin_count = 0, return_count = 0;
	struct job *job = (struct job *)queue_take(&claims->queue, timeout_ms);

	for (; job; job = (struct job *)queue_take(&claims->queue, 0)) {
		if (line_wants_back(claims->line, job)) {
			line_give_back(claims->line, job);
		} else if (job->due_ms) {
			job_list_add(&claims->waiting, job);
		} else if (job->action == SYNC_CLAIM) {
			begins[begin_count++] = job;
		} else if (job->action == SYNC_RETURN) {
			returns[return_count++] = job;
		} else {
			perform(claims, job);
			break; /* look at what else has come: new token pairs go before new claims */
		}
		if (begin_count == CLAIM_BATCH_JOBS || return_count == CLAIM_BATCH_JOBS)
			break;
	}
	claim(claims, begins, begin_count);
	take_back(claims, returns, return_count);
}

/* PostgreSQL is away: everything is kept, but for what goes back to the queue. */
static void give_back(struct claims *claims)
{
	struct job *returns[CLAIM_BATCH_JOBS];
	int count = 0;

	line_give_back_queue(claims->line, &claims->queue);
	for (size_t left = queue_length(&claims->queue); left && count < CLAIM_BATCH_JOBS; left--) {
		struct job *job = (struct job *)queue_take(&claims->queue, 0);

		if (job && job->action == SYNC_RETURN)
			returns[count++] = job;
		else if (job)
			queue_put(&claims->queue, &job->link);
	}
	take_back(claims, returns, count);
}

static void *run(void *argument)
{
	struct claims *claims = argument;
	struct error err;

	while (!atomic_load(&claims->stopping)) {
		int64_t timeout_ms = release_waiting(claims), pause_ms;

		if (claims->line->isolation) /* before a lease is taken */
			recovery_turn(&claims->recovery, claims->line, claims->session);
		pause_ms = db_session_pause_ms(claims->session);
		if (pause_ms && line_gives_back(claims->line))
			give_back(claims);
		if (pause_ms) /* sleep without taking */
			queue_sleep(&claims->queue, pause_ms < timeout_ms ? pause_ms : timeout_ms);
		else if (db_session_is_away(claims->session) && queue_length(&claims->queue) == 0)
			db_session_probe(claims->session, &err);
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
