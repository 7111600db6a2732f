/* SPDX-License-Identifier: MIT */
/*
 * Every harm that the chaos proxy does, seen from a client on one side and an echo server on the
 * other: a thread that sends back what it gets, and the end of the stream at its end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/text.h"
#include "tests/chaos/chaos.h"
#include "tests/chaos/flow.h"

#define PATIENCE_MS 30000
#define QUIET_MS    200 /* nothing comes for so long: nothing comes */
#define CLIENTS     16
#define BULK        ((size_t)1000000)

/* ---- The echo server ---- */

static struct {
	pthread_t thread;
	int listener;
	int stop[2]; /* a pipe */
} server;

/* False: the client has ended. */
static bool echo(int fd)
{
	char bytes[16384];
	ssize_t got = recv(fd, bytes, sizeof bytes, 0);

	for (ssize_t sent = 0, n; sent < got; sent += n) {
		n = send(fd, bytes + sent, (size_t)(got - sent), MSG_NOSIGNAL);
		if (n <= 0)
			return false;
	}
	return got > 0;
}

static void *run_server(void *unused)
{
	struct pollfd fds[2 + CLIENTS];

	for (int i = 0; i < 2 + CLIENTS; i++)
		fds[i] = (struct pollfd){.fd = -1, .events = POLLIN};
	fds[0].fd = server.stop[0];
	fds[1].fd = server.listener;
	while (poll(fds, 2 + CLIENTS, -1) >= 0 && !fds[0].revents) {
		for (int i = 2; i < 2 + CLIENTS; i++) {
			if (fds[i].fd < 0 && fds[1].revents) {
				fds[i].fd = accept(server.listener, NULL, NULL);
				fds[i].revents = fds[1].revents = 0;
			}
			if (fds[i].fd >= 0 && fds[i].revents && !echo(fds[i].fd)) {
				close(fds[i].fd);
				fds[i].fd = -1;
			}
		}
	}
	for (int i = 2; i < 2 + CLIENTS; i++)
		if (fds[i].fd >= 0)
			close(fds[i].fd);
	return NULL;
}

static int start_server(void **state)
{
	struct error err = {0};

	if (!chaos_listen("127.0.0.1:0", &server.listener, &err))
		fail_msg("%s", err.text);
	assert_int_equal(fcntl(server.listener, F_SETFL, 0), 0);
	assert_int_equal(pipe(server.stop), 0);
	assert_int_equal(pthread_create(&server.thread, NULL, run_server, NULL), 0);
	return 0;
}

static int stop_server(void **state)
{
	close(server.stop[1]);
	pthread_join(server.thread, NULL);
	close(server.stop[0]);
	close(server.listener);
	return 0;
}

static int port_of(int fd)
{
	struct sockaddr_in address = {0};
	socklen_t length = sizeof address;

	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	return ntohs(address.sin_port);
}

/* ---- The proxy and its clients ---- */

static struct chaos *chaos, *second;
static int client = -1;

static struct chaos *start_proxy(void)
{
	struct chaos *started = NULL;
	struct error err = {0};
	char target[32];

	snprintf(target, sizeof target, "127.0.0.1:%d", port_of(server.listener));
	if (!chaos_start(
		    &(struct chaos_options){.listen = "127.0.0.1:0", .target = target, .seed = 7},
		    &started, &err))
		fail_msg("%s", err.text);
	return started;
}

static int try_to_connect(struct chaos *proxy)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)chaos_port(proxy))};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	close(fd);
	return -1;
}

static int connect_to(struct chaos *proxy)
{
	int fd = try_to_connect(proxy);

	assert_true(fd >= 0);
	return fd;
}

static int set_up(void **state)
{
	chaos = start_proxy();
	client = connect_to(chaos);
	return 0;
}

static int tear_down(void **state)
{
	if (client >= 0)
		close(client);
	client = -1;
	chaos_stop(chaos);
	chaos_stop(second);
	chaos = second = NULL;
	return 0;
}

static void harm(struct chaos_toxics toxics)
{
	chaos_set(chaos, CHAOS_TO_SERVER, &toxics);
	chaos_set(chaos, CHAOS_TO_CLIENT, &toxics);
}

static bool is_readable(int fd, int timeout_ms)
{
	struct pollfd watched = {.fd = fd, .events = POLLIN};

	return poll(&watched, 1, timeout_ms) > 0;
}

static void say(int fd, const char *words)
{
	assert_int_equal(send(fd, words, strlen(words), MSG_NOSIGNAL), strlen(words));
}

