/* SPDX-License-Identifier: MIT */
/*
 * The life cycle of a broker: connecting, noticing faults, beginning again. Runs in the thread that
 * calls broker_run().
 */
#include "common/broker.h"

#include <assert.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/broker_internal.h"
#include "common/broker_topology.h"
#include "common/clock.h"
#include "common/crypto.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/metrics.h"

#define BACKOFF_BASE_MS         200
#define BACKOFF_CAP_MS          15000
#define BACKOFF_FLOOR_MS        2500 /* two connections of a process, less than one connect a second */
#define HEALTHY_AFTER_MS        10000 /* up for so long, a connection makes the back-off begin anew */
#define CONNECT_LIMIT_MS        15000
#define DEFAULT_CONFIRM_MS      30000
#define DEFAULT_HEARTBEAT_S     10
#define LOOKS_PER_HEARTBEAT     4 /* how often in a heartbeat's time rabbitmq-c gets to see the clock */
#define LOOK_WITHOUT_HEARTBEATS 5000

bool broker_create(const struct broker_options *options, struct broker **broker, struct error *err)
{
	struct broker_address address;
	struct broker *created;

	assert(options->window <= BROKER_WINDOW_MAX);
	assert(options->window == 0 || options->settled);
	assert(options->consumer_count == 0 || options->delivered);
	if (!broker_url_parse(options->url, &address, err)) {
		broker_address_finish(&address);
		return false;
	}
	created = memory_allocate(1, sizeof *created);
	created->options = *options;
	created->options.url = NULL;
	created->options.name = NULL;
	if (created->options.confirm_timeout_ms == 0)
		created->options.confirm_timeout_ms = DEFAULT_CONFIRM_MS;
	if (created->options.heartbeat_s == 0)
		created->options.heartbeat_s = DEFAULT_HEARTBEAT_S;
	if (created->options.body_max == 0)
		created->options.body_max = BROKER_BODY_MAX;
	created->address = address;
	created->name = memory_copy_text(options->name);
	created->backoff = (struct backoff){
		.base_ms = BACKOFF_BASE_MS, .cap_ms = BACKOFF_CAP_MS, .floor_ms = BACKOFF_FLOOR_MS};
	broker_window_init(&created->window, options->window);
	snprintf(created->problem, sizeof created->problem, "not connected yet");
	*broker = created;
	return true;
}

void broker_set_blocked(struct broker *broker, bool blocked)
{
	if (broker->blocked != blocked)
		metric_set(METRIC_BROKER_BLOCKED, 0, blocked);
	broker->blocked = blocked;
}

/* Politely when the other side can hear it: a blocked broker does not read, hence does not answer. */
static void close_link(struct broker *broker)
{
	bool sound = broker->up && broker->fault.class == ERROR_NONE && !broker->blocked;
	struct text body = broker->content.body;

	broker_link_close(&broker->link, sound ? FAREWELL_POLITE : FAREWELL_NONE);
	broker->up = false;
	broker_set_blocked(broker, false);
	broker_properties_destroy(broker->content.properties);
	broker->content = (struct broker_content){.body = body};
}

void broker_destroy(struct broker *broker)
{
	if (!broker)
		return;
	close_link(broker);
	broker_window_lose(&broker->window, broker_settle_publish, broker);
	broker_window_finish(&broker->window);
	broker_address_finish(&broker->address);
	text_finish(&broker->content.body);
	broker_properties_destroy(broker->content.properties);
	free(broker->name);
	free(broker);
}

bool broker_is_up(const struct broker *broker)
{
	return broker->up;
}

const char *broker_problem(const struct broker *broker)
{
	return broker->problem;
}

bool broker_is_blocked(const struct broker *broker)
{
	return broker->blocked;
}

uint64_t broker_epoch(const struct broker *broker)
{
	return broker->epoch;
}

void broker_fail(struct broker *broker, const char *format, ...)
{
	va_list arguments;
	char text[sizeof broker->fault.text];

	if (broker->fault.class != ERROR_NONE)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	error_set(&broker->fault, ERROR_BROKER, "%s", text);
}

