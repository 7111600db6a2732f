/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: any text as the query that a browser brings to the redirect address, and as that
 * address. Without our state nothing is an answer, whatever else it says; words that are shown hold no
 * control characters.
 */
#include <assert.h>
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "operator/redirect.h"

#define STATE "0123456789abcdef"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_query(const char *query)
{
	struct redirect redirect;
	struct error err = {0};

	if (redirect_read(query, &redirect, &err)) {
		enum redirect_verdict verdict = redirect_judge(&redirect, STATE, &err);

		assert((verdict == REDIRECT_STRANGER) ==
			!(redirect.state && strcmp(redirect.state, STATE) == 0));
		if (verdict == REDIRECT_GRANTED)
			assert(*redirect.code && !redirect.error);
	}
	for (const char *at = err.text; *at; at++)
		assert(!iscntrl((unsigned char)*at));
	redirect_finish(&redirect);
}

static void try_address(const char *address)
{
	struct redirect_uri read;
	struct text written = {0};
	struct error err;

	if (redirect_uri_read(address, &read, &err)) {
		assert(read.path[0] == '/');
		assert(!read.is_plain || read.is_loopback);
		redirect_uri_write(address, 8080, &written);
		assert(redirect_uri_read(text_string(&written), &read, &err) ||
			written.length >= REDIRECT_URI_SIZE);
	}
	text_finish(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = memory_copy_bytes(data, size);

	try_query(text);
	try_address(text);
	free(text);
	return 0;
}
