/* SPDX-License-Identifier: MIT */
/*
 * A network of a program's own, whose packets can be lost for real: two network namespaces, joined
 * by two virtual Ethernet cables. The program under test stands at one end; at the other end proxies
 * listen, which connect to the servers from where the test is.
 *
 *     WIRE_PROGRAM                         WIRE_SERVERS
 *     10.0.0.2 ======= cut ======= 10.0.0.1   the way that is cut
 *     10.0.1.2 ======= calm ====== 10.0.1.1   the way to all other servers
 *
 * A cut is made by telling the neighbour's table a hardware address that nobody has: packets go on
 * the cable and nobody takes them, as if they were dropped on their way. Needs no packet filter.
 *
 * The namespaces have no name and no process of their own: nothing of them is left when the test and
 * the programs have ended, however they end. Needs root and iproute2.
 * Threads: the test thread, which moves between the namespaces; other threads stay where they are.
 */
#ifndef TESTS_FAULTS_PARTITION_WIRE_H
#define TESTS_FAULTS_PARTITION_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/chaos/chaos.h"

#define WIRE_CUT_ADDRESS  "10.0.0.1"
#define WIRE_CALM_ADDRESS "10.0.1.1"

enum wire_end { WIRE_HOME, WIRE_PROGRAM, WIRE_SERVERS, WIRE_ENDS };

struct wire {
	int namespaces[WIRE_ENDS];
};

/* False: this machine does not let us, or misses iproute2. */
bool wire_create(struct wire *wire);
void wire_destroy(struct wire *wire); /* zeroed: nothing to do */

/* The calling thread's new sockets and children belong there from now on. */
void wire_enter(const struct wire *wire, enum wire_end end);
void wire_cut(const struct wire *wire, enum chaos_direction direction);
void wire_mend(const struct wire *wire, enum chaos_direction direction);
/* Whether a connection from the program's end to this port of the cut cable comes about in a moment. */
bool wire_connects_to(const struct wire *wire, int port);
/* How many TCP connections the program has begun so far, those that failed included. */
int64_t wire_count_connects(const struct wire *wire);

#endif
