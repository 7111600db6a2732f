/* SPDX-License-Identifier: MIT */
/*
 * Addresses and sockets of the proxy. Any thread.
 */
#include "tests/chaos/address.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/memory.h"
#include "tests/chaos/chaos.h"

bool address_parse(const char *where, struct sockaddr_in *address, struct error *err)
{
	static const struct addrinfo hints = {
		.ai_family = AF_INET, .ai_flags = AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
	const char *colon = strrchr(where, ':');
	struct addrinfo *found = NULL;
	char *host;

	if (!colon || colon == where || !colon[1]) {
		error_set(err, ERROR_SETTINGS, "\"%s\" is not host:port", where);
		return false;
	}
	host = memory_copy_bytes(where, (size_t)(colon - where));
	if (getaddrinfo(host, colon + 1, &hints, &found) == 0) {
		memcpy(address, found->ai_addr, sizeof *address);
		freeaddrinfo(found);
	} else {
		error_set(err, ERROR_SETTINGS, "\"%s\" is no address", where);
	}
	free(host);
	return found != NULL;
}

int address_port(int fd)
{
	struct sockaddr_in address = {0};
	socklen_t length = sizeof address;

	getsockname(fd, (struct sockaddr *)&address, &length);
	return ntohs(address.sin_port);
}

void address_reset(int fd)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(fd);
}

/* -1 and errno: cannot. */
static int bind_to(const struct sockaddr_in *address)
{
	static const int yes = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int reason;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	if (bind(fd, (const struct sockaddr *)address, sizeof *address) == 0)
		return fd;
	reason = errno;
	close(fd);
	errno = reason;
	return -1;
}

/*
 * Linux leaves a port with a socket that stops to listen (CHAOS_REFUSE) only if the port was asked for
 * by its number. One that the kernel is to pick is therefore kept by a first socket, while the second
 * one asks for it.
 */
static int bind_to_named_port(struct sockaddr_in address)
{
	int keeper = bind_to(&address);
	int fd;

	if (keeper < 0 || address.sin_port != 0)
		return keeper;
	address.sin_port = htons((uint16_t)address_port(keeper));
	fd = bind_to(&address);
	close(keeper);
	return fd;
}

bool chaos_listen(const char *where, int *listener, struct error *err)
{
	struct sockaddr_in address;
	int fd;

	if (!address_parse(where, &address, err))
		return false;
	fd = bind_to_named_port(address);
	if (fd >= 0 && listen(fd, SOMAXCONN) == 0) {
		*listener = fd;
		return true;
	}
	error_set(err, ERROR_SETTINGS, "cannot listen on %s: %s", where, strerror(errno));
	if (fd >= 0)
		close(fd);
	return false;
}
