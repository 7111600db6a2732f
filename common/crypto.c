/* SPDX-License-Identifier: MIT */
/*
 * OpenSSL 3, and the encodings around it. A refusal of OpenSSL that no input explains (no entropy,
 * no algorithm, no memory) ends the process: going on without randomness or encryption is worse. No
 * state but the algorithms, looked up once: any thread.
 */
#include "common/crypto.h"

#include <assert.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What EVP_CipherInit_ex2() is told. */
#define DECRYPT 0
#define ENCRYPT 1

/* Looking an algorithm up costs more than encrypting a token does, so it is done once. */
static pthread_once_t algorithms_once = PTHREAD_ONCE_INIT;
static EVP_CIPHER *aes_256_gcm;
static EVP_MD *sha256;

static void require(bool done, const char *what)
{
	if (done)
		return;
	fprintf(stderr, "storesync: OpenSSL cannot %s\n", what);
	abort();
}

static void find_algorithms(void)
{
	aes_256_gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	require(aes_256_gcm != NULL, "find AES-256-GCM");
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	require(sha256 != NULL, "find SHA-256");
}

void random_bytes(void *bytes, size_t length)
{
	assert(length <= INT_MAX);
	require(RAND_bytes(bytes, (int)length) == 1, "get random bytes");
}

uint64_t random_u64(void)
{
	uint64_t number;

	random_bytes(&number, sizeof number);
	return number;
}

/* The 36 characters of RFC 9562, section 4; version and variant overwrite the bits where they belong. */
static void uuid_format(unsigned char bytes[16], unsigned version, char text[UUID_TEXT_SIZE])
{
	char hex[33];

	bytes[6] = (unsigned char)((bytes[6] & 0x0f) | version << 4);
	bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
	crypto_hex(bytes, 16, hex);
	snprintf(text, UUID_TEXT_SIZE, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
		hex + 16, hex + 20);
}

void uuid_random(char text[UUID_TEXT_SIZE])
{
	unsigned char bytes[16];

	random_bytes(bytes, sizeof bytes);
	uuid_format(bytes, 4, text);
}

void uuid_from_name(const char *name, char text[UUID_TEXT_SIZE])
{
	unsigned char hash[CRYPTO_HASH_SIZE];

	crypto_sha256(name, strlen(name), hash);
	uuid_format(hash, 8, text);
}

int crypto_hex_digit(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	if (digit >= 'A' && digit <= 'F')
		return digit - 'A' + 10;
	return -1;
}

bool uuid_is_valid(const char *text)
{
	for (int i = 0; i < 36; i++) {
		bool hyphen_here = i == 8 || i == 13 || i == 18 || i == 23;

		if (hyphen_here ? text[i] != '-' : crypto_hex_digit(text[i]) < 0)
			return false;
	}
	return text[36] == '\0';
}

void crypto_sha256(const void *bytes, size_t length, unsigned char hash[CRYPTO_HASH_SIZE])
{
	pthread_once(&algorithms_once, find_algorithms);
	require(EVP_Digest(bytes, length, hash, NULL, sha256, NULL) == 1, "compute SHA-256");
}

void crypto_hex(const void *bytes, size_t length, char *text)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *at = bytes;

	for (size_t i = 0; i < length; i++) {
		*text++ = digits[at[i] >> 4];
		*text++ = digits[at[i] & 0x0f];
	}
	*text = '\0';
}

bool crypto_unhex(const char *text, void *bytes, size_t length)
{
	unsigned char *out = bytes;

	if (strlen(text) != 2 * length || strspn(text, "0123456789abcdefABCDEF") != 2 * length)
		return false;
	for (size_t i = 0; i < length; i++)
		out[i] = (unsigned char)(crypto_hex_digit(text[2 * i]) * 16 +
					 crypto_hex_digit(text[2 * i + 1]));
	return true;
}

