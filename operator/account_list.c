/* SPDX-License-Identifier: MIT */
/*
 * syncctl account list: the accounts, a line each. One thread.
 */
#include <stdio.h>
#include <string.h>

#include "operator/account_row.h"
#include "operator/account_session.h"
#include "operator/arguments.h"
#include "operator/command.h"

struct options {
	const char *store;
	const char *status;
	bool json;
};

static void check_status(const char *status, struct text *faults)
{
	static const char *const known[] = {"CONNECTED", "NEED_RECONNECT", "ERROR", "DISABLED"};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (!status || strcmp(known[i], status) == 0)
			return;
	text_append(faults, "--status is one of CONNECTED, NEED_RECONNECT, ERROR, DISABLED\n");
}

static void print_line(const struct db_result *rows, int row)
{
	struct text store = {0}, name = {0}, reason = {0};
	const char *last = db_text(rows, row, ACCOUNT_LAST_SYNC_AT);

	account_append_clean(db_text(rows, row, ACCOUNT_STORE), &store);
	account_append_clean(db_text(rows, row, ACCOUNT_NAME), &name);
	account_append_clean(db_text(rows, row, ACCOUNT_REASON), &reason);
	printf("%-6s  %-16s  %-14s  %-20s  %-20s  %-20s  %.60s\n", db_text(rows, row, ACCOUNT_ID),
		text_string(&store), db_text(rows, row, ACCOUNT_STATUS), *last ? last : "never",
		db_text(rows, row, ACCOUNT_REFRESH_EXPIRES_AT), text_string(&name),
		text_string(&reason));
	text_finish(&store);
	text_finish(&name);
	text_finish(&reason);
}

static void print_table(const struct db_result *rows)
{
	int count = db_row_count(rows);

	if (count == 0) {
		printf("no account; syncctl account connect STORE connects one\n");
		return;
	}
	printf("%-6s  %-16s  %-14s  %-20s  %-20s  %-20s  %s\n", "ID", "STORE", "STATUS",
		"LAST SYNC (UTC)", "GRANT ENDS (UTC)", "NAME", "REASON");
	for (int row = 0; row < count; row++)
		print_line(rows, row);
}

static void print_json(const struct db_result *rows)
{
	struct text out = {0};

	text_append(&out, "{\"v\":1,\"accounts\":[");
	for (int row = 0; row < db_row_count(rows); row++) {
		if (row > 0)
			text_append(&out, ",");
		account_append_json(rows, row, &out);
	}
	text_append(&out, "]}");
	printf("%s\n", text_string(&out));
	text_finish(&out);
}

static enum exit_code run_list(struct command_context *context, int argc, char **argv)
{
	struct options options = {0};
	const struct argument known[] = {{"store", &options.store, NULL},
		{"status", &options.status, NULL}, {"json", NULL, &options.json},
		{NULL, NULL, NULL}};
	struct account_session session = {0};
	struct db_params params = {0};
	struct db_result *rows = NULL;
	struct text faults = {0};
	struct error err = {0};
	enum exit_code result;

	arguments_read(argc, argv, known, "", 0, 0, NULL, &faults);
	check_status(options.status, &faults);
	if (faults.length > 0) {
		result = command_misused_so(context, &faults);
		goto out;
	}
	result = account_session_open(&session, context, ACCOUNT_NEEDS_DATABASE);
	if (result != EXIT_DONE)
		goto out;
	db_param_text(&params, options.store);
	db_param_text(&params, options.status);
	if (!db_query(session.db, STATEMENT_ACCOUNT_LIST, &params, &rows, &err))
		result = account_failed(&session, &err);
	else if (options.json)
		print_json(rows);
	else
		print_table(rows);
out:
	db_result_destroy(rows);
	account_session_finish(&session);
	text_finish(&faults);
	return result;
}

const struct command command_account_list = {
	.name = "account list",
	.arguments = "[--store CODE] [--status STATUS] [--json]",
	.summary = "list the connected accounts",
	.help = "Lists accounts with their status, last sync, and until when the merchant's grant lasts if\n"
		"nothing refreshes it. Never shows a token.\n"
		"\n"
		"  --store CODE        of this store\n"
		"  --status STATUS     CONNECTED, NEED_RECONNECT (the merchant has to consent again), ERROR (failed\n"
		"                      three times in a row), DISABLED (by an operator)\n"
		"  --json              {\"v\":1,\"accounts\":[ACCOUNT..]}, see syncctl help account show\n",
	.needs = NEEDS_DATABASE,
	.run = run_list,
};
