/* SPDX-License-Identifier: MIT */
/*
 * The fields of a store on a command line. Threads: the main thread alone.
 */
#ifndef OPERATOR_STORE_FIELDS_H
#define OPERATOR_STORE_FIELDS_H

#include <stdbool.h>

#include "common/db.h"
#include "common/text.h"
#include "operator/command.h"

/* Borrowed from argv; NULL: not given. */
struct store_fields {
	const char *code;
	const char *name;
	const char *pic;
	const char *contact; /* may be empty: none */
};

/* The rule for a store's code. False: faults were appended. */
bool store_code_check(const char *code, struct text *faults);
/* A command that writes a store: "CODE --name .. --pic .. --contact ..". */
struct store_command {
	enum statement statement; /* $1 action, $2 actor, $3 code, $4 name, $5 person, $6 contact */
	void (*check)(const struct store_fields *fields, struct text *faults);
	void (*tell)(const struct store_fields *fields);                      /* it is written */
	void (*refuse)(const struct store_fields *fields, struct error *err); /* there was no row */
};
enum exit_code store_command_run(const struct store_command *command,
	struct command_context *context, int argc, char **argv);

#define STORE_FIELDS_HELP                                                                          \
	"  --name NAME         the store's name\n"                                                 \
	"  --pic PERSON        the person in charge\n"                                             \
	"  --contact TEXT      how to reach them, such as a telephone number\n"

#endif
