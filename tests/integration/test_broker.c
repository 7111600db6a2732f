/* SPDX-License-Identifier: MIT */
/*
 * A broker against the real RabbitMQ: every publish has one fate, deliveries survive lost
 * connections, faults are noticed and overcome. The chaos proxy stands between, where a test wants a
 * connection to break at a chosen moment.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/broker.h"
#include "common/broker_url.h"
#include "common/clock.h"
#include "common/memory.h"
#include "tests/chaos/chaos.h"
#include "tests/support/environment.h"
#include "tests/support/vhost.h"

#define PUBLISHES  2000
#define DELIVERIES 2000
#define WAIT_MS    30000

/* One broker under test and what it has told. */
struct scene {
	struct test_vhost vhost;
	struct chaos *chaos; /* started by those who need it */
	struct broker *broker;
	struct broker *second;

	int settled[PUBLISHES]; /* how often; indexed by the number that is the context */
	enum broker_fate fate[PUBLISHES];
	size_t settled_count;

	struct {
		uint64_t tag, epoch;
		const char *queue;
		bool redelivered;
		int64_t delivery_count;
		char message_id[64];
		size_t length;
		unsigned checksum;
	} deliveries[DELIVERIES];
	size_t delivery_count;
	bool ack_at_once;

	char reason[600]; /* of the last time it went down */
	int ups, downs;
};

static struct scene scene;

static const enum topology_queue_id needs_jobs[] = {QUEUE_JOBS, QUEUE_JOBS_EXPRESS};
static const struct broker_consumer jobs_consumers[] = {
	{"sync.jobs", 10},
	{"sync.jobs.express", 2},
};

static void on_settled(void *context, void *publish_context, enum broker_fate fate)
{
	uintptr_t number = (uintptr_t)publish_context;

	scene.settled[number]++;
	scene.fate[number] = fate;
	scene.settled_count++;
}

static unsigned checksum_of(const char *bytes, size_t length)
{
	unsigned sum = 0;

	for (size_t i = 0; i < length; i++)
		sum = sum * 31 + (unsigned char)bytes[i];
	return sum;
}

static void on_delivered(void *context, const struct broker_delivery *delivery)
{
	size_t i = scene.delivery_count++;

	scene.deliveries[i].tag = delivery->tag;
	scene.deliveries[i].epoch = delivery->epoch;
	scene.deliveries[i].queue = delivery->queue;
	scene.deliveries[i].redelivered = delivery->redelivered;
	scene.deliveries[i].delivery_count = delivery->delivery_count;
	snprintf(scene.deliveries[i].message_id, sizeof scene.deliveries[i].message_id, "%s",
		delivery->message_id);
	scene.deliveries[i].length = delivery->length;
	scene.deliveries[i].checksum = checksum_of(delivery->body, delivery->length);
	if (scene.ack_at_once)
		broker_ack(scene.broker, delivery->epoch, delivery->tag);
}

static void on_changed(void *context, const char *reason)
{
	if (!reason) {
		scene.ups++;
		return;
	}
	scene.downs++;
	snprintf(scene.reason, sizeof scene.reason, "%s", reason);
}

static void apply_topology(void)
{
	struct topology_report report = {0};
	struct error err = {0};

	if (!broker_apply_topology(scene.vhost.amqp_url, &report, &err))
		fail_msg("%s", err.text);
	assert_string_equal(text_string(&report.differences), "");
	topology_report_finish(&report);
}

static int set_up(void **state)
{
	scene = (struct scene){0};
	test_vhost_create(&scene.vhost);
	apply_topology();
	return 0;
}

static int tear_down(void **state)
{
	broker_destroy(scene.broker);
	broker_destroy(scene.second);
	chaos_stop(scene.chaos);
	test_vhost_destroy(&scene.vhost);
	return 0;
}

