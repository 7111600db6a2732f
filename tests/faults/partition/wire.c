/* SPDX-License-Identifier: MIT */
/*
 * Network namespaces: unshare(2), setns(2), and ip(8) for the rest. The test thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/faults/partition/wire.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/process.h"

#define IP        "/sbin/ip"
#define NOBODY    "02:00:00:00:00:00"
#define MOMENT_MS 100

static int open_namespace(void)
{
	return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

void wire_enter(const struct wire *wire, enum wire_end end)
{
	if (setns(wire->namespaces[end], CLONE_NEWNET) != 0)
		fail_msg("cannot enter a network namespace");
}

/* Run ip with words, parted by blanks, at one end. */
static bool ip(const struct wire *wire, enum wire_end end, const char *words)
{
	const char *argv[24] = {IP};
	char copy[256], *rest = NULL;
	struct text output = {0};
	int count = 1, status;

	snprintf(copy, sizeof copy, "%s", words);
	for (char *word = strtok_r(copy, " ", &rest); word && count < 23;
		word = strtok_r(NULL, " ", &rest))
		argv[count++] = word;
	wire_enter(wire, end);
	status = test_run(argv, NULL, &output);
	wire_enter(wire, WIRE_HOME);
	if (status != 0)
		print_error("ip %s: %s\n", words, text_string(&output));
	text_finish(&output);
	return status == 0;
}

static bool lay_cable(const struct wire *wire, const char *name, int network)
{
	char words[256];
	bool ok;

	snprintf(words, sizeof words, "link add %s type veth peer name %s netns /proc/%d/fd/%d",
		name, name, (int)getpid(), wire->namespaces[WIRE_PROGRAM]);
	ok = ip(wire, WIRE_SERVERS, words);
	snprintf(words, sizeof words, "address add 10.0.%d.1/24 dev %s", network, name);
	ok = ok && ip(wire, WIRE_SERVERS, words);
	snprintf(words, sizeof words, "address add 10.0.%d.2/24 dev %s", network, name);
	ok = ok && ip(wire, WIRE_PROGRAM, words);
	snprintf(words, sizeof words, "link set %s up", name);
	return ok && ip(wire, WIRE_SERVERS, words) && ip(wire, WIRE_PROGRAM, words);
}

bool wire_create(struct wire *wire)
{
	bool ok = access(IP, X_OK) == 0;

	for (int end = 0; end < WIRE_ENDS; end++)
		wire->namespaces[end] = -1;
	wire->namespaces[WIRE_HOME] = open_namespace();
	for (int end = WIRE_PROGRAM; end < WIRE_ENDS && ok; end++) {
		ok = unshare(CLONE_NEWNET) == 0;
		if (!ok)
			break;
		wire->namespaces[end] = open_namespace();
		wire_enter(wire, WIRE_HOME);
	}
	ok = ok && lay_cable(wire, "cut", 0) && lay_cable(wire, "calm", 1) &&
	     ip(wire, WIRE_PROGRAM, "link set lo up");
	if (!ok)
		wire_destroy(wire);
	return ok;
}

void wire_destroy(struct wire *wire)
{
	for (int end = 0; end < WIRE_ENDS; end++)
		if (wire->namespaces[end] > 0)
			close(wire->namespaces[end]);
	*wire = (struct wire){0};
}

static void misdirect(const struct wire *wire, enum chaos_direction direction, bool is_wrong)
{
	const char *who = direction == CHAOS_TO_SERVER ? "10.0.0.1" : "10.0.0.2";
	char words[128];

	if (is_wrong)
		snprintf(words, sizeof words,
			"neighbour replace %s lladdr " NOBODY " dev cut nud permanent", who);
	else
		snprintf(words, sizeof words, "neighbour del %s dev cut", who);
	if (!ip(wire, direction == CHAOS_TO_SERVER ? WIRE_PROGRAM : WIRE_SERVERS, words))
		fail_msg("cannot change the network: ip %s", words);
}

void wire_cut(const struct wire *wire, enum chaos_direction direction)
{
	misdirect(wire, direction, true);
}

void wire_mend(const struct wire *wire, enum chaos_direction direction)
{
	misdirect(wire, direction, false);
}

bool wire_connects_to(const struct wire *wire, int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	struct pollfd watched = {.events = POLLOUT};
	int reason = -1;
	socklen_t length = sizeof reason;

	wire_enter(wire, WIRE_PROGRAM);
	watched.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	wire_enter(wire, WIRE_HOME);
	inet_pton(AF_INET, WIRE_CUT_ADDRESS, &address.sin_addr);
	if (connect(watched.fd, (struct sockaddr *)&address, sizeof address) != 0 &&
		poll(&watched, 1, MOMENT_MS) > 0)
		getsockopt(watched.fd, SOL_SOCKET, SO_ERROR, &reason, &length);
	close(watched.fd);
	return reason == 0;
}

/* ActiveOpens of /proc/net/snmp: the fifth number of the second line that begins with "Tcp:". */
int64_t wire_count_connects(const struct wire *wire)
{
	char line[1024];
	int64_t opens = -1;
	FILE *file;

	wire_enter(wire, WIRE_PROGRAM);
	file = fopen("/proc/thread-self/net/snmp", "re");
	wire_enter(wire, WIRE_HOME);
	assert_non_null(file);
	while (fgets(line, sizeof line, file)) {
		char *next = line + strlen("Tcp: ");

		if (strncmp(line, "Tcp: ", strlen("Tcp: ")) != 0 || *next == 'R')
			continue;
		for (int field = 0; field < 5; field++)
			opens = strtoll(next, &next, 10);
	}
	fclose(file);
	return opens;
}
