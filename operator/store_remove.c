/* SPDX-License-Identifier: MIT */
/*
 * syncctl store remove: a store with everything that belongs to it. One thread.
 */
#include <inttypes.h>
#include <stdio.h>

#include "operator/account_session.h"
#include "operator/arguments.h"
#include "operator/command.h"
#include "operator/store_fields.h"

#define REASON_MAX 500

/* The order of STATEMENT_STORE_COUNT. */
enum column { ACCOUNTS, AT_WORK, GRANTS, USERS, VIDEOS, LOGS, EXISTS };

struct removal {
	const char *code;
	const char *reason;
	bool yes;
	struct text what; /* what goes with it, in words */
};

/* Is it there, and does nothing speak against removing it? */
static bool look(struct account_session *session, struct removal *removal, struct error *err)
{
	struct db_params params = {0};
	struct db_result *counts = NULL;
	bool ok = false;

	db_param_text(&params, removal->code);
	if (!db_query(session->db, STATEMENT_STORE_COUNT, &params, &counts, err))
		return false;
	text_append_format(&removal->what,
		"store %s with %" PRId64 " accounts, %" PRId64 " days of profiles, %" PRId64
		" days of videos and %" PRId64 " log rows",
		removal->code, db_integer(counts, 0, ACCOUNTS), db_integer(counts, 0, USERS),
		db_integer(counts, 0, VIDEOS), db_integer(counts, 0, LOGS));
	if (!db_boolean(counts, 0, EXISTS))
		error_set(err, ERROR_SETTINGS,
			"there is no store %s; syncctl store list shows them", removal->code);
	else if (db_integer(counts, 0, AT_WORK) > 0)
		error_set(err, ERROR_SETTINGS,
			"store %s has %" PRId64
			" accounts that are not disabled: end their grants first, "
			"syncctl account list --store %s, then account disconnect ID --yes",
			removal->code, db_integer(counts, 0, AT_WORK), removal->code);
	else
		ok = true;
	if (ok && db_integer(counts, 0, GRANTS) > 0)
		fprintf(stderr,
			"warning: %" PRId64
			" of its accounts still have a grant at TikTok, which nobody but "
			"the merchant can end afterwards: syncctl account disconnect ID --yes ends it\n",
			db_integer(counts, 0, GRANTS));
	db_result_destroy(counts);
	return ok;
}

static bool act(struct account_session *session, const struct removal *removal, struct error *err)
{
	struct db_params params = account_action_params(session);
	struct db_result *removed = NULL;
	bool ok;

	db_param_text(&params, removal->code);
	db_param_text(&params, removal->reason);
	db_param_text(&params, text_string(&removal->what));
	ok = db_query(session->db, STATEMENT_STORE_REMOVE, &params, &removed, err);
	if (ok && db_row_count(removed) == 1) {
		printf("removed %s\n", text_string(&removal->what));
	} else if (ok) {
		error_set(err, ERROR_SETTINGS,
			"store %s was not removed: an account of it was connected just now, or somebody else "
			"removed it",
			removal->code);
		ok = false;
	}
	db_result_destroy(removed);
	return ok;
}

static enum exit_code run_with(
	const struct command_context *context, struct removal *removal, struct error *err)
{
	struct account_session session = {0};
	enum exit_code result = account_session_open(&session, context, ACCOUNT_NEEDS_DATABASE);

	if (result != EXIT_DONE)
		goto out;
	if (!look(&session, removal, err) || (removal->yes && !act(&session, removal, err)))
		result = account_failed(&session, err);
	else if (!removal->yes)
		printf("would remove for good %s\n"
		       "nothing was done; to go on repeat the command with --yes\n",
			text_string(&removal->what));
out:
	account_session_finish(&session);
	return result;
}

static enum exit_code run_remove(struct command_context *context, int argc, char **argv)
{
	struct removal removal = {0};
	const struct argument known[] = {
		{"yes", NULL, &removal.yes}, {"reason", &removal.reason, NULL}, {NULL, NULL, NULL}};
	struct text faults = {0};
	struct error err = {0};
	enum exit_code result;

	if (arguments_read(argc, argv, known, "the store's CODE", 1, 1, &removal.code, &faults))
		store_code_check(removal.code, &faults);
	arguments_text("--reason", removal.reason, REASON_MAX, &faults);
	if (faults.length > 0)
		result = command_misused_so(context, &faults);
	else
		result = run_with(context, &removal, &err);
	text_finish(&removal.what);
	text_finish(&faults);
	return result;
}

const struct command command_store_remove = {
	.name = "store remove",
	.arguments = "CODE [--yes] [--reason TEXT]",
	.summary = "remove a store with all its statistics",
	.help = "Without --yes: says how many accounts, snapshot and log rows would go, and does nothing. With it,\n"
		"they are deleted for good. Refused while an account of the store is not disabled. The manifest\n"
		"(sync_jobs) keeps what was planned for it.\n"
		"\n"
		"  --yes               do it\n"
		"  --reason TEXT       why, for the audit\n",
	.needs = NEEDS_DATABASE,
	.run = run_remove,
};
