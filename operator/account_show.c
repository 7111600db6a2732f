/* SPDX-License-Identifier: MIT */
/*
 * syncctl account show: everything about one account but its tokens. One thread.
 */
#include <inttypes.h>
#include <stdio.h>

#include "operator/account_row.h"
#include "operator/account_session.h"
#include "operator/arguments.h"
#include "operator/command.h"

struct show {
	struct db_result *account, *jobs, *actions;
};

static void print_field(const char *name, const char *value, const char *remark)
{
	struct text clean = {0};

	account_append_clean(value, &clean);
	printf("  %-15s  %s%s\n", name, text_string(&clean), remark);
	text_finish(&clean);
}

static void print_scopes(const char *granted)
{
	struct text missing = {0};

	print_field("scopes", granted, "");
	account_append_missing_scopes(granted, &missing);
	if (missing.length > 0)
		print_field("missing scopes", text_string(&missing),
			": connect the account again with all of them ticked");
	text_finish(&missing);
}

static void print_token(const struct db_result *rows)
{
	const char *expired = db_boolean(rows, 0, ACCOUNT_TOKEN_EXPIRED)
				      ? " (over; the next sync refreshes it)"
				      : "";
	const char *refresh_expired = db_boolean(rows, 0, ACCOUNT_REFRESH_EXPIRED)
					      ? " (over: the merchant has to connect again)"
					      : "";

	print_field("token until", db_text(rows, 0, ACCOUNT_TOKEN_EXPIRES_AT), expired);
	print_field("grant until", db_text(rows, 0, ACCOUNT_REFRESH_EXPIRES_AT), refresh_expired);
	printf("  %-15s  %" PRId64 "\n", "pair number", db_integer(rows, 0, ACCOUNT_TOKEN_VERSION));
	if (!db_is_null(rows, 0, ACCOUNT_LEASE_OWNER)) {
		print_field("refreshed by", db_text(rows, 0, ACCOUNT_LEASE_OWNER), "");
		print_field("its lease until", db_text(rows, 0, ACCOUNT_LEASE_UNTIL), "");
	} else if (!db_is_null(rows, 0, ACCOUNT_INTENT_AT)) {
		print_field("interrupted", db_text(rows, 0, ACCOUNT_INTENT_AT),
			": a refresh began then and its end is not known");
	}
}

static void print_account(const struct db_result *rows)
{
	const char *disconnected = db_text(rows, 0, ACCOUNT_DISCONNECTED_AT);

	printf("account %s\n", db_text(rows, 0, ACCOUNT_ID));
	print_field("store", db_text(rows, 0, ACCOUNT_STORE), "");
	print_field("TikTok account", db_text(rows, 0, ACCOUNT_OPEN_ID), "");
	print_field("name", db_text(rows, 0, ACCOUNT_NAME), "");
	print_field("status", db_text(rows, 0, ACCOUNT_STATUS), "");
	print_field("reason", db_text(rows, 0, ACCOUNT_REASON), "");
	print_field("connected at", db_text(rows, 0, ACCOUNT_CONNECTED_AT), "");
	if (*disconnected)
		print_field("disconnected at", disconnected, "");
	print_field("last sync", db_text(rows, 0, ACCOUNT_LAST_SYNC_AT), "");
	printf("  %-15s  %" PRId64 "\n", "failed in a row",
		db_integer(rows, 0, ACCOUNT_FAILED_SYNCS));
	print_scopes(db_text(rows, 0, ACCOUNT_SCOPE));
	if (!*disconnected)
		print_token(rows);
}

#define JOB_COLUMNS  8
#define JOB_RETRY_AT 5

