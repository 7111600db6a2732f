/* SPDX-License-Identifier: MIT */
/*
 * Tests of common/token_cipher.c. The cells were made by Node.js 20, an implementation that is not
 * ours:
 *
 *     const c = require("crypto"), key = Buffer.from("000102...1e1f", "hex")
 *     older(n):  iv = Buffer.alloc(n, 7); g = c.createCipheriv("aes-256-gcm", key, iv)
 *                x = Buffer.concat([g.update("act.example"), g.final()])
 *                Buffer.concat([iv, g.getAuthTag(), x]).toString("base64")
 *     v1(col):   the same with n = 12, g.setAAD(Buffer.from("store_accounts:store-1:open-1:" + col)),
 *                "v1:630dcd29:" + Buffer.concat([iv, x, g.getAuthTag()]).toString("base64")
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/crypto.h"
#include "common/token_cipher.h"

#define KEY       "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define OTHER_KEY "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define ZERO_KEY  "0000000000000000000000000000000000000000000000000000000000000000"

#define OLDER_CELL_IV_12 "BwcHBwcHBwcHBwcHME+l6E7o8em9z+nSdl1pFG4J0nIKd7aZtvF2"
#define OLDER_CELL_IV_16 "BwcHBwcHBwcHBwcHBwcHB38DoR54te2E7b8lYOomfQypC6/Yncbcjl7ajQ=="
#define V1_ACCESS_CELL   "v1:630dcd29:BwcHBwcHBwcHBwcHbgnScgp3tpm28XZe2kRCuOLaDl7vmWUIf+4B"
#define V1_REFRESH_CELL  "v1:630dcd29:BwcHBwcHBwcHBwcHfQzScgp3tpm28XY+rjiIKUYKxHCHHqXUxjTD"

static struct token_cipher *make_cipher(const char *key, const char *old_keys)
{
	struct token_cipher *cipher = NULL;
	struct error err;

	assert_true(token_cipher_create(key, old_keys, &cipher, &err));
	return cipher;
}

static void assert_opens(const struct token_cipher *cipher, enum token_column column,
	const char *cell, const char *expected)
{
	struct text token = {0};
	struct error err;

	assert_true(token_cipher_open(cipher, "store-1", "open-1", column, cell, &token, &err));
	assert_string_equal(text_string(&token), expected);
	text_finish_secret(&token);
}

/* The cell does not open, the error says words, and the token that stood there is untouched. */
static void assert_refused(const struct token_cipher *cipher, const char *store_code,
	const char *open_id, enum token_column column, const char *cell, const char *words)
{
	struct text token = {0};
	struct error err;

	text_append(&token, "kept");
	assert_false(token_cipher_open(cipher, store_code, open_id, column, cell, &token, &err));
	assert_int_equal(err.class, ERROR_INTERNAL);
	assert_non_null(strstr(err.text, words));
	assert_string_equal(text_string(&token), "kept");
	text_finish(&token);
}

static void cells_of_another_implementation_open(void **state)
{
	struct token_cipher *cipher = make_cipher(KEY, NULL);

	assert_opens(cipher, TOKEN_ACCESS, V1_ACCESS_CELL, "act.example");
	assert_opens(cipher, TOKEN_REFRESH, V1_REFRESH_CELL, "rft.example");
	token_cipher_destroy(cipher);
}

static void older_cells_open_with_either_length_of_iv(void **state)
{
	struct token_cipher *cipher = make_cipher(KEY, NULL);

	assert_opens(cipher, TOKEN_ACCESS, OLDER_CELL_IV_12, "act.example");
	assert_opens(cipher, TOKEN_ACCESS, OLDER_CELL_IV_16, "act.example");
	token_cipher_destroy(cipher);
}

/* The same parts in hex between colons, the tag in the middle or last. */
static void older_cells_in_hex_open(void **state)
{
	struct token_cipher *cipher = make_cipher(KEY, NULL);
	struct text bytes = {0}, cell = {0};
	char iv[33], tag[33], text[64];

	assert_true(crypto_unbase64(OLDER_CELL_IV_16, strlen(OLDER_CELL_IV_16), &bytes));
	crypto_hex(bytes.data, 16, iv);
	crypto_hex(bytes.data + 16, 16, tag);
	crypto_hex(bytes.data + 32, bytes.length - 32, text);
	text_append_format(&cell, "%s:%s:%s", iv, tag, text);
	assert_opens(cipher, TOKEN_ACCESS, cell.data, "act.example");
	text_clear(&cell);
	text_append_format(&cell, "%s:%s:%s", iv, text, tag);
	assert_opens(cipher, TOKEN_ACCESS, cell.data, "act.example");
	text_finish(&cell);
	text_finish(&bytes);
	token_cipher_destroy(cipher);
}

