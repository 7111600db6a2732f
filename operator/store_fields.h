/* SPDX-License-Identifier: MIT */
/*
 * The fields of a store on a command line. Threads: the main thread alone.
 */
#ifndef OPERATOR_STORE_FIELDS_H
#define OPERATOR_STORE_FIELDS_H

#include <stdbool.h>

#include "common/db.h"
#include "common/text.h"

/* Borrowed from argv; NULL: not given. */
struct store_fields {
	const char *code;
	const char *name;
	const char *pic;
	const char *contact; /* may be empty: none */
};

/* "CODE --name .. --pic .. --contact ..". False: faults were appended, as arguments_read() does. */
bool store_fields_read(int argc, char **argv, struct store_fields *fields, struct text *faults);
/* The same rule for the code alone. */
bool store_code_check(const char *code, struct text *faults);
/* Add code, name, person and contact. */
void store_fields_bind(const struct store_fields *fields, struct db_params *params);

#define STORE_FIELDS_HELP                                                                          \
	"  --name NAME         the store's name\n"                                                 \
	"  --pic PERSON        the person in charge\n"                                             \
	"  --contact TEXT      how to reach them, such as a telephone number\n"

#endif
