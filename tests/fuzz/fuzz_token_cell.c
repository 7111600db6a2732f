/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: any text as a cell, and any text as a token. A cell that does not open leaves the
 * caller's text alone; a sealed token opens again, and no longer once a single byte of its cell has
 * changed.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/token_cipher.h"

#define KEY     "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define OLD_KEY "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool opens(const struct token_cipher *cipher, const char *cell, struct text *token)
{
	struct error err = {0};

	text_append(token, "kept ");
	if (token_cipher_open(cipher, "store-1", "open-1", TOKEN_ACCESS, cell, token, &err)) {
		assert(memcmp(token->data, "kept ", 5) == 0);
		assert(strlen(token->data) == token->length);
		return true;
	}
	assert(strcmp(token->data, "kept ") == 0 && token->length == 5);
	assert(err.class == ERROR_INTERNAL && *err.text);
	return false;
}

static void try_cell(const struct token_cipher *cipher, const char *cell)
{
	struct text token = {0};

	opens(cipher, cell, &token);
	if (token_cipher_is_current(cipher, cell))
		assert(strncmp(cell, "v1:630dcd29:", 12) == 0);
	text_finish_secret(&token);
}

/* Where and how the cell changes follows from the input, so that each run of it is the same. */
static void try_token(
	const struct token_cipher *cipher, const char *token, size_t where, uint8_t mask)
{
	struct text cell = {0}, opened = {0};

	token_cipher_seal(cipher, "store-1", "open-1", TOKEN_ACCESS, token, &cell);
	assert(token_cipher_is_current(cipher, cell.data));
	assert(opens(cipher, cell.data, &opened));
	assert(strcmp(opened.data + strlen("kept "), token) == 0);
	text_finish_secret(&opened);

	where %= cell.length;
	cell.data[where] = (char)((uint8_t)cell.data[where] ^ (mask ? mask : 1));
	assert(!opens(cipher, cell.data, &opened));
	text_finish_secret(&opened);
	text_finish(&cell);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct token_cipher *cipher = NULL;
	char *text = memory_copy_bytes(data, size);
	struct error err;

	assert(token_cipher_create(KEY, OLD_KEY, &cipher, &err));
	try_cell(cipher, text);
	try_token(cipher, text, size > 1 ? data[1] : 0, size > 0 ? data[0] : 0);
	token_cipher_destroy(cipher);
	free(text);
	return 0;
}
