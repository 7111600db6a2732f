/* SPDX-License-Identifier: MIT */
/*
 * A broker while RabbitMQ itself is in trouble: restarted, killed, frozen (SIGSTOP), with a memory
 * alarm. Runs while no other test does, because the private server is shared.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "common/broker.h"
#include "common/clock.h"
#include "common/memory.h"
#include "tests/support/environment.h"
#include "tests/support/process.h"
#include "tests/support/vhost.h"

#define WINDOW     ((size_t)64)
#define RECOVER_MS 90000 /* a broker boots in about 10 s on an idle machine */

static struct test_vhost vhost;
static struct broker *broker;
static char *directory;  /* of the private servers */
static pid_t frozen_pid; /* 0: none; what tear_down() makes good when a test failed in between */
static bool memory_is_limited;

/* A stream of publishes: keep WINDOW open, send again what was not stored. */
static size_t stored, lost, refused;

static void on_settled(void *context, void *publish_context, enum broker_fate fate)
{
	if (fate == FATE_STORED)
		stored++;
	else if (fate == FATE_LOST)
		lost++;
	else
		refused++;
}

static int set_up(void **state)
{
	struct topology_report report = {0};
	struct error err = {0};
	char *path = memory_copy_text(getenv("STORESYNC_TEST_ENV"));

	directory = memory_copy_text(dirname(path));
	free(path);
	stored = lost = refused = 0;
	test_vhost_create(&vhost);
	if (!broker_apply_topology(vhost.amqp_url, &report, &err))
		fail_msg("%s", err.text);
	topology_report_finish(&report);
	if (!broker_create(&(struct broker_options){.url = vhost.amqp_url,
				   .name = "test",
				   .window = WINDOW,
				   .heartbeat_s = 3,
				   .settled = on_settled},
		    &broker, &err))
		fail_msg("%s", err.text);
	return 0;
}

/* rabbitmqctl with the surroundings of the private node. */
static void set_memory_limit(const char *fraction)
{
	struct text path = {0}, settings = {0}, home = {0}, port = {0};
	const char *epmd_port;
	const char *argv[] = {"/usr/lib/rabbitmq/bin/rabbitmqctl", "-q", "-n",
		"storesync@localhost", "set_vm_memory_high_watermark", fraction, NULL};
	const char *environment[] = {NULL, NULL, NULL};
	struct text output = {0};

	text_append_format(&path, "%s/settings", directory);
	test_read_file(path.data, &settings);
	epmd_port = strstr(text_string(&settings), "epmd_port=");
	assert_non_null(epmd_port);
	epmd_port += strlen("epmd_port=");
	text_append_format(&port, "ERL_EPMD_PORT=%.*s", (int)strcspn(epmd_port, "\n"), epmd_port);
	text_append_format(&home, "HOME=%s/broker", directory);
	environment[0] = port.data;
	environment[1] = home.data;
	if (test_run(argv, environment, &output) != 0)
		fail_msg("rabbitmqctl: %s", text_string(&output));
	memory_is_limited = strcmp(fraction, "0") == 0;
	text_finish(&path);
	text_finish_secret(&settings);
	text_finish(&home);
	text_finish(&port);
	text_finish(&output);
}

static int tear_down(void **state)
{
	if (frozen_pid > 0)
		kill(frozen_pid, SIGCONT);
	frozen_pid = 0;
	if (memory_is_limited)
		set_memory_limit("0.4");
	broker_destroy(broker);
	broker = NULL;
	test_vhost_destroy(&vhost);
	free(directory);
	return 0;
}

static void publish_and_run(void)
{
	const struct broker_message message = {
		.exchange = "sync", .key = "job", .message_id = "m", .body = "{}", .length = 2};

	while (broker_room(broker) > 0)
		broker_publish(broker, &message, NULL);
	broker_run(broker, -1, 100);
}

static bool more_is_stored(size_t *before)
{
	return stored >= *before + 2 * WINDOW;
}

static bool is_down(size_t *unused)
{
	return !broker_is_up(broker);
}

