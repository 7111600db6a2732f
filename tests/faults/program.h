/* SPDX-License-Identifier: MIT */
/*
 * The command line that the fault programs share: --seed N, and numbers of the program's own.
 * Threads: the test thread.
 */
#ifndef TESTS_FAULTS_PROGRAM_H
#define TESTS_FAULTS_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

struct program_option {
	const char *name; /* without the two dashes */
	int64_t *number;  /* holds the default */
};

/*
 * Read --seed N and "--name N" for each of options (ended by a NULL name); words that are no options
 * go to *word (NULL: none is allowed). Says on standard error what is wrong.
 */
bool program_options(int argc, char **argv, const struct program_option options[], uint64_t *seed,
	const char **word);

#endif
