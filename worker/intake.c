/* SPDX-License-Identifier: MIT */
/*
 * Intake: owns the consuming connection to the broker. Deliveries come in here and become jobs;
 * jobs come home here and are acknowledged. One thread.
 *
 * For every delivery that is at work there is a ticket, found by its account: an account is
 * synchronised by one job at a time, so that no two stages ever write the same rows. What comes for
 * an account at work is parked until that job is home. A job that is delivered again over a new
 * connection while it is still at work is not started twice: its ticket takes the new tag.
 */
#include "worker/line.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/broker.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/metrics.h"
#include "common/process.h"
#include "common/topology.h"

#define TICKET_BUCKETS 1024

struct parked {
	struct parked *next;
	struct job_message message;
	uint64_t epoch;
	uint64_t tag;
	bool express;
};

struct ticket {
	struct ticket *next; /* of the bucket */
	int64_t account_id;  /* 0: of a message that is no job; in no bucket */
	char job_id[UUID_TEXT_SIZE];
	int attempt;
	uint64_t epoch;
	uint64_t tag;
	int64_t began_ms;
	struct parked *parked; /* oldest first */
};

struct intake {
	struct line *line;
	struct broker *broker;
	struct broker_consumer consumers[2];
	struct health_loop *loop;
	struct health_need *need;
	struct queue settled;
	pthread_t thread;
	atomic_bool closing;     /* set by intake_close() */
	atomic_bool stopping;    /* set by intake_stop() */
	atomic_bool closed;      /* nothing is delivered any more */
	atomic_size_t in_flight; /* tickets and parked deliveries */
	struct ticket *buckets[TICKET_BUCKETS];
};

static struct ticket **bucket_of(struct intake *intake, int64_t account_id)
{
	return &intake->buckets[(uint64_t)account_id % TICKET_BUCKETS];
}

static struct ticket *ticket_of(struct intake *intake, int64_t account_id)
{
	struct ticket *ticket = *bucket_of(intake, account_id);

	while (ticket && ticket->account_id != account_id)
		ticket = ticket->next;
	return ticket;
}

static struct ticket *ticket_add(
	struct intake *intake, const struct job_message *message, uint64_t epoch, uint64_t tag)
{
	struct ticket *ticket = memory_allocate(1, sizeof *ticket);

	ticket->epoch = epoch;
	ticket->tag = tag;
	ticket->began_ms = clock_monotonic_ms();
	if (message) {
		struct ticket **bucket = bucket_of(intake, message->account_id);

		ticket->account_id = message->account_id;
		memcpy(ticket->job_id, message->job_id, sizeof ticket->job_id);
		ticket->attempt = message->attempt;
		ticket->next = *bucket;
		*bucket = ticket;
	}
	atomic_fetch_add(&intake->in_flight, 1);
	return ticket;
}

static void ticket_remove(struct intake *intake, struct ticket *ticket)
{
	if (ticket->account_id) {
		struct ticket **at = bucket_of(intake, ticket->account_id);

		while (*at != ticket)
			at = &(*at)->next;
		*at = ticket->next;
	}
	assert(!ticket->parked);
	free(ticket);
	atomic_fetch_sub(&intake->in_flight, 1);
}

/* Takes over message. */
static void begin_job(struct intake *intake, struct job_message *message, bool express,
	uint64_t epoch, uint64_t tag)
{
	struct ticket *ticket = ticket_add(intake, message, epoch, tag);
	struct job *job = job_create(message);

	job->ticket = ticket;
	job->express = express;
	metric_add(METRIC_JOBS_IN_FLIGHT, 0, 1);
	line_pass(intake->line, job, OUTCOME_STARTED);
}

static bool is_express(const struct broker_delivery *delivery)
{
	return strcmp(delivery->queue, topology_queue(QUEUE_JOBS_EXPRESS)->name) == 0;
}

/* Behind what is parked there already. */
static void park_behind(struct ticket *ticket, struct parked *parked)
{
	struct parked **last = &ticket->parked;

	while (*last)
		last = &(*last)->next;
	parked->next = NULL;
	*last = parked;
}

/* Takes over message. */
static void park(struct intake *intake, struct ticket *ticket, struct job_message *message,
	const struct broker_delivery *delivery)
{
	struct parked *parked = memory_allocate(1, sizeof *parked);

	parked->message = *message;
	parked->epoch = delivery->epoch;
	parked->tag = delivery->tag;
	parked->express = is_express(delivery);
	park_behind(ticket, parked);
	atomic_fetch_add(&intake->in_flight, 1);
}

static void refuse_message(
	struct intake *intake, const struct broker_delivery *delivery, const struct error *reason)
{
	struct job *job = job_create_unreadable(delivery->body, delivery->length, reason);

	metric_add(METRIC_DELIVERIES, DELIVERY_MALFORMED, 1);
	metric_add(METRIC_JOBS_IN_FLIGHT, 0, 1);
	log_warn("message %s of %s is no job: %s; it goes to %s", delivery->message_id,
		delivery->queue, reason->text, topology_queue(QUEUE_JOBS_DEAD)->name);
	job->ticket = ticket_add(intake, NULL, delivery->epoch, delivery->tag);
	job->action = SYNC_REPORT;
	outlet_put(intake->line->outlet, job);
}

