/* SPDX-License-Identifier: MIT */
/*
 * syncctl store edit: name, person in charge or contact of a store. One thread.
 */
#include <stdio.h>

#include "operator/account_session.h"
#include "operator/command.h"
#include "operator/store_fields.h"

static bool edit(
	struct account_session *session, const struct store_fields *fields, struct error *err)
{
	struct db_params params = account_action_params(session);
	struct db_result *changed = NULL;
	bool ok;

	store_fields_bind(fields, &params);
	ok = db_query(session->db, STATEMENT_STORE_EDIT, &params, &changed, err);
	if (ok && db_row_count(changed) == 1) {
		printf("store %s is changed\n", fields->code);
	} else if (ok) {
		error_set(err, ERROR_SETTINGS,
			"there is no store %s; syncctl store list shows them", fields->code);
		ok = false;
	}
	db_result_destroy(changed);
	return ok;
}

static enum exit_code run_edit(struct command_context *context, int argc, char **argv)
{
	struct store_fields fields = {0};
	struct account_session session = {0};
	struct text faults = {0};
	struct error err = {0};
	enum exit_code result;

	store_fields_read(argc, argv, &fields, &faults);
	if (faults.length == 0 && !fields.name && !fields.pic && !fields.contact)
		text_append(&faults, "nothing to change: give --name, --pic or --contact\n");
	if (faults.length > 0)
		result = command_misused_so(context, &faults);
	else
		result = account_session_open(&session, context, ACCOUNT_NEEDS_DATABASE);
	if (result == EXIT_DONE && !edit(&session, &fields, &err))
		result = account_failed(&session, &err);
	account_session_finish(&session);
	text_finish(&faults);
	return result;
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
