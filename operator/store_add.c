/* SPDX-License-Identifier: MIT */
/*
 * syncctl store add: a store that accounts can be connected to. One thread.
 */
#include <stdio.h>

#include "operator/command.h"
#include "operator/store_fields.h"

static void check(const struct store_fields *fields, struct text *faults)
{
	if (!fields->name || !fields->pic)
		text_append(faults,
			"--name and --pic are needed: the store's name, and who is in charge of it\n");
}

static void tell(const struct store_fields *fields)
{
	printf("store %s is there; syncctl account connect %s connects an account to it\n",
		fields->code, fields->code);
}

static void refuse(const struct store_fields *fields, struct error *err)
{
	error_set(err, ERROR_SETTINGS, "there is a store %s already; syncctl store edit changes it",
		fields->code);
}

static enum exit_code run_add(struct command_context *context, int argc, char **argv)
{
	static const struct store_command command = {STATEMENT_STORE_ADD, check, tell, refuse};

	return store_command_run(&command, context, argc, argv);
}

const struct command command_store_add = {
	.name = "store add",
	.arguments = "CODE --name NAME --pic PERSON [--contact TEXT]",
	.summary = "add a store",
	.help = "  CODE                what accounts and snapshots refer to; never changes; at most 50 characters\n" STORE_FIELDS_HELP,
	.needs = NEEDS_DATABASE,
	.run = run_add,
};
