/* SPDX-License-Identifier: MIT */
/*
 * Outlet: owns the publishing connection to the broker. A job that has ended is reported here: its
 * message goes on to the retry ladder or the dead letters if its verdict says so, and its result to
 * the logger. Only when the broker has confirmed both does the job go home to be acknowledged; so a
 * crash at any point repeats a message and never loses one. One thread.
 */
#include <stdlib.h>
#include <string.h>

#include "common/broker.h"
#include "common/clock.h"
#include "common/killpoint.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/metrics.h"
#include "common/process.h"
#include "common/topology.h"
#include "worker/line.h"

#define WINDOW            64
#define AGAIN_AFTER_MS    1000 /* a queue that is full or missing */
#define PUBLICATIONS_MAX  2    /* of one job */
#define ANNOUNCEMENTS_MAX 10000

struct report;

/* One message of a report; the context of its publish. */
struct publication {
	struct report *report;
	bool *stored; /* set in the job, so that what is stored is not published again */
};

/* A job while its publications are unconfirmed. */
struct report {
	struct outlet *outlet;
	struct job *job;
	int open; /* publications whose fate is not known */
	struct publication message, result;
};

struct announcement {
	struct queue_item link;
	char message_id[UUID_TEXT_SIZE];
	struct text body;
};

struct outlet {
	struct line *line;
	struct broker *broker;
	struct queue queue;         /* of jobs */
	struct queue announcements; /* wakes the same poll(2) */
	pthread_t thread;
	atomic_bool stopping;
	struct health_loop *loop;
	struct health_need *need;
	const char *refusal; /* why RabbitMQ did not store the last message; NULL: it did */
	int64_t again_ms;    /* nothing is published before then */
	struct text body;    /* reused */
};

/* ---- What is published ---- */

/* publication NULL: nobody asks for its fate. */
static bool publish(struct outlet *outlet, const char *key, const char *message_id,
	const struct broker_header *headers, size_t header_count, struct publication *publication)
{
	struct broker_message message = {.exchange = TOPOLOGY_EXCHANGE,
		.key = key,
		.message_id = message_id,
		.body = text_string(&outlet->body),
		.length = outlet->body.length,
		.headers = headers,
		.header_count = header_count};

	if (!broker_publish(outlet->broker, &message, publication))
		return false;
	if (publication)
		publication->report->open++;
	return true;
}

/* The job once more: its next attempt by way of the ladder, its next slice or itself behind others. */
static bool publish_job(struct outlet *outlet, struct report *report)
{
	const struct job *job = report->job;
	const struct verdict *verdict = &job->verdict;
	const struct topology_queue *queue =
		topology_queue(job->express ? QUEUE_JOBS_EXPRESS : QUEUE_JOBS);
	struct job_message next = job->message; /* borrows original */

	if (verdict->destination == TO_RETRY) {
		queue = topology_rung(verdict->rung);
		next.attempt = verdict->next_attempt;
	} else if (verdict->destination == TO_NEXT_SLICE) {
		next.progress = verdict->progress;
	}
	text_clear(&outlet->body);
	job_message_write(&next, &outlet->body);
	return publish(outlet, queue->key, next.job_id, NULL, 0, &report->message);
}

/* The message as it came, and beside it why it died. */
static bool publish_dead(struct outlet *outlet, struct report *report)
{
	const struct job *job = report->job;
	const struct verdict *verdict = &job->verdict;
	char died_at[CLOCK_TEXT_SIZE];
	struct broker_header headers[] = {
		{"x-error-class", error_rule(verdict->error_class)->name, 0},
		{"x-error-text", verdict->error_details, 0},
		{"x-attempt", NULL, job->message.attempt},
		{"x-worker", outlet->line->worker_name, 0},
		{"x-died-at", died_at, 0},
	};

	clock_format(
		verdict->completed_at_us ? verdict->completed_at_us : clock_unix_us(), died_at);
	text_clear(&outlet->body);
	if (job->raw_body)
		text_append_bytes(&outlet->body, job->raw_body, job->raw_length);
	else
		job_message_write(&job->message, &outlet->body);
	return publish(outlet, topology_queue(QUEUE_JOBS_DEAD)->key,
		job->raw_id ? job->raw_id : job->message.job_id, headers,
		sizeof headers / sizeof *headers, &report->message);
}