/* AMQP_URL of our vhost, by way of the chaos proxy. Owns: the caller frees. */
static char *proxied_url(void)
{
	struct broker_address address;
	struct error err = {0};
	struct text url = {0}, target = {0};

	assert_true(broker_url_parse(scene.vhost.amqp_url, &address, &err));
	text_append_format(&target, "%s:%d", address.host, address.port);
	if (!chaos_start(&(struct chaos_options){.listen = "127.0.0.1:0", .target = target.data},
		    &scene.chaos, &err))
		fail_msg("%s", err.text);
	text_append_format(&url, "amqp://%s:%s@127.0.0.1:%d/%s", address.user, address.password,
		chaos_port(scene.chaos), address.vhost);
	broker_address_finish(&address);
	text_finish(&target);
	return url.data;
}

/* The server hears us and is not heard. */
static void hold_replies(void)
{
	chaos_set(scene.chaos, CHAOS_TO_CLIENT, &(struct chaos_toxics){.hold = 1});
}

static struct broker *create(struct broker_options options)
{
	struct broker *broker = NULL;
	struct error err = {0};

	options.url = options.url ? options.url : scene.vhost.amqp_url;
	options.name = "test";
	options.settled = on_settled;
	options.delivered = on_delivered;
	options.changed = on_changed;
	if (!broker_create(&options, &broker, &err))
		fail_msg("%s", err.text);
	return broker;
}

/* Run the broker until the condition holds; fails the test when it does not. */
static void run_until(bool (*holds)(size_t wanted), size_t wanted)
{
	int64_t deadline_ms = clock_monotonic_ms() + WAIT_MS;

	while (!holds(wanted)) {
		if (clock_monotonic_ms() > deadline_ms)
			fail_msg("waited in vain; settled %zu, delivered %zu, problem: %s",
				scene.settled_count, scene.delivery_count,
				broker_problem(scene.broker));
		broker_run(scene.broker, -1, 100);
	}
}

static bool is_up(size_t unused)
{
	return broker_is_up(scene.broker);
}

static bool is_down(size_t unused)
{
	return !broker_is_up(scene.broker);
}

static bool has_settled(size_t count)
{
	return scene.settled_count >= count;
}

static bool has_delivered(size_t count)
{
	return scene.delivery_count >= count;
}

/* Run it for a while, to see that something does not happen. */
static void run_for(int64_t ms)
{
	int64_t until_ms = clock_monotonic_ms() + ms;

	while (clock_monotonic_ms() < until_ms)
		broker_run(scene.broker, -1, 20);
}

static struct broker *connect_publisher(size_t window)
{
	scene.broker = create((struct broker_options){.window = window});
	run_until(is_up, 0);
	return scene.broker;
}

static bool publish(struct broker *broker, const char *exchange, const char *key, uintptr_t number)
{
	char message_id[32];
	const struct broker_header header = {.name = "n", .number = (int64_t)number};
	const struct broker_message message = {
		.exchange = exchange,
		.key = key,
		.message_id = message_id,
		.body = "{}",
		.length = 2,
		.headers = &header,
		.header_count = 1,
	};

	snprintf(message_id, sizeof message_id, "message-%zu", (size_t)number);
	return broker_publish(broker, &message, (void *)number);
}

/* Put messages 0 .. count-1 into a queue, over a connection that is closed again. */
static void fill(const char *key, size_t count)
{
	connect_publisher(64);
	for (size_t n = 0; n < count; n++) {
		while (broker_room(scene.broker) == 0)
			broker_run(scene.broker, -1, 100);
		assert_true(publish(scene.broker, "sync", key, n));
	}
	run_until(has_settled, count);
	broker_destroy(scene.broker);
	scene.broker = NULL;
	scene.settled_count = 0;
}

/* Call /api/<kind>/<our vhost>/<name>, expecting a status. */
static void management(
	const char *method, const char *kind, const char *name, const char *body, int status)
{
	struct text path = {0};

	text_append_format(&path, "/api/%s/%s/%s", kind, scene.vhost.name, name);
	assert_int_equal(test_management_call(method, path.data, body, NULL), status);
	text_finish(&path);
}

