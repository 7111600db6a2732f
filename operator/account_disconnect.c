/* SPDX-License-Identifier: MIT */
/*
 * syncctl account disconnect: end a grant at TikTok and forget its tokens. One thread.
 *
 *     disabled -> lease -> (refresh -> saved ->) revoked -> forgotten
 *
 * Each arrow may be the last: the account is disabled first, so that no worker begins anything with
 * it, and the command goes on where it stopped when it is given again. TikTok refuses to revoke by
 * an access token that has expired, as unknown; then the pair is refreshed first, by the rules that
 * workers keep to: under the lease, and saved before it is used.
 */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/process.h"
#include "common/tiktok_oauth.h"
#include "operator/account_row.h"
#include "operator/account_session.h"
#include "operator/arguments.h"
#include "operator/command.h"
#include "operator/grant_pair.h"

#define REASON_MAX     500
#define LEASE_LIMIT_MS 120000 /* a dead worker's lease lapses after 90 s */
#define LEASE_POLL_MS  500

struct disconnect {
	struct account_session *session;
	int64_t account_id;
	bool yes, forget;
	const char *reason;
	struct grant_pair pair;
	bool was_gone; /* TikTok knew nothing of the grant any more */
};

/* Others that live by the same grant would lose it, too. */
static bool check_sharers(struct disconnect *disconnect, struct error *err)
{
	struct db_params params = {0};
	struct db_result *sharers = NULL;
	bool ok = true;

	db_param_text(&params, disconnect->pair.open_id);
	if (!db_query(disconnect->session->db, STATEMENT_ACCOUNT_SHARERS, &params, &sharers, err))
		return false;
	for (int row = 0; row < db_row_count(sharers) && ok; row++) {
		if (db_integer(sharers, row, 0) == disconnect->account_id ||
			strcmp(db_text(sharers, row, 2), "DISABLED") == 0)
			continue;
		error_set(err, ERROR_SETTINGS,
			"account %s of store %s has the same TikTok account, and revoking would end its "
			"grant, too: give --forget to keep the grant, or disable that account first",
			db_text(sharers, row, 0), db_text(sharers, row, 1));
		ok = false;
	}
	db_result_destroy(sharers);
	return ok;
}

static bool disable(struct disconnect *disconnect, struct error *err)
{
	struct db_params params = {0};
	char action_id[UUID_TEXT_SIZE];

	uuid_random(action_id);
	db_param_text(&params, action_id);
	db_param_text(&params, text_string(&disconnect->session->actor));
	db_param_integer(&params, disconnect->account_id);
	db_param_text(&params, "being disconnected");
	return db_query(disconnect->session->db, STATEMENT_ACCOUNT_DISABLE, &params, NULL, err);
}

/* Take the lease and read the pair that it is for. A worker that is at it is waited for. */
static bool lease(struct disconnect *disconnect, struct error *err)
{
	int64_t until_ms = clock_monotonic_ms() + LEASE_LIMIT_MS;
	struct grant_pair *pair = &disconnect->pair;
	bool leased = false, told = false;

	while (grant_pair_lease(disconnect->session, pair, &leased, err)) {
		if (leased)
			return true;
		if (process_is_stopping() || clock_monotonic_ms() > until_ms) {
			error_set(err, ERROR_STOPPING,
				"a worker is refreshing the account's token: start again later");
			return false;
		}
		if (!told)
			fprintf(stderr, "waiting for %s, which is refreshing the token\n",
				*pair->lease_owner ? pair->lease_owner : "another program");
		told = true;
		poll(NULL, 0, LEASE_POLL_MS);
		if (!grant_pair_read(disconnect->session, disconnect->account_id, pair, err))
			return false;
	}
	return false;
}

/* True in *gone: TikTok says that there is no such grant. */
static bool settle(struct disconnect *disconnect, bool ok, bool *gone, struct error *err)
{
	*gone = !ok && err->class == ERROR_TOKEN_REVOKED;
	disconnect->was_gone |= *gone;
	return ok || *gone;
}

static bool refresh_and_revoke(struct disconnect *disconnect, struct error *err)
{
	struct account_session *session = disconnect->session;
	struct grant_pair *pair = &disconnect->pair;
	bool gone;

	if (!settle(disconnect, grant_pair_refresh(session, pair, err), &gone, err))
		return false;
	if (gone)
		return true;
	return settle(disconnect, grant_pair_revoke(session, pair, err), &gone, err);
}