static void take_delivery(void *context, const struct broker_delivery *delivery)
{
	struct intake *intake = context;
	struct job_message message;
	struct ticket *ticket;
	struct error err;

	if (!job_message_read(delivery->body, delivery->length, &message, &err)) {
		refuse_message(intake, delivery, &err);
		return;
	}
	metric_add(METRIC_DELIVERIES, delivery->redelivered ? DELIVERY_REPEATED : DELIVERY_NEW, 1);
	ticket = ticket_of(intake, message.account_id);
	if (!ticket) {
		begin_job(intake, &message, is_express(delivery), delivery->epoch, delivery->tag);
	} else if (ticket->epoch != delivery->epoch && ticket->attempt == message.attempt &&
		   strcmp(ticket->job_id, message.job_id) == 0) {
		ticket->epoch = delivery->epoch;
		ticket->tag = delivery->tag;
		job_message_finish(&message);
	} else {
		park(intake, ticket, &message, delivery);
	}
}

/*
 * The account is free: begin what was parked for it, except deliveries that died with their
 * connection.
 */
static void begin_parked(struct intake *intake, struct parked *parked)
{
	while (parked) {
		struct parked *next = parked->next;
		struct ticket *ticket = ticket_of(intake, parked->message.account_id);

		if (parked->epoch != broker_epoch(intake->broker)) {
			job_message_finish(&parked->message);
		} else if (ticket) {
			park_behind(ticket, parked);
			parked = next;
			continue; /* still in flight */
		} else {
			begin_job(intake, &parked->message, parked->express, parked->epoch,
				parked->tag);
		}
		atomic_fetch_sub(&intake->in_flight, 1);
		free(parked);
		parked = next;
	}
}

static void settle(struct intake *intake, struct job *job)
{
	struct ticket *ticket = job->ticket;
	struct parked *parked = ticket->parked;

	if (job->give_back) {
		broker_requeue(intake->broker, ticket->epoch, ticket->tag);
	} else {
		broker_ack(intake->broker, ticket->epoch, ticket->tag);
		metric_observe_ms(METRIC_JOB_SECONDS, 0, clock_monotonic_ms() - ticket->began_ms);
	}
	ticket->parked = NULL;
	ticket_remove(intake, ticket);
	job_destroy(job);
	metric_add(METRIC_JOBS_IN_FLIGHT, 0, -1);
	begin_parked(intake, parked);
}

static void *run(void *argument)
{
	struct intake *intake = argument;

	while (!atomic_load(&intake->stopping) || intake_in_flight(intake)) {
		struct queue_item *item;

		if (atomic_load(&intake->closing) && !atomic_load(&intake->closed)) {
			broker_stop_consuming(intake->broker);
			atomic_store(&intake->closed, true);
		}
		broker_run(intake->broker, intake->settled.event_fd, LINE_TURN_MS);
		health_set_need(intake->need,
			broker_is_up(intake->broker) ? NULL : broker_problem(intake->broker));
		queue_acknowledge(&intake->settled);
		while ((item = queue_take(&intake->settled, 0)))
			settle(intake, (struct job *)item);
		health_beat(intake->loop);
	}
	health_loop_end(intake->loop);
	return NULL;
}

bool intake_start(struct line *line)
{
	static const enum topology_queue_id needs[] = {QUEUE_JOBS, QUEUE_JOBS_EXPRESS};
	struct intake *intake = memory_allocate(1, sizeof *intake);
	int64_t prefetch = line->config->worker_concurrency + INT64_C(2) * LINE_BATCH_JOBS;
	struct broker_options options = {.url = line->config->amqp_url,
		.name = line->worker_name,
		.consumers = intake->consumers,
		.consumer_count = 2,
		.needs = needs,
		.need_count = sizeof needs / sizeof *needs,
		.context = intake,
		.delivered = take_delivery};
	struct error err;

	intake->line = line;
	intake->consumers[0] = (struct broker_consumer){
		topology_queue(QUEUE_JOBS_EXPRESS)->name, LINE_EXPRESS_JOBS};
	intake->consumers[1] =
		(struct broker_consumer){topology_queue(QUEUE_JOBS)->name, (uint16_t)prefetch};
	intake->loop = health_add_loop(line->health, "intake");
	intake->need = health_add_need(line->health, "RabbitMQ (jobs)");
	if (!broker_create(&options, &intake->broker, &err)) {
		log_error("%s", err.text);
		free(intake);
		return false;
	}
	queue_init_polled(&intake->settled);
	line->intake = intake; /* before anybody can look for it */
	process_start_thread("intake", &intake->thread, run, intake);
	return true;
}

void intake_close(struct intake *intake)
{
	atomic_store(&intake->closing, true);
	queue_wake(&intake->settled);
}

bool intake_is_empty(struct intake *intake)
{
	return atomic_load(&intake->closed) && intake_in_flight(intake) == 0;
}

size_t intake_in_flight(struct intake *intake)
{
	return atomic_load(&intake->in_flight);
}

void intake_settle(struct intake *intake, struct job *job)
{
	queue_put(&intake->settled, &job->link);
}

void intake_stop(struct intake *intake)
{
	if (!intake)
		return;
	atomic_store(&intake->stopping, true);
	queue_wake(&intake->settled);
	pthread_join(intake->thread, NULL);
	broker_destroy(intake->broker);
	queue_finish(&intake->settled);
	free(intake);
}
