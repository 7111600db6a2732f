/* SPDX-License-Identifier: MIT */
/*
 * syncctl store list: the stores, a line each. One thread.
 */
#include <inttypes.h>
#include <stdio.h>

#include "operator/account_row.h"
#include "operator/account_session.h"
#include "operator/arguments.h"
#include "operator/command.h"

/* The order of STATEMENT_STORE_LIST. */
enum column { CODE, NAME, PIC, CONTACT, CREATED_AT, ACCOUNTS, CONNECTED, LAST_SYNC_AT };

static void print_table(const struct db_result *rows)
{
	if (db_row_count(rows) == 0) {
		printf("no store; syncctl store add adds one\n");
		return;
	}
	printf("%-16s  %-30s  %-20s  %9s  %-20s\n", "STORE", "NAME", "IN CHARGE", "CONNECTED",
		"LAST SYNC (UTC)");
	for (int row = 0; row < db_row_count(rows); row++) {
		struct text code = {0}, name = {0}, pic = {0};

		account_append_clean(db_text(rows, row, CODE), &code);
		account_append_clean(db_text(rows, row, NAME), &name);
		account_append_clean(db_text(rows, row, PIC), &pic);
		printf("%-16s  %-30s  %-20s  %4" PRId64 " / %-2" PRId64 "  %s\n",
			text_string(&code), text_string(&name), text_string(&pic),
			db_integer(rows, row, CONNECTED), db_integer(rows, row, ACCOUNTS),
			db_is_null(rows, row, LAST_SYNC_AT) ? "never"
							    : db_text(rows, row, LAST_SYNC_AT));
		text_finish(&code);
		text_finish(&name);
		text_finish(&pic);
	}
}

static void print_json(const struct db_result *rows)
{
	static const char *const members[] = {
		"store_code", "store_name", "pic_name", "pic_contact", "created_at"};
	struct text out = {0};

	text_append(&out, "{\"v\":1,\"stores\":[");
	for (int row = 0; row < db_row_count(rows); row++) {
		text_append(&out, row > 0 ? ",{" : "{");
		for (int i = CODE; i <= CREATED_AT; i++)
			account_append_member(members[i], db_text(rows, row, i), &out);
		account_append_member("last_sync_at", db_text(rows, row, LAST_SYNC_AT), &out);
		text_append_format(&out, ",\"accounts\":%" PRId64 ",\"connected\":%" PRId64 "}",
			db_integer(rows, row, ACCOUNTS), db_integer(rows, row, CONNECTED));
	}
	text_append(&out, "]}");
	printf("%s\n", text_string(&out));
	text_finish(&out);
}

static enum exit_code run_list(struct command_context *context, int argc, char **argv)
{
	bool json = false;
	const struct argument known[] = {{"json", NULL, &json}, {NULL, NULL, NULL}};
	struct account_session session = {0};
	struct db_params params = {0};
	struct db_result *rows = NULL;
	struct text faults = {0};
	struct error err = {0};
	enum exit_code result;

	if (!arguments_read(argc, argv, known, "", 0, 0, NULL, &faults))
		result = command_misused_so(context, &faults);
	else
		result = account_session_open(&session, context, ACCOUNT_NEEDS_DATABASE);
	if (result != EXIT_DONE)
		goto out;
	db_param_text(&params, NULL);
	if (!db_query(session.db, STATEMENT_STORE_LIST, &params, &rows, &err))
		result = account_failed(&session, &err);
	else if (json)
		print_json(rows);
	else
		print_table(rows);
out:
	db_result_destroy(rows);
	account_session_finish(&session);
	text_finish(&faults);
	return result;
}

const struct command command_store_list = {
	.name = "store list",
	.arguments = "[--json]",
	.summary = "list the stores",
	.help = "Lists stores with how many of their accounts are connected.\n"
		"\n"
		"  --json              {\"v\":1,\"stores\":[..]}: store_code, store_name, pic_name, pic_contact,\n"
		"                      created_at, accounts, connected, last_sync_at\n",
	.needs = NEEDS_DATABASE,
	.run = run_list,
};
