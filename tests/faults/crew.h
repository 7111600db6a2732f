/* SPDX-License-Identifier: MIT */
/*
 * The programs of a fleet, each in a place that is never empty for long: whoever ends is started
 * again at the next crew_tend(). A place can be struck:
 *
 *     running --SIGKILL--> gone --------------------> running
 *     running --SIGSTOP--> stopped --SIGCONT, later-> running
 *     running --SIGTERM--> leaving (its successor runs beside it), must exit with 0
 *
 * Each life has a log of its own in the harness's folder, "storesync-worker-2.17.log".
 * Threads: the test thread.
 */
#ifndef TESTS_FAULTS_CREW_H
#define TESTS_FAULTS_CREW_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/faults/harness.h"
#include "tests/support/fleet.h"

#define CREW_MAX     20
#define CREW_LEAVING 64

enum crew_strike { STRIKE_KILL, STRIKE_STOP, STRIKE_TERM };

/* What happens when a program ends with 0 by itself. */
enum crew_end {
	END_NEVER,  /* a service: it must not */
	END_DONE,   /* a producer: its work is done */
	END_REPEAT, /* a producer that makes load: start it again while crew->load_wanted */
};

struct crew_member {
	const char *program;
	const char *argument; /* NULL: none */
	const char *const *overrides;
	enum crew_end end;
	struct test_process *process; /* NULL: gone, or done */
	int64_t resume_at_ms;         /* stopped until then; 0: not stopped */
	int64_t start_at_ms;          /* not before */
	int port;                     /* of /readyz and /metrics */
	int lives;
	bool done;
	char *log_path; /* of this life */
};

struct crew_leaver {
	struct test_process *process; /* NULL: nobody */
	const char *program;
	int64_t deadline_ms;
};

struct crew {
	struct harness *harness;
	struct test_fleet *fleet;
	struct crew_member members[CREW_MAX];
	int count;
	struct crew_leaver leaving[CREW_LEAVING];
	bool load_wanted;
	int kills, stops, terms;
	int failures; /* ends of services that nobody asked for, and of SIGTERMs with another code than 0 */
	char first_failure[256];
};

void crew_init(struct crew *crew, struct harness *harness, struct test_fleet *fleet);
/* overrides and argument are borrowed for the crew's life; NULL: none. Started by crew_tend(). */
struct crew_member *crew_add(struct crew *crew, const char *program, const char *argument,
	enum crew_end end, const char *const overrides[]);
/* For duration_ms: start who is missing, resume whose time has come, bury who has left. */
void crew_tend(struct crew *crew, int64_t duration_ms);
/*
 * Strike the member at place, or the next one that runs. False: nobody runs. pause_ms is for
 * STRIKE_STOP.
 */
bool crew_strike(struct crew *crew, int place, enum crew_strike strike, int64_t pause_ms);
/* Nobody stays stopped. */
void crew_resume_all(struct crew *crew);
/* Wait until every service answers /readyz with 200. False: not within timeout_ms. */
bool crew_wait_until_ready(struct crew *crew, int64_t timeout_ms);
/* GET a path of a member's endpoint; returns the HTTP status, 0: nobody answers. */
int crew_ask(const struct crew_member *member, const char *path, struct text *reply);
/* SIGTERM all and wait; codes other than 0 are counted as failures. */
void crew_stop(struct crew *crew);
/* Kills who is left. */
void crew_finish(struct crew *crew);
/* Somebody ended who should not have, or not with 0. Owns: the caller frees. */
char *crew_failures(const struct crew *crew);

#endif
