/* SPDX-License-Identifier: MIT */
/*
 * syncctl account enable: synchronise an account again. One thread.
 */
#include <inttypes.h>
#include <string.h>

#include "operator/account_row.h"
#include "operator/account_session.h"
#include "operator/arguments.h"
#include "operator/command.h"

/* Nothing was changed: it is enabled, or what it lacks only the merchant can give. */
static bool explain(const struct db_result *account, int64_t account_id, struct error *err)
{
	if (strcmp(db_text(account, 0, ACCOUNT_STATUS), "CONNECTED") == 0) {
		account_say("account %" PRId64 " is enabled already", account_id);
		return true;
	}
	error_set(err, ERROR_SETTINGS,
		"account %" PRId64
		" has no grant (%.200s): the merchant has to consent again, syncctl "
		"account connect %s --account %" PRId64,
		account_id, db_text(account, 0, ACCOUNT_REASON), db_text(account, 0, ACCOUNT_STORE),
		account_id);
	return false;
}

static bool enable(struct account_session *session, int64_t account_id, struct error *err)
{
	struct db_params params = account_action_params(session);
	struct db_result *account = NULL, *changed = NULL;
	bool ok;

	db_param_integer(&params, account_id);
	ok = account_find(session->db, account_id, &account, err) &&
	     db_query(session->db, STATEMENT_ACCOUNT_ENABLE, &params, &changed, err);
	if (ok && db_row_count(changed) == 1)
		account_say("account %" PRId64 " is enabled: the next run of the producer plans it",
			account_id);
	else if (ok)
		ok = explain(account, account_id, err);
	db_result_destroy(account);
	db_result_destroy(changed);
	return ok;
}

static enum exit_code run_enable(struct command_context *context, int argc, char **argv)
{
	const struct argument known[] = {{NULL, NULL, NULL}};
	struct account_session session = {0};
	struct text faults = {0};
	struct error err = {0};
	enum exit_code result;
	int64_t account_id = 0;

	if (!arguments_read_account(argc, argv, known, &account_id, &faults))
		result = command_misused_so(context, &faults);
	else
		result = account_session_open(&session, context, ACCOUNT_NEEDS_DATABASE);
	if (result == EXIT_DONE && !enable(&session, account_id, &err))
		result = account_failed(&session, &err);
	account_session_finish(&session);
	text_finish(&faults);
	return result;
}

const struct command command_account_enable = {
	.name = "account enable",
	.arguments = "ID",
	.summary = "synchronise an account again",
	.help = "Makes a DISABLED or ERROR account CONNECTED and forgets its failures. One that needs the\n"
		"merchant's consent, or was disconnected, is refused: connect it again.\n",
	.needs = NEEDS_DATABASE,
	.run = run_enable,
};
