/* SPDX-License-Identifier: MIT */
/*
 * Reading and judging token cells. Runs on the main thread.
 */
#include "operator/keys_cells.h"

#include <stdio.h>
#include <string.h>

/* ---- The session ---- */

bool keys_session_open(struct keys_session *session, const struct config *config, struct error *err)
{
	*session = (struct keys_session){.config = config};
	if (!config->token_enc_key) {
		error_set(err, ERROR_SETTINGS,
			"TOKEN_ENC_KEY is not set: the key that the workers have, 64 hex digits");
		return false;
	}
	if (!token_cipher_create(
		    config->token_enc_key, config->token_enc_old_keys, &session->cipher, err))
		return false;
	snprintf(session->current_prefix, sizeof session->current_prefix,
		"v1:%s:", token_cipher_key_id(session->cipher, 0));
	return db_open(
		config->database_url, PROGRAM_OPERATOR, config->db_logging, &session->db, err);
}

void keys_session_finish(struct keys_session *session)
{
	db_close(session->db);
	token_cipher_destroy(session->cipher);
	*session = (struct keys_session){0};
}

static void add_scope(
	const struct keys_session *session, enum keys_scope scope, struct db_params *params)
{
	db_param_text(params, scope == KEYS_NOT_CURRENT ? session->current_prefix : NULL);
}

bool keys_count_accounts(
	struct keys_session *session, enum keys_scope scope, int64_t *count, struct error *err)
{
	struct db_params params = {0};
	struct db_result *result = NULL;

	add_scope(session, scope, &params);
	if (!db_query(session->db, STATEMENT_KEYS_COUNT, &params, &result, err))
		return false;
	*count = db_integer(result, 0, 0);
	db_result_destroy(result);
	return true;
}

/* ---- Cells ---- */

static void read_account(const struct keys_session *session, const struct db_result *page, int row,
	struct keys_account *account)
{
	*account = (struct keys_account){
		.id = db_integer(page, row, 0),
		.store_code = db_text(page, row, 1),
		.open_id = db_text(page, row, 2),
		.token_version = db_integer(page, row, 5),
	};
	for (int column = 0; column < KEYS_COLUMNS; column++) {
		struct keys_cell *cell = &account->cells[column];

		cell->stored = db_text(page, row, 3 + column);
		cell->is_older_format = strncmp(cell->stored, "v1:", 3) != 0;
		cell->opens = token_cipher_open_telling(session->cipher, account->store_code,
			account->open_id, (enum token_column)column, cell->stored, &cell->token,
			&cell->key, &cell->fault);
	}
}

static void forget_account(struct keys_account *account)
{
	for (int column = 0; column < KEYS_COLUMNS; column++)
		text_finish_secret(&account->cells[column].token);
}

bool keys_visit_page(struct keys_session *session, enum keys_scope scope, int64_t *after, int limit,
	keys_visit *visit, void *context, int *count, struct error *err)
{
	struct db_params params = {0};
	struct db_result *page = NULL;

	add_scope(session, scope, &params);
	db_param_integer(&params, *after);
	db_param_integer(&params, limit);
	if (!db_query(session->db, STATEMENT_KEYS_READ, &params, &page, err))
		return false;
	*count = db_row_count(page);
	for (int row = 0; row < *count; row++) {
		struct keys_account account;

		read_account(session, page, row, &account);
		*after = account.id;
		visit(context, &account);
		forget_account(&account);
	}
	db_result_destroy(page);
	return true;
}

bool keys_cell_is_outdated(const struct keys_cell *cell)
{
	return cell->opens && (cell->key > 0 || cell->is_older_format);
}

void keys_append_setting(size_t key, struct text *out)
{
	if (key == 0)
		text_append(out, "TOKEN_ENC_KEY");
	else
		text_append_format(out, "key %zu of TOKEN_ENC_OLD_KEYS", key);
}
