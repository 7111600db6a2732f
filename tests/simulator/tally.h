/* SPDX-License-Identifier: MIT */
/*
 * What the simulator counts, for assertions: calls and answers by endpoint, the busiest minute of
 * each, refreshes, refused second uses of a refresh token. Read by GET /admin/stats.
 *
 * Threads: the server thread.
 */
#ifndef TESTS_SIMULATOR_TALLY_H
#define TESTS_SIMULATOR_TALLY_H

#include <stdint.h>

#include "common/text.h"
#include "tests/simulator/endpoints.h"

#define TALLY_WINDOW_MS 60000
#define TALLY_STATUSES  600

/* Calls of the last 60 s, one cell a millisecond, and the most that any 60 s have held. */
struct tally_minute {
	uint32_t cells[TALLY_WINDOW_MS];
	int64_t newest_ms; /* the moment of the newest cell */
	uint64_t calls;
	uint64_t most;
};

struct tally_endpoint {
	uint64_t calls;
	uint64_t by_status[TALLY_STATUSES];
	uint64_t dropped; /* connections closed without an answer */
	struct tally_minute minute;
};

struct tally {
	struct tally_endpoint endpoints[ENDPOINTS];
	uint64_t not_found;
	uint64_t faults_given;
	uint64_t refreshes_granted;
	uint64_t codes_exchanged;
	uint64_t grants_revoked; /* by /v2/oauth/revoke/ */
	uint64_t superseded_refresh_attempts;
	uint64_t in_flight;
	uint64_t highest_in_flight;
};

void tally_call(struct tally *tally, enum endpoint endpoint, int64_t now_ms);
void tally_answer(struct tally *tally, enum endpoint endpoint, unsigned status);
void tally_arrive(struct tally *tally);
void tally_leave(struct tally *tally);
/* Back to zero, but for the calls in flight. */
void tally_reset(struct tally *tally);
/* Append all of it as one JSON object. */
void tally_write(const struct tally *tally, struct text *out);

#endif
