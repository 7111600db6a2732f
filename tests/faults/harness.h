/* SPDX-License-Identifier: MIT */
/*
 * One run of a fault program: its seed, its folder, its journal, its figures, and what it found
 * broken.
 *
 *     harness_open(&harness, "storm", seed);      prints "seed=..." first
 *     harness_note(&harness, "SIGKILL %s", ...);  to the journal, fsynced
 *     harness_figure(&harness, "kills", 500);     prints "kills=500"
 *     harness_check(&harness, "I1", oracle_...);  NULL, or the sentence that is wrong
 *     harness_close(&harness);                    fails the test if anything was wrong
 *
 * The folder is STORESYNC_FAULTS_DIR/<name> and stays; without that setting it is a temporary one,
 * and goes when nothing was wrong.
 * Threads: the test thread.
 */
#ifndef TESTS_FAULTS_HARNESS_H
#define TESTS_FAULTS_HARNESS_H

#include <stdint.h>

#include "tests/faults/dice.h"

struct harness {
	const char *name;
	uint64_t seed;
	struct dice dice;
	char *directory;
	int journal;
	int64_t began_ms;
	int broken;
};

/* seed 0: pick one. */
void harness_open(struct harness *harness, const char *name, uint64_t seed);
/* One event, one line: ms since the start, then the text. It is on disk when this returns. */
void harness_note(struct harness *harness, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* A line "name=value" on standard output, and in the journal. */
void harness_figure(struct harness *harness, const char *name, double value);
void harness_figure_text(struct harness *harness, const char *name, const char *value);
/* Owns: frees sentence. NULL: the invariant holds. */
void harness_check(struct harness *harness, const char *invariant, char *sentence);
/* A sentence for harness_check(). Owns: the caller frees. */
char *harness_sentence(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "<folder>/<name>" Owns: the caller frees. */
char *harness_path(const struct harness *harness, const char *name);
/* Prints how long it took; fails the test, naming all that is broken, if anything is. */
void harness_close(struct harness *harness);

#endif
