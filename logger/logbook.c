/* SPDX-License-Identifier: MIT */
/*
 * Taking and writing results, see logbook.h. Runs on the logger's main thread, callbacks of the
 * brokers included.
 */
#include "logger/logbook.h"

#include <stdlib.h>

#include "common/broker.h"
#include "common/clock.h"
#include "common/db_session.h"
#include "common/killpoint.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/metrics.h"
#include "common/topology.h"
#include "logger/dead_letters.h"
#include "logger/held.h"
#include "logger/log_batch.h"
#include "logger/pace.h"

#define PREFETCH    1000
#define PROBE_MS    5000 /* how often an idle logger looks whether the database is there */
#define HOLD_MAX_MS (INT64_C(20) * 60 * 1000)
/* While dead letters are on their way, whose connection does not wake us. */
#define LETTERS_POLL_MS 10

struct logbook {
	struct broker *broker; /* consumes only; the dead letters have their own */
	struct broker_consumer consumer;
	struct dead_letters *letters;
	struct db_session *database;
	struct log_batch *batch;
	struct held_list held;
	struct pace pace;
	enum pace_hurry hurry;
	int64_t probe_at_ms;
	int64_t hold_max_ms;
	bool resting; /* the results went back, until the database takes writes again */
	struct health_need *broker_need;
};

/* ---- Deliveries ---- */

static void bury(struct logbook *logbook, struct held *held)
{
	metric_add(METRIC_RESULTS, RESULT_REFUSED, 1);
	dead_letters_put(logbook->letters, held);
}

static void result_delivered(void *context, const struct broker_delivery *delivery)
{
	struct logbook *logbook = context;
	struct held *held = held_create(delivery);

	if (held->reason.class != ERROR_NONE) {
		metric_add(METRIC_DELIVERIES, DELIVERY_MALFORMED, 1);
		bury(logbook, held);
		return;
	}
	killpoint(KILL_LOGGER_RECEIVED, held->result.account_id);
	metric_add(METRIC_DELIVERIES, delivery->redelivered ? DELIVERY_REPEATED : DELIVERY_NEW, 1);
	pace_note_arrival(&logbook->pace, logbook->held.count, clock_monotonic_ms());
	held_list_put(&logbook->held, held);
}

static void connection_changed(void *context, const char *reason)
{
	struct logbook *logbook = context;

	if (reason == NULL)
		return;
	held_list_drop(&logbook->held);
	if (logbook->letters != NULL)
		dead_letters_drop(logbook->letters);
	pace_note_dropped(&logbook->pace);
}

static void letter_buried(void *context, const struct held *held)
{
	struct logbook *logbook = context;

	broker_ack(logbook->broker, held->epoch, held->tag);
}

/* ---- Writing ---- */

static void settle(struct logbook *logbook, struct held *held, enum log_verdict verdict)
{
	if (verdict == LOG_UNKNOWN_STORE) {
		error_set(&held->reason, ERROR_BAD_MESSAGE, "store_code \"%s\" is no store of ours",
			held->result.store_code);
		bury(logbook, held);
		return;
	}
	metric_add(METRIC_RESULTS, verdict == LOG_STORED ? RESULT_STORED : RESULT_REPEATED, 1);
	killpoint(KILL_LOGGER_SAVED, held->result.account_id);
	broker_ack(logbook->broker, held->epoch, held->tag);
	killpoint(KILL_LOGGER_ACKED, held->result.account_id);
	held_destroy(held);
}

/* PostgreSQL refuses them for good: find the culprit among many; when it is alone, put it aside. */
static void handle_refusal(struct logbook *logbook, int rows, const struct error *err)
{
	struct held *culprit = NULL;

	if (rows > 1) {
		log_warn("PostgreSQL refuses a batch of %d results (%s): writing them one by one",
			rows, err->text);
		pace_note_refusal(&logbook->pace, rows);
		return;
	}
	culprit = held_list_take(&logbook->held);
	culprit->reason = *err;
	bury(logbook, culprit);
	pace_note_done(&logbook->pace, 1, clock_monotonic_ms());
}

static void write_batch(struct logbook *logbook, int rows)
{
	enum log_verdict verdicts[PACE_ROWS_MAX];
	int64_t started_ms = clock_monotonic_ms();
	struct error err;

	if (!log_batch_write(
		    logbook->batch, logbook->database, &logbook->held, rows, verdicts, &err)) {
		if (err.class == ERROR_INTERNAL)
			handle_refusal(logbook, rows, &err);
		return; /* otherwise the database is away, and the session pauses */
	}
	metric_observe_ms(METRIC_COMMIT_SECONDS, 0, clock_monotonic_ms() - started_ms);
	pace_note_done(&logbook->pace, rows, clock_monotonic_ms());
	for (int i = 0; i < rows; i++)
		settle(logbook, held_list_take(&logbook->held), verdicts[i]);
}

/* An idle logger knows too whether it could write. */
static void probe_database(struct logbook *logbook, int64_t now_ms)
{
	struct error err;

	if (now_ms < logbook->probe_at_ms && !db_session_is_away(logbook->database))
		return;
	logbook->probe_at_ms = now_ms + PROBE_MS;
	db_session_probe(logbook->database, &err);
}