static void every_publish_that_is_stored_is_told_once(void **state)
{
	connect_publisher(64);

	for (uintptr_t n = 0; n < 1000; n++) {
		while (broker_room(scene.broker) == 0)
			broker_run(scene.broker, -1, 100);
		assert_true(publish(scene.broker, "sync", "job", n));
	}
	run_until(has_settled, 1000);

	run_for(100);
	for (uintptr_t n = 0; n < 1000; n++) {
		assert_int_equal(scene.settled[n], 1);
		assert_int_equal(scene.fate[n], FATE_STORED);
	}
	assert_int_equal(broker_unconfirmed(scene.broker), 0);
}

static void exactly_the_unroutable_publishes_are_returned(void **state)
{
	connect_publisher(64);

	for (uintptr_t n = 0; n < 30; n++)
		assert_true(publish(scene.broker, "sync", n % 3 == 0 ? "nowhere" : "job", n));
	run_until(has_settled, 30);

	run_for(100);
	for (uintptr_t n = 0; n < 30; n++) {
		assert_int_equal(scene.settled[n], 1);
		assert_int_equal(scene.fate[n], n % 3 == 0 ? FATE_RETURNED : FATE_STORED);
	}
}

static void a_full_queue_refuses_and_takes_again_when_it_has_room(void **state)
{
	uintptr_t n = 0;

	management("PUT", "policies", "full",
		"{\"pattern\":\"^sync.jobs$\",\"apply-to\":\"queues\","
		"\"definition\":{\"max-length\":3}}",
		201);
	connect_publisher(64);

	do {
		assert_true(publish(scene.broker, "sync", "job", n++));
		run_until(has_settled, n);
	} while (scene.fate[n - 1] == FATE_STORED && n < 100);

	assert_int_equal(scene.fate[n - 1], FATE_REFUSED);
	assert_true(broker_is_up(scene.broker));
	management("DELETE", "queues", "sync.jobs/contents", NULL, 204);
	while (scene.fate[n - 1] == FATE_REFUSED && n < PUBLISHES) {
		assert_true(publish(scene.broker, "sync", "job", n++));
		run_until(has_settled, n);
		usleep(1000);
	}
	assert_int_equal(scene.fate[n - 1], FATE_STORED);
}

static void what_was_unconfirmed_when_the_connection_broke_is_lost(void **state)
{
	char *url = proxied_url();

	scene.broker = create((struct broker_options){.url = url, .window = 8});
	run_until(is_up, 0);
	hold_replies();
	for (uintptr_t n = 0; n < 8; n++)
		assert_true(publish(scene.broker, "sync", "job", n));

	chaos_reset(scene.chaos);
	chaos_heal(scene.chaos);
	run_until(has_settled, 8);

	for (uintptr_t n = 0; n < 8; n++) {
		assert_int_equal(scene.settled[n], 1);
		assert_int_equal(scene.fate[n], FATE_LOST);
	}
	run_until(is_up, 0);
	assert_int_equal(broker_epoch(scene.broker), 2);
	assert_int_equal(broker_room(scene.broker), 8);
	free(url);
}

static void a_confirm_that_does_not_come_in_time_ends_the_connection(void **state)
{
	char *url = proxied_url();

	scene.broker =
		create((struct broker_options){.url = url, .window = 8, .confirm_timeout_ms = 300});
	run_until(is_up, 0);
	hold_replies();
	assert_true(publish(scene.broker, "sync", "job", 0));

	run_until(has_settled, 1);

	assert_int_equal(scene.fate[0], FATE_LOST);
	assert_non_null(strstr(scene.reason, "did not confirm"));
	free(url);
}

static void the_window_holds(void **state)
{
	char *url = proxied_url();

	scene.broker = create((struct broker_options){.url = url, .window = 3});
	assert_int_equal(broker_room(scene.broker), 0);
	assert_false(publish(scene.broker, "sync", "job", 9));
	run_until(is_up, 0);
	hold_replies();

	for (uintptr_t n = 0; n < 3; n++)
		assert_true(publish(scene.broker, "sync", "job", n));

	assert_int_equal(broker_room(scene.broker), 0);
	assert_false(publish(scene.broker, "sync", "job", 9));
	chaos_heal(scene.chaos);
	run_until(has_settled, 3);
	assert_int_equal(broker_room(scene.broker), 3);
	assert_int_equal(scene.settled[9], 0);
	free(url);
}

