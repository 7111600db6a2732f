/* SPDX-License-Identifier: MIT */
/*
 * What the simulator's journal (tests/simulator/journal.h) says of refresh tokens: who judges does not
 * ask the simulator's own counters.
 * Threads: the test thread.
 */
#ifndef TESTS_FAULTS_USES_H
#define TESTS_FAULTS_USES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A refresh token that reached the token endpoint; not one before which a fault stood. */
struct use {
	int64_t arrived_us;
	uint32_t account;
	uint32_t serial;
	bool granted;
};

struct uses {
	struct use *list; /* by account, serial, arrival */
	size_t count;
	size_t refused;
};

/* Fails the test when the journal cannot be read. */
void uses_read(struct uses *uses, const char *journal);
void uses_finish(struct uses *uses);
/* The least time between two uses of one token; INT64_MAX: none was used twice. */
int64_t uses_closest_us(const struct uses *uses, uint32_t *account);
/* Accounts of which exactly one token was used, once, and granted. */
size_t uses_accounts_refreshed_once(const struct uses *uses);

#endif
