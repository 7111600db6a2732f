/* SPDX-License-Identifier: MIT */
/*
 * Questions to a database that may be away: they fail, the test does not, and the next one connects
 * again. Never ask while the server is frozen: nobody would answer.
 * Threads: the test thread.
 */
#ifndef TESTS_FAULTS_OBSERVER_H
#define TESTS_FAULTS_OBSERVER_H

#include <stdbool.h>
#include <stdint.h>

struct db;

struct observer {
	const char *url; /* borrowed */
	struct db *db;   /* NULL: not connected */
};

/* The first cell of the result. False: the database is not there. */
bool observer_number(struct observer *observer, const char *sql, int64_t *number);
/* As observer_number(); the caller frees *string. */
bool observer_string(struct observer *observer, const char *sql, char **string);
/* Ask every 100 ms until the answer is wanted. False: it was not in time; *number is the last one. */
bool observer_wait(struct observer *observer, const char *sql, int64_t wanted, int64_t timeout_ms,
	int64_t *number);
void observer_finish(struct observer *observer);

#endif
