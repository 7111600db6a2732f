/* SPDX-License-Identifier: MIT */
/*
 * Recovery of spooled token pairs. Run by the claims' thread.
 */
#include "worker/recovery.h"

#include "common/clock.h"
#include "common/killpoint.h"
#include "common/log.h"
#include "common/metrics.h"
#include "worker/account_row.h"
#include "worker/line.h"
#include "worker/spool.h"
#include "worker/tokens.h"

#define LOOK_EVERY_MS 5000
#define FILES_A_LOOK  256

/* What becomes of a file. */
enum fate {
	FATE_FORGET,    /* of no use any more */
	FATE_LEAVE,     /* for later */
	FATE_SET_ASIDE, /* for a person */
};

static bool read_account(struct line *line, struct db_session *session, int64_t account_id,
	struct account *account, struct error *err)
{
	struct db_params params = {0};
	struct db_result *result = NULL;

	db_param_integer(&params, account_id);
	if (!db_session_query(session, STATEMENT_READ_ACCOUNT, &params, &result, err))
		return false;
	account_read(line->cipher, result, 0, 0, account);
	db_result_destroy(result);
	return true;
}

/*
 * The cells open only under our keys and for this very account: a file of another fleet that shares
 * the directory stays where it is, as does that of an account which we do not know.
 */
static bool is_of_account(const struct line *line, const struct account *account,
	const struct sealed_pair *pair, struct error *err)
{
	struct text token = {0};
	bool ok;

	error_set(err, ERROR_BAD_MESSAGE, "there is no account %lld", (long long)pair->account_id);
	ok = account->exists &&
	     token_cipher_open(line->cipher, account->store_code, account->open_id, TOKEN_REFRESH,
		     pair->refresh_cell, &token, err);
	text_finish_secret(&token);
	return ok;
}

static enum fate leave_unknown(struct recovery *recovery, const struct line *line,
	const struct spool_file *file, const struct error *err)
{
	if (!recovery->told_of_key)
		log_warn(
			"%s/%s stays there: %s. Is its key missing from TOKEN_ENC_OLD_KEYS, or does another "
			"fleet use this directory?",
			spool_path(line->spool), file->name, err->text);
	recovery->told_of_key = true;
	return FATE_LEAVE;
}

static enum fate save(struct line *line, struct db_session *session, const struct sealed_pair *pair)
{
	struct error err;
	bool saved;

	if (!tokens_save_pair(session, pair, &saved, &err))
		return FATE_LEAVE; /* the session tells */
	if (saved) {
		killpoint(KILL_WORKER_TOKEN_RECOVERED, pair->account_id);
		metric_add(METRIC_TOKEN_REFRESHES, REFRESH_RECOVERED, 1);
		log_info(
			"account %lld: the new token pair that a worker of this host left in %s is saved",
			(long long)pair->account_id, spool_path(line->spool));
	}
	return FATE_FORGET;
}

static enum fate recover(struct recovery *recovery, struct line *line, struct db_session *session,
	const struct spool_file *file, const struct sealed_pair *pair)
{
	struct account account = {0};
	enum fate fate = FATE_FORGET;
	struct error err;

	if (!read_account(line, session, pair->account_id, &account, &err)) {
		fate = FATE_LEAVE;
	} else if (!is_of_account(line, &account, pair, &err)) {
		fate = leave_unknown(recovery, line, file, &err);
	} else if (account.token_version == pair->token_version) {
		fate = save(line, session, pair);
	} else if (account.token_version < pair->token_version) {
		log_warn(
			"%s/%s is newer than the database: was that restored? Account %lld may have to be "
			"connected again",
			spool_path(line->spool), file->name, (long long)pair->account_id);
		fate = FATE_SET_ASIDE;
	} else {
		log_info("%s/%s is removed: account %lld has this pair or a newer one",
			spool_path(line->spool), file->name, (long long)pair->account_id);
	}
	account_finish(&account);
	return fate;
}

static void end_file(struct line *line, struct spool_file *file, enum fate fate)
{
	switch (fate) {
	case FATE_FORGET:
		spool_forget(line->spool, file);
		break;
	case FATE_LEAVE:
		spool_let_go(file);
		break;
	case FATE_SET_ASIDE:
		spool_set_aside(line->spool, file);
		break;
	}
}

static void look_at(
	struct recovery *recovery, struct line *line, struct db_session *session, const char *name)
{
	struct spool_file file = {0};
	struct sealed_pair pair = {0};
	struct error err;

	switch (spool_take(line->spool, name, &file, &pair, &err)) {
	case SPOOL_BUSY:
		return;
	case SPOOL_DAMAGED:
		log_error(
			"%s/%s is no token pair, and is renamed to bad-...: %s. Its account, the number "
			"in its name, may have to be connected again",
			spool_path(line->spool), name, err.text);
		end_file(line, &file, FATE_SET_ASIDE);
		return;
	case SPOOL_TAKEN:
		end_file(line, &file, recover(recovery, line, session, &file, &pair));
		sealed_pair_finish(&pair);
		return;
	}
}

void recovery_turn(struct recovery *recovery, struct line *line, struct db_session *session)
{
	char names[FILES_A_LOOK][SPOOL_NAME_SIZE];
	int64_t now_ms = clock_monotonic_ms();
	size_t count;

	if (!line->spool || now_ms < recovery->due_ms || db_session_pause_ms(session))
		return;
	count = spool_list(line->spool, names, FILES_A_LOOK);
	for (size_t i = 0; i < count && !db_session_pause_ms(session); i++)
		look_at(recovery, line, session, names[i]);
	if (!db_session_pause_ms(session))
		recovery->due_ms = now_ms + LOOK_EVERY_MS;
}