static void a_sealed_token_opens_again(void **state)
{
	static const char *const tokens[] = {"", "a", "act.\xc3\xa9\xf0\x9f\x98\x80\"\\",
		"act.0123456789012345678901234567890123456789012345678901234567890123456789"};
	struct token_cipher *cipher = make_cipher(KEY, "");

	for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
		struct text cell = {0};

		token_cipher_seal(cipher, "store-1", "open-1", TOKEN_REFRESH, tokens[i], &cell);
		assert_memory_equal(cell.data, "v1:630dcd29:", 12);
		assert_opens(cipher, TOKEN_REFRESH, cell.data, tokens[i]);
		text_finish(&cell);
	}
	token_cipher_destroy(cipher);
}

static void sealing_twice_gives_two_cells(void **state)
{
	struct token_cipher *cipher = make_cipher(KEY, NULL);
	struct text one = {0}, other = {0};

	token_cipher_seal(cipher, "store-1", "open-1", TOKEN_ACCESS, "act.example", &one);
	token_cipher_seal(cipher, "store-1", "open-1", TOKEN_ACCESS, "act.example", &other);
	assert_string_not_equal(one.data, other.data);
	text_finish(&one);
	text_finish(&other);
	token_cipher_destroy(cipher);
}

static void a_cell_opens_only_in_its_own_row_and_column(void **state)
{
	static const char moved[] = "moved from another row or column";
	struct token_cipher *cipher = make_cipher(KEY, NULL);

	assert_refused(cipher, "store-2", "open-1", TOKEN_ACCESS, V1_ACCESS_CELL, moved);
	assert_refused(cipher, "store-1", "open-2", TOKEN_ACCESS, V1_ACCESS_CELL, moved);
	assert_refused(cipher, "store-1", "open-1", TOKEN_REFRESH, V1_ACCESS_CELL, moved);
	token_cipher_destroy(cipher);
}

static void a_cell_of_an_old_key_opens_and_is_not_current(void **state)
{
	struct token_cipher *cipher = make_cipher(OTHER_KEY, KEY);

	assert_opens(cipher, TOKEN_ACCESS, V1_ACCESS_CELL, "act.example");
	assert_opens(cipher, TOKEN_ACCESS, OLDER_CELL_IV_12, "act.example");
	assert_false(token_cipher_is_current(cipher, V1_ACCESS_CELL));
	token_cipher_destroy(cipher);
}

static void only_v1_under_the_current_key_is_current(void **state)
{
	struct token_cipher *cipher = make_cipher(KEY, OTHER_KEY);

	assert_true(token_cipher_is_current(cipher, V1_ACCESS_CELL));
	assert_false(token_cipher_is_current(cipher, OLDER_CELL_IV_12));
	assert_false(token_cipher_is_current(cipher, "v1:630dcd2a:BwcH"));
	assert_false(token_cipher_is_current(cipher, "v1:630dcd29"));
	assert_false(token_cipher_is_current(cipher, "v1:"));
	assert_false(token_cipher_is_current(cipher, ""));
	token_cipher_destroy(cipher);
}

static void a_missing_key_is_named(void **state)
{
	struct token_cipher *cipher = make_cipher(OTHER_KEY, NULL);

	assert_refused(cipher, "store-1", "open-1", TOKEN_ACCESS, V1_ACCESS_CELL, "630dcd29");
	assert_refused(cipher, "store-1", "open-1", TOKEN_ACCESS, OLDER_CELL_IV_12, "no key opens");
	token_cipher_destroy(cipher);
}

static void damaged_cells_are_refused(void **state)
{
	static const char *const cells[] = {"", "v1", "v1:", "v1:630dcd29",
		"v1:630dcd29:", "v1:630dcd29:AAAA",
		"v1:630DCD29:BwcHBwcHBwcHBwcHbgnScgp3tpm28XZe2kRCuOLaDl7vmWUIf+4B",
		"v1:630dcd29:BwcHBwcHBwcHBwcHbgnScgp3tpm28XZe2kRCuOLaDl7vmWUIf+4A",
		"v1:630dcd29:BwcHBwcHBwcHBwcHbgnScgp3tpm28XZe2kRCuOLaDl7vmWUIf+4B\n",
		"v1:630dcd29:BwcHBwcHBwcHBwcHbgnScgp3tpm28XZe2kRCuOLaDl7vmWUI", "v2:630dcd29:AAAA",
		"BwcHBwcHBwcHBwcHME+l6E7o8em9z+nSdl1pFG4J0nIKd7aZtvF3", "AAAA", "not base64"};
	struct token_cipher *cipher = make_cipher(KEY, NULL);

	for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++)
		assert_refused(cipher, "store-1", "open-1", TOKEN_ACCESS, cells[i],
			"cannot read encrypted_access_token");
	token_cipher_destroy(cipher);
}

