/* SPDX-License-Identifier: MIT */
/*
 * What syncctl can do. A command is one struct in the file that implements it, declared here and
 * listed in the table of main.c; its name has one word or two ("migrate up"). To add one: a struct,
 * a declaration, a row.
 * Threads: the main thread alone.
 */
#ifndef OPERATOR_COMMAND_H
#define OPERATOR_COMMAND_H

#include "common/config.h"
#include "common/process.h"

enum command_needs {
	NEEDS_NOTHING,
	NEEDS_SETTINGS, /* context->config is filled; faulty settings end syncctl before run() */
	NEEDS_DATABASE, /* and DATABASE_URL is given */
	NEEDS_BROKER,   /* and AMQP_URL is given */
	NEEDS_BOTH,     /* DATABASE_URL and AMQP_URL */
};

struct command;

struct command_context {
	const struct command *command;
	struct config config; /* zeroed for a command that needs nothing */
};

struct command {
	const char *name;      /* "migrate up" */
	const char *arguments; /* "[--baseline]"; "" for none */
	const char *summary;   /* one line, no full stop */
	const char *help;      /* paragraphs for --help, each line ended */
	enum command_needs needs;
	/*
	 * argv[0] is the last word of the name, so that getopt_long(3) works on argc and argv.
	 * Returns an exit code.
	 */
	enum exit_code (*run)(struct command_context *context, int argc, char **argv);
};

/*
 * Say on standard error what is wrong with the arguments and how they should be. Returns
 * EXIT_USAGE.
 */
enum exit_code command_misused(const struct command_context *context, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The same for faults found in one go, each a line. */
enum exit_code command_misused_so(const struct command_context *context, const struct text *faults);

extern const struct command command_migrate_up;
extern const struct command command_migrate_status;
extern const struct command command_migrate_verify;
extern const struct command command_migrate_new;
extern const struct command command_topology_apply;
extern const struct command command_topology_check;
extern const struct command command_audit;
extern const struct command command_dead_list;
extern const struct command command_dead_show;
extern const struct command command_dead_retry;
extern const struct command command_dead_discard;
extern const struct command command_account_connect;
extern const struct command command_account_list;
extern const struct command command_account_show;
extern const struct command command_account_disable;
extern const struct command command_account_enable;
extern const struct command command_account_disconnect;
extern const struct command command_account_import;
extern const struct command command_store_add;
extern const struct command command_store_list;
extern const struct command command_store_edit;
extern const struct command command_store_remove;
extern const struct command command_keys_status;
extern const struct command command_keys_rotate;
extern const struct command command_forecast;
extern const struct command command_settings;

#endif
