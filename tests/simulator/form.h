/* SPDX-License-Identifier: MIT */
/*
 * Named values of a query string or of an application/x-www-form-urlencoded body (WHATWG URL,
 * section 5). Borrowed strings, no memory of its own.
 */
#ifndef TESTS_SIMULATOR_FORM_H
#define TESTS_SIMULATOR_FORM_H

#include <stdbool.h>
#include <stddef.h>

#define FORM_PAIRS 32

struct form {
	struct {
		const char *name;
		const char *value;
	} pairs[FORM_PAIRS];
	size_t count;
};

/* One that does not fit is left out. */
void form_add(struct form *form, const char *name, const char *value);
/*
 * Decode text in place and add its pairs, which point into it. False: a percent sign without two
 * hex digits.
 */
bool form_read(struct form *form, char *text);
/* NULL: there is none of that name. */
const char *form_get(const struct form *form, const char *name);

#endif