static void publishes_open_at_the_end_are_lost_not_forgotten(void **state)
{
	connect_publisher(8);
	for (uintptr_t n = 0; n < 8; n++)
		assert_true(publish(scene.broker, "sync", "job", n));

	broker_destroy(scene.broker);
	scene.broker = NULL;

	assert_int_equal(scene.settled_count, 8);
}

static void a_missing_exchange_closes_the_channel_and_is_overcome(void **state)
{
	connect_publisher(8);

	assert_true(publish(scene.broker, "no-such-exchange", "job", 0));
	run_until(has_settled, 1);

	assert_int_equal(scene.fate[0], FATE_LOST);
	assert_non_null(strstr(scene.reason, "404"));
	run_until(is_up, 0);
	assert_true(publish(scene.broker, "sync", "job", 1));
	run_until(has_settled, 2);
	assert_int_equal(scene.fate[1], FATE_STORED);
}

static void consume_jobs(const char *url)
{
	scene.broker = create((struct broker_options){.url = url,
		.consumers = jobs_consumers,
		.consumer_count = 2,
		.needs = needs_jobs,
		.need_count = 2});
	run_until(is_up, 0);
}

static void each_queue_has_its_prefetch(void **state)
{
	size_t jobs = 0, express = 0;

	fill("job", 20);
	fill("express", 20);

	consume_jobs(NULL);
	run_until(has_delivered, 12);
	run_for(200);

	for (size_t i = 0; i < scene.delivery_count; i++)
		if (strcmp(scene.deliveries[i].queue, "sync.jobs") == 0)
			jobs++;
		else
			express++;
	assert_int_equal(jobs, 10);
	assert_int_equal(express, 2);
}

static void what_is_acknowledged_makes_room_for_the_rest(void **state)
{
	fill("job", 100);
	scene.ack_at_once = true;

	consume_jobs(NULL);
	run_until(has_delivered, 100);

	assert_string_equal(scene.deliveries[0].message_id, "message-0");
	assert_string_equal(scene.deliveries[99].message_id, "message-99");
	assert_int_equal(scene.deliveries[0].delivery_count, 0);
	assert_false(scene.deliveries[0].redelivered);
}

static void acks_before_destroy_arrive(void **state)
{
	fill("job", 5);
	scene.ack_at_once = true;
	consume_jobs(NULL);
	run_until(has_delivered, 5);
	broker_destroy(scene.broker);

	consume_jobs(NULL);
	run_for(300);

	assert_int_equal(scene.delivery_count, 5);
}

static void a_lost_connection_redelivers_and_old_tags_do_no_harm(void **state)
{
	char *url = proxied_url();

	fill("job", 3);
	consume_jobs(url);
	run_until(has_delivered, 3);

	chaos_reset(scene.chaos);
	run_until(has_delivered, 6);
	for (size_t i = 0; i < 3; i++)
		broker_ack(scene.broker, scene.deliveries[i].epoch, scene.deliveries[i].tag + 100);
	run_for(200);

	assert_int_equal(scene.deliveries[0].epoch, 1);
	assert_int_equal(scene.deliveries[3].epoch, 2);
	assert_true(scene.deliveries[3].redelivered);
	assert_int_equal(scene.deliveries[3].delivery_count, 1);
	assert_int_equal(broker_epoch(scene.broker), 2);
	for (size_t i = 3; i < 6; i++)
		broker_ack(scene.broker, scene.deliveries[i].epoch, scene.deliveries[i].tag);
	run_for(200);
	assert_true(broker_is_up(scene.broker));
	free(url);
}

static void what_is_given_back_comes_again(void **state)
{
	fill("job", 1);
	consume_jobs(NULL);
	run_until(has_delivered, 1);

	broker_requeue(scene.broker, scene.deliveries[0].epoch, scene.deliveries[0].tag);
	run_until(has_delivered, 2);

	assert_string_equal(scene.deliveries[1].message_id, "message-0");
	assert_true(scene.deliveries[1].redelivered);
}