void crypto_base64(const void *bytes, size_t length, struct text *out)
{
	char *end = text_reserve(out, (length + 2) / 3 * 4);

	assert(length <= INT_MAX / 2);
	/* Terminates what it writes; text_reserve() has room for that. */
	out->length += (size_t)EVP_EncodeBlock((unsigned char *)end, bytes, (int)length);
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/* OpenSSL's decoder skips white space, and leaves it to the caller to count the padding. */
bool crypto_unbase64(const char *text, size_t length, struct text *out)
{
	size_t padding = 0, size;
	uint32_t bits = 0;
	char *end;

	if (length % 4 != 0)
		return false;
	while (padding < 2 && padding < length && text[length - 1 - padding] == '=')
		padding++;
	for (size_t i = 0; i < length - padding; i++)
		if (base64_value(text[i]) < 0)
			return false;
	/*
	 * Bits that no byte takes are zero: a text that another text decodes to as well is not
	 * accepted.
	 */
	if (padding > 0 && base64_value(text[length - 1 - padding]) & (padding == 1 ? 0x03 : 0x0f))
		return false;

	size = length / 4 * 3 - padding;
	end = text_reserve(out, size);
	for (size_t i = 0; i < length - padding; i++) {
		bits = bits << 6 | (uint32_t)base64_value(text[i]);
		if (i % 4 != 0)
			*end++ = (char)(bits >> (6 - i % 4 * 2) & 0xff);
	}
	*end = '\0';
	out->length += size;
	return true;
}

bool crypto_equal(const void *a, const void *b, size_t length)
{
	return CRYPTO_memcmp(a, b, length) == 0;
}

/* A context that has taken key, nonce and additional data. */
static EVP_CIPHER_CTX *begin(int direction, const unsigned char *key, const void *nonce,
	size_t nonce_length, const void *aad, size_t aad_length)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int taken;

	assert(nonce_length == 12 || nonce_length == 16);
	assert(aad_length <= INT_MAX);
	pthread_once(&algorithms_once, find_algorithms);
	require(context && EVP_CipherInit_ex2(context, aes_256_gcm, NULL, NULL, direction, NULL),
		"start AES-256-GCM");
	require(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_IVLEN, (int)nonce_length, NULL) == 1,
		"set the length of a nonce");
	require(EVP_CipherInit_ex2(context, NULL, key, nonce, direction, NULL) == 1, "set a key");
	if (aad_length > 0)
		require(EVP_CipherUpdate(context, NULL, &taken, aad, (int)aad_length) == 1,
			"take additional data");
	return context;
}

void crypto_seal(const unsigned char key[CRYPTO_KEY_SIZE], const void *nonce, size_t nonce_length,
	const void *aad, size_t aad_length, const void *plain, size_t length, struct text *out)
{
	EVP_CIPHER_CTX *context = begin(ENCRYPT, key, nonce, nonce_length, aad, aad_length);
	unsigned char *end = (unsigned char *)text_reserve(out, length + CRYPTO_TAG_SIZE);
	int written = 0, rest = 0;

	assert(length <= INT_MAX);
	if (length > 0)
		require(EVP_CipherUpdate(context, end, &written, plain, (int)length) == 1,
			"encrypt");
	require(EVP_CipherFinal_ex(context, end + written, &rest) == 1, "finish encrypting");
	assert((size_t)(written + rest) == length);
	end += length;
	require(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, CRYPTO_TAG_SIZE, end) == 1,
		"make a tag");
	end[CRYPTO_TAG_SIZE] = '\0';
	out->length += length + CRYPTO_TAG_SIZE;
	EVP_CIPHER_CTX_free(context);
}

bool crypto_open(const unsigned char key[CRYPTO_KEY_SIZE], const void *nonce, size_t nonce_length,
	const void *aad, size_t aad_length, const void *sealed, size_t length,
	const unsigned char tag[CRYPTO_TAG_SIZE], struct text *plain)
{
	EVP_CIPHER_CTX *context = begin(DECRYPT, key, nonce, nonce_length, aad, aad_length);
	unsigned char *end = (unsigned char *)text_reserve(plain, length);
	unsigned char expected[CRYPTO_TAG_SIZE];
	int written = 0, rest = 0;
	bool authentic;

	assert(length <= INT_MAX);
	/*
	 * OpenSSL wants a tag that it may write to, and would accept one of four bytes: ours has
	 * all sixteen.
	 */
	memcpy(expected, tag, sizeof expected);
	require(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, sizeof expected, expected) == 1,
		"take a tag");
	if (length > 0)
		require(EVP_CipherUpdate(context, end, &written, sealed, (int)length) == 1,
			"decrypt");
	authentic = EVP_CipherFinal_ex(context, end + written, &rest) == 1;
	if (authentic)
		plain->length += length;
	else
		/* The plaintext stands there already, although nobody may trust it. */
		OPENSSL_cleanse(end, length);
	plain->data[plain->length] = '\0';
	EVP_CIPHER_CTX_free(context);
	return authentic;
}
