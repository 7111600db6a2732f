/* SPDX-License-Identifier: MIT */
/*
 * Counting token cells. Runs on the main thread.
 */
#include "operator/keys_tally.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

void keys_tally_finish(struct keys_tally *tally)
{
	for (size_t i = 0; i < tally->unreadable_count; i++) {
		free(tally->unreadable[i].store_code);
		free(tally->unreadable[i].reason);
	}
	free(tally->unreadable);
	free(tally->unknown);
	*tally = (struct keys_tally){0};
}

static bool is_configured(const struct token_cipher *cipher, const char *id)
{
	for (size_t key = 0; key < token_cipher_key_count(cipher); key++)
		if (strcmp(token_cipher_key_id(cipher, key), id) == 0)
			return true;
	return false;
}

static void count_unknown_key(struct keys_tally *tally, const char *id)
{
	size_t place = 0;

	while (place < tally->unknown_count && strcmp(tally->unknown[place].id, id) != 0)
		place++;
	if (place == tally->unknown_count) {
		tally->unknown = memory_resize(
			tally->unknown, ++tally->unknown_count, sizeof *tally->unknown);
		tally->unknown[place] = (struct keys_unknown){0};
		memcpy(tally->unknown[place].id, id, TOKEN_KEY_ID_SIZE);
	}
	tally->unknown[place].cells++;
}

static void add_unreadable(struct keys_tally *tally, const struct token_cipher *cipher,
	const struct keys_account *account, const struct keys_cell *cell)
{
	char id[TOKEN_KEY_ID_SIZE];

	if (token_cell_key_id(cell->stored, id) && !is_configured(cipher, id))
		count_unknown_key(tally, id);
	else
		tally->damaged++;
	if ((tally->unreadable_count & (tally->unreadable_count - 1)) ==
		0) /* full: 0, 1, 2, 4, ... */
		tally->unreadable = memory_resize(tally->unreadable,
			2 * tally->unreadable_count + 1, sizeof *tally->unreadable);
	tally->unreadable[tally->unreadable_count++] = (struct keys_unreadable){
		.account_id = account->id,
		.store_code = memory_copy_text(account->store_code),
		.reason = memory_copy_text(cell->fault.text),
	};
}

void keys_tally_add(struct keys_tally *tally, const struct token_cipher *cipher,
	const struct keys_account *account)
{
	tally->accounts++;
	for (int column = 0; column < KEYS_COLUMNS; column++) {
		const struct keys_cell *cell = &account->cells[column];

		if (!cell->opens)
			add_unreadable(tally, cipher, account, cell);
		else if (cell->is_older_format)
			tally->older_cells[cell->key]++;
		else
			tally->cells[cell->key]++;
	}
}

int64_t keys_tally_outdated(const struct keys_tally *tally)
{
	int64_t outdated = tally->older_cells[0];

	for (size_t key = 1; key < TOKEN_KEYS_MAX; key++)
		outdated += tally->cells[key] + tally->older_cells[key];
	return outdated;
}

bool keys_tally_is_spare(const struct keys_tally *tally, size_t key)
{
	return tally->cells[key] + tally->older_cells[key] == 0;
}

void keys_tally_print_unreadable(const struct keys_tally *tally, size_t limit)
{
	for (size_t i = 0; i < tally->unreadable_count && i < limit; i++)
		printf("account %" PRId64 " (%s): %s\n", tally->unreadable[i].account_id,
			tally->unreadable[i].store_code, tally->unreadable[i].reason);
	if (tally->unreadable_count > limit)
		printf("... and %zu more; syncctl keys status --json names all\n",
			tally->unreadable_count - limit);
}