static void nothing_is_delivered_after_consuming_was_stopped(void **state)
{
	size_t before;

	fill("job", 50);
	consume_jobs(NULL);
	run_until(has_delivered, 1);
	broker_stop_consuming(scene.broker);
	before = scene.delivery_count;

	for (size_t i = 0; i < before; i++)
		broker_ack(scene.broker, scene.deliveries[i].epoch, scene.deliveries[i].tag);
	run_for(300);

	assert_int_equal(scene.delivery_count, before);
	assert_true(broker_is_up(scene.broker));
	broker_destroy(scene.broker);
	scene.delivery_count = 0;
	scene.ack_at_once = true;
	consume_jobs(NULL);
	run_until(has_delivered, 50 - before);
}

static void the_largest_message_arrives_whole(void **state)
{
	const size_t length = BROKER_BODY_MAX;
	char *body = memory_allocate(length, 1);
	const struct broker_message message = {.exchange = "sync",
		.key = "job",
		.message_id = "large",
		.body = body,
		.length = length};

	for (size_t i = 0; i < length; i++)
		body[i] = (char)(i * 7 + i / 251);
	connect_publisher(1);
	assert_true(broker_publish(scene.broker, &message, (void *)1));
	run_until(has_settled, 1);
	broker_destroy(scene.broker);
	consume_jobs(NULL);

	run_until(has_delivered, 1);

	assert_int_equal(scene.deliveries[0].length, length);
	assert_int_equal(scene.deliveries[0].checksum, checksum_of(body, length));
	free(body);
}

static void one_connection_may_consume_and_publish(void **state)
{
	fill("job", 200);
	scene.ack_at_once = true;
	scene.broker = create((struct broker_options){
		.consumers = jobs_consumers, .consumer_count = 1, .window = 64});
	run_until(is_up, 0);

	for (uintptr_t n = 0; n < 200; n++) {
		while (broker_room(scene.broker) == 0)
			broker_run(scene.broker, -1, 100);
		assert_true(publish(scene.broker, "sync", "result", n));
	}
	run_until(has_settled, 200);
	run_until(has_delivered, 200);

	assert_int_equal(scene.ups, 2);
	assert_int_equal(scene.downs, 0);
}

static void a_deleted_queue_is_named_and_overcome(void **state)
{
	fill("express", 1);
	consume_jobs(NULL);
	run_until(has_delivered, 1);

	management("DELETE", "queues", "sync.jobs", NULL, 204);
	run_until(is_down, 0);
	assert_non_null(strstr(scene.reason, "cancelled the consumer of sync.jobs"));
	while (!strstr(broker_problem(scene.broker), "queue sync.jobs is missing"))
		run_for(50);

	assert_non_null(strstr(broker_problem(scene.broker), "run: syncctl topology apply"));
	apply_topology();
	run_until(is_up, 0);
	assert_string_equal(broker_problem(scene.broker), "");
}

static void a_queue_that_differs_keeps_the_broker_down_and_says_why(void **state)
{
	management("DELETE", "queues", "sync.jobs.express", NULL, 204);
	management("PUT", "queues", "sync.jobs.express",
		"{\"durable\":true,\"arguments\":{\"x-queue-type\":\"quorum\","
		"\"x-overflow\":\"reject-publish\",\"x-delivery-limit\":20,"
		"\"x-dead-letter-exchange\":\"sync\",\"x-dead-letter-routing-key\":\"dead\","
		"\"x-dead-letter-strategy\":\"at-least-once\"}}",
		201);
	scene.broker = create((struct broker_options){.consumers = jobs_consumers,
		.consumer_count = 2,
		.needs = needs_jobs,
		.need_count = 2});

	run_for(1000);

	assert_false(broker_is_up(scene.broker));
	assert_int_equal(scene.downs, 1);
	assert_non_null(strstr(broker_problem(scene.broker),
		"queue sync.jobs.express: x-delivery-limit is 20, should be 50"));
}

