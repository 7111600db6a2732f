/* SPDX-License-Identifier: MIT */
/*
 * syncctl store add: a store that accounts can be connected to. One thread.
 */
#include <stdio.h>

#include "operator/account_session.h"
#include "operator/arguments.h"
#include "operator/command.h"
#include "operator/store_fields.h"

static bool add(
	struct account_session *session, const struct store_fields *fields, struct error *err)
{
	struct db_params params = account_action_params(session);
	struct db_result *added = NULL;
	bool ok;

	store_fields_bind(fields, &params);
	ok = db_query(session->db, STATEMENT_STORE_ADD, &params, &added, err);
	if (ok && db_row_count(added) == 1) {
		printf("store %s is there; syncctl account connect %s connects an account to it\n",
			fields->code, fields->code);
	} else if (ok) {
		error_set(err, ERROR_SETTINGS,
			"there is a store %s already; syncctl store edit changes it", fields->code);
		ok = false;
	}
	db_result_destroy(added);
	return ok;
}

static enum exit_code run_add(struct command_context *context, int argc, char **argv)
{
	struct store_fields fields = {0};
	struct account_session session = {0};
	struct text faults = {0};
	struct error err = {0};
	enum exit_code result;

	store_fields_read(argc, argv, &fields, &faults);
	if (!fields.name || !fields.pic)
		text_append(&faults,
			"--name and --pic are needed: the store's name, and who is in charge of it\n");
	if (faults.length > 0)
		result = command_misused_so(context, &faults);
	else
		result = account_session_open(&session, context, ACCOUNT_NEEDS_DATABASE);
	if (result == EXIT_DONE && !add(&session, &fields, &err))
		result = account_failed(&session, &err);
	account_session_finish(&session);
	text_finish(&faults);
	return result;
}

const struct command command_store_add = {
	.name = "store add",
	.arguments = "CODE --name NAME --pic PERSON [--contact TEXT]",
	.summary = "add a store",
	.help = "  CODE                what accounts and snapshots refer to; never changes; at most 50 characters\n" STORE_FIELDS_HELP,
	.needs = NEEDS_DATABASE,
	.run = run_add,
};
