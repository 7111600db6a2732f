/* SPDX-License-Identifier: MIT */
/*
 * The dead letters' way out. Runs on the logger's main thread, callbacks of the broker included.
 */
#include "logger/dead_letters.h"

#include <stdlib.h>

#include "common/backoff.h"
#include "common/broker.h"
#include "common/clock.h"
#include "common/crypto.h"
#include "common/killpoint.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/topology.h"

#define WINDOW          64
#define BACKOFF_BASE_MS 200
#define BACKOFF_CAP_MS  15000

struct dead_letters {
	struct broker *broker;
	dead_letters_buried *buried;
	void *context;
	struct held_list waiting;
	struct backoff refused;
	int64_t pause_until_ms;
};

/* The first of a window's refusals decides how long to pause. */
static void pause_publishing(struct dead_letters *letters, enum broker_fate fate)
{
	int64_t now_ms = clock_monotonic_ms();

	if (now_ms < letters->pause_until_ms)
		return;
	letters->pause_until_ms = now_ms + backoff_next_ms(&letters->refused, random_u64());
	if (letters->refused.failures == 1)
		log_warn("queue %s %s: trying again until it takes dead letters",
			topology_queue(QUEUE_RESULTS_DEAD)->name,
			fate == FATE_RETURNED ? "is not bound (run: syncctl topology apply)"
					      : "is full");
}

static void letter_settled(void *context, void *publish_context, enum broker_fate fate)
{
	struct dead_letters *letters = context;
	struct held *held = publish_context;

	if (fate == FATE_STORED) {
		backoff_reset(&letters->refused);
		killpoint(KILL_LOGGER_LETTER_CONFIRMED, held->result.account_id);
		letters->buried(letters->context, held);
		held_destroy(held);
		return;
	}
	held_list_put(&letters->waiting, held);
	if (fate != FATE_LOST)
		pause_publishing(letters, fate);
}

bool dead_letters_create(const char *amqp_url, dead_letters_buried *buried, void *context,
	struct dead_letters **letters, struct error *err)
{
	static const enum topology_queue_id needs[] = {QUEUE_RESULTS_DEAD};
	struct dead_letters *made = memory_allocate(1, sizeof *made);
	struct broker_options options = {
		.url = amqp_url,
		.name = "storesync-logger dead letters",
		.needs = needs,
		.need_count = sizeof needs / sizeof needs[0],
		.window = WINDOW,
		.context = made,
		.settled = letter_settled,
	};

	made->buried = buried;
	made->context = context;
	made->refused = (struct backoff){.base_ms = BACKOFF_BASE_MS, .cap_ms = BACKOFF_CAP_MS};
	held_list_init(&made->waiting);
	if (!broker_create(&options, &made->broker, err)) {
		free(made);
		return false;
	}
	*letters = made;
	return true;
}

void dead_letters_destroy(struct dead_letters *letters)
{
	if (letters == NULL)
		return;
	broker_destroy(letters->broker); /* what is open comes back to waiting */
	held_list_drop(&letters->waiting);
	free(letters);
}

void dead_letters_put(struct dead_letters *letters, struct held *held)
{
	struct log_job about = {
		.job_id = held->result.job_id[0] != '\0' ? held->result.job_id : NULL,
		.store_code = held->result.store_code[0] != '\0' ? held->result.store_code : NULL,
		.attempt = held->result.attempt,
	};

	log_about(LOG_WARN, &about, "a result cannot be stored and goes to %s: %s",
		topology_queue(QUEUE_RESULTS_DEAD)->name, held->reason.text);
	clock_format(clock_unix_us(), held->dead_at);
	held_list_put(&letters->waiting, held);
}

static bool publish(struct dead_letters *letters, struct held *held)
{
	const struct broker_header headers[] = {
		{.name = "x-error-class", .text = error_rule(held->reason.class)->name},
		{.name = "x-error-text", .text = held->reason.text},
		{.name = "x-dead-at", .text = held->dead_at},
	};
	struct broker_message message = {
		.exchange = TOPOLOGY_EXCHANGE,
		.key = topology_queue(QUEUE_RESULTS_DEAD)->key,
		.message_id = held->message_id,
		.body = held->body,
		.length = held->length,
		.headers = headers,
		.header_count = sizeof headers / sizeof headers[0],
	};

	if (!broker_publish(letters->broker, &message, held))
		return false;
	killpoint(KILL_LOGGER_LETTER_SENT, held->result.account_id);
	return true;
}

void dead_letters_turn(struct dead_letters *letters)
{
	while (letters->waiting.count > 0 && broker_room(letters->broker) > 0 &&
		clock_monotonic_ms() >= letters->pause_until_ms) {
		if (!publish(letters, letters->waiting.first))
			break;
		held_list_take(&letters->waiting);
	}
	broker_run(letters->broker, -1, 0);
}

void dead_letters_drop(struct dead_letters *letters)
{
	held_list_drop(&letters->waiting);
}

struct held *dead_letters_take_older(struct dead_letters *letters, int64_t delivered_before_ms)
{
	const struct held *first = letters->waiting.first;

	if (first == NULL || first->delivered_ms >= delivered_before_ms)
		return NULL;
	return held_list_take(&letters->waiting);
}

int dead_letters_count(const struct dead_letters *letters)
{
	return letters->waiting.count + (int)broker_unconfirmed(letters->broker);
}

const char *dead_letters_problem(const struct dead_letters *letters)
{
	return broker_problem(letters->broker);
}
