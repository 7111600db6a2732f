/* SPDX-License-Identifier: MIT */
/*
 * Listening sockets. No state; any thread.
 */
#include "common/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/memory.h"

/* Listen on the first address of the family (AF_UNSPEC: of any) that lets us; -1 and errno. */
static int listen_on(const struct addrinfo *addresses, int family)
{
	static const int yes = 1, no = 0;
	int fd = -1, reason = EAFNOSUPPORT;

	for (const struct addrinfo *a = addresses; a && fd < 0; a = a->ai_next) {
		if (family != AF_UNSPEC && a->ai_family != family)
			continue;
		fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (fd < 0) {
			reason = errno;
			continue;
		}
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
		if (a->ai_family == AF_INET6)
			setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
		if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0)
			break;
		reason = errno;
		close(fd);
		fd = -1;
	}
	errno = reason;
	return fd;
}

static int port_of(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} address = {0};
	socklen_t length = sizeof address;

	if (getsockname(fd, &address.any, &length) != 0)
		return 0;
	return ntohs(
		address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

/* The host before the last colon, without the brackets of IPv6; NULL: there is no port behind one. */
static char *copy_host(const char *where)
{
	const char *colon = strrchr(where, ':');
	size_t length;

	if (!colon || !colon[1])
		return NULL;
	length = (size_t)(colon - where);
	if (length >= 2 && where[0] == '[' && where[length - 1] == ']')
		return memory_copy_bytes(where + 1, length - 2);
	return memory_copy_bytes(where, length);
}

bool listener_open(const char *setting, const char *where, int *fd, int *port, struct error *err)
{
	static const struct addrinfo hints = {
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
	struct addrinfo *addresses = NULL;
	char *host = copy_host(where);
	int code, opened = -1;

	if (!host) {
		error_set(err, ERROR_SETTINGS, "%s is \"%s\" but must be host:port or :port",
			setting, where);
		return false;
	}
	code = getaddrinfo(*host ? host : NULL, strrchr(where, ':') + 1, &hints, &addresses);
	if (code == 0) {
		opened = *host ? -1 : listen_on(addresses, AF_INET6);
		if (opened < 0)
			opened = listen_on(addresses, AF_UNSPEC);
	}
	if (opened >= 0) {
		*fd = opened;
		*port = port_of(opened);
	} else {
		error_set(err, ERROR_SETTINGS, "%s is \"%s\", where we cannot listen: %s", setting,
			where, code ? gai_strerror(code) : strerror(errno));
	}
	if (code == 0)
		freeaddrinfo(addresses);
	free(host);
	return opened >= 0;
}
