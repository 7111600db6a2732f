/* SPDX-License-Identifier: MIT */
/*
 * What the services of a crew use of the machine, from /proc: I8 compares the first look with later ones, I12 the
 * CPU time across an outage.
 * Threads: the test thread.
 */
#ifndef TESTS_FAULTS_VITALS_H
#define TESTS_FAULTS_VITALS_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/faults/crew.h"

struct vitals {
	int64_t at_ms;
	struct {
		int64_t pid; /* 0: not looked at */
		double cpu_ms;
		double resident_mb;
		int descriptors, threads;
	} of[CREW_MAX];
};

/* Look at every service that runs. */
void vitals_look(const struct crew *crew, struct vitals *vitals);
/* The most CPU that one of those who were there both times has used in between, in percent of one processor. */
double vitals_cpu_percent(const struct vitals *before, const struct vitals *after);
double vitals_peak_mb(const struct vitals *vitals);
/*
 * I8: NULL, or who has grown since the first look beyond what caches and pools explain. Owns: the
 * caller frees.
 */
char *vitals_growth(const struct crew *crew, const struct vitals *first, const struct vitals *last);

#endif