/* The connection's name in the management API, which shows it after up to 5 s. */
static bool close_connections_of_vhost(void)
{
	struct text path = {0}, reply = {0};
	char *name;
	bool found = false;

	text_append_format(&path, "/api/vhosts/%s/connections?columns=name", scene.vhost.name);
	test_management_call("GET", path.data, NULL, &reply);
	name = strstr(text_string(&reply), "\"name\":\"");
	if (name) {
		name += strlen("\"name\":\"");
		name[strcspn(name, "\"")] = '\0';
		text_clear(&path);
		text_append(&path, "/api/connections/");
		text_append_url(&path, name);
		found = test_management_call("DELETE", path.data, NULL, NULL) == 204;
	}
	text_finish(&path);
	text_finish(&reply);
	return found;
}

static void a_connection_closed_by_an_operator_comes_back(void **state)
{
	connect_publisher(8);
	while (!close_connections_of_vhost())
		run_for(200);

	run_until(is_down, 0);
	assert_non_null(strstr(scene.reason, "320"));
	run_until(is_up, 0);

	assert_true(publish(scene.broker, "sync", "job", 0));
	run_until(has_settled, 1);
	assert_int_equal(scene.fate[0], FATE_STORED);
}

static void a_silent_broker_is_noticed_by_its_missing_heartbeats(void **state)
{
	char *url = proxied_url();
	int64_t before_ms;

	scene.broker = create((struct broker_options){.url = url, .window = 8, .heartbeat_s = 2});
	run_until(is_up, 0);
	before_ms = clock_monotonic_ms();
	chaos_hold(scene.chaos);

	run_until(is_down, 0);

	assert_true(clock_monotonic_ms() - before_ms < 15000);
	assert_non_null(strstr(scene.reason, "broke"));
	chaos_reset(scene.chaos);
	chaos_heal(scene.chaos);
	run_until(is_up, 0);
	free(url);
}

/* rabbitmq-c 0.11 (its issue 780) never comes back from a publish after two missed heartbeats. */
static void publishing_to_a_silent_broker_does_not_hang(void **state)
{
	char *url = proxied_url();
	int64_t before_ms;

	scene.broker = create((struct broker_options){.url = url, .window = 8, .heartbeat_s = 2});
	run_until(is_up, 0);
	chaos_hold(scene.chaos);
	sleep(5);
	before_ms = clock_monotonic_ms();

	assert_false(publish(scene.broker, "sync", "job", 0));

	assert_true(clock_monotonic_ms() - before_ms < 5000);
	chaos_reset(scene.chaos);
	chaos_heal(scene.chaos);
	run_until(is_down, 0);
	run_until(is_up, 0);
	free(url);
}

static void an_idle_connection_stays_up_through_its_heartbeats(void **state)
{
	scene.broker = create((struct broker_options){.window = 8, .heartbeat_s = 1});
	run_until(is_up, 0);

	broker_run(scene.broker, -1, 5000);

	assert_true(broker_is_up(scene.broker));
	assert_int_equal(broker_epoch(scene.broker), 1);
	assert_int_equal(scene.downs, 0);
}

static void a_wake_ends_the_sleep(void **state)
{
	int fds[2];
	int64_t before_ms;

	assert_int_equal(pipe(fds), 0);
	connect_publisher(8);
	run_for(50);
	assert_int_equal(write(fds[1], "x", 1), 1);
	before_ms = clock_monotonic_ms();

	broker_run(scene.broker, fds[0], 20000);

	assert_true(clock_monotonic_ms() - before_ms < 10000);
	close(fds[0]);
	close(fds[1]);
}

static void a_wrong_password_is_told_without_quoting_it(void **state)
{
	struct broker_address address;
	struct error err = {0};
	struct text url = {0};

	assert_true(broker_url_parse(scene.vhost.amqp_url, &address, &err));
	text_append_format(&url, "amqp://%s:sesame@%s:%d/%s", address.user, address.host,
		address.port, address.vhost);
	scene.broker = create((struct broker_options){.url = url.data, .window = 8});

	run_for(500);

	assert_false(broker_is_up(scene.broker));
	assert_non_null(strstr(broker_problem(scene.broker), "ACCESS_REFUSED"));
	assert_null(strstr(broker_problem(scene.broker), "sesame"));
	text_finish(&url);
	broker_address_finish(&address);
}