static void write_what_is_due(struct logbook *logbook)
{
	int64_t now_ms = clock_monotonic_ms();
	int rows = pace_rows(&logbook->pace, logbook->held.count, logbook->hurry, now_ms);

	if (db_session_pause_ms(logbook->database) > 0)
		return;
	if (rows > 0)
		write_batch(logbook, rows);
	else if (logbook->held.count == 0)
		probe_database(logbook, now_ms);
}

/* ---- What is held for too long ---- */

static void go_to_rest(struct logbook *logbook)
{
	logbook->resting = true;
	log_warn(
		"%d results could not be written for %lld minutes: giving them back to %s until the database takes them",
		logbook->held.count, (long long)logbook->hold_max_ms / 60000,
		logbook->consumer.queue);
	broker_disconnect(
		logbook->broker, "the results wait in the queue while the database is away");
}

static void wake_up(struct logbook *logbook)
{
	logbook->resting = false;
	broker_reconnect(logbook->broker);
}

static void give_back_what_is_old(struct logbook *logbook)
{
	int64_t before_ms = clock_monotonic_ms() - logbook->hold_max_ms;
	const struct held *oldest = logbook->held.first;
	struct held *letter = NULL;

	if (logbook->resting && !db_session_is_away(logbook->database))
		wake_up(logbook);
	else if (oldest != NULL && oldest->delivered_ms < before_ms)
		go_to_rest(logbook);
	while ((letter = dead_letters_take_older(logbook->letters, before_ms)) != NULL) {
		broker_requeue(logbook->broker, letter->epoch, letter->tag);
		held_destroy(letter);
	}
}

static void report_broker(struct logbook *logbook)
{
	const char *problem = broker_problem(logbook->broker);

	if (problem[0] == '\0')
		problem = dead_letters_problem(logbook->letters);
	health_set_need(logbook->broker_need, problem[0] != '\0' ? problem : NULL);
}

/* How long there is nothing to do but to listen. */
static int64_t idle_ms(const struct logbook *logbook)
{
	int64_t idle_ms = pace_idle_ms(&logbook->pace, logbook->held.count, clock_monotonic_ms());
	int64_t pause_ms = db_session_pause_ms(logbook->database);

	if (idle_ms < pause_ms)
		idle_ms = pause_ms < PACE_IDLE_MS ? pause_ms : PACE_IDLE_MS;
	if (dead_letters_count(logbook->letters) > 0 && idle_ms > LETTERS_POLL_MS)
		idle_ms = LETTERS_POLL_MS;
	return idle_ms;
}

void logbook_turn(struct logbook *logbook, int wake_fd)
{
	write_what_is_due(logbook);
	give_back_what_is_old(logbook);
	dead_letters_turn(logbook->letters);
	broker_run(logbook->broker, wake_fd, idle_ms(logbook));
	report_broker(logbook);
}

/* ---- Life cycle ---- */

bool logbook_create(const struct config *config, struct db_pool *pool, struct health *health,
	struct logbook **logbook, struct error *err)
{
	static const enum topology_queue_id needs[] = {QUEUE_RESULTS};
	struct logbook *made = memory_allocate(1, sizeof *made);
	struct broker_options options = {
		.url = config->amqp_url,
		.name = "storesync-logger",
		.consumers = &made->consumer,
		.consumer_count = 1,
		.needs = needs,
		.need_count = sizeof needs / sizeof needs[0],
		.context = made,
		.delivered = result_delivered,
		.changed = connection_changed,
	};

	made->database = db_session_create(pool, health_add_need(health, "PostgreSQL"));
	made->broker_need = health_add_need(health, "RabbitMQ");
	made->batch = log_batch_create();
	made->hurry = PACE_COLLECT;
	made->hold_max_ms = HOLD_MAX_MS;
	made->consumer = (struct broker_consumer){
		.queue = topology_queue(QUEUE_RESULTS)->name, .prefetch = PREFETCH};
	held_list_init(&made->held);
	if (!dead_letters_create(config->amqp_url, letter_buried, made, &made->letters, err) ||
		!broker_create(&options, &made->broker, err)) {
		logbook_destroy(made);
		return false;
	}
	*logbook = made;
	return true;
}

void logbook_destroy(struct logbook *logbook)
{
	if (logbook == NULL)
		return;
	dead_letters_destroy(logbook->letters); /* before the broker that acks what it buries */
	logbook->letters = NULL;
	broker_destroy(logbook->broker);
	held_list_drop(&logbook->held);
	log_batch_destroy(logbook->batch);
	db_session_destroy(logbook->database);
	free(logbook);
}

void logbook_stop_taking(struct logbook *logbook)
{
	broker_stop_consuming(logbook->broker);
	logbook->hurry = PACE_FLUSH;
}

void logbook_set_hold_limit(struct logbook *logbook, int64_t hold_max_ms)
{
	logbook->hold_max_ms = hold_max_ms;
}

int logbook_held(const struct logbook *logbook)
{
	return logbook->held.count + dead_letters_count(logbook->letters);
}
