/* SPDX-License-Identifier: MIT */
/*
 * What becomes of each message of a pass, see dead_pass.h. Runs on the main thread, callbacks of the
 * broker included.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/topology.h"
#include "operator/dead_pass_internal.h"

#define PASS_HEADER      "x-pass"
#define REFUSED_PAUSE_MS 1000

static void held_destroy(struct held *held)
{
	dead_letter_finish(&held->letter);
	broker_properties_destroy(held->properties);
	text_finish(&held->issue.body);
	free(held->body);
	free(held);
}

/* ---- Acknowledging ---- */

/* An ack makes room for one more delivery. */
static bool may_ack(const struct pass *pass)
{
	return pass->cancelled || (!pass->ending && pass->acked + pass->prefetch < pass->depth);
}

void dead_release_acks(struct pass *pass)
{
	while (pass->ack_count > 0 && may_ack(pass)) {
		broker_ack(pass->broker, broker_epoch(pass->broker), pass->acks[0]);
		pass->ack_count--;
		memmove(pass->acks, pass->acks + 1, pass->ack_count * sizeof *pass->acks);
		pass->acked++;
	}
}

static void finish(struct pass *pass, struct held *held)
{
	assert(pass->ack_count < DEAD_PREFETCH);
	pass->acks[pass->ack_count++] = held->tag;
	pass->done++;
	pass->moved_ms = clock_monotonic_ms();
	held_destroy(held);
	dead_release_acks(pass);
}

/* ---- What the broker says ---- */

static bool is_our_copy(const struct pass *pass, const struct broker_delivery *delivery)
{
	struct text stamp = {0};
	bool ours = broker_properties_text(delivery->properties, PASS_HEADER, &stamp) &&
		    strcmp(text_string(&stamp), pass->id) == 0;

	text_finish(&stamp);
	return ours;
}

void dead_take_delivery(void *context, const struct broker_delivery *delivery)
{
	struct pass *pass = context;
	struct held *held = memory_allocate(1, sizeof *held);

	*held = (struct held){
		.pass = pass,
		.tag = delivery->tag,
		.properties = broker_properties_copy(delivery->properties),
		.body = memory_copy_bytes(delivery->body, delivery->length),
		.length = delivery->length,
	};
	dead_letter_read(delivery, &held->letter);
	pass->delivered++;
	pass->moved_ms = clock_monotonic_ms();
	if (is_our_copy(pass, delivery))
		pass->ending = true; /* once round */
	queue_put(&pass->waiting, &held->link);
}

void dead_pass_fail(struct pass *pass, const struct error *err)
{
	if (pass->trouble.class == ERROR_NONE)
		pass->trouble = *err;
	pass->ending = true;
}

static void stored(struct pass *pass, struct held *held)
{
	const struct dead_message message = {.letter = held->letter,
		.body = held->body,
		.length = held->length,
		.properties = held->properties};
	struct error err;

	if (held->decision == DEAD_ISSUE &&
		!pass->visitor->issued(pass->visitor->context, &message, &err)) {
		/* It was published and not told: kept, so that the next command tells it. */
		dead_pass_fail(pass, &err);
		queue_put_first(&pass->waiting, &held->link);
		return;
	}
	finish(pass, held);
}

void dead_take_fate(void *context, void *publish_context, enum broker_fate fate)
{
	struct pass *pass = context;
	struct held *held = publish_context;

	switch (fate) {
	case FATE_STORED:
		stored(pass, held);
		break;
	case FATE_REFUSED:
		pass->pause_until_ms = clock_monotonic_ms() + REFUSED_PAUSE_MS;
		held->decided = true;
		queue_put_first(&pass->waiting, &held->link);
		break;
	case FATE_RETURNED:
		error_set(&pass->trouble, ERROR_SETTINGS,
			"RabbitMQ has no queue for what exchange %s is given: run: syncctl topology apply",
			TOPOLOGY_EXCHANGE);
		pass->lost = true;
		held_destroy(held);
		break;
	case FATE_LOST:
		held_destroy(held);
		break;
	}
}

/* ---- Deciding ---- */

static bool publish_copy(struct pass *pass, struct held *held)
{
	const struct broker_header stamp = {PASS_HEADER, pass->id, 0};
	const struct broker_message copy = {
		.exchange = TOPOLOGY_EXCHANGE,
		.key = topology_queue(QUEUE_JOBS_DEAD)->key,
		.body = held->body,
		.length = held->length,
		.headers = &stamp,
		.header_count = 1,
		.copy_of = held->properties,
	};

	return broker_publish(pass->broker, &copy, held);
}

static bool publish_issue(struct pass *pass, struct held *held)
{
	const struct broker_message message = {
		.exchange = TOPOLOGY_EXCHANGE,
		.key = held->issue.key,
		.message_id = held->issue.message_id,
		.body = text_string(&held->issue.body),
		.length = held->issue.body.length,
	};

	return broker_publish(pass->broker, &message, held);
}

/*
 * What a killed syncctl left beside its original need not be kept twice. That the copy of the first
 * may not be stored yet does no harm: the first is not acknowledged before.
 */
static bool is_second_copy(struct pass *pass, const struct dead_letter *letter)
{
	size_t place;

	if (!letter->is_stamped)
		return false;
	if (dead_index_find(&pass->kept, letter->dead_id, &place))
		return true;
	dead_index_put(&pass->kept, letter->dead_id, 0);
	return false;
}

static void decide(struct pass *pass, struct held *held)
{
	const struct dead_visitor *visitor = pass->visitor;
	const struct dead_message message = {.letter = held->letter,
		.body = held->body,
		.length = held->length,
		.properties = held->properties};
	struct error err;

	held->decided = true;
	held->decision = visitor->decide(visitor->context, &message, &held->issue, &err);
	if (held->decision == DEAD_FAIL) {
		dead_pass_fail(pass, &err);
		held->decision = DEAD_KEEP;
	}
	if (held->decision == DEAD_ISSUE && visitor->issues_per_s > 0)
		pass->next_issue_us = clock_monotonic_ms() * 1000 + 1000000 / visitor->issues_per_s;
	if (held->decision == DEAD_KEEP && is_second_copy(pass, &held->letter))
		held->decision = DEAD_TAKE;
}

/* While the pass ends, nothing is decided any more: every message goes back as it came. */
bool dead_settle_next(struct pass *pass)
{
	struct held *held = (struct held *)queue_take(&pass->waiting, 0);
	bool sent;

	if (!held)
		return false;
	if (pass->ending)
		held->decision = DEAD_KEEP;
	else if (!held->decided)
		decide(pass, held);
	if (held->decision == DEAD_TAKE) {
		finish(pass, held);
		return true;
	}
	sent = held->decision == DEAD_ISSUE ? publish_issue(pass, held) : publish_copy(pass, held);
	if (!sent)
		queue_put_first(&pass->waiting, &held->link);
	return sent;
}

bool dead_may_settle(const struct pass *pass)
{
	int64_t now_ms = clock_monotonic_ms();

	return broker_room(pass->broker) > 0 && now_ms >= pass->pause_until_ms &&
	       (pass->ending || now_ms * 1000 >= pass->next_issue_us);
}

void dead_drop_waiting(struct pass *pass)
{
	struct held *held;

	while ((held = (struct held *)queue_take(&pass->waiting, 0)))
		held_destroy(held);
}
