/* SPDX-License-Identifier: MIT */
/*
 * Token cells. The keys stand in the order of the settings: the current one first, and it alone
 * seals. Nothing changes after token_cipher_create(): any thread.
 */
#include "common/token_cipher.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/crypto.h"
#include "common/memory.h"

#define PREFIX      "v1:"
#define KEY_ID_SIZE TOKEN_KEY_ID_SIZE
#define HEADER_SIZE (sizeof PREFIX - 1 + KEY_ID_SIZE) /* "v1:<key id>:" */

struct token_key {
	char id[KEY_ID_SIZE];
	unsigned char bytes[CRYPTO_KEY_SIZE];
};

struct token_cipher {
	size_t count;
	struct token_key keys[];
};

static const char *const column_names[] = {
	[TOKEN_ACCESS] = "encrypted_access_token",
	[TOKEN_REFRESH] = "encrypted_refresh_token",
};

static bool read_key(const char *digits, struct token_key *key)
{
	static const unsigned char zeros[CRYPTO_KEY_SIZE];
	unsigned char hash[CRYPTO_HASH_SIZE];

	if (!crypto_unhex(digits, key->bytes, sizeof key->bytes) ||
		crypto_equal(key->bytes, zeros, sizeof zeros))
		return false;
	crypto_sha256(key->bytes, sizeof key->bytes, hash);
	crypto_hex(hash, (KEY_ID_SIZE - 1) / 2, key->id);
	return true;
}

/* Add the key written in length digits; where says which one it is, since its digits are never shown. */
static bool add_key(struct token_cipher *cipher, const char *digits, size_t length,
	const char *where, struct error *err)
{
	struct token_key *key = &cipher->keys[cipher->count];
	char *copy = memory_copy_bytes(digits, length);
	bool ok = read_key(copy, key);

	memory_free_secret(copy);
	if (!ok) {
		error_set(err, ERROR_SETTINGS, "%s is not 64 hex digits, or only zeros", where);
		return false;
	}
	for (size_t i = 0; i < cipher->count; i++) {
		if (crypto_equal(cipher->keys[i].bytes, key->bytes, sizeof key->bytes)) {
			error_set(err, ERROR_SETTINGS, "%s is a key that is given already", where);
			return false;
		}
	}
	cipher->count++;
	return true;
}

static size_t count_keys(const char *list)
{
	size_t count = 1;

	for (; *list; list++)
		if (*list == ',')
			count++;
	return count;
}

bool token_cipher_create(
	const char *key, const char *old_keys, struct token_cipher **cipher, struct error *err)
{
	size_t old_count = old_keys && *old_keys ? count_keys(old_keys) : 0;
	struct token_cipher *made =
		memory_allocate(1, sizeof *made + (1 + old_count) * sizeof made->keys[0]);

	if (!add_key(made, key, strlen(key), "TOKEN_ENC_KEY", err))
		goto fail;
	for (size_t i = 1; i <= old_count; i++) {
		size_t length = strcspn(old_keys, ",");
		char where[60];

		snprintf(where, sizeof where, "key %zu of TOKEN_ENC_OLD_KEYS", i);
		if (!add_key(made, old_keys, length, where, err))
			goto fail;
		old_keys += length + 1;
	}
	*cipher = made;
	return true;
fail:
	made->count = 1 + old_count;
	token_cipher_destroy(made);
	return false;
}

void token_cipher_destroy(struct token_cipher *cipher)
{
	if (!cipher)
		return;
	explicit_bzero(cipher->keys, cipher->count * sizeof cipher->keys[0]);
	free(cipher);
}

static void append_aad(
	struct text *aad, const char *store_code, const char *open_id, enum token_column column)
{
	text_append_format(
		aad, "store_accounts:%s:%s:%s", store_code, open_id, column_names[column]);
}

