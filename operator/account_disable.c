/* SPDX-License-Identifier: MIT */
/*
 * syncctl account disable: leave an account out of everything, keeping its grant. One thread.
 */
#include <inttypes.h>

#include "operator/account_row.h"
#include "operator/account_session.h"
#include "operator/arguments.h"
#include "operator/command.h"

#define REASON_MAX 500

static bool disable(
	struct account_session *session, int64_t account_id, const char *reason, struct error *err)
{
	struct db_params params = account_action_params(session);
	struct db_result *account = NULL, *changed = NULL;
	bool ok;

	db_param_integer(&params, account_id);
	db_param_text(&params, reason);
	ok = account_find(session->db, account_id, &account, err) &&
	     db_query(session->db, STATEMENT_ACCOUNT_DISABLE, &params, &changed, err);
	if (ok && db_row_count(changed) == 1)
		account_say(
			"account %" PRId64
			" is disabled: nothing is planned for it, and jobs that are on their way are skipped",
			account_id);
	else if (ok)
		account_say("account %" PRId64 " was disabled already: %s", account_id,
			db_text(account, 0, ACCOUNT_REASON));
	db_result_destroy(account);
	db_result_destroy(changed);
	return ok;
}

static enum exit_code run_disable(struct command_context *context, int argc, char **argv)
{
	const char *reason = NULL;
	const struct argument known[] = {{"reason", &reason, NULL}, {NULL, NULL, NULL}};
	struct account_session session = {0};
	struct text faults = {0};
	struct error err = {0};
	enum exit_code result;
	int64_t account_id = 0;

	arguments_read_account(argc, argv, known, &account_id, &faults);
	arguments_text("--reason", reason, REASON_MAX, &faults);
	if (faults.length > 0)
		result = command_misused_so(context, &faults);
	else
		result = account_session_open(&session, context, ACCOUNT_NEEDS_DATABASE);
	if (result == EXIT_DONE && !disable(&session, account_id, reason, &err))
		result = account_failed(&session, &err);
	account_session_finish(&session);
	text_finish(&faults);
	return result;
}

const struct command command_account_disable = {
	.name = "account disable",
	.arguments = "ID [--reason TEXT]",
	.summary = "leave an account out, keeping its grant",
	.help = "The account is synchronised no more until syncctl account enable. Its grant at TikTok stays;\n"
		"it lapses when nothing refreshes it for long (see \"grant until\" in account show). To end the\n"
		"grant, too: syncctl account disconnect.\n"
		"\n"
		"  --reason TEXT       why, for account show and the audit\n",
	.needs = NEEDS_DATABASE,
	.run = run_disable,
};
