/* SPDX-License-Identifier: MIT */
/*
 * Intake: owns the consuming connection to the broker. Deliveries come in here and become jobs;
 * jobs come home here and are acknowledged. One thread.
 *
 * For every delivery that is at work there is a ticket, found by its account: an account is
 * synchronised by one job at a time, so that no two stages ever write the same rows. What comes for
 * an account at work is parked until that job is home. A job that is delivered again over a new
 * connection while it is still at work is not started twice: its ticket takes the new tag.
 *
 * While anything that the worker needs is missing, nothing is taken (follow_readiness()); and never
 * more than the quota can feed (follow_quota()).
 */
#include "worker/feed.h"
#include "worker/line.h"

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
#include "worker/tickets.h"

#define LOOK_MS 100 /* while something is missing: is it back? */

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
	int64_t looked_ms;       /* when recall_old() last looked */
	struct tickets tickets;
	struct feed feed;
};

/* Enter a job that begins, with its delivery. */
static void open_ticket(struct intake *intake, struct job *job, uint64_t epoch, uint64_t tag)
{
	struct ticket *ticket = tickets_add(&intake->tickets, job);

	ticket->epoch = epoch;
	ticket->tag = tag;
	atomic_fetch_add(&intake->in_flight, 1);
	metric_add(METRIC_JOBS_IN_FLIGHT, 0, 1);
}

static void close_ticket(struct intake *intake, struct ticket *ticket)
{
	tickets_remove(&intake->tickets, ticket);
	atomic_fetch_sub(&intake->in_flight, 1);
	metric_add(METRIC_JOBS_IN_FLIGHT, 0, -1);
}

/* Takes over message. */
static void begin_job(
	struct intake *intake, struct job_message *message, const struct arrival *arrival)
{
	struct job *job = job_create(message);

	job->express = arrival->express;
	job->deliveries = arrival->deliveries;
	open_ticket(intake, job, arrival->epoch, arrival->tag);
	line_pass(intake->line, job, OUTCOME_STARTED);
}

/* Takes over message. */
static void park(struct intake *intake, struct ticket *ticket, struct job_message *message,
	const struct arrival *arrival)
{
	struct parked *parked = memory_allocate(1, sizeof *parked);

	parked->message = *message;
	parked->arrival = *arrival;
	ticket_park(ticket, parked);
	atomic_fetch_add(&intake->in_flight, 1);
	killpoint(KILL_WORKER_PARKED, parked->message.account_id);
}

static void refuse_message(
	struct intake *intake, const struct broker_delivery *delivery, const struct error *reason)
{
	struct job *job = job_create_unreadable(
		delivery->message_id, delivery->body, delivery->length, reason);

	metric_add(METRIC_DELIVERIES, DELIVERY_MALFORMED, 1);
	log_warn("message %s of %s is no job: %s; it goes to %s", delivery->message_id,
		delivery->queue, reason->text, topology_queue(QUEUE_JOBS_DEAD)->name);
	open_ticket(intake, job, delivery->epoch, delivery->tag);
	job->action = SYNC_REPORT;
	outlet_put(intake->line->outlet, job);
}