/* The column at place again holds a moment at which something is to come; -1: none does. */
static void print_rows(const char *title, const struct db_result *rows, int columns, int again)
{
	if (db_row_count(rows) > 0)
		printf("%s\n", title);
	for (int row = 0; row < db_row_count(rows); row++) {
		struct text line = {0};

		for (int column = 0; column < columns; column++) {
			if (!*db_text(rows, row, column))
				continue;
			text_append(&line, column == again ? "  again at " : "  ");
			account_append_clean(db_text(rows, row, column), &line);
		}
		printf("%s\n", text_string(&line));
		text_finish(&line);
	}
}

static void append_objects(const char *name, const char *const members[], int count,
	const struct db_result *rows, struct text *out)
{
	text_append_format(out, ",\"%s\":[", name);
	for (int row = 0; row < db_row_count(rows); row++) {
		text_append(out, row > 0 ? ",{" : "{");
		for (int i = 0; i < count; i++)
			account_append_member(members[i], db_text(rows, row, i), out);
		text_append(out, "}");
	}
	text_append(out, "]");
}

static void print_json(const struct show *show)
{
	static const char *const job[] = {"job_type", "snapshot_date", "state", "attempt", "at",
		"retry_at", "error_class", "message"};
	static const char *const action[] = {"at", "action", "actor", "reason"};
	struct text out = {0};

	account_append_json(show->account, 0, &out);
	out.length--; /* its brace: more members follow */
	append_objects("jobs", job, JOB_COLUMNS, show->jobs, &out);
	append_objects("actions", action, 4, show->actions, &out);
	printf("%s}\n", text_string(&out));
	text_finish(&out);
}

static bool look(
	struct account_session *session, int64_t account_id, struct show *show, struct error *err)
{
	struct db_params jobs = {0}, actions = {0};

	db_param_integer(&jobs, account_id);
	db_param_integer(&actions, account_id);
	return account_find(session->db, account_id, &show->account, err) &&
	       db_query(session->db, STATEMENT_ACCOUNT_JOBS, &jobs, &show->jobs, err) &&
	       db_query(session->db, STATEMENT_ACCOUNT_ACTIONS, &actions, &show->actions, err);
}

static enum exit_code run_show(struct command_context *context, int argc, char **argv)
{
	bool json = false;
	const struct argument known[] = {{"json", NULL, &json}, {NULL, NULL, NULL}};
	struct account_session session = {0};
	struct show show = {0};
	struct text faults = {0};
	struct error err = {0};
	enum exit_code result;
	int64_t account_id = 0;

	if (!arguments_read_account(argc, argv, known, &account_id, &faults)) {
		result = command_misused_so(context, &faults);
		goto out;
	}
	result = account_session_open(&session, context, ACCOUNT_NEEDS_DATABASE);
	if (result != EXIT_DONE)
		goto out;
	if (!look(&session, account_id, &show, &err)) {
		result = account_failed(&session, &err);
	} else if (json) {
		print_json(&show);
	} else {
		print_account(show.account);
		print_rows("last jobs", show.jobs, JOB_COLUMNS, JOB_RETRY_AT);
		print_rows("what operators did", show.actions, 4, -1);
	}
out:
	db_result_destroy(show.account);
	db_result_destroy(show.jobs);
	db_result_destroy(show.actions);
	account_session_finish(&session);
	text_finish(&faults);
	return result;
}

const struct command command_account_show = {
	.name = "account show",
	.arguments = "ID [--json]",
	.summary = "tell everything about one account but its tokens",
	.help = "Shows status and reason, granted and missing scopes, until when token and grant last, whether\n"
		"a refresh is under way or was interrupted, the last five jobs, and what operators did.\n"
		"\n"
		"  --json              one object: id, store_code, open_id, display_name, status, status_reason,\n"
		"                      scope, missing_scopes, connected_at, disconnected_at, last_sync_at,\n"
		"                      failed_syncs, token_expires_at, token_expired, refresh_token_expires_at,\n"
		"                      refresh_token_expired, token_version, refresh_lease_owner,\n"
		"                      refresh_lease_until, refresh_intent_at, jobs, actions; times in UTC\n",
	.needs = NEEDS_DATABASE,
	.run = run_show,
};