static void a_token_with_a_nul_is_refused(void **state)
{
	unsigned char key[CRYPTO_KEY_SIZE];
	struct token_cipher *cipher = make_cipher(KEY, NULL);
	struct text sealed = {0}, bytes = {0}, cell = {0};

	assert_true(crypto_unhex(KEY, key, sizeof key));
	crypto_seal(key, "123456789012", 12, NULL, 0, "act\0x", 5, &sealed);
	text_append_bytes(&bytes, "123456789012", 12);
	text_append_bytes(&bytes, sealed.data + 5, CRYPTO_TAG_SIZE);
	text_append_bytes(&bytes, sealed.data, 5);
	crypto_base64(bytes.data, bytes.length, &cell);
	assert_refused(cipher, "store-1", "open-1", TOKEN_ACCESS, cell.data, "NUL");
	text_finish(&sealed);
	text_finish(&bytes);
	text_finish(&cell);
	token_cipher_destroy(cipher);
}

static void bad_keys_are_refused_by_name_and_never_quoted(void **state)
{
	static const struct {
		const char *key, *old_keys, *where;
	} wrong[] = {
		{"", NULL, "TOKEN_ENC_KEY is"},
		{"00010203", NULL, "TOKEN_ENC_KEY is"},
		{ZERO_KEY, NULL, "TOKEN_ENC_KEY is"},
		{KEY "00", NULL, "TOKEN_ENC_KEY is"},
		{" " KEY, NULL, "TOKEN_ENC_KEY is"},
		{KEY, KEY, "key 1 of TOKEN_ENC_OLD_KEYS is a key that is given already"},
		{KEY, OTHER_KEY ",", "key 2 of TOKEN_ENC_OLD_KEYS is not"},
		{KEY, "," OTHER_KEY, "key 1 of TOKEN_ENC_OLD_KEYS is not"},
		{KEY, OTHER_KEY "," OTHER_KEY, "key 2 of TOKEN_ENC_OLD_KEYS is a key"},
		{KEY, OTHER_KEY "," ZERO_KEY, "key 2 of TOKEN_ENC_OLD_KEYS is not"},
	};

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		struct token_cipher *cipher = NULL;
		struct error err;

		assert_false(token_cipher_create(wrong[i].key, wrong[i].old_keys, &cipher, &err));
		assert_null(cipher);
		assert_int_equal(err.class, ERROR_SETTINGS);
		assert_non_null(strstr(err.text, wrong[i].where));
		assert_null(strstr(err.text, "00010203"));
		assert_null(strstr(err.text, "0405060708"));
	}
}

static void the_key_that_opens_a_cell_is_told(void **state)
{
	static const struct {
		const char *key, *old_keys;
		const char *cell;
		size_t place;
	} cells[] = {
		{KEY, OTHER_KEY, V1_ACCESS_CELL, 0},
		{OTHER_KEY, KEY, V1_ACCESS_CELL, 1},
		{KEY, OTHER_KEY, OLDER_CELL_IV_12, 0},
		{OTHER_KEY, KEY, OLDER_CELL_IV_16, 1},
	};

	for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++) {
		struct token_cipher *cipher = make_cipher(cells[i].key, cells[i].old_keys);
		struct text token = {0};
		struct error err;
		size_t place = 99;

		assert_true(token_cipher_open_telling(cipher, "store-1", "open-1", TOKEN_ACCESS,
			cells[i].cell, &token, &place, &err));
		assert_int_equal(place, cells[i].place);
		assert_int_equal(token_cipher_key_count(cipher), 2);
		assert_string_equal(token_cipher_key_id(cipher, place), "630dcd29");
		text_finish_secret(&token);
		token_cipher_destroy(cipher);
	}
}

static void only_a_v1_cell_names_its_key(void **state)
{
	static const char *const nameless[] = {OLDER_CELL_IV_12, "", "v1:", "v1:630dcd2",
		"v1:630dcd29", "v1:630DCD29:", "v2:630dcd29:"};
	char id[TOKEN_KEY_ID_SIZE];

	assert_true(token_cell_key_id(V1_ACCESS_CELL, id));
	assert_string_equal(id, "630dcd29");
	for (size_t i = 0; i < sizeof nameless / sizeof nameless[0]; i++)
		assert_false(token_cell_key_id(nameless[i], id));
}

static void destroying_nothing_is_harmless(void **state)
{
	struct token_cipher *cipher = NULL;

	token_cipher_destroy(cipher);
	assert_null(cipher);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cells_of_another_implementation_open),
		cmocka_unit_test(older_cells_open_with_either_length_of_iv),
		cmocka_unit_test(older_cells_in_hex_open),
		cmocka_unit_test(a_sealed_token_opens_again),
		cmocka_unit_test(sealing_twice_gives_two_cells),
		cmocka_unit_test(a_cell_opens_only_in_its_own_row_and_column),
		cmocka_unit_test(a_cell_of_an_old_key_opens_and_is_not_current),
		cmocka_unit_test(only_v1_under_the_current_key_is_current),
		cmocka_unit_test(a_missing_key_is_named),
		cmocka_unit_test(damaged_cells_are_refused),
		cmocka_unit_test(a_token_with_a_nul_is_refused),
		cmocka_unit_test(bad_keys_are_refused_by_name_and_never_quoted),
		cmocka_unit_test(the_key_that_opens_a_cell_is_told),
		cmocka_unit_test(only_a_v1_cell_names_its_key),
		cmocka_unit_test(destroying_nothing_is_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
