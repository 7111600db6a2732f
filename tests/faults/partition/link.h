/* SPDX-License-Identifier: MIT */
/*
 * The way from one program of a fleet to its servers, with a proxy (and, where the machine allows, a
 * network of its own) on it, so that the way to one of the servers can be harmed.
 * Threads: the test thread.
 */
#ifndef TESTS_FAULTS_PARTITION_LINK_H
#define TESTS_FAULTS_PARTITION_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/chaos/chaos.h"
#include "tests/faults/partition/wire.h"
#include "tests/support/fleet.h"

enum link_server { LINK_BROKER, LINK_DATABASE, LINK_TIKTOK, LINK_SERVERS };

enum link_harm {
	HARM_DROP,    /* packets are lost, both ways */
	HARM_RESET,   /* connections are reset, new ones refused */
	HARM_ONE_WAY, /* packets of one direction are lost */
	HARM_SLICER,  /* one byte a millisecond */
	HARMS
};

enum link_means {
	MEANS_NETWORK, /* a network of its own; as MEANS_PROXY where the machine does not allow it */
	MEANS_PROXY,   /* proxies on 127.0.0.1, which lose packets by holding them */
};

struct link {
	enum link_server cut; /* the server that the harm parts us from */
	struct wire wire;
	bool has_wire; /* MEANS_NETWORK, and possible */
	struct chaos *proxies[LINK_SERVERS];
	char *settings[LINK_SERVERS + 1]; /* ended by NULL */
	struct test_process *process;     /* of the fleet's; NULL: not started */
	/* While the harm is done. */
	enum link_harm harm;
	bool is_lost[CHAOS_DIRECTIONS]; /* by the wire */
	int64_t began_ms, connects, accepted_elsewhere;
	double cpu_ms;
};

/* What a program did while it was cut off. */
struct link_figures {
	double cpu_percent;         /* of one processor */
	double connects_per_second; /* to the server it was cut off from; below 0: not known */
};

/* Owns: link_destroy(), after the program has ended. */
void link_create(struct link *link, struct test_fleet *fleet, enum link_server cut,
	enum link_means means, uint64_t seed);
void link_destroy(struct link *link); /* zeroed: nothing to do */
/* Start a program of the fleet at this end of the way; overrides as test_fleet_start() takes them. */
void link_start(struct link *link, struct test_fleet *fleet, const char *const argv[],
	const char *const overrides[]);

/* direction: which one is lost; for HARM_ONE_WAY only. */
void link_harm(struct link *link, enum link_harm harm, enum chaos_direction direction);
void link_heal(struct link *link); /* unharmed: nothing to do */
/* Between harm and healing. */
void link_measure(struct link *link, struct link_figures *figures);

#endif
