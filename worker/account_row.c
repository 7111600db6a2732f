/* SPDX-License-Identifier: MIT */
/*
 * From columns to structs: what the claim and the account queries tell. Run by the claims thread.
 */
#include "worker/account_row.h"

#include <stdio.h>

#include "common/memory.h"

static char *copy_cell(const struct db_result *result, int row, int column)
{
	return db_is_null(result, row, column) ? NULL
					       : memory_copy_text(db_text(result, row, column));
}

static char *open_cell(const struct token_cipher *cipher, struct account *account,
	enum token_column column, const char *cell)
{
	struct text token = {0};
	char *copy;

	if (account->token_fault.class != ERROR_NONE ||
		!token_cipher_open(cipher, account->store_code, account->open_id, column, cell,
			&token, &account->token_fault))
		return NULL;
	copy = memory_copy_bytes(text_string(&token), token.length);
	text_finish_secret(&token);
	return copy;
}

void account_read(const struct token_cipher *cipher, const struct db_result *result, int row,
	int column, struct account *account)
{
	account_finish(account);
	account->exists = db_boolean(result, row, column);
	if (!account->exists)
		return;
	snprintf(account->store_code, sizeof account->store_code, "%s",
		db_text(result, row, column + 1));
	snprintf(account->open_id, sizeof account->open_id, "%s", db_text(result, row, column + 2));
	snprintf(account->status, sizeof account->status, "%s", db_text(result, row, column + 3));
	account->status_reason = copy_cell(result, row, column + 4);
	account->scope = memory_copy_text(db_text(result, row, column + 5));
	account->access_token =
		open_cell(cipher, account, TOKEN_ACCESS, db_text(result, row, column + 6));
	account->refresh_token =
		open_cell(cipher, account, TOKEN_REFRESH, db_text(result, row, column + 7));
	account->access_expires_us = db_integer(result, row, column + 8);
	account->token_version = db_integer(result, row, column + 9);
	account->refresh_interrupted = db_boolean(result, row, column + 10);
	account->refresh_expires_us =
		db_is_null(result, row, column + 11) ? 0 : db_integer(result, row, column + 11);
}

void claim_read(const struct db_result *result, int row, int column, struct claim *claim)
{
	*claim = (struct claim){.known = db_boolean(result, row, column),
		.begun = db_boolean(result, row, column + 1),
		.suspect = db_boolean(result, row, column + 2),
		.account_id = db_integer(result, row, column + 3),
		.attempt = (int)db_integer(result, row, column + 5),
		.slice = (int)db_integer(result, row, column + 6),
		.cursor = db_integer(result, row, column + 7),
		.crashes = (int)db_integer(result, row, column + 8),
		.records_processed = db_integer(result, row, column + 10),
		.api_calls = db_integer(result, row, column + 13),
		.started_at_us = db_integer(result, row, column + 14),
		.finished_at_us = db_integer(result, row, column + 15)};
	result_text_copy(claim->state, sizeof claim->state, db_text(result, row, column + 4));
	result_text_copy(claim->message, sizeof claim->message, db_text(result, row, column + 9));
	result_text_copy(
		claim->error_class, sizeof claim->error_class, db_text(result, row, column + 11));
	result_text_copy(claim->error_details, sizeof claim->error_details,
		db_text(result, row, column + 12));
}
