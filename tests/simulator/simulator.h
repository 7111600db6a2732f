/* SPDX-License-Identifier: MIT */
/*
 * The fake TikTok without its sockets: a call goes in, its answer comes out. The order of the
 * checks:
 *
 *	path and method (404) -> faults -> bearer (401) -> rate limit (429) -> body, fields, counts (400) -> scopes (401) -> data
 *
 * TikTok does not document the order; an unauthenticated call counts against no app's limit.
 *
 * Threads: the server thread. One thread serves every call, so that nothing here is locked.
 */
#ifndef TESTS_SIMULATOR_SIMULATOR_H
#define TESTS_SIMULATOR_SIMULATOR_H

#include <stddef.h>
#include <stdint.h>

#include "tests/simulator/call.h"
#include "tests/simulator/faults.h"
#include "tests/simulator/grant.h"
#include "tests/simulator/journal.h"
#include "tests/simulator/knobs.h"
#include "tests/simulator/limits.h"
#include "tests/simulator/simclock.h"
#include "tests/simulator/state.h"
#include "tests/simulator/tally.h"
#include "tests/simulator/world.h"

#define SIMULATOR_REDIRECTS 10 /* an app registers no more (TikTok, Login Kit) */

/* What is decided at the start. Strings are borrowed for as long as the simulator lives. */
struct simulator_setup {
	struct world world;
	struct knobs knobs;
	const char *client_secret;
	const char *redirects[SIMULATOR_REDIRECTS]; /* registered URIs; "*" may stand for a port */
	size_t redirect_count;                      /* 0: every valid one is taken */
};

struct simulator {
	struct simulator_setup setup;
	struct knobs knobs;
	struct simclock clock;
	struct state state;
	struct grants grants;
	struct faults faults;
	struct tally tally;
	struct journal journal;        /* kept if somebody opens it */
	struct limit_window limits[3]; /* of user_info, video_list, video_query */
	uint64_t log_serial;           /* calls so far */
	int64_t log_second_s;          /* the second that log_second spells */
	char log_second[16];           /* YYYYMMDDhhmmss */
	uint32_t next_consent;         /* the account that the authorise page offers next */
};

/* World of seed 1, knobs at their initial values, secret "simclientsecret". */
void simulator_setup_init(struct simulator_setup *setup);

struct simulator *simulator_create(const struct simulator_setup *setup);
void simulator_destroy(struct simulator *simulator); /* NULL: nothing to do */
/*
 * Everything as at the start: knobs, grants, tokens, videos, limits, counters, no faults. The clock
 * keeps its lead.
 */
void simulator_reset(struct simulator *simulator);

/* Fill in the reply of a call whose request is complete. */
void simulator_answer(struct simulator *simulator, struct call *call);

int64_t simulator_now_ms(const struct simulator *simulator);

#endif