void token_cipher_seal(const struct token_cipher *cipher, const char *store_code,
	const char *open_id, enum token_column column, const char *token, struct text *cell)
{
	const struct token_key *current = &cipher->keys[0];
	struct text aad = {0}, sealed = {0};
	unsigned char nonce[CRYPTO_NONCE_SIZE];

	append_aad(&aad, store_code, open_id, column);
	random_bytes(nonce, sizeof nonce);
	text_append_bytes(&sealed, nonce, sizeof nonce);
	crypto_seal(current->bytes, nonce, sizeof nonce, aad.data, aad.length, token, strlen(token),
		&sealed);
	text_append_format(cell, PREFIX "%s:", current->id);
	crypto_base64(sealed.data, sealed.length, cell);
	text_finish(&sealed);
	text_finish(&aad);
}

/* nonce | ciphertext | tag */
static bool open_bytes(const struct token_key *key, const struct text *aad,
	const struct text *bytes, struct text *token)
{
	const unsigned char *at = (const unsigned char *)bytes->data;
	size_t length = bytes->length;

	if (length < CRYPTO_NONCE_SIZE + CRYPTO_TAG_SIZE)
		return false;
	return crypto_open(key->bytes, at, CRYPTO_NONCE_SIZE, aad->data, aad->length,
		at + CRYPTO_NONCE_SIZE, length - CRYPTO_NONCE_SIZE - CRYPTO_TAG_SIZE,
		at + length - CRYPTO_TAG_SIZE, token);
}

bool token_cell_key_id(const char *cell, char id[TOKEN_KEY_ID_SIZE])
{
	const char *at = cell + sizeof PREFIX - 1;

	if (strncmp(cell, PREFIX, sizeof PREFIX - 1) != 0 ||
		strspn(at, "0123456789abcdef") != KEY_ID_SIZE - 1 || at[KEY_ID_SIZE - 1] != ':')
		return false;
	memcpy(id, at, KEY_ID_SIZE - 1);
	id[KEY_ID_SIZE - 1] = '\0';
	return true;
}

static bool open_v1(const struct token_cipher *cipher, const struct text *aad, const char *cell,
	struct text *token, size_t *key, struct error *err)
{
	const char *encoded = cell + HEADER_SIZE;
	char id[KEY_ID_SIZE];
	bool known = false, opened = false;
	struct text bytes = {0};

	if (!token_cell_key_id(cell, id) || !crypto_unbase64(encoded, strlen(encoded), &bytes)) {
		error_set(err, ERROR_INTERNAL, "it is not written as v1:<key id>:<base64>");
		return false;
	}
	for (size_t i = 0; i < cipher->count && !opened; i++) {
		if (memcmp(cipher->keys[i].id, id, KEY_ID_SIZE - 1) != 0)
			continue;
		known = true;
		opened = open_bytes(&cipher->keys[i], aad, &bytes, token);
		*key = i;
	}
	text_finish(&bytes);
	if (!known)
		error_set(err, ERROR_INTERNAL,
			"its key %s is not among TOKEN_ENC_KEY and TOKEN_ENC_OLD_KEYS", id);
	else if (!opened)
		error_set(err, ERROR_INTERNAL,
			"it is damaged, or was moved from another row or column");
	return opened;
}

/*
 * iv | tag | ciphertext. Versions of the Node program differ in the length of the iv: the tag tells
 * which it is.
 */
static bool open_older_bytes(
	const struct token_key *key, const struct text *bytes, size_t iv_length, struct text *token)
{
	const unsigned char *at = (const unsigned char *)bytes->data;
	size_t header = iv_length + CRYPTO_TAG_SIZE;

	if (bytes->length < header)
		return false;
	return crypto_open(key->bytes, at, iv_length, NULL, 0, at + header, bytes->length - header,
		at + iv_length, token);
}

/* One part of hex digits, up to a colon or the end; false: it is none. *at is then behind it. */
static bool read_hex_part(const char **at, struct text *bytes)
{
	size_t digits = strcspn(*at, ":");
	char *part = memory_copy_bytes(*at, digits);
	bool ok = digits > 0 && digits % 2 == 0 &&
		  crypto_unhex(part, text_reserve(bytes, digits / 2), digits / 2);

	if (ok)
		bytes->length = digits / 2;
	free(part);
	*at += digits + ((*at)[digits] == ':');
	return ok;
}

