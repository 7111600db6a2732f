/* SPDX-License-Identifier: MIT */
/*
 * A TCP proxy that does harm on purpose: it stands between a program and a server, and delays, cuts
 * up, holds, loses or resets what passes, as it is told while connections are open.
 *
 *     client <--TO_CLIENT-- chaos <--TO_CLIENT-- server
 *            --TO_SERVER-->       --TO_SERVER-->
 *
 * Unharmed it is a faithful wire: the end of one side's stream is handed on as such (half-close), a
 * reset as a reset, and a reader that is slow slows its writer down (64 KiB a direction are kept).
 *
 * Threads: the functions are for one thread, the test's; the proxy runs in a thread of its own. When
 *          a function that changes something returns, the change is in force: no byte passes any
 *          more that it forbids.
 */
#ifndef TESTS_CHAOS_CHAOS_H
#define TESTS_CHAOS_CHAOS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "common/text.h"

struct chaos;

enum chaos_direction { CHAOS_TO_SERVER, CHAOS_TO_CLIENT, CHAOS_DIRECTIONS };

/* The harm that is done to one direction; a zeroed struct does none. They add up. */
struct chaos_toxics {
	int64_t latency_ms; /* bytes come so much later */
	int64_t jitter_ms;  /* ... by chance up to so much more or less; their order stays */
	int64_t bandwidth;  /* bytes per second of each connection; 0: no limit */
	int64_t slice;      /* at most so many bytes are written at once; 0: no limit */
	int64_t slice_delay_us;
	int64_t hold;    /* 1: half-open: nothing is read or written, what is sent piles up */
	int64_t swallow; /* 1: everything is read, and lost; the connection is reset when this ends */
	/* Reset each connection when so many more bytes have passed, in the middle of a frame; 0: do not. */
	int64_t reset_after;
};

/* What meets new connections. */
enum chaos_door {
	CHAOS_OPEN,
	CHAOS_SILENT, /* accepted, and connected to the server only when the door opens again */
	CHAOS_REFUSE, /* nobody listens; the port stays ours */
};

struct chaos_options {
	const char *listen; /* "127.0.0.1:0": any free port; looked at if listener is 0 */
	int listener;       /* a socket of chaos_listen(); it belongs to the proxy from now on */
	const char *target; /* "127.0.0.1:5672" */
	uint64_t seed;      /* of every chance */
};

struct chaos_stats {
	int64_t accepted;                 /* connections, since the start */
	int64_t open;                     /* now */
	int64_t resets;                   /* connections that the proxy has reset */
	int64_t passed[CHAOS_DIRECTIONS]; /* bytes */
};

/*
 * Listen without accepting, for a proxy that listens in another network namespace than it connects
 * from: the socket belongs to the namespace of the calling thread.
 *
 * Fails: settings - where is not host:port, or is taken.
 */
bool chaos_listen(const char *where, int *listener, struct error *err);

/*
 * Owns:  the caller ends the proxy with chaos_stop().
 * Fails: settings - an address is not host:port, or cannot be listened on.
 */
bool chaos_start(const struct chaos_options *options, struct chaos **chaos, struct error *err);
void chaos_stop(struct chaos *chaos); /* NULL: nothing to do */
int chaos_port(const struct chaos *chaos);

/* Replace the harm of one direction, on open connections as on new ones. */
void chaos_set(
	struct chaos *chaos, enum chaos_direction direction, const struct chaos_toxics *toxics);
void chaos_get(struct chaos *chaos, enum chaos_direction direction, struct chaos_toxics *toxics);
void chaos_set_door(struct chaos *chaos, enum chaos_door door);
/* Nothing is read or written, both ways, from now on. */
void chaos_hold(struct chaos *chaos);
/* Reset every open connection, at both ends (RST); what is on its way is lost. */
void chaos_reset(struct chaos *chaos);
/* Do no more harm, and open the door. What was held goes on its way. */
void chaos_heal(struct chaos *chaos);

void chaos_read_stats(struct chaos *chaos, struct chaos_stats *stats);

/*
 * Do what a line of words says; what is to be answered is added to reply, "ok" or "error: ...", with
 * a newline. chaos_print_commands() lists the words.
 */
void chaos_command(struct chaos *chaos, const char *line, struct text *reply);
void chaos_print_commands(struct text *help);

#endif
