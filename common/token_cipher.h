/* SPDX-License-Identifier: MIT */
/*
 * Token cells: how store_accounts.encrypted_access_token and .encrypted_refresh_token are written.
 *
 *     v1:<key id>:<base64(nonce 12 | ciphertext | tag 16)>      AES-256-GCM
 *     AAD     store_accounts:<store_code>:<open_id>:<column>    so that cells cannot be swapped
 *     key id  the first 8 hex digits of SHA-256(key)
 *
 * A cell without the prefix is the older Node program's: base64(iv 12 or 16 | tag 16 | ciphertext), or
 * the same parts in hex between colons; same key, no AAD. Such a cell is always readable and never
 * written.
 * Threads: any; a cipher does not change after it was made.
 */
#ifndef COMMON_TOKEN_CIPHER_H
#define COMMON_TOKEN_CIPHER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "common/text.h"

#define TOKEN_KEY_ID_SIZE 9  /* eight digits and the NUL */
#define TOKEN_KEYS_MAX    17 /* TOKEN_ENC_KEY and the most that TOKEN_ENC_OLD_KEYS takes */

struct token_cipher;

enum token_column { TOKEN_ACCESS, TOKEN_REFRESH };

/*
 * Make a cipher from TOKEN_ENC_KEY (64 hex digits) and TOKEN_ENC_OLD_KEYS (comma-separated, may be
 * empty or NULL).
 *
 * Fails: settings - a key is not 64 hex digits, is all zeros, or stands there twice; nothing of it
 *        is quoted.
 */
bool token_cipher_create(
	const char *key, const char *old_keys, struct token_cipher **cipher, struct error *err);
/* Wipes the keys. NULL: nothing to do. */
void token_cipher_destroy(struct token_cipher *cipher);

/* Append the v1 cell of a token, under the current key. */
void token_cipher_seal(const struct token_cipher *cipher, const char *store_code,
	const char *open_id, enum token_column column, const char *token, struct text *cell);
/*
 * Append the token in a cell, of any known key and either format.
 *
 * Owns:  *token may hold a secret: end it with text_finish_secret().
 * Fails: internal - no such key (its id is named), damaged, or moved from another row or column;
 *        *token untouched.
 */
bool token_cipher_open(const struct token_cipher *cipher, const char *store_code,
	const char *open_id, enum token_column column, const char *cell, struct text *token,
	struct error *err);
/*
 * The same, and tells the place of the key that opens it: 0 is the current one, the old ones follow in
 * the order of TOKEN_ENC_OLD_KEYS.
 */
bool token_cipher_open_telling(const struct token_cipher *cipher, const char *store_code,
	const char *open_id, enum token_column column, const char *cell, struct text *token,
	size_t *key, struct error *err);
size_t token_cipher_key_count(const struct token_cipher *cipher);
const char *token_cipher_key_id(const struct token_cipher *cipher, size_t key);
/* The key id that a v1 cell names. False: it names none, being of the older format or damaged. */
bool token_cell_key_id(const char *cell, char id[TOKEN_KEY_ID_SIZE]);
/* True if the cell is v1 under the current key; others are rewritten when next saved. */
bool token_cipher_is_current(const struct token_cipher *cipher, const char *cell);

#endif
