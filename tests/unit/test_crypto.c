/* SPDX-License-Identifier: MIT */
/*
 * Tests of common/crypto.c. Expected values come from the standards, or from Node.js where a
 * comment says so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/crypto.h"

static const unsigned char zeros[CRYPTO_KEY_SIZE];

/*
 * Test case 16 of "The Galois/Counter Mode of Operation" (McGrew, Viega), which NIST SP 800-38D
 * refers to.
 */
#define CASE_16_KEY   "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"
#define CASE_16_NONCE "cafebabefacedbaddecaf888"
#define CASE_16_AAD   "feedfacedeadbeeffeedfacedeadbeefabaddad2"
#define CASE_16_PLAIN                                                                              \
	"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"                         \
	"1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
#define CASE_16_CIPHER                                                                             \
	"522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"                         \
	"8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
#define CASE_16_TAG  "76fc6ece0f4e1768cddf8853bb2d551b"
#define CASE_16_SIZE 60

static void assert_hex(const void *bytes, size_t length, const char *expected)
{
	char hex[2 * 128 + 1];

	assert_true(length <= 128);
	crypto_hex(bytes, length, hex);
	assert_string_equal(hex, expected);
}

static void sha256_agrees_with_fips_180(void **state)
{
	unsigned char hash[CRYPTO_HASH_SIZE];

	crypto_sha256("abc", 3, hash);
	assert_hex(hash, sizeof hash,
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	crypto_sha256("", 0, hash);
	assert_hex(hash, sizeof hash,
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	crypto_sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, hash);
	assert_hex(hash, sizeof hash,
		"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void sealing_agrees_with_known_answers(void **state)
{
	unsigned char key[32], nonce[12], aad[20], plain[CASE_16_SIZE];
	struct text sealed = {0};

	/* Test cases 13 and 14: zeros only. */
	crypto_seal(zeros, zeros, 12, NULL, 0, NULL, 0, &sealed);
	assert_hex(sealed.data, sealed.length, "530f8afbc74536b9a963b4f1c4cb738b");
	text_clear(&sealed);
	crypto_seal(zeros, zeros, 12, NULL, 0, zeros, 16, &sealed);
	assert_hex(sealed.data, sealed.length,
		"cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
	text_clear(&sealed);
	assert_true(crypto_unhex(CASE_16_KEY, key, sizeof key));
	assert_true(crypto_unhex(CASE_16_NONCE, nonce, sizeof nonce));
	assert_true(crypto_unhex(CASE_16_AAD, aad, sizeof aad));
	assert_true(crypto_unhex(CASE_16_PLAIN, plain, sizeof plain));
	crypto_seal(key, nonce, sizeof nonce, aad, sizeof aad, plain, sizeof plain, &sealed);
	assert_hex(sealed.data, sealed.length, CASE_16_CIPHER CASE_16_TAG);
	text_finish(&sealed);
}

static void opening_agrees_with_a_known_answer(void **state)
{
	unsigned char key[32], nonce[12], aad[20], cipher[CASE_16_SIZE], tag[CRYPTO_TAG_SIZE];
	struct text plain = {0};

	assert_true(crypto_unhex(CASE_16_KEY, key, sizeof key));
	assert_true(crypto_unhex(CASE_16_NONCE, nonce, sizeof nonce));
	assert_true(crypto_unhex(CASE_16_AAD, aad, sizeof aad));
	assert_true(crypto_unhex(CASE_16_CIPHER, cipher, sizeof cipher));
	assert_true(crypto_unhex(CASE_16_TAG, tag, sizeof tag));
	text_append(&plain, "before ");
	assert_true(
		crypto_open(key, nonce, 12, aad, sizeof aad, cipher, sizeof cipher, tag, &plain));
	assert_memory_equal(plain.data, "before ", 7);
	assert_hex(plain.data + 7, plain.length - 7, CASE_16_PLAIN);
	text_finish(&plain);
}

static void any_flipped_bit_is_noticed(void **state)
{
	unsigned char key[32] = "0123456789abcdef0123456789abcde", nonce[16] = "nonce",
		      aad[] = "aad";
	struct text sealed = {0}, plain = {0};

	crypto_seal(key, nonce, 16, aad, sizeof aad, "secret", 6, &sealed);
	text_append(&plain, "kept");
	for (size_t bit = 0; bit < sealed.length * 8; bit++) {
		sealed.data[bit / 8] = (char)(sealed.data[bit / 8] ^ 1 << bit % 8);
		assert_false(crypto_open(key, nonce, 16, aad, sizeof aad, sealed.data, 6,
			(unsigned char *)sealed.data + 6, &plain));
		assert_string_equal(plain.data, "kept");
		sealed.data[bit / 8] = (char)(sealed.data[bit / 8] ^ 1 << bit % 8);
	}
	assert_false(crypto_open(key, nonce, 16, aad, sizeof aad - 1, sealed.data, 6,
		(unsigned char *)sealed.data + 6, &plain));
	assert_false(crypto_open(key, nonce, 12, aad, sizeof aad, sealed.data, 6,
		(unsigned char *)sealed.data + 6, &plain));
	assert_true(crypto_open(key, nonce, 16, aad, sizeof aad, sealed.data, 6,
		(unsigned char *)sealed.data + 6, &plain));
	assert_string_equal(plain.data, "keptsecret");
	text_finish(&sealed);
	text_finish(&plain);
}

static void plaintext_that_is_not_authentic_does_not_stay_in_memory(void **state)
{
	struct text sealed = {0}, plain = {0};

	crypto_seal(zeros, zeros, 12, NULL, 0, "secret", 6, &sealed);
	sealed.data[6] ^= 1;
	text_reserve(&plain, 16);
	assert_false(crypto_open(zeros, zeros, 12, NULL, 0, sealed.data, 6,
		(unsigned char *)sealed.data + 6, &plain));
	assert_memory_equal(plain.data, "\0\0\0\0\0\0", 6);
	text_finish(&sealed);
	text_finish(&plain);
}

static void hex_goes_both_ways_in_either_case(void **state)
{
	unsigned char bytes[4];

	assert_true(crypto_unhex("00fFa91B", bytes, sizeof bytes));
	assert_hex(bytes, sizeof bytes, "00ffa91b");
}

static void what_is_not_exactly_hex_is_refused(void **state)
{
	unsigned char bytes[2] = {1, 2};

	assert_false(crypto_unhex("00f", bytes, 2));
	assert_false(crypto_unhex("00ff0", bytes, 2));
	assert_false(crypto_unhex("00fg", bytes, 2));
	assert_false(crypto_unhex(" 0ff", bytes, 2));
	assert_false(crypto_unhex("", bytes, 2));
	assert_int_equal(bytes[0], 1);
	assert_int_equal(bytes[1], 2);
}

static void base64_agrees_with_rfc_4648(void **state)
{
	static const char *const pairs[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="},
		{"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="},
		{"foobar", "Zm9vYmFy"}, {"\xfb\xff\xbe", "+/++"}};

	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		struct text encoded = {0}, decoded = {0};

		crypto_base64(pairs[i][0], strlen(pairs[i][0]), &encoded);
		assert_string_equal(text_string(&encoded), pairs[i][1]);
		assert_true(crypto_unbase64(encoded.data, encoded.length, &decoded));
		assert_string_equal(text_string(&decoded), pairs[i][0]);
		assert_int_equal(decoded.length, strlen(pairs[i][0]));
		text_finish(&encoded);
		text_finish(&decoded);
	}
}

static void base64_that_is_not_strict_is_refused(void **state)
{
	static const char *const wrong[] = {"Zg", "Zg=", "Zg===", "Z===", "====", "=", "Zm9v\n",
		" Zm9", "Zm 9", "Zm-_", "Zg==Zg==", "Z=g=", "Zh==", "Zm9=", "\xc3\xa9zz"};
	struct text decoded = {0};

	text_append(&decoded, "kept");
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_false(crypto_unbase64(wrong[i], strlen(wrong[i]), &decoded));
	assert_string_equal(decoded.data, "kept");
	assert_int_equal(decoded.length, 4);
	text_finish(&decoded);
}

static void random_uuids_differ_and_are_version_4(void **state)
{
	char one[UUID_TEXT_SIZE], other[UUID_TEXT_SIZE];

	for (int i = 0; i < 100; i++) {
		uuid_random(one);
		uuid_random(other);
		assert_string_not_equal(one, other);
		assert_true(uuid_is_valid(one));
		assert_int_equal(one[14], '4');
		assert_non_null(strchr("89ab", one[19]));
	}
}

static void a_name_always_gives_the_same_version_8_uuid(void **state)
{
	char text[UUID_TEXT_SIZE];

	/*
	 * node -e 'const
	 * h=require("crypto").createHash("sha256").update("store_accounts").digest();
	 * h[6]=h[6]&15|128; h[8]=h[8]&63|128; console.log(h.subarray(0,16).toString("hex"))'
	 */
	uuid_from_name("store_accounts", text);
	assert_string_equal(text, "8a1dae6d-d91c-8c9f-b51e-c594eee051e0");
}

static void only_the_36_character_form_is_a_uuid(void **state)
{
	assert_true(uuid_is_valid("8a1dae6d-d91c-8c9f-b51e-c594eee051e0"));
	assert_true(uuid_is_valid("8A1DAE6D-D91C-8C9F-B51E-C594EEE051E0"));
	assert_false(uuid_is_valid(""));
	assert_false(uuid_is_valid("8a1dae6d-d91c-8c9f-b51e-c594eee051e"));
	assert_false(uuid_is_valid("8a1dae6d-d91c-8c9f-b51e-c594eee051e00"));
	assert_false(uuid_is_valid("8a1dae6dd91c8c9fb51ec594eee051e0"));
	assert_false(uuid_is_valid("{8a1dae6d-d91c-8c9f-b51e-c594eee051e}"));
	assert_false(uuid_is_valid("8a1dae6d-d91c-8c9f-b51e-c594eee051g0"));
	assert_false(uuid_is_valid("8a1dae6d-d91c-8c9f-b51e0c594eee051e0"));
}

static void random_numbers_use_all_their_bits(void **state)
{
	uint64_t ones = 0, zero_bits = 0;

	for (int i = 0; i < 200; i++) {
		uint64_t number = random_u64();

		ones |= number;
		zero_bits |= ~number;
	}
	assert_true(ones == UINT64_MAX);
	assert_true(zero_bits == UINT64_MAX);
}

static void equality_looks_at_every_byte(void **state)
{
	assert_true(crypto_equal("abcd", "abcd", 4));
	assert_true(crypto_equal("abcd", "abce", 3));
	assert_false(crypto_equal("abcd", "abce", 4));
	assert_false(crypto_equal("xbcd", "abcd", 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256_agrees_with_fips_180),
		cmocka_unit_test(sealing_agrees_with_known_answers),
		cmocka_unit_test(opening_agrees_with_a_known_answer),
		cmocka_unit_test(any_flipped_bit_is_noticed),
		cmocka_unit_test(plaintext_that_is_not_authentic_does_not_stay_in_memory),
		cmocka_unit_test(hex_goes_both_ways_in_either_case),
		cmocka_unit_test(what_is_not_exactly_hex_is_refused),
		cmocka_unit_test(base64_agrees_with_rfc_4648),
		cmocka_unit_test(base64_that_is_not_strict_is_refused),
		cmocka_unit_test(random_uuids_differ_and_are_version_4),
		cmocka_unit_test(a_name_always_gives_the_same_version_8_uuid),
		cmocka_unit_test(only_the_36_character_form_is_a_uuid),
		cmocka_unit_test(random_numbers_use_all_their_bits),
		cmocka_unit_test(equality_looks_at_every_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
