/* SPDX-License-Identifier: MIT */
/*
 * The pass, see dead_pass.h. One connection consumes and publishes: here an alarm may well hold up
 * the acks, for every ack waits for a publish anyway. The broker delivers exactly what was there at
 * the beginning: acks that would let it deliver more wait until the consumer is cancelled.
 * One thread, callbacks of the broker included.
 */
#include "operator/dead_pass.h"

#include <inttypes.h>
#include <poll.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/process.h"
#include "common/topology.h"
#include "operator/dead_pass_internal.h"

#define WINDOW            ((size_t)2 * DEAD_PREFETCH)
#define BODY_MAX          ((size_t)256 * 1024 * 1024)
#define TURN_MS           200
#define CONNECT_LIMIT_MS  30000
#define STUCK_LIMIT_MS    60000 /* nothing moves: an alarm, a full queue */
#define SHORT_LIMIT_MS    10000 /* fewer messages come than the queue said it has */
#define FAREWELL_LIMIT_MS 15000
#define LET_GO_LIMIT_MS   5000
#define LET_GO_POLL_MS    20
#define AGAIN_AFTER_MS    1000
#define ATTEMPTS_MAX      20

static const struct topology_queue *dead_queue(void)
{
	return topology_queue(QUEUE_JOBS_DEAD);
}

static void note_change(void *context, const char *reason)
{
	struct pass *pass = context;

	if (!reason)
		pass->came_up = true;
	else if (pass->came_up)
		pass->lost = true;
}

/*
 * Has everything come that the queue has handed out? Each ack lets it hand out one more, while there
 * are more. What comes after the consumer is cancelled, RabbitMQ's channel gives back by itself, and that counts as
 * a delivery (seen with 3.10.8).
 */
static bool all_has_come(const struct pass *pass)
{
	int64_t handed_out = pass->prefetch + pass->acked;

	return pass->fell_short || pass->delivered >= handed_out || pass->delivered >= pass->depth;
}

static void cancel(struct pass *pass)
{
	pass->cancelled = true;
	broker_pause_consuming(pass->broker);
	dead_release_acks(pass);
}

static bool is_through(const struct pass *pass)
{
	return pass->cancelled && pass->waiting.length == 0 && pass->ack_count == 0 &&
	       broker_unconfirmed(pass->broker) == 0;
}

static bool has_stopped_moving(struct pass *pass, struct error *err)
{
	int64_t still_ms = clock_monotonic_ms() - pass->moved_ms;

	if (!pass->came_up && still_ms >= CONNECT_LIMIT_MS) {
		error_set(err, ERROR_BROKER, "%s", broker_problem(pass->broker));
		return true;
	}
	if (pass->came_up && !pass->cancelled && pass->waiting.length == 0 &&
		broker_unconfirmed(pass->broker) == 0 && still_ms >= SHORT_LIMIT_MS)
		pass->ending = pass->fell_short = true;
	if (still_ms < (process_is_stopping() ? FAREWELL_LIMIT_MS : STUCK_LIMIT_MS))
		return false;
	error_set(err, ERROR_BROKER, "%s: nothing is lost; try again when that is mended",
		broker_is_blocked(pass->broker) ? "RabbitMQ has an alarm and takes no messages"
						: "RabbitMQ refuses messages: is a queue full?");
	return true;
}

static int64_t wait_ms(const struct pass *pass)
{
	int64_t issue_ms = (pass->next_issue_us + 999) / 1000 - clock_monotonic_ms();

	if (is_through(pass))
		return LET_GO_POLL_MS;
	if (pass->waiting.length > 0 && !pass->ending && issue_ms > 0 && issue_ms < TURN_MS)
		return issue_ms;
	return TURN_MS;
}

/*
 * Has the queue heard of every ack, and does it hold nothing for us? A cancelled consumer counts as
 * one until then. RabbitMQ's channel passes acks on to a quorum queue 32 at a time, and forgets the
 * rest when it is closed: messages would come back (seen with 3.10.8).
 */
static bool queue_has_let_go(struct pass *pass, bool *let_go, struct error *err)
{
	struct broker_count state;

	if (!broker_count_queue(pass->config->amqp_url, QUEUE_JOBS_DEAD, &state, err))
		return false;
	*let_go = state.consumers == 0 || clock_monotonic_ms() - pass->moved_ms >= LET_GO_LIMIT_MS;
	return true;
}