static bool is_blocked(size_t *unused)
{
	return broker_is_blocked(broker);
}

/* Keep publishing until the condition holds. Returns how long one turn took at most. */
static int64_t publish_until(bool (*holds)(size_t *argument))
{
	int64_t deadline_ms = clock_monotonic_ms() + RECOVER_MS;
	int64_t longest_ms = 0;
	size_t before = stored;

	while (!holds(&before)) {
		int64_t start_ms = clock_monotonic_ms();

		if (start_ms > deadline_ms)
			fail_msg("waited in vain; stored %zu, lost %zu, problem: %s", stored, lost,
				broker_problem(broker));
		publish_and_run();
		if (clock_monotonic_ms() - start_ms > longest_ms)
			longest_ms = clock_monotonic_ms() - start_ms;
	}
	return longest_ms;
}

static void servers(const char *command)
{
	const char *const argv[] = {getenv("STORESYNC_SERVERS"), command, directory, NULL};
	struct test_process *process;

	assert_non_null(argv[0]);
	process = test_process_start(argv, NULL, NULL);
	/* The broker goes on publishing while the server is on its way down and up. */
	while (test_process_is_running(process))
		publish_and_run();
	if (test_process_wait(process, 0) != 0)
		fail_msg("%s: %s", command, test_process_output(process));
	test_process_destroy(process);
}

/* What deploy/servers noted as the pid of the broker's node. */
static pid_t broker_pid(void)
{
	struct text path = {0}, content = {0};
	long pid;

	text_append_format(&path, "%s/broker.pid", directory);
	test_read_file(path.data, &content);
	pid = strtol(text_string(&content), NULL, 10);
	assert_true(pid > 1);
	text_finish(&path);
	text_finish(&content);
	return (pid_t)pid;
}

static void a_restarted_broker_is_found_again(void **state)
{
	publish_until(more_is_stored);

	servers("restart-broker");
	publish_until(more_is_stored);

	assert_true(broker_epoch(broker) >= 2);
	assert_int_equal(refused, 0);
}

static void a_killed_broker_is_found_again(void **state)
{
	publish_until(more_is_stored);

	servers("kill-broker");
	publish_until(is_down);
	servers("start");
	publish_until(more_is_stored);

	assert_true(broker_epoch(broker) >= 2);
	assert_int_equal(refused, 0);
}

static void a_frozen_broker_is_noticed_and_found_again(void **state)
{
	int64_t before_ms, longest_ms;

	publish_until(more_is_stored);
	frozen_pid = broker_pid();
	assert_int_equal(kill(frozen_pid, SIGSTOP), 0);
	before_ms = clock_monotonic_ms();
	longest_ms = publish_until(is_down);
	before_ms = clock_monotonic_ms() - before_ms;
	assert_int_equal(kill(frozen_pid, SIGCONT), 0);
	frozen_pid = 0;

	publish_until(more_is_stored);

	assert_true(before_ms < 20000);
	assert_true(longest_ms < 20000);
	assert_true(lost > 0);
}

static void a_memory_alarm_stops_publishing_until_it_is_over(void **state)
{
	uint64_t epoch;
	size_t before;
	int64_t until_ms;

	publish_until(more_is_stored);
	epoch = broker_epoch(broker);
	set_memory_limit("0");

	publish_until(is_blocked);
	assert_int_equal(broker_room(broker), 0);
	before = stored;
	until_ms = clock_monotonic_ms() + 8000;
	while (clock_monotonic_ms() < until_ms)
		publish_and_run();
	assert_true(stored - before <= WINDOW);
	assert_true(broker_is_up(broker));

	set_memory_limit("0.4");
	publish_until(more_is_stored);
	assert_false(broker_is_blocked(broker));
	assert_int_equal(broker_epoch(broker), epoch);
	assert_int_equal(lost, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_memory_alarm_stops_publishing_until_it_is_over),
		TEST(a_frozen_broker_is_noticed_and_found_again),
		TEST(a_restarted_broker_is_found_again),
		TEST(a_killed_broker_is_found_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