static void assert_hears(int fd, const char *words)
{
	char heard[64] = "";
	size_t length = 0;

	while (length < strlen(words)) {
		ssize_t got;

		assert_true(is_readable(fd, PATIENCE_MS));
		got = recv(fd, heard + length, sizeof heard - 1 - length, 0);
		assert_true(got > 0);
		length += (size_t)got;
	}
	assert_string_equal(heard, words);
}

static void assert_hears_nothing(int fd)
{
	assert_false(is_readable(fd, QUIET_MS));
}

static void assert_is_reset(int fd)
{
	char byte;

	assert_true(is_readable(fd, PATIENCE_MS));
	assert_int_equal(recv(fd, &byte, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
}

static char byte_number(size_t n)
{
	return (char)(n * 2654435761U >> 13);
}

/* Send count bytes while reading what comes back; every one must come back, in its order. */
static void assert_echoes(int fd, size_t count)
{
	char *bytes = malloc(count), *back = malloc(count);
	size_t sent = 0, got = 0;

	for (size_t i = 0; i < count; i++)
		bytes[i] = byte_number(i);
	while (got < count) {
		struct pollfd watched = {
			.fd = fd, .events = (short)(sent < count ? POLLIN | POLLOUT : POLLIN)};
		ssize_t n;

		assert_true(poll(&watched, 1, PATIENCE_MS) > 0);
		n = send(fd, bytes + sent, count - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		sent += n > 0 ? (size_t)n : 0;
		n = recv(fd, back + got, count - got, MSG_DONTWAIT);
		assert_int_not_equal(n, 0);
		assert_true(n > 0 || errno == EAGAIN);
		got += n > 0 ? (size_t)n : 0;
	}
	assert_memory_equal(bytes, back, count);
	free(bytes);
	free(back);
}

/* ---- No harm ---- */

static void unharmed_bytes_pass_and_the_end_of_a_stream_is_handed_on(void **state)
{
	char byte;

	assert_echoes(client, BULK);

	assert_int_equal(shutdown(client, SHUT_WR), 0);
	assert_true(is_readable(client, PATIENCE_MS));
	assert_int_equal(recv(client, &byte, 1, 0), 0);
}

static void connections_are_counted_and_forgotten(void **state)
{
	struct chaos_stats stats = {0};

	say(client, "hello");
	assert_hears(client, "hello");
	chaos_read_stats(chaos, &stats);
	assert_int_equal(stats.accepted, 1);
	assert_int_equal(stats.open, 1);
	assert_int_equal(stats.passed[CHAOS_TO_SERVER], 5);
	assert_int_equal(stats.passed[CHAOS_TO_CLIENT], 5);

	close(client);
	client = -1;
	for (int i = 0; i < PATIENCE_MS && stats.open > 0; i++) {
		usleep(1000);
		chaos_read_stats(chaos, &stats);
	}
	assert_int_equal(stats.open, 0);
	assert_int_equal(stats.resets, 0);
}

static void a_reader_that_is_slow_slows_its_writer_down(void **state)
{
	static char bytes[65536];
	size_t sent = 0;
	ssize_t n;

	chaos_hold(chaos);
	while (is_readable(client, 0) == false && sent < 64 * BULK) {
		struct pollfd watched = {.fd = client, .events = POLLOUT};

		n = send(client, bytes, sizeof bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
		sent += n > 0 ? (size_t)n : 0;
		if (n < 0 && poll(&watched, 1, QUIET_MS) == 0)
			break;
	}

	assert_true(sent < 64 * BULK);
	chaos_heal(chaos);
	while (sent > 0) {
		assert_true(is_readable(client, PATIENCE_MS));
		n = recv(client, bytes, sizeof bytes, 0);
		assert_true(n > 0);
		sent -= (size_t)n;
	}
}

/* ---- Harm to bytes ---- */

static void slices_and_latency_leave_bytes_whole_and_in_order(void **state)
{
	harm((struct chaos_toxics){.slice = 1, .latency_ms = 5, .jitter_ms = 4});

	assert_echoes(client, 20000);
}

static void a_slice_is_written_alone(void **state)
{
	char bytes[16];

	harm((struct chaos_toxics){.slice = 1, .slice_delay_us = 50000});
	say(client, "abc");

	assert_true(is_readable(client, PATIENCE_MS));
	assert_int_equal(recv(client, bytes, sizeof bytes, 0), 1);
	assert_int_equal(bytes[0], 'a');
	assert_hears(client, "bc");
}

/* Send what it takes and count what comes back. */
static size_t echo_some(int fd)
{
	static char bytes[4096];
	ssize_t got;

	if (send(fd, bytes, sizeof bytes, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		assert_int_equal(errno, EAGAIN);
	got = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
	return got > 0 ? (size_t)got : 0;
}

/* Side by side, so that a slow machine slows both. */
static void a_quarter_of_the_bandwidth_passes_a_quarter_of_the_bytes(void **state)
{
	int64_t deadline_ms = clock_monotonic_ms() + PATIENCE_MS;
	size_t narrow = 0, wide = 0;
	int other;

	second = start_proxy();
	other = connect_to(second);
	chaos_set(chaos, CHAOS_TO_SERVER, &(struct chaos_toxics){.bandwidth = 100000});
	chaos_set(second, CHAOS_TO_SERVER, &(struct chaos_toxics){.bandwidth = 400000});
	while (wide < 400000 && clock_monotonic_ms() < deadline_ms) {
		narrow += echo_some(client);
		wide += echo_some(other);
		usleep(500);
	}
	close(other);

	assert_true(wide >= 400000);
	assert_in_range(narrow, 60000, 160000);
}

/* Times as flow.c is told them: the latency of each of some bytes. */
static void delays(uint64_t seed, int64_t due_us[], size_t count)
{
	static struct flow flow;
	uint64_t chance = seed;
	int64_t passed;
	int ends[2], out[2];
	char byte;

	flow = (struct flow){.chance = &chance};
	flow_set(&flow, &(struct chaos_toxics){.latency_ms = 100, .jitter_ms = 50});
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, out), 0);
	for (size_t i = 0; i < count; i++) {
		say(ends[0], "x");
		assert_int_equal(flow_read(&flow, ends[1], 0), FLOW_GOES_ON);
		due_us[i] = flow_due_us(&flow);
		assert_int_equal(flow_write(&flow, out[0], due_us[i], &passed), FLOW_GOES_ON);
		assert_int_equal(passed, 1);
		assert_int_equal(recv(out[1], &byte, 1, 0), 1);
	}
	for (int i = 0; i < 2; i++) {
		close(ends[i]);
		close(out[i]);
	}
}

static void latency_stays_within_its_jitter_and_a_seed_repeats_it(void **state)
{
	int64_t first[50], again[50], other[50];
	int64_t least = INT64_MAX, most = 0;

	delays(1, first, 50);
	delays(1, again, 50);
	delays(2, other, 50);

	for (int i = 0; i < 50; i++) {
		least = first[i] < least ? first[i] : least;
		most = first[i] > most ? first[i] : most;
	}
	assert_in_range(least, 50000, 100000);
	assert_in_range(most, 100000, 150000);
	assert_memory_equal(first, again, sizeof first);
	assert_memory_not_equal(first, other, sizeof first);
}

static void latency_of_one_way_delays_each_answer(void **state)
{
	int64_t begin_ms;

	chaos_set(chaos, CHAOS_TO_CLIENT, &(struct chaos_toxics){.latency_ms = 300});
	begin_ms = clock_monotonic_ms();
	say(client, "late");

	assert_hears(client, "late");
	assert_true(clock_monotonic_ms() - begin_ms >= 300);
}

/* ---- Resets ---- */

static void a_reset_is_seen_as_one_and_new_connections_pass(void **state)
{
	struct chaos_stats stats;
	int other;

	say(client, "hello");
	assert_hears(client, "hello");

	chaos_reset(chaos);

	assert_is_reset(client);
	chaos_read_stats(chaos, &stats);
	assert_int_equal(stats.resets, 1);
	assert_int_equal(stats.open, 0);
	other = connect_to(chaos);
	say(other, "again");
	assert_hears(other, "again");
	close(other);
}

static void a_reset_after_some_bytes_comes_after_just_these(void **state)
{
	chaos_set(chaos, CHAOS_TO_CLIENT, &(struct chaos_toxics){.reset_after = 5});

	say(client, "half a frame");

	assert_hears(client, "half ");
	assert_is_reset(client);
}

static void a_reset_by_the_client_reaches_the_server(void **state)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};
	struct chaos_stats stats = {.resets = 0};

	say(client, "hello");
	assert_hears(client, "hello");
	assert_int_equal(setsockopt(client, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
	close(client);
	client = -1;

	for (int i = 0; i < PATIENCE_MS && stats.resets == 0; i++) {
		usleep(1000);
		chaos_read_stats(chaos, &stats);
	}
	assert_int_equal(stats.resets, 1);
}

static void a_server_that_is_not_there_resets_the_client(void **state)
{
	struct error err = {0};
	int other;

	assert_true(chaos_start(
		&(struct chaos_options){
			.listen = "127.0.0.1:0", .target = "127.0.0.1:1", .seed = 1},
		&second, &err));
	other = connect_to(second);

	assert_is_reset(other);
	close(other);
}

/* ---- Silence ---- */

static void half_open_passes_nothing_stays_open_and_goes_on(void **state)
{
	struct chaos_stats stats;

	chaos_hold(chaos);
	say(client, "hello");
	assert_hears_nothing(client);
	chaos_read_stats(chaos, &stats);
	assert_int_equal(stats.passed[CHAOS_TO_SERVER], 0);
	assert_int_equal(stats.open, 1);

	chaos_heal(chaos);

	assert_hears(client, "hello");
}

static void one_way_is_heard_and_does_not_hear(void **state)
{
	struct chaos_stats stats = {0};

	chaos_set(chaos, CHAOS_TO_CLIENT, &(struct chaos_toxics){.hold = 1});
	say(client, "hello");
	assert_hears_nothing(client);
	chaos_read_stats(chaos, &stats);
	assert_int_equal(stats.passed[CHAOS_TO_SERVER], 5);
	assert_int_equal(stats.passed[CHAOS_TO_CLIENT], 0);

	chaos_heal(chaos);

	assert_hears(client, "hello");
}

static void swallowed_bytes_never_come_and_end_the_connection(void **state)
{
	chaos_set(chaos, CHAOS_TO_SERVER, &(struct chaos_toxics){.swallow = 1});
	say(client, "lost");
	assert_hears_nothing(client);

	chaos_heal(chaos);

	assert_is_reset(client);
}

static void a_silent_door_accepts_and_serves_when_it_opens(void **state)
{
	int other;

	chaos_set_door(chaos, CHAOS_SILENT);
	other = connect_to(chaos);
	say(other, "patient");
	assert_hears_nothing(other);
	say(client, "inside"); /* who is in is not concerned */
	assert_hears(client, "inside");

	chaos_set_door(chaos, CHAOS_OPEN);

	assert_hears(other, "patient");
	close(other);
}

static void a_shut_door_refuses_and_opens_at_the_same_port(void **state)
{
	int port = chaos_port(chaos);
	int other;

	for (int i = 0; i < 3; i++) {
		chaos_set_door(chaos, CHAOS_REFUSE);
		assert_int_equal(try_to_connect(chaos), -1);
		assert_int_equal(errno, ECONNREFUSED);
		chaos_heal(chaos);
		other = connect_to(chaos);
		say(other, "again");
		assert_hears(other, "again");
		close(other);
	}
	assert_int_equal(chaos_port(chaos), port);
	say(client, "still here");
	assert_hears(client, "still here");
}

/* ---- Words ---- */

static const char *told(const char *line)
{
	static struct text reply;

	text_clear(&reply);
	chaos_command(chaos, line, &reply);
	return text_string(&reply);
}

static void words_set_every_toxic_and_leave_the_others(void **state)
{
	struct chaos_toxics toxics;

	assert_string_equal(
		told("set both latency_ms=1 jitter_ms=2 bandwidth=3 slice=4\n"), "ok\n");
	assert_string_equal(
		told("set to-client slice_delay_us=5 hold=1 swallow=1 reset_after=6"), "ok\n");

	chaos_get(chaos, CHAOS_TO_CLIENT, &toxics);
	assert_memory_equal(&toxics,
		(&(struct chaos_toxics){.latency_ms = 1,
			.jitter_ms = 2,
			.bandwidth = 3,
			.slice = 4,
			.slice_delay_us = 5,
			.hold = 1,
			.swallow = 1,
			.reset_after = 6}),
		sizeof toxics);
	chaos_get(chaos, CHAOS_TO_SERVER, &toxics);
	assert_int_equal(toxics.slice, 4);
	assert_int_equal(toxics.hold, 0);
	assert_string_equal(told("heal"), "ok\n");
	chaos_get(chaos, CHAOS_TO_CLIENT, &toxics);
	assert_int_equal(toxics.latency_ms, 0);
}

static void words_move_the_door_reset_and_print_figures(void **state)
{
	say(client, "hello");
	assert_hears(client, "hello");
	assert_string_equal(
		told("stats"), "accepted=1 open=1 resets=0 to_server=5 to_client=5\nok\n");
	assert_string_equal(told("reset"), "ok\n");
	assert_is_reset(client);
	assert_string_equal(told("door refuse"), "ok\n");
	assert_int_equal(try_to_connect(chaos), -1);
	assert_string_equal(told("door open"), "ok\n");
	assert_string_equal(told(" \n"), "");
}

static void words_that_make_no_sense_change_nothing(void **state)
{
	static const char *const lines[] = {"harm", "set", "set both", "set up latency_ms=1",
		"set both latency_ms", "set both latency_ms=", "set both latency_ms=-1",
		"set both latency_ms=1x", "set both latency_ms=99999999999999999999",
		"set both speed=1", "set both latency_ms=5 speed=1", "door", "door ajar",
		"door refuse now", "reset all", "heal it"};
	struct chaos_toxics toxics;

	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		assert_int_equal(strncmp(told(lines[i]), "error: ", 7), 0);

	chaos_get(chaos, CHAOS_TO_SERVER, &toxics);
	assert_int_equal(toxics.latency_ms, 0);
	say(client, "hello");
	assert_hears(client, "hello");
}

static void addresses_that_make_no_sense_are_refused(void **state)
{
	static const char *const wrong[] = {
		"", "127.0.0.1", "127.0.0.1:", ":80", "no.such.host.:80"};
	struct chaos *none = NULL;
	struct error err = {0};

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		assert_false(chaos_start(
			&(struct chaos_options){.listen = "127.0.0.1:0", .target = wrong[i]}, &none,
			&err));
		assert_int_equal(err.class, ERROR_SETTINGS);
	}
	assert_null(none);
}

/* ---- The program, which stands beside this one ---- */

static pid_t start_program(int *words, int *answers)
{
	char self[4096], path[sizeof self + 16], target[32];
	ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
	int in[2], out[2];
	pid_t pid;

	assert_true(length > 0);
	self[length] = '\0';
	*strrchr(self, '/') = '\0';
	snprintf(path, sizeof path, "%s/chaos-proxy", self);
	snprintf(target, sizeof target, "127.0.0.1:%d", port_of(server.listener));
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		execl(path, path, "--target", target, "--listen", "127.0.0.1:0", (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	*words = in[1];
	*answers = out[0];
	return pid;
}

static void read_line(int fd, char *line, size_t size_bytes)
{
	size_t length = 0;

	do
		assert_int_equal(read(fd, line + length, 1), 1);
	while (line[length++] != '\n' && length < size_bytes - 1);
	line[length] = '\0';
}

static void the_program_obeys_its_input_and_outlives_its_end(void **state)
{
	static const char words[] = "set both latency_ms=1\nnonsense\nstats\n";
	int in, out, status;
	char line[128];
	pid_t pid = start_program(&in, &out);

	read_line(out, line, sizeof line);
	assert_int_equal(strncmp(line, "listening on 127.0.0.1:", 23), 0);
	assert_int_equal(write(in, words, sizeof words - 1), sizeof words - 1);
	read_line(out, line, sizeof line);
	assert_string_equal(line, "ok\n");
	read_line(out, line, sizeof line);
	assert_string_equal(line, "error: there is no command nonsense\n");
	read_line(out, line, sizeof line);
	assert_string_equal(line, "accepted=0 open=0 resets=0 to_server=0 to_client=0\n");
	close(in);
	usleep(QUIET_MS * 1000);
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);

	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	close(out);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(unharmed_bytes_pass_and_the_end_of_a_stream_is_handed_on),
		TEST(connections_are_counted_and_forgotten),
		TEST(a_reader_that_is_slow_slows_its_writer_down),
		TEST(slices_and_latency_leave_bytes_whole_and_in_order),
		TEST(a_slice_is_written_alone),
		TEST(a_quarter_of_the_bandwidth_passes_a_quarter_of_the_bytes),
		TEST(latency_stays_within_its_jitter_and_a_seed_repeats_it),
		TEST(latency_of_one_way_delays_each_answer),
		TEST(a_reset_is_seen_as_one_and_new_connections_pass),
		TEST(a_reset_after_some_bytes_comes_after_just_these),
		TEST(a_reset_by_the_client_reaches_the_server),
		TEST(a_server_that_is_not_there_resets_the_client),
		TEST(half_open_passes_nothing_stays_open_and_goes_on),
		TEST(one_way_is_heard_and_does_not_hear),
		TEST(swallowed_bytes_never_come_and_end_the_connection),
		TEST(a_silent_door_accepts_and_serves_when_it_opens),
		TEST(a_shut_door_refuses_and_opens_at_the_same_port),
		TEST(words_set_every_toxic_and_leave_the_others),
		TEST(words_move_the_door_reset_and_print_figures),
		TEST(words_that_make_no_sense_change_nothing),
		TEST(addresses_that_make_no_sense_are_refused),
		TEST(the_program_obeys_its_input_and_outlives_its_end),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, start_server, stop_server);
}
