/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: any bytes as a file of the spool, and any bytes as its first line under a checksum that is
 * right. What is refused leaves the caller's pair alone and says why; what is read is written and read
 * again as the same.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/crypto.h"
#include "worker/sealed_pair.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_same(const struct sealed_pair *a, const struct sealed_pair *b)
{
	assert(a->account_id == b->account_id && a->token_version == b->token_version);
	assert(strcmp(a->access_cell, b->access_cell) == 0);
	assert(strcmp(a->refresh_cell, b->refresh_cell) == 0);
	assert(!a->scope == !b->scope && (!a->scope || strcmp(a->scope, b->scope) == 0));
	assert(a->issued_at_us == b->issued_at_us && a->expires_at_us == b->expires_at_us);
	assert(a->refresh_expires_at_us == b->refresh_expires_at_us);
}

static void try_file(const char *bytes, size_t length)
{
	struct sealed_pair pair = {.account_id = -1}, again = {0};
	struct text written = {0};
	struct error err = {0};

	if (!sealed_pair_read(bytes, length, &pair, &err)) {
		assert(pair.account_id == -1 && !pair.access_cell && !pair.scope);
		assert(err.class == ERROR_BAD_MESSAGE && *err.text);
		return;
	}
	assert(pair.account_id > 0 && *pair.access_cell && *pair.refresh_cell);
	sealed_pair_write(&pair, &written);
	assert(sealed_pair_read(written.data, written.length, &again, &err));
	expect_same(&pair, &again);
	sealed_pair_finish(&again);
	sealed_pair_finish(&pair);
	text_finish(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char hash[CRYPTO_HASH_SIZE];
	char digits[2 * CRYPTO_HASH_SIZE + 1];
	struct text file = {0};

	try_file((const char *)data, size);
	crypto_sha256(data, size, hash);
	crypto_hex(hash, sizeof hash, digits);
	text_append_bytes(&file, data, size);
	text_append_format(&file, "\n%s\n", digits);
	try_file(file.data, file.length);
	text_finish(&file);
	return 0;
}
