/* SPDX-License-Identifier: MIT */
/*
 * What must be true of a fleet after every fault, once it is healed and has nothing left to do. Each
 * question returns NULL, or the sentence that says what is wrong; the caller frees it.
 *
 *     I1  every job has ended in one state, the queues are empty, dead letters are the planted ones
 *     I2  the snapshots are the world's
 *     I3  one final log row for every job, one row for every attempt
 *     I4  what the broker confirmed was seen: no published job without a worker or an end
 *     I5  duplicates change nothing
 *     I6  token versions only grow, no refresh token was used twice, no account lost its grant
 *     I7  no secret in logs, command lines, queues and tables
 *     I8  memory, descriptors and threads do not grow             (vitals.h)
 *     I9  work goes on soon after the heal                        (the programs)
 *     I10 SIGTERM: exit code 0 in time, nothing is delivered twice (crew.h, faults_servers)
 *     I11 the rate limit was never exceeded
 *     I12 next to no CPU and reconnects while something is away   (vitals.h)
 *
 * Threads: the test thread.
 */
#ifndef TESTS_FAULTS_ORACLE_H
#define TESTS_FAULTS_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/faults/crew.h"
#include "tests/faults/observer.h"

struct oracle {
	struct harness *harness;
	struct test_fleet *fleet;
	struct crew *crew;
	struct observer observer;
	int64_t planted_dead;
	bool (*is_left_out)(uint32_t account); /* of the snapshots; NULL: none */
	bool has_limit;                        /* the simulator's calls are limited: I11 is asked */
};

void oracle_init(struct oracle *oracle, struct crew *crew);
void oracle_finish(struct oracle *oracle);

/* Jobs that have not ended; -1: the database is away. */
int64_t oracle_unfinished(struct oracle *oracle);
/*
 * Tend the crew until every job has ended and is logged. Returns ms, or -1: not within timeout_ms.
 */
int64_t oracle_drain(struct oracle *oracle, int64_t timeout_ms);

char *oracle_every_job_has_ended(struct oracle *oracle);
char *oracle_queues_are_empty(struct oracle *oracle);
char *oracle_snapshots_are_the_worlds(struct oracle *oracle);
char *oracle_logs_are_complete(struct oracle *oracle);
char *oracle_confirmed_was_seen(struct oracle *oracle);
char *oracle_tokens_are_sound(struct oracle *oracle);
char *oracle_no_secret_got_out(struct oracle *oracle);
char *oracle_limit_was_kept(struct oracle *oracle);
char *oracle_audit_is_clean(struct oracle *oracle);
/* For outages: no attempt was charged to a job. */
char *oracle_no_attempt_was_charged(struct oracle *oracle);

/* Ask all of the above but the last; the harness hears the answers. */
void oracle_ask_all(struct oracle *oracle);
/* I5: publish every job once more, let the crew deal with it, and compare all tables. */
void oracle_ask_for_duplicates(struct oracle *oracle);
/* Look for secrets in what is in the queues just now (I7). */
void oracle_peek_into_queues(struct oracle *oracle);

#endif