static void take_delivery(void *context, const struct broker_delivery *delivery)
{
	struct intake *intake = context;
	const struct arrival arrival = {.epoch = delivery->epoch,
		.tag = delivery->tag,
		.express = strcmp(delivery->queue, topology_queue(QUEUE_JOBS_EXPRESS)->name) == 0,
		.deliveries = delivery->delivery_count};
	struct job_message message;
	struct ticket *ticket;
	struct error err;

	if (!broker_delivery_is_whole(delivery, &err) ||
		!job_message_read(delivery->body, delivery->length, &message, &err)) {
		refuse_message(intake, delivery, &err);
		return;
	}
	metric_add(METRIC_DELIVERIES, delivery->redelivered ? DELIVERY_REPEATED : DELIVERY_NEW, 1);
	killpoint(KILL_WORKER_DELIVERED, message.account_id);
	ticket = tickets_find(&intake->tickets, message.account_id);
	if (!ticket) {
		begin_job(intake, &message, &arrival);
	} else if (ticket_is_repeated(ticket, &message, delivery)) {
		ticket->epoch = delivery->epoch;
		ticket->tag = delivery->tag;
		ticket->began_ms = clock_monotonic_ms();
		ticket->returned = false;
		job_message_finish(&message);
	} else {
		park(intake, ticket, &message, &arrival);
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
		struct ticket *ticket = tickets_find(&intake->tickets, parked->message.account_id);

		if (parked->arrival.epoch != broker_epoch(intake->broker)) {
			job_message_finish(&parked->message);
		} else if (ticket) {
			ticket_park(ticket, parked);
			parked = next;
			continue; /* still in flight */
		} else {
			begin_job(intake, &parked->message, &parked->arrival);
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

	if (atomic_load(&job->recalled))
		atomic_fetch_sub(&intake->line->recalls, 1);
	if (job->give_back) {
		killpoint(KILL_WORKER_BEFORE_RETURN, ticket->account_id);
		if (!ticket->returned)
			broker_requeue(intake->broker, ticket->epoch, ticket->tag);
	} else if (!ticket->returned) {
		killpoint(KILL_WORKER_BEFORE_ACK, ticket->account_id);
		broker_ack(intake->broker, ticket->epoch, ticket->tag);
		killpoint(KILL_WORKER_AFTER_ACK, ticket->account_id);
		metric_observe_ms(METRIC_JOB_SECONDS, 0, clock_monotonic_ms() - ticket->began_ms);
		intake->feed.ended++;
	}
	ticket->parked = NULL;
	close_ticket(intake, ticket);
	job_destroy(job);
	begin_parked(intake, parked);
}

/* What waits behind a job that is held for long goes back to the queue at once. */
static void return_parked(struct intake *intake, struct ticket *ticket)
{
	struct parked *parked = ticket->parked;

	ticket->parked = NULL;
	while (parked) {
		struct parked *next = parked->next;

		broker_requeue(intake->broker, parked->arrival.epoch, parked->arrival.tag);
		job_message_finish(&parked->message);
		atomic_fetch_sub(&intake->in_flight, 1);
		free(parked);
		parked = next;
	}
}

/*
 * RabbitMQ closes the channel of a consumer that keeps a message for too long (consumer_timeout, 30
 * minutes), and counts it against every message there. A job that waits that long, for the end of an
 * outage, is asked for, and goes back undone. One that does not come home is stuck, or has a token
 * pair in hand that must be saved first: then its delivery goes back without it.
 */
static void recall(struct intake *intake, struct ticket *ticket, int64_t now_ms)
{
	int64_t limit_ms = intake->line->config->hold_timeout_ms;
	int64_t age_ms = now_ms - ticket->began_ms;

	if (age_ms < limit_ms || ticket->returned)
		return;
	if (!atomic_exchange(&ticket->job->recalled, true)) {
		atomic_fetch_add(&intake->line->recalls, 1);
		return_parked(intake, ticket);
	} else if (age_ms >= limit_ms + limit_ms / 4) {
		log_warn(
			"job %s is still at hand after %lld s: its delivery goes back to the queue",
			ticket->job_id, (long long)age_ms / 1000);
		broker_requeue(intake->broker, ticket->epoch, ticket->tag);
		ticket->returned = true;
	}
}

static void recall_old(struct intake *intake)
{
	int64_t now_ms = clock_monotonic_ms();

	if (now_ms - intake->looked_ms < LINE_TURN_MS)
		return;
	intake->looked_ms = now_ms;
	for (size_t i = 0; i < TICKET_BUCKETS; i++)
		for (struct ticket *at = intake->tickets.buckets[i]; at; at = at->next)
			recall(intake, at, now_ms);
	if (line_gives_back(intake->line)) {
		claims_wake(intake->line->claims);
		fetcher_wake(intake->line->fetcher);
		isolation_wake(intake->line->isolation);
	}
}

/* While something is waited for, jobs stay in the queue, where others may be able to take them. */
static void follow_readiness(struct intake *intake)
{
	const char *problem = broker_is_up(intake->broker) ? NULL : broker_problem(intake->broker);

	health_set_need(intake->need, problem);
	if (problem || atomic_load(&intake->closing))
		return;
	if (health_is_ready(intake->line->health))
		broker_resume_consuming(intake->broker);
	else
		broker_pause_consuming(intake->broker);
}

/* Take as many jobs at once as the quota can feed: what is more stays in the queue. */
static void follow_quota(struct intake *intake)
{
	int64_t at_hand = (int64_t)intake_in_flight(intake);

	if (!broker_is_up(intake->broker) || !feed_is_due(&intake->feed, clock_monotonic_ms()))
		return;
	if (feed_wants_backlog(&intake->feed, at_hand))
		broker_count_ready(intake->broker, QUEUE_JOBS, &intake->feed.ready);
	if (feed_look(&intake->feed, intake->line, at_hand)) {
		intake->consumers[1].prefetch = (uint16_t)intake->feed.appetite.jobs;
		broker_pause_consuming(intake->broker); /* follow_readiness() resumes */
	}
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
		broker_run(intake->broker, intake->settled.event_fd,
			health_is_ready(intake->line->health) ? LINE_TURN_MS : LOOK_MS);
		follow_quota(intake);
		follow_readiness(intake);
		queue_acknowledge(&intake->settled);
		while ((item = queue_take(&intake->settled, 0)))
			settle(intake, (struct job *)item);
		recall_old(intake);
		health_beat(intake->loop);
	}
	health_loop_end(intake->loop);
	return NULL;
}

bool intake_start(struct line *line)
{
	static const enum topology_queue_id needs[] = {QUEUE_JOBS, QUEUE_JOBS_EXPRESS};
	struct intake *intake = memory_allocate(1, sizeof *intake);
	const struct config *config = line->config;
	struct broker_options options = {.url = config->amqp_url,
		.name = line->worker_name,
		.consumers = intake->consumers,
		.consumer_count = 2,
		.needs = needs,
		.need_count = sizeof needs / sizeof *needs,
		.context = intake,
		.delivered = take_delivery};
	struct error err;

	intake->line = line;
	feed_init(&intake->feed, config);
	intake->consumers[0] = (struct broker_consumer){
		topology_queue(QUEUE_JOBS_EXPRESS)->name, LINE_EXPRESS_JOBS};
	intake->consumers[1] = (struct broker_consumer){
		topology_queue(QUEUE_JOBS)->name, (uint16_t)intake->feed.appetite.jobs};
	intake->loop = health_add_loop(line->health, "intake");
	intake->need = health_add_need(line->health, "RabbitMQ (jobs)");
	if (!broker_create(&options, &intake->broker, &err)) {
		log_error("%s", err.text);
		free(intake);
		return false;
	}
	broker_pause_consuming(intake->broker); /* until everything is ready */
	queue_init_polled(&intake->settled);
	line->settle = intake_settle;
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

void intake_settle(struct line *line, struct job *job)
{
	queue_put(&line->intake->settled, &job->link);
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
