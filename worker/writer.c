/* SPDX-License-Identifier: MIT */
/*
 * Writer: commits what jobs have gathered, many jobs in one transaction: their snapshot rows, their
 * rows in the manifest, and their accounts. It takes what has come while the last transaction ran,
 * at most LINE_BATCH_JOBS. Two threads, an account always with the same one. Borrows a
 * connection to commit.
 *
 * If PostgreSQL refuses a batch, each of its jobs is tried alone, so that only the culprit fails;
 * while PostgreSQL is away the batch is kept and tried again.
 */
#include <stdlib.h>

#include "common/clock.h"
#include "common/db_session.h"
#include "common/killpoint.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/metrics.h"
#include "common/process.h"
#include "worker/batch.h"
#include "worker/line.h"

/* More rows than this make a transaction long without making it cheaper. */
#define BATCH_ROWS_MAX 4000

struct writer {
	struct line *line;
	struct queue queue;
	pthread_t thread;
	atomic_bool stopping;
	struct db_session *session;
	struct health_loop *loop;
	struct batch *batch;
	struct job *jobs[LINE_BATCH_JOBS];
	int count;
};

static void note_rows(const struct job *job)
{
	if (job->snapshot.profile.read)
		metric_add(METRIC_SNAPSHOT_ROWS, ROWS_USER, 1);
	metric_add(METRIC_SNAPSHOT_ROWS, ROWS_VIDEO, (int64_t)job->snapshot.video_count);
}

/* Commit jobs and pass them on. False: nothing was committed, they are still ours. */
static bool commit(struct writer *writer, struct job *const *jobs, int count, struct error *err)
{
	int64_t began_ms = clock_monotonic_ms();
	struct db_result *ended = NULL;

	batch_fill(writer->batch, jobs, count);
	if (!batch_commit(writer->batch, writer->session, &ended, err))
		return false;
	metric_observe(METRIC_BATCH_JOBS, 0, count);
	metric_observe_ms(METRIC_COMMIT_SECONDS, 0, clock_monotonic_ms() - began_ms);
	for (int i = 0; i < count; i++) {
		killpoint(KILL_WORKER_SAVED, jobs[i]->message.account_id);
		note_rows(jobs[i]);
		line_pass(writer->line, jobs[i],
			batch_has_ended(ended, jobs[i]) ? OUTCOME_SAVED : OUTCOME_OVERTAKEN);
	}
	db_result_destroy(ended);
	return true;
}

/* One job by itself. False: PostgreSQL is away, keep it. */
static bool write_alone(struct writer *writer, struct job *job)
{
	struct error err;

	if (commit(writer, &job, 1, &err))
		return true;
	if (err.class == ERROR_INTERNAL) {
		struct log_job about = job_log(job);

		log_about(LOG_ERROR, &about, "PostgreSQL refuses the rows: %s", err.text);
		line_pass_failure(writer->line, job, &err);
		return true;
	}
	return false;
}

/* Try to get rid of the batch at hand; what remains is kept in writer->jobs. */
static void write_batch(struct writer *writer)
{
	int count = writer->count, done = 0;
	struct error err;

	if (commit(writer, writer->jobs, count, &err)) {
		writer->count = 0;
		return;
	}
	if (err.class != ERROR_INTERNAL)
		return;
	while (done < count && write_alone(writer, writer->jobs[done]))
		done++;
	writer->count = count - done;
	for (int i = 0; i < writer->count; i++)
		writer->jobs[i] = writer->jobs[done + i];
}

static void gather(struct writer *writer)
{
	int64_t rows = 0;
	struct job *job = (struct job *)queue_take(&writer->queue, LINE_TURN_MS);

	for (; job; job = (struct job *)queue_take(&writer->queue, 0)) {
		killpoint(KILL_WORKER_BEFORE_SAVE, job->message.account_id);
		writer->jobs[writer->count++] = job;
		rows += snapshot_rows(&job->snapshot);
		if (writer->count == LINE_BATCH_JOBS || rows >= BATCH_ROWS_MAX)
			break;
	}
}

/* What is kept while PostgreSQL is away and is wanted back. */
static void give_back(struct writer *writer)
{
	int count = writer->count;

	line_give_back_queue(writer->line, &writer->queue);
	writer->count = 0;
	for (int i = 0; i < count; i++) {
		if (line_wants_back(writer->line, writer->jobs[i]))
			line_give_back(writer->line, writer->jobs[i]);
		else
			writer->jobs[writer->count++] = writer->jobs[i];
	}
}

static void *run(void *argument)
{
	struct writer *writer = argument;
	struct error err;

	while (!atomic_load(&writer->stopping)) {
		int64_t pause_ms = db_session_pause_ms(writer->session);

		if (pause_ms && line_gives_back(writer->line))
			give_back(writer);
		if (pause_ms)
			queue_sleep(
				&writer->queue, pause_ms < LINE_TURN_MS ? pause_ms : LINE_TURN_MS);
		else if (writer->count)
			write_batch(writer);
		else if (db_session_is_away(writer->session))
			db_session_probe(writer->session, &err);
		else
			gather(writer);
		health_beat(writer->loop);
	}
	health_loop_end(writer->loop);
	return NULL;
}

bool writer_start(struct line *line, int number)
{
	static const char *const loops[LINE_WRITERS] = {"writer 1", "writer 2"};
	static const char *const needs[LINE_WRITERS] = {
		"PostgreSQL (writer 1)", "PostgreSQL (writer 2)"};
	struct writer *writer = memory_allocate(1, sizeof *writer);

	writer->line = line;
	writer->batch = batch_create();
	writer->loop = health_add_loop(line->health, loops[number]);
	writer->session =
		db_session_create(line->pool, health_add_need(line->health, needs[number]));
	queue_init(&writer->queue);
	line->writers[number] = writer;
	process_start_thread(loops[number], &writer->thread, run, writer);
	return true;
}

void writer_put(struct writer *writer, struct job *job)
{
	queue_put(&writer->queue, &job->link);
}

void writer_stop(struct writer *writer)
{
	if (!writer)
		return;
	atomic_store(&writer->stopping, true);
	queue_wake(&writer->queue);
	pthread_join(writer->thread, NULL);
	db_session_destroy(writer->session);
	batch_destroy(writer->batch);
	queue_finish(&writer->queue);
	free(writer);
}