static bool topology_is_there(struct broker *broker, struct error *err)
{
	struct topology_report report = {0};
	struct text summary = {0};
	bool ok = broker_topology_check(
		&broker->link, broker->options.needs, broker->options.need_count, &report, err);

	if (ok && report.difference_count > 0) {
		topology_report_summarise(&report, &summary);
		error_set(err, ERROR_SETTINGS, "%s", text_string(&summary));
		ok = false;
	}
	text_finish(&summary);
	topology_report_finish(&report);
	return ok;
}

/* Prefetch is per consumer (global = 0): quorum queues know no other. */
bool broker_start_consumer(
	struct broker *broker, const struct broker_consumer *consumer, struct error *err)
{
	char tag[BROKER_CONSUMER_TAG_SIZE];

	broker_consumer_tag(broker, consumer, tag);
	if (!broker_link_may_ask(&broker->link, err))
		return false;
	amqp_basic_qos(broker->link.state, BROKER_CHANNEL, 0, consumer->prefetch, 0);
	if (!broker_link_answer(&broker->link, "cannot set the prefetch", err) ||
		!broker_link_may_ask(&broker->link, err))
		return false;
	amqp_basic_consume(broker->link.state, BROKER_CHANNEL, amqp_cstring_bytes(consumer->queue),
		amqp_cstring_bytes(tag), 0, 0, 0, amqp_empty_table);
	return broker_link_answer(&broker->link, "cannot consume", err);
}

static bool connect_and_prepare(struct broker *broker, struct error *err)
{
	const struct broker_options *options = &broker->options;

	if (!broker_link_open(&broker->link, &broker->address, broker->name, options->heartbeat_s,
		    clock_monotonic_ms() + CONNECT_LIMIT_MS, err))
		return false;
	if (options->need_count > 0 && !topology_is_there(broker, err))
		return false;
	if (options->window > 0) {
		if (!broker_link_may_ask(&broker->link, err))
			return false;
		amqp_confirm_select(broker->link.state, BROKER_CHANNEL);
		if (!broker_link_answer(&broker->link, "cannot ask for confirms", err))
			return false;
	}
	broker->consumptions++;
	if (broker->consuming_stopped || broker->consuming_paused)
		return true;
	for (size_t i = 0; i < options->consumer_count; i++)
		if (!broker_start_consumer(broker, &options->consumers[i], err))
			return false;
	return true;
}

/*
 * Log and tell why it is down, unless that was said already, and choose the moment of the next
 * attempt.
 */
static void stay_down(struct broker *broker, const struct error *why)
{
	int64_t delay_ms = backoff_next_ms(&broker->backoff, random_u64());

	broker->retry_at_ms = clock_monotonic_ms() + delay_ms;
	if (strcmp(broker->problem, why->text) == 0) {
		log_debug("%s is still not connected: %s; trying again in %" PRId64 " ms",
			broker->name, why->text, delay_ms);
		return;
	}
	snprintf(broker->problem, sizeof broker->problem, "%s", why->text);
	log_warn("%s is not connected: %s; trying again in %" PRId64 " ms", broker->name, why->text,
		delay_ms);
	if (broker->options.changed)
		broker->options.changed(broker->options.context, broker->problem);
}

static void try_to_connect(struct broker *broker)
{
	struct error err = {0};
	int64_t now_ms;

	if (!connect_and_prepare(broker, &err)) {
		broker_link_close(&broker->link,
			err.class == ERROR_SETTINGS ? FAREWELL_POLITE : FAREWELL_NONE);
		stay_down(broker, &err);
		return;
	}
	now_ms = clock_monotonic_ms();
	broker_window_restart(&broker->window);
	broker->heartbeat_s = amqp_get_heartbeat(broker->link.state);
	broker->last_heard_ms = now_ms;
	broker->up_since_ms = now_ms;
	broker->refused_since_ms = 0;
	broker->fault = (struct error){0};
	broker->epoch++;
	broker->up = true;
	broker->problem[0] = '\0';
	metric_add(METRIC_BROKER_CONNECTS, 0, 1);
	log_info("%s is connected to RabbitMQ at %s port %d", broker->name, broker->address.host,
		broker->address.port);
	if (broker->options.changed)
		broker->options.changed(broker->options.context, NULL);
}