static void a_pause_gives_back_what_was_delivered_and_lasts_until_it_is_ended(void **state)
{
	fill("job", 3);
	consume_jobs(NULL);
	run_until(has_delivered, 3);
	broker_disconnect(scene.broker, "for a reason");

	assert_string_equal(scene.reason, "for a reason");
	assert_string_equal(broker_problem(scene.broker), "for a reason");
	run_for(500);
	assert_false(broker_is_up(scene.broker));
	assert_int_equal(scene.delivery_count, 3);

	broker_reconnect(scene.broker);
	run_until(has_delivered, 6);
	assert_int_equal(scene.deliveries[3].delivery_count, 1);
	assert_int_equal(broker_epoch(scene.broker), 2);
}

struct hanger_up {
	pthread_t thread;
	int listener;
	int connects;
};

static void *hang_up(void *argument)
{
	struct hanger_up *hanger_up = argument;

	for (int fd; (fd = accept(hanger_up->listener, NULL, NULL)) >= 0; hanger_up->connects++)
		close(fd);
	return NULL;
}

/* Worker and logger have two each. The listener hangs up when they wait for its greeting. */
static void two_connections_of_a_process_connect_once_a_second_at_most(void **state)
{
	struct sockaddr_in here = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof here;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct hanger_up hanger_up = {.listener = listener};
	struct text url = {0};
	int64_t end_ms;

	assert_int_equal(bind(listener, (struct sockaddr *)&here, length), 0);
	assert_int_equal(listen(listener, 64), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&here, &length), 0);
	text_append_format(&url, "amqp://u:p@127.0.0.1:%d/x", ntohs(here.sin_port));
	assert_int_equal(pthread_create(&hanger_up.thread, NULL, hang_up, &hanger_up), 0);
	scene.broker = create((struct broker_options){.url = url.data});
	scene.second = create((struct broker_options){.url = url.data});
	for (end_ms = clock_monotonic_ms() + 10000; clock_monotonic_ms() < end_ms;) {
		broker_run(scene.broker, -1, 5);
		broker_run(scene.second, -1, 5);
	}
	shutdown(listener, SHUT_RDWR);
	pthread_join(hanger_up.thread, NULL);
	close(listener);

	assert_in_range(hanger_up.connects, 2, 10);
	text_finish(&url);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_publish_that_is_stored_is_told_once),
		TEST(exactly_the_unroutable_publishes_are_returned),
		TEST(a_full_queue_refuses_and_takes_again_when_it_has_room),
		TEST(what_was_unconfirmed_when_the_connection_broke_is_lost),
		TEST(a_confirm_that_does_not_come_in_time_ends_the_connection),
		TEST(the_window_holds),
		TEST(publishes_open_at_the_end_are_lost_not_forgotten),
		TEST(a_missing_exchange_closes_the_channel_and_is_overcome),
		TEST(each_queue_has_its_prefetch),
		TEST(what_is_acknowledged_makes_room_for_the_rest),
		TEST(acks_before_destroy_arrive),
		TEST(a_lost_connection_redelivers_and_old_tags_do_no_harm),
		TEST(what_is_given_back_comes_again),
		TEST(nothing_is_delivered_after_consuming_was_stopped),
		TEST(the_largest_message_arrives_whole),
		TEST(one_connection_may_consume_and_publish),
		TEST(a_deleted_queue_is_named_and_overcome),
		TEST(a_queue_that_differs_keeps_the_broker_down_and_says_why),
		TEST(a_connection_closed_by_an_operator_comes_back),
		TEST(a_silent_broker_is_noticed_by_its_missing_heartbeats),
		TEST(publishing_to_a_silent_broker_does_not_hang),
		TEST(an_idle_connection_stays_up_through_its_heartbeats),
		TEST(a_pause_gives_back_what_was_delivered_and_lasts_until_it_is_ended),
		TEST(two_connections_of_a_process_connect_once_a_second_at_most),
		TEST(a_wake_ends_the_sleep),
		TEST(a_wrong_password_is_told_without_quoting_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
