/* SPDX-License-Identifier: MIT */
/*
 * The command lines of `syncctl account` and `syncctl store`: a table of options, and words that are
 * none. Pure.
 * Threads: the main thread alone.
 */
#ifndef OPERATOR_ARGUMENTS_H
#define OPERATOR_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/text.h"

#define ARGUMENTS_MAX 12 /* options of one command */

/* An option: with a value, which borrows from argv, or, with is_given, without one. */
struct argument {
	const char *name; /* without "--"; NULL ends the table */
	const char **value;
	bool *is_given;
};

/*
 * Read options, and from min to max words into words (the rest stays NULL). Every fault is appended
 * to faults, a sentence a line; what names the words that are missing ("STORE"). False: there are
 * faults.
 */
bool arguments_read(int argc, char **argv, const struct argument *known, const char *what, int min,
	int max, const char **words, struct text *faults);
/* The same for one word that is an account's id. */
bool arguments_read_account(int argc, char **argv, const struct argument *known,
	int64_t *account_id, struct text *faults);

/* A whole number; value NULL leaves *number as it is. */
bool arguments_number(const char *name, const char *value, int64_t least, int64_t most,
	int64_t *number, struct text *faults);
/* value is NULL, or 1 to max characters of valid UTF-8 without control characters. */
bool arguments_text(const char *name, const char *value, size_t max, struct text *faults);

#endif
