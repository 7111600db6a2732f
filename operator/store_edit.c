/* SPDX-License-Identifier: MIT */
/*
 * syncctl store edit: name, person in charge or contact of a store. One thread.
 */
#include <stdio.h>

#include "operator/account_session.h"
#include "operator/command.h"
#include "operator/store_fields.h"

static void check(const struct store_fields *fields, struct text *faults)
{
	if (faults->length == 0 && !fields->name && !fields->pic && !fields->contact)
		text_append(faults, "nothing to change: give --name, --pic or --contact\n");
}

static void tell(const struct store_fields *fields)
{
	printf("store %s is changed\n", fields->code);
}

static void refuse(const struct store_fields *fields, struct error *err)
{
	error_set(err, ERROR_SETTINGS, "there is no store %s; syncctl store list shows them",
		fields->code);
}

static enum exit_code run_edit(struct command_context *context, int argc, char **argv)
{
	static const struct store_command command = {STATEMENT_STORE_EDIT, check, tell, refuse};

	return store_command_run(&command, context, argc, argv);
}

const struct command command_store_edit = {
	.name = "store edit",
	.arguments = "CODE [--name NAME] [--pic PERSON] [--contact TEXT]",
	.summary = "change what is known of a store",
	.help = "What is not given stays as it is; --contact \"\" removes the contact. The code never changes: every\n"
		"snapshot refers to it.\n"
		"\n" STORE_FIELDS_HELP,
	.needs = NEEDS_DATABASE,
	.run = run_edit,
};