static bool end_grant(struct disconnect *disconnect, struct error *err)
{
	struct grant_pair *pair = &disconnect->pair;

	if (pair->access_lives) {
		if (grant_pair_revoke(disconnect->session, pair, err))
			return true;
		/* Refused as unknown: it has expired early, or the grant is gone. A refresh tells. */
		if (err->class != ERROR_TOKEN_REVOKED && err->class != ERROR_TOKEN_EXPIRED)
			return false;
	}
	return refresh_and_revoke(disconnect, err);
}

static bool act(struct disconnect *disconnect, struct error *err)
{
	struct account_session *session = disconnect->session;
	struct grant_pair *pair = &disconnect->pair;

	if (!disable(disconnect, err) || !lease(disconnect, err))
		return false;
	if (!disconnect->forget &&
		!(grant_pair_open(session, pair, err) && end_grant(disconnect, err))) {
		grant_pair_release(session, pair);
		error_wrap(err,
			"the grant is not ended; the account is disabled meanwhile, give the command "
			"again, or --forget to leave the grant as it is at TikTok");
		return false;
	}
	return grant_pair_forget(session, pair, disconnect->reason, err);
}

static void tell(const struct disconnect *disconnect)
{
	account_say("account %" PRId64 " is disconnected: %s. Its statistics stay",
		disconnect->account_id,
		disconnect->forget
			? "its tokens are forgotten; at TikTok the grant stays until the "
			  "merchant removes it"
		: disconnect->was_gone
			? "TikTok had ended the grant already, and the tokens are forgotten"
			: "the grant is revoked at TikTok, and the tokens are forgotten");
}

static bool run_with(struct disconnect *disconnect, struct error *err)
{
	struct grant_pair *pair = &disconnect->pair;

	if (!grant_pair_read(disconnect->session, disconnect->account_id, pair, err))
		return false;
	if (pair->is_disconnected) {
		account_say("account %" PRId64 " was disconnected already", disconnect->account_id);
		return true;
	}
	if (!disconnect->forget && !check_sharers(disconnect, err))
		return false;
	if (!disconnect->yes) {
		account_say("would end the grant of account %" PRId64
			    " of store %s (TikTok account %s)%s",
			disconnect->account_id, pair->store_code, pair->open_id,
			disconnect->forget ? " here only" : " at TikTok, and forget its tokens");
		account_say("nothing was done; to go on repeat the command with --yes");
		return true;
	}
	if (!act(disconnect, err))
		return false;
	tell(disconnect);
	return true;
}

static enum exit_code run_disconnect(struct command_context *context, int argc, char **argv)
{
	struct account_session session = {0};
	struct disconnect disconnect = {.session = &session};
	const struct argument known[] = {{"yes", NULL, &disconnect.yes},
		{"forget", NULL, &disconnect.forget}, {"reason", &disconnect.reason, NULL},
		{NULL, NULL, NULL}};
	struct text faults = {0};
	struct error err = {0};
	enum exit_code result;

	arguments_read_account(argc, argv, known, &disconnect.account_id, &faults);
	arguments_text("--reason", disconnect.reason, REASON_MAX, &faults);
	if (faults.length > 0)
		result = command_misused_so(context, &faults);
	else
		result = account_session_open(&session, context,
			disconnect.forget ? ACCOUNT_NEEDS_TOKENS
					  : ACCOUNT_NEEDS_TOKENS | ACCOUNT_NEEDS_TIKTOK);
	if (result == EXIT_DONE && !run_with(&disconnect, &err))
		result = account_failed(&session, &err);
	grant_pair_finish(&disconnect.pair);
	account_session_finish(&session);
	text_finish(&faults);
	return result;
}

const struct command command_account_disconnect = {
	.name = "account disconnect",
	.arguments = "ID [--yes] [--forget] [--reason TEXT]",
	.summary = "end an account's grant at TikTok and forget its tokens",
	.help = "Without --yes: says what would be done. With it, the grant is revoked at TikTok (an expired token\n"
		"is refreshed first), and the stored tokens are replaced by empty ones. The account stays as\n"
		"DISABLED with all its statistics; syncctl account connect brings it back. May be interrupted and\n"
		"given again.\n"
		"\n"
		"  --yes               do it\n"
		"  --forget            do not call TikTok: only forget the tokens. The grant lives on at TikTok\n"
		"  --reason TEXT       why, for account show and the audit\n",
	.needs = NEEDS_DATABASE,
	.run = run_disconnect,
};