/*
 * Throw the connection away with all that depends on it. What was not confirmed may or may not be
 * stored.
 */
static void end_connection(struct broker *broker)
{
	close_link(broker);
	if (clock_monotonic_ms() - broker->up_since_ms >= HEALTHY_AFTER_MS)
		backoff_reset(&broker->backoff);
	stay_down(broker, &broker->fault);
	broker_window_lose(&broker->window, broker_settle_publish, broker);
}

void broker_disconnect(struct broker *broker, const char *reason)
{
	close_link(broker);
	broker->disconnected = true;
	snprintf(broker->problem, sizeof broker->problem, "%s", reason);
	log_info("%s disconnects: %s", broker->name, reason);
	if (broker->options.changed)
		broker->options.changed(broker->options.context, broker->problem);
	broker_window_lose(&broker->window, broker_settle_publish, broker);
}

void broker_reconnect(struct broker *broker)
{
	broker->disconnected = false;
	broker->retry_at_ms = 0;
}

/* While it is blocked the broker does not read what we sent: no confirm can come, and none is missed. */
static int64_t confirm_deadline_ms(const struct broker *broker)
{
	int64_t oldest_ms = broker_window_oldest_ms(&broker->window);

	if (broker->blocked || oldest_ms == INT64_MAX)
		return INT64_MAX;
	return oldest_ms + broker->options.confirm_timeout_ms;
}

/* Do what there is to do. True: something happened that the caller may want to act on. */
static bool move_forward(struct broker *broker)
{
	size_t frames;

	if (!broker->up) {
		if (broker->disconnected || clock_monotonic_ms() < broker->retry_at_ms)
			return false;
		try_to_connect(broker);
		return true;
	}
	frames = broker->fault.class == ERROR_NONE ? broker_read_frames(broker) : 0;
	if (clock_monotonic_ms() >= confirm_deadline_ms(broker))
		broker_fail(broker, "RabbitMQ did not confirm a message within %" PRId64 " ms",
			broker->options.confirm_timeout_ms);
	if (broker->fault.class == ERROR_NONE)
		return frames > 0;
	end_connection(broker);
	return true;
}

static int64_t next_look_ms(const struct broker *broker)
{
	int64_t look_ms = LOOK_WITHOUT_HEARTBEATS;
	int64_t deadline_ms = confirm_deadline_ms(broker);

	if (!broker->up)
		return broker->disconnected ? INT64_MAX : broker->retry_at_ms;
	if (broker->heartbeat_s > 0)
		look_ms = (int64_t)broker->heartbeat_s * 1000 / LOOKS_PER_HEARTBEAT;
	look_ms += clock_monotonic_ms();
	return look_ms < deadline_ms ? look_ms : deadline_ms;
}

/* Sleep until there is something to look at. True: wake_fd is readable. */
static bool sleep_until(struct broker *broker, int wake_fd, int64_t until_ms)
{
	struct pollfd fds[] = {
		{.fd = broker->up ? amqp_get_sockfd(broker->link.state) : -1, .events = POLLIN},
		{.fd = wake_fd, .events = POLLIN}, /* poll() passes negative ones over */
	};
	int64_t look_ms = next_look_ms(broker);
	int64_t wait_ms = (look_ms < until_ms ? look_ms : until_ms) - clock_monotonic_ms();

	return poll(fds, 2, wait_ms > 0 ? (int)wait_ms : 0) > 0 && fds[1].revents != 0;
}

void broker_run(struct broker *broker, int wake_fd, int64_t timeout_ms)
{
	int64_t until_ms = clock_monotonic_ms() + timeout_ms;
	bool woken = false;

	while (!move_forward(broker)) {
		if (woken || clock_monotonic_ms() >= until_ms)
			return;
		woken = sleep_until(broker, wake_fd, until_ms);
	}
}