/* True: the connection is sound. */
static bool take_turn(struct pass *pass, struct error *err)
{
	broker_run(pass->broker, pass->ending ? -1 : process_stop_fd(), wait_ms(pass));
	pass->ending |= process_is_stopping();
	if (pass->came_up && !pass->lost && !pass->cancelled && all_has_come(pass) &&
		(pass->ending || pass->delivered >= pass->depth))
		cancel(pass);
	while (!pass->lost && dead_may_settle(pass) && dead_settle_next(pass))
		;
	if (pass->lost)
		error_set(err, ERROR_BROKER, "%s", broker_problem(pass->broker));
	command_progress_show(&pass->progress, pass->done, pass->depth);
	return !pass->lost;
}

/* True: through, or ended early in order. False: the connection is of no use. */
static bool go_through(struct pass *pass, struct error *err)
{
	bool let_go = false;

	pass->moved_ms = clock_monotonic_ms();
	while (!let_go) {
		if (!take_turn(pass, err))
			return false;
		if (pass->ending && !pass->came_up)
			return true;
		if (is_through(pass)) {
			if (!queue_has_let_go(pass, &let_go, err))
				return false;
		} else if (has_stopped_moving(pass, err)) {
			dead_pass_fail(pass, err);
			return false;
		}
	}
	return true;
}

static bool look(struct pass *pass, struct error *err)
{
	struct broker_count state;
	int64_t limit_ms = clock_monotonic_ms() + SHORT_LIMIT_MS;

	/* A syncctl that was killed a moment ago may not have gone yet, and its messages not be back. */
	while (broker_count_queue(pass->config->amqp_url, QUEUE_JOBS_DEAD, &state, err)) {
		if (!state.exists) {
			error_set(err, ERROR_BROKER,
				"there is no queue %s: run: syncctl topology apply",
				dead_queue()->name);
			return false;
		}
		pass->depth = state.ready;
		if (state.consumers == 0)
			return true;
		if (clock_monotonic_ms() >= limit_ms) {
			error_set(&pass->trouble, ERROR_BROKER,
				"another program consumes %s (%" PRId64
				" consumers): end it first, for what it holds cannot be seen",
				dead_queue()->name, state.consumers);
			return false;
		}
		poll(NULL, 0, 100);
	}
	return false;
}

static bool open_broker(struct pass *pass, struct broker_consumer *consumer, struct error *err)
{
	static const enum topology_queue_id needs[] = {QUEUE_JOBS_DEAD};
	struct broker_options options = {
		.url = pass->config->amqp_url,
		.name = "syncctl dead letters",
		.consumers = consumer,
		.consumer_count = 1,
		.needs = needs,
		.need_count = sizeof needs / sizeof needs[0],
		.window = WINDOW,
		.body_max = BODY_MAX,
		.with_properties = true,
		.context = pass,
		.delivered = dead_take_delivery,
		.settled = dead_take_fate,
		.changed = note_change,
	};

	pass->prefetch = (uint16_t)(pass->depth < DEAD_PREFETCH ? pass->depth : DEAD_PREFETCH);
	*consumer = (struct broker_consumer){dead_queue()->name, pass->prefetch};
	return broker_create(&options, &pass->broker, err);
}

/* One try. False: err says why; pass->trouble has a class when another try is of no use. */
static bool try_pass(struct pass *pass, struct error *err)
{
	struct broker_consumer consumer;
	bool ok = false;

	uuid_random(pass->id);
	pass->visitor->begin(pass->visitor->context);
	if (!look(pass, err))
		return false;
	if (pass->depth == 0)
		return true;
	queue_init(&pass->waiting);
	command_progress_start(&pass->progress, pass->visitor->doing, "messages passed");
	ok = open_broker(pass, &consumer, err) && go_through(pass, err);
	command_progress_clear(&pass->progress);
	broker_destroy(pass->broker);
	dead_drop_waiting(pass);
	queue_finish(&pass->waiting);
	dead_index_finish(&pass->kept);
	return ok;
}

bool dead_pass(const struct config *config, const struct dead_visitor *visitor, struct error *err)
{
	for (int attempt = 1;; attempt++) {
		struct pass pass = {.config = config, .visitor = visitor};
		bool ok = try_pass(&pass, err);

		if (pass.trouble.class != ERROR_NONE) {
			*err = pass.trouble;
			return false;
		}
		if (ok)
			return true;
		if (err->class == ERROR_SETTINGS || attempt == ATTEMPTS_MAX ||
			process_is_stopping())
			return false;
		log_warn("%s; passing the dead letters once more", err->text);
		poll(NULL, 0, AGAIN_AFTER_MS);
	}
}
