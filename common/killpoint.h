/* SPDX-License-Identifier: MIT */
/*
 * Kill points: moments at which a test lets a program die. They are compiled in with the CMake
 * option STORESYNC_KILLPOINTS only (the builds for tests); in a release killpoint() is empty.
 *
 *     STORESYNC_KILLPOINT=name[:n[:kill|hang|segv|stop]]   what happens the n-th time the moment
 *                                                          comes (default: the first; kill)
 *     STORESYNC_KILLPOINT_ACCOUNT=id                       only moments of this account count
 *
 * kill is SIGKILL to the process, hang lets this thread sleep for ever, segv is SIGSEGV, stop is
 * SIGSTOP. A point without an account is a blow from outside: it strikes the process that was
 * started with it, never a child of it. A point of one account is a job that harms whoever works at
 * it: it strikes in children too.
 *
 * Threads: any; killpoint_arm() before there are others.
 */
#ifndef COMMON_KILLPOINT_H
#define COMMON_KILLPOINT_H

#include <stdint.h>

/* "Program, moment"; what each means stands in killpoint.c. */
enum killpoint {
	KILL_PRODUCER_PLANNED,
	KILL_PRODUCER_PAGE_SENT,
	KILL_PRODUCER_PAGE_CONFIRMED,
	KILL_PRODUCER_PAGE_MARKED,
	KILL_WORKER_DELIVERED,
	KILL_WORKER_PARKED,
	KILL_WORKER_BEFORE_CLAIM,
	KILL_WORKER_ADOPTED,
	KILL_WORKER_CLAIMED,
	KILL_WORKER_LEASE_TAKEN,
	KILL_WORKER_TOKEN_RECEIVED,
	KILL_WORKER_TOKEN_SPOOLED,
	KILL_WORKER_TOKEN_SAVED,
	KILL_WORKER_TOKEN_RECOVERED,
	KILL_WORKER_RELEASED,
	KILL_WORKER_CALL_SENT,
	KILL_WORKER_REPLY_TAKEN,
	KILL_WORKER_BEFORE_SAVE,
	KILL_WORKER_SAVED,
	KILL_WORKER_RESULT_SENT,
	KILL_WORKER_RETRY_SENT,
	KILL_WORKER_DEAD_SENT,
	KILL_WORKER_SLICE_SENT,
	KILL_WORKER_CONFIRMED,
	KILL_WORKER_BEFORE_ACK,
	KILL_WORKER_AFTER_ACK,
	KILL_WORKER_TAKEN_BACK,
	KILL_WORKER_BEFORE_RETURN,
	KILL_LOGGER_RECEIVED,
	KILL_LOGGER_SAVED,
	KILL_LOGGER_ACKED,
	KILL_LOGGER_LETTER_SENT,
	KILL_LOGGER_LETTER_CONFIRMED,
	KILLPOINTS
};

#ifdef STORESYNC_KILLPOINTS

struct killpoint_row {
	const char *name;  /* "program.moment" */
	const char *when;  /* the moment, in words */
	const char *keeps; /* what a death there must not lose */
};

/* The row of a point. Never NULL; static. */
const struct killpoint_row *killpoint_row(enum killpoint point);
/* Read the environment. What it does not understand ends the program with code 2 and the list. */
void killpoint_arm(void);
/* The moment has come; account_id 0: of no account. Returns, unless it is armed. */
void killpoint(enum killpoint point, int64_t account_id);

#else

static inline void killpoint_arm(void)
{
}

static inline void killpoint(enum killpoint point, int64_t account_id)
{
	(void)point;
	(void)account_id;
}

#endif

#endif
