/* SPDX-License-Identifier: MIT */
/*
 * The assembly line: five stages with one kind of I/O each and one thread each (the writer has two).
 * A stage takes jobs from its queue, performs their action and calls line_pass(), which asks
 * sync_advance() what comes next and hands the job on.
 *
 *                 jobs                                                      results, retries, dead letters
 *     RabbitMQ ---------> intake --> claims <--> fetcher --> writers --> outlet ---------> RabbitMQ
 *              <---------   ^          |            |                      |
 *                 acks      +----------+------------+-------- settled -----+
 *
 * Beside it stands isolation, which has jobs that crash their worker carried out by a process of
 * their own. That process has the same line, without intake and isolation: its jobs come from its
 * parent (isolated.c).
 *
 * Threads: line_pass() is called by the stage that owns the job, which owns it no longer
 *          afterwards.
 */
#ifndef WORKER_LINE_H
#define WORKER_LINE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/config.h"
#include "common/db_pool.h"
#include "common/health.h"
#include "common/queue.h"
#include "common/result_message.h"
#include "common/token_cipher.h"
#include "worker/job.h"
#include "worker/sync.h"

#define LINE_WRITERS      2    /* an account always goes to the same one */
#define LINE_BATCH_JOBS   64   /* in one transaction */
#define LINE_EXPRESS_JOBS 8    /* prefetch of the express queue, on top */
#define LINE_TURN_MS      1000 /* an idle stage looks around this often */

struct intake;
struct isolation;
struct claims;
struct fetcher;
struct writer;
struct outlet;

struct line {
	const struct config *config;
	struct sync_settings settings;
	struct token_cipher *cipher;
	struct spool *spool; /* NULL: it cannot be used */
	struct db_pool *pool;
	struct health *health;
	char worker_name[WORKER_NAME_SIZE];

	/* Where a job ends: home at the intake, or answered to the parent of an isolated process. */
	void (*settle)(struct line *line, struct job *job);
	void (*advanced)(const struct job *job); /* told of every step; NULL: nobody asks */
	struct intake *intake; /* NULL in an isolated process, and so is isolation */
	struct isolation *isolation;
	struct claims *claims;
	struct fetcher *fetcher;
	struct writer *writers[LINE_WRITERS];
	struct outlet *outlet;

	/*
	 * From the monotonic clock to the database's: the one clock by which the whole fleet judges
	 * tokens and dates readings. Set by every claim; 0: none yet, our own clock counts.
	 */
	_Atomic int64_t clock_offset_us;
	atomic_bool giving_back; /* the drain time is over: what may stop goes back to the queue */
	atomic_int refreshes;    /* jobs that hold a token lease: their answer must not be lost */
	atomic_int recalls;      /* jobs with recalled set that are not home yet */
	_Atomic int64_t waiting_for_quota; /* jobs; told by the fetcher */
};

/*
 * Tell the core what the job's action brought, and hand the job to the stage that performs the next
 * one.
 */
void line_pass(struct line *line, struct job *job, enum outcome_kind kind);
void line_pass_failure(struct line *line, struct job *job, const struct error *error);
/* The two halves of it, for a reply: the fetcher looks at the job in between. */
enum sync_action line_advance_reply(
	struct line *line, struct job *job, const struct http_reply *reply);
void line_hand_over(struct line *line, struct job *job, enum sync_action action);

/* Return the job to the queue it came from, undone; an attempt that it began is taken back. */
void line_give_back(struct line *line, struct job *job);
/* True if a stage has to look for jobs that are wanted back. Threads: any. */
bool line_gives_back(const struct line *line);
/*
 * True if the job is to be given back rather than kept by its stage: the drain time is over, or it
 * was held for so long that RabbitMQ would take it away.
 */
bool line_wants_back(const struct line *line, const struct job *job);
/* Give back what is wanted back of a stage's queue. Threads: the stage's. */
void line_give_back_queue(struct line *line, struct queue *queue);
/* Stages stop waiting and look at line->giving_back. Threads: main. */
void line_give_back_rest(struct line *line);

/* Hand-over to a stage; the queue behind each belongs to the stage. Threads: any. */
void claims_put(struct claims *claims, struct job *job);
void fetcher_put(struct fetcher *fetcher, struct job *job);
void writer_put(struct writer *writer, struct job *job);
void outlet_put(struct outlet *outlet, struct job *job);
/* RUNNING, for a job that takes long; told once, lost if the broker is away just then. */
void outlet_announce(struct outlet *outlet, const struct job *job);
void isolation_put(struct isolation *isolation, struct job *job);
/* Home again: ack, or return it if job->give_back. */
void intake_settle(struct line *line, struct job *job);

/*
 * Life cycle of the stages. x_start() makes the stage, enters it in line and starts its thread;
 * false: it could not, and has said why. x_stop() joins the thread and frees the stage, which has
 * nothing at hand any more (the intake waits for the last job to come home); NULL: nothing to do.
 * Start in this order, stop in the reverse one.
 */
bool outlet_start(struct line *line);
bool writer_start(struct line *line, int number);
bool fetcher_start(struct line *line);
bool isolation_start(struct line *line); /* before the claims, which look for it */
bool claims_start(struct line *line);
bool intake_start(struct line *line);
void outlet_stop(struct outlet *outlet);
void writer_stop(struct writer *writer);
void fetcher_stop(struct fetcher *fetcher);
void claims_stop(struct claims *claims);
void isolation_stop(struct isolation *isolation);
void intake_stop(struct intake *intake);

/* The stage looks for jobs that are wanted back. Threads: any. */
void claims_wake(struct claims *claims);
void fetcher_wake(struct fetcher *fetcher);
void isolation_wake(struct isolation *isolation);
/* Take no more deliveries (drain); what was taken is still settled. Threads: any. */
void intake_close(struct intake *intake);
/* Closed, and nothing is at work. Threads: any. */
bool intake_is_empty(struct intake *intake);
/* Deliveries that have come in and are not settled. Threads: any. */
size_t intake_in_flight(struct intake *intake);

#endif