/* iv:tag:ciphertext or iv:ciphertext:tag in hex, as such programs write them, too. False: nothing opens it. */
static bool open_hex(
	const struct token_cipher *cipher, const char *cell, struct text *token, size_t *place)
{
	struct text iv = {0}, second = {0}, third = {0};
	bool opened = false;

	if (!read_hex_part(&cell, &iv) || !read_hex_part(&cell, &second) ||
		!read_hex_part(&cell, &third) || *cell || (iv.length != 12 && iv.length != 16))
		goto out;
	for (size_t i = 0; i < cipher->count && !opened; i++) {
		const unsigned char *key = cipher->keys[i].bytes;

		*place = i;
		opened =
			(second.length == CRYPTO_TAG_SIZE &&
				crypto_open(key, iv.data, iv.length, NULL, 0, third.data,
					third.length, (const unsigned char *)second.data, token)) ||
			(third.length == CRYPTO_TAG_SIZE &&
				crypto_open(key, iv.data, iv.length, NULL, 0, second.data,
					second.length, (const unsigned char *)third.data, token));
	}
out:
	text_finish(&iv);
	text_finish(&second);
	text_finish(&third);
	return opened;
}

static bool open_older(const struct token_cipher *cipher, const char *cell, struct text *token,
	size_t *key, struct error *err)
{
	struct text bytes = {0};
	bool opened = false;

	if (strchr(cell, ':')) {
		if (open_hex(cipher, cell, token, key))
			return true;
		error_set(err, ERROR_INTERNAL,
			"no key opens it as iv:tag:ciphertext in hex: damaged, or its key is missing from "
			"TOKEN_ENC_OLD_KEYS");
		return false;
	}
	if (!crypto_unbase64(cell, strlen(cell), &bytes)) {
		error_set(err, ERROR_INTERNAL, "it is neither v1: nor base64");
		return false;
	}
	for (size_t i = 0; i < cipher->count && !opened; i++) {
		opened = open_older_bytes(&cipher->keys[i], &bytes, 12, token) ||
			 open_older_bytes(&cipher->keys[i], &bytes, 16, token);
		*key = i;
	}
	text_finish(&bytes);
	if (!opened)
		error_set(err, ERROR_INTERNAL,
			"it is of the older format and no key opens it: damaged, or its key is missing "
			"from TOKEN_ENC_OLD_KEYS");
	return opened;
}

bool token_cipher_open_telling(const struct token_cipher *cipher, const char *store_code,
	const char *open_id, enum token_column column, const char *cell, struct text *token,
	size_t *key, struct error *err)
{
	struct text aad = {0}, opened = {0};
	size_t place = 0;
	bool ok;

	append_aad(&aad, store_code, open_id, column);
	if (strncmp(cell, PREFIX, sizeof PREFIX - 1) == 0)
		ok = open_v1(cipher, &aad, cell, &opened, &place, err);
	else
		ok = open_older(cipher, cell, &opened, &place, err);
	if (ok && memchr(text_string(&opened), '\0', opened.length)) {
		error_set(err, ERROR_INTERNAL, "it holds a NUL byte, which no token does");
		ok = false;
	}
	if (ok) {
		text_append_bytes(token, opened.data, opened.length);
		*key = place;
	} else {
		error_wrap(err, "cannot read %s", column_names[column]);
	}
	text_finish_secret(&opened);
	text_finish(&aad);
	return ok;
}

bool token_cipher_open(const struct token_cipher *cipher, const char *store_code,
	const char *open_id, enum token_column column, const char *cell, struct text *token,
	struct error *err)
{
	size_t ignored;

	return token_cipher_open_telling(
		cipher, store_code, open_id, column, cell, token, &ignored, err);
}

size_t token_cipher_key_count(const struct token_cipher *cipher)
{
	return cipher->count;
}

const char *token_cipher_key_id(const struct token_cipher *cipher, size_t key)
{
	assert(key < cipher->count);
	return cipher->keys[key].id;
}

bool token_cipher_is_current(const struct token_cipher *cipher, const char *cell)
{
	return strncmp(cell, PREFIX, sizeof PREFIX - 1) == 0 &&
	       strncmp(cell + sizeof PREFIX - 1, cipher->keys[0].id, KEY_ID_SIZE - 1) == 0 &&
	       cell[HEADER_SIZE - 1] == ':';
}
