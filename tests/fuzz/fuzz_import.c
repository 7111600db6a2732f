/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: any text as a file of accounts, CSV and JSON. A row that is judged good has every field
 * that an account needs, and cells of ours in the place of its tokens.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "operator/import_file.h"

#define KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge(struct import_rows *rows, const struct token_cipher *cipher)
{
	bool ok = import_rows_seal(rows, cipher, "store-1");

	assert(ok == (rows->faults.length == 0));
	for (size_t i = 0; ok && i < rows->count; i++) {
		char **fields = rows->list[i].fields;

		assert(fields[IMPORT_STORE] && fields[IMPORT_OPEN_ID] && fields[IMPORT_SCOPE]);
		assert(fields[IMPORT_STATUS]);
		assert(token_cipher_is_current(cipher, fields[IMPORT_ACCESS]));
		assert(token_cipher_is_current(cipher, fields[IMPORT_REFRESH]));
	}
	import_rows_finish(rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct token_cipher *cipher = NULL;
	struct import_rows rows = {0};
	char *text = memory_copy_bytes(data, size);
	struct error err;

	assert(token_cipher_create(KEY, NULL, &cipher, &err));
	if (import_json_read(text, strlen(text), &rows, &err))
		judge(&rows, cipher);
	import_rows_finish(&rows);
	if (import_csv_read(text, &rows, &err)) /* changes the text */
		judge(&rows, cipher);
	import_rows_finish(&rows);
	token_cipher_destroy(cipher);
	free(text);
	return 0;
}
