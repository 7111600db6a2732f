/* SPDX-License-Identifier: MIT */
/*
 * Starts programs with an endpoint and asks it. The test thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/bench/meter/service.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/support/wait.h"
#include "tests/support/web.h"

#define LOOK_NS      1000000
#define SETTINGS_MAX 8

int service_pick_port(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) != 0 ||
		getsockname(fd, (struct sockaddr *)&address, &length) != 0)
		fail_msg("no port is free");
	close(fd);
	return ntohs(address.sin_port);
}

/* Over a socket of ours: a call that is cheap enough to be made every millisecond. */
static bool is_ready(int port)
{
	static const char request[] =
		"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)port)};
	char reply[sizeof "HTTP/1.1 200"] = "";
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ready = connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
		     send(fd, request, strlen(request), MSG_NOSIGNAL) > 0 &&
		     recv(fd, reply, sizeof reply - 1, MSG_WAITALL) > 0 &&
		     strcmp(reply, "HTTP/1.1 200") == 0;

	close(fd);
	return ready;
}

void service_start(struct service *service, struct test_fleet *fleet, const char *program,
	const char *const settings[])
{
	char listen[32];
	const char *overrides[2 + SETTINGS_MAX + 1] = {"LOG_FORMAT=json", listen};

	for (size_t i = 0; settings && settings[i]; i++) {
		assert_true(i < SETTINGS_MAX);
		overrides[2 + i] = settings[i];
	}
	service->port = service_pick_port();
	snprintf(listen, sizeof listen, "HTTP_LISTEN=127.0.0.1:%d", service->port);
	service->began_ms = clock_monotonic_ms();
	service->process = test_fleet_start(fleet, program, overrides);
	service->pid = test_process_pid(service->process);
}

int64_t service_wait_until_ready(struct service *service)
{
	const struct timespec pause = {.tv_nsec = LOOK_NS};

	while (!is_ready(service->port)) {
		if (clock_monotonic_ms() - service->began_ms > TEST_WAIT_MS)
			fail_msg("a program is not ready after %d ms; it printed:\n%s",
				TEST_WAIT_MS, test_process_output(service->process));
		nanosleep(&pause, NULL);
	}
	return clock_monotonic_ms() - service->began_ms;
}

double service_metric(const struct service *service, const char *name)
{
	struct text page = {0};
	char url[64], line[128];
	const char *at;
	double value = 0;

	snprintf(url, sizeof url, "http://127.0.0.1:%d/metrics", service->port);
	snprintf(line, sizeof line, "\n%s ", name);
	assert_int_equal(test_web_call("GET", url, NULL, &page), 200);
	at = strstr(text_string(&page), line);
	if (!at)
		fail_msg("there is no metric %s", name);
	else
		value = strtod(at + strlen(line), NULL);
	text_finish(&page);
	return value;
}
