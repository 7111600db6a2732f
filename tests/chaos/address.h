/* SPDX-License-Identifier: MIT */
/*
 * Addresses and sockets of the proxy. Any thread.
 */
#ifndef TESTS_CHAOS_ADDRESS_H
#define TESTS_CHAOS_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>

#include "common/error.h"

/*
 * "host:port", IPv4.
 *
 * Fails: settings - not of this form, or an unknown host.
 */
bool address_parse(const char *where, struct sockaddr_in *address, struct error *err);
/* The port that a socket is bound to. */
int address_port(int fd);
/* Close with a reset (RST) to the other side: socket(7), SO_LINGER. */
void address_reset(int fd);

#endif