static bool publish_result(struct outlet *outlet, struct report *report)
{
	struct result_message result;

	job_result(report->job, outlet->line->worker_name, &result);
	text_clear(&outlet->body);
	result_message_write(&result, &outlet->body);
	if (!publish(outlet, topology_queue(QUEUE_RESULTS)->key, result.attempt_id, NULL, 0,
		    &report->result))
		return false;
	killpoint(KILL_WORKER_RESULT_SENT, report->job->message.account_id);
	return true;
}

/* ---- The life of a report ---- */

static void tell_end(const struct job *job)
{
	const struct verdict *verdict = &job->verdict;
	struct log_job about = job_log(job);

	if (verdict->status != STATUS_RUNNING) /* waiting for quota is no end */
		metric_add(METRIC_JOBS, (int)verdict->status, 1);
	if (verdict->error_class == ERROR_NONE) {
		log_about(LOG_INFO, &about, "%s: %s",
			verdict->status == STATUS_SUCCESS   ? "synchronised"
			: verdict->status == STATUS_RUNNING ? "goes on later"
							    : "skipped",
			verdict->message);
		return;
	}
	metric_add(METRIC_JOB_FAILURES, (int)verdict->error_class, 1);
	if (verdict->destination == TO_RETRY)
		log_about(LOG_WARN, &about, "%s; attempt %d in %lld s", verdict->error_details,
			verdict->next_attempt,
			(long long)topology_rung_delay_ms(verdict->rung) / 1000);
	else
		log_about(LOG_ERROR, &about, "%s; to the dead letters: %s", verdict->error_details,
			verdict->message);
}

static void end_report(struct outlet *outlet, struct report *report)
{
	struct job *job = report->job;

	free(report);
	if (!job->message_stored || !job->result_stored) {
		queue_put_first(&outlet->queue, &job->link);
		return;
	}
	killpoint(KILL_WORKER_CONFIRMED, job->message.account_id);
	if (!job->raw_body)
		tell_end(job);
	line_pass(outlet->line, job, OUTCOME_REPORTED);
}

static void note_refusal(struct outlet *outlet, const char *refusal)
{
	outlet->refusal = refusal;
	outlet->again_ms = clock_monotonic_ms() + AGAIN_AFTER_MS;
}

static void take_fate(void *context, void *publish_context, enum broker_fate fate)
{
	struct outlet *outlet = context;
	struct publication *publication = publish_context;

	if (fate == FATE_REFUSED)
		note_refusal(outlet, "RabbitMQ refuses messages: a queue is full");
	else if (fate == FATE_RETURNED)
		note_refusal(outlet, "RabbitMQ returns messages: run: syncctl topology apply");
	else if (fate == FATE_STORED)
		outlet->refusal = NULL;
	if (!publication) /* an announcement */
		return;
	*publication->stored = fate == FATE_STORED;
	if (--publication->report->open == 0)
		end_report(outlet, publication->report);
}

static void publish_message(struct outlet *outlet, struct report *report)
{
	enum destination destination = report->job->verdict.destination;
	enum killpoint point = destination == TO_DEAD    ? KILL_WORKER_DEAD_SENT
			       : destination == TO_RETRY ? KILL_WORKER_RETRY_SENT
							 : KILL_WORKER_SLICE_SENT;

	if (destination == TO_DEAD ? publish_dead(outlet, report) : publish_job(outlet, report))
		killpoint(point, report->job->message.account_id);
}

/*
 * The result first: as a rule the end of this attempt is told before the next one begins. What was
 * stored the last time, when the other was not, is not published again.
 */
static void publish_report(struct outlet *outlet, struct job *job)
{
	struct report *report = memory_allocate(1, sizeof *report);
	bool goes_on = job->verdict.destination != TO_NOWHERE;
	bool has_result =
		!job->raw_body && !job->impostor && job->verdict.destination != TO_SAME_QUEUE;

	*report = (struct report){.outlet = outlet,
		.job = job,
		.open = 1,
		.message = {report, &job->message_stored},
		.result = {report, &job->result_stored}};
	job->message_stored |= !goes_on;
	job->result_stored |= !has_result;
	if (job->result_stored || publish_result(outlet, report))
		if (!job->message_stored)
			publish_message(outlet, report);
	if (--report->open == 0)
		end_report(outlet, report);
}

static void publish_announcement(struct outlet *outlet, struct announcement *announcement)
{
	text_clear(&outlet->body);
	text_append_bytes(&outlet->body, announcement->body.data, announcement->body.length);
	publish(outlet, topology_queue(QUEUE_RESULTS)->key, announcement->message_id, NULL, 0,
		NULL);
	text_finish(&announcement->body);
	free(announcement);
}

