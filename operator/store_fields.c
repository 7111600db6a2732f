/* SPDX-License-Identifier: MIT */
/*
 * Reading the fields of a store, and writing them. One thread.
 */
#include "operator/store_fields.h"

#include <string.h>

#include "operator/account_session.h"
#include "operator/arguments.h"

#define CODE_MAX  50 /* varchar(50) */
#define FIELD_MAX 255

bool store_code_check(const char *code, struct text *faults)
{
	if (!arguments_text("the store's CODE", code, CODE_MAX, faults))
		return false;
	if (*code != ' ' && code[strlen(code) - 1] != ' ')
		return true;
	text_append(faults, "the store's CODE must not begin or end with a space\n");
	return false;
}

static void read_fields(int argc, char **argv, struct store_fields *fields, struct text *faults)
{
	const struct argument known[] = {{"name", &fields->name, NULL}, {"pic", &fields->pic, NULL},
		{"contact", &fields->contact, NULL}, {NULL, NULL, NULL}};

	if (arguments_read(argc, argv, known, "the store's CODE", 1, 1, &fields->code, faults))
		store_code_check(fields->code, faults);
	arguments_text("--name", fields->name, FIELD_MAX, faults);
	arguments_text("--pic", fields->pic, FIELD_MAX, faults);
	if (fields->contact && *fields->contact)
		arguments_text("--contact", fields->contact, FIELD_MAX, faults);
}

static bool write_store(struct account_session *session, const struct store_command *command,
	const struct store_fields *fields, struct error *err)
{
	struct db_params params = account_action_params(session);
	struct db_result *written = NULL;
	bool ok;

	db_param_text(&params, fields->code);
	db_param_text(&params, fields->name);
	db_param_text(&params, fields->pic);
	db_param_text(&params, fields->contact);
	ok = db_query(session->db, command->statement, &params, &written, err);
	if (ok && db_row_count(written) == 1) {
		command->tell(fields);
	} else if (ok) {
		command->refuse(fields, err);
		ok = false;
	}
	db_result_destroy(written);
	return ok;
}

enum exit_code store_command_run(
	const struct store_command *command, struct command_context *context, int argc, char **argv)
{
	struct store_fields fields = {0};
	struct account_session session = {0};
	struct text faults = {0};
	struct error err = {0};
	enum exit_code result;

	read_fields(argc, argv, &fields, &faults);
	command->check(&fields, &faults);
	if (faults.length > 0)
		result = command_misused_so(context, &faults);
	else
		result = account_session_open(&session, context, ACCOUNT_NEEDS_DATABASE);
	if (result == EXIT_DONE && !write_store(&session, command, &fields, &err))
		result = account_failed(&session, &err);
	account_session_finish(&session);
	text_finish(&faults);
	return result;
}
