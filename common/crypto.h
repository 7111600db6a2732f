/* SPDX-License-Identifier: MIT */
/*
 * The one place where OpenSSL is used: random bytes, SHA-256, AES-256-GCM, and the encodings that
 * go with them. Threads: any.
 */
#ifndef COMMON_CRYPTO_H
#define COMMON_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/text.h"

#define CRYPTO_KEY_SIZE   32
#define CRYPTO_TAG_SIZE   16
#define CRYPTO_NONCE_SIZE 12
#define CRYPTO_HASH_SIZE  32
#define UUID_TEXT_SIZE    37 /* 36 characters and the NUL */

/* Bytes nobody can guess; ends the process when the system has none. */
void random_bytes(void *bytes, size_t length);
uint64_t random_u64(void);
/* A random (version 4) UUID, RFC 9562. */
void uuid_random(char text[UUID_TEXT_SIZE]);
/* A UUID that always is the same for the same name: version 8 (RFC 9562) over SHA-256(name). */
void uuid_from_name(const char *name, char text[UUID_TEXT_SIZE]);
/* True for the 36-character form, either case. */
bool uuid_is_valid(const char *text);

void crypto_sha256(const void *bytes, size_t length, unsigned char hash[CRYPTO_HASH_SIZE]);
/* The value of a hex digit of either case; -1: it is none. */
int crypto_hex_digit(char digit);
/* Lower-case hex of bytes; text has room for 2 * length + 1. */
void crypto_hex(const void *bytes, size_t length, char *text);
/* Exactly 2 * length hex digits to bytes. */
bool crypto_unhex(const char *text, void *bytes, size_t length);
/* Standard base64 with padding (RFC 4648, section 4). */
void crypto_base64(const void *bytes, size_t length, struct text *out);
/*
 * Strict: no white space, correct padding. Appends the bytes to out; false and nothing appended
 * otherwise.
 */
bool crypto_unbase64(const char *text, size_t length, struct text *out);
/* Equality in constant time. */
bool crypto_equal(const void *a, const void *b, size_t length);

/*
 * AES-256-GCM. seal appends ciphertext and tag (16 bytes) to out. open appends the plaintext, or,
 * when the tag does not fit, appends nothing and returns false. nonce may have 12 or 16 bytes.
 */
void crypto_seal(const unsigned char key[CRYPTO_KEY_SIZE], const void *nonce, size_t nonce_length,
	const void *aad, size_t aad_length, const void *plain, size_t length, struct text *out);
bool crypto_open(const unsigned char key[CRYPTO_KEY_SIZE], const void *nonce, size_t nonce_length,
	const void *aad, size_t aad_length, const void *sealed, size_t length,
	const unsigned char tag[CRYPTO_TAG_SIZE], struct text *plain);

#endif