/* ---- The loop ---- */

static void publish_waiting(struct outlet *outlet)
{
	if (clock_monotonic_ms() < outlet->again_ms)
		return;
	while (broker_room(outlet->broker) >= PUBLICATIONS_MAX) {
		struct job *job = (struct job *)queue_take(&outlet->queue, 0);

		if (!job)
			break;
		publish_report(outlet, job);
	}
	while (broker_room(outlet->broker)) {
		struct queue_item *item = queue_take(&outlet->announcements, 0);

		if (!item)
			break;
		publish_announcement(outlet, (struct announcement *)item);
	}
}

static void tell_readiness(struct outlet *outlet)
{
	const char *problem = outlet->refusal;

	if (!broker_is_up(outlet->broker))
		problem = broker_problem(outlet->broker);
	else if (broker_is_blocked(outlet->broker))
		problem = "RabbitMQ has an alarm and takes no messages";
	health_set_need(outlet->need, problem);
}

static void *run(void *argument)
{
	struct outlet *outlet = argument;

	while (!atomic_load(&outlet->stopping)) {
		broker_run(outlet->broker, outlet->queue.event_fd, LINE_TURN_MS);
		queue_acknowledge(&outlet->queue);
		if (line_gives_back(outlet->line))
			line_give_back_queue(outlet->line, &outlet->queue);
		publish_waiting(outlet);
		tell_readiness(outlet);
		health_beat(outlet->loop);
	}
	health_loop_end(outlet->loop);
	return NULL;
}

static void wake_outlet(void *context)
{
	struct outlet *outlet = context;

	queue_wake(&outlet->queue);
}

bool outlet_start(struct line *line)
{
	static const enum topology_queue_id needs[] = {QUEUE_JOBS, QUEUE_JOBS_EXPRESS,
		QUEUE_RETRY_10S, QUEUE_RETRY_1M, QUEUE_RETRY_5M, QUEUE_RETRY_30M, QUEUE_JOBS_DEAD,
		QUEUE_RESULTS};
	struct outlet *outlet = memory_allocate(1, sizeof *outlet);
	struct broker_options options = {.url = line->config->amqp_url,
		.name = line->worker_name,
		.needs = needs,
		.need_count = sizeof needs / sizeof *needs,
		.window = WINDOW,
		.context = outlet,
		.settled = take_fate};
	struct error err;

	outlet->line = line;
	outlet->loop = health_add_loop(line->health, "outlet");
	outlet->need = health_add_need(line->health, "RabbitMQ (results)");
	if (!broker_create(&options, &outlet->broker, &err)) {
		log_error("%s", err.text);
		free(outlet);
		return false;
	}
	queue_init_polled(&outlet->queue);
	queue_init_waking(&outlet->announcements, wake_outlet, outlet);
	line->outlet = outlet; /* before anybody can look for it */
	process_start_thread("outlet", &outlet->thread, run, outlet);
	return true;
}

void outlet_put(struct outlet *outlet, struct job *job)
{
	queue_put(&outlet->queue, &job->link);
}

void outlet_announce(struct outlet *outlet, const struct job *job)
{
	struct announcement *announcement;
	struct result_message result;

	if (queue_length(&outlet->announcements) >= ANNOUNCEMENTS_MAX)
		return;
	announcement = memory_allocate(1, sizeof *announcement);
	job_result(job, outlet->line->worker_name, &result);
	result_text_copy(result.message, sizeof result.message, "reading from TikTok");
	memcpy(announcement->message_id, result.attempt_id, sizeof result.attempt_id);
	result_message_write(&result, &announcement->body);
	queue_put(&outlet->announcements, &announcement->link);
}

void outlet_stop(struct outlet *outlet)
{
	struct queue_item *item;

	if (!outlet)
		return;
	atomic_store(&outlet->stopping, true);
	queue_wake(&outlet->queue);
	pthread_join(outlet->thread, NULL);
	while ((item = queue_take(&outlet->announcements, 0))) {
		text_finish(&((struct announcement *)item)->body);
		free(item);
	}
	broker_destroy(outlet->broker);
	queue_finish(&outlet->announcements);
	queue_finish(&outlet->queue);
	text_finish(&outlet->body);
	free(outlet);
}
