/* SPDX-License-Identifier: MIT */
/*
 * Token pairs as bytes. Pure functions, run by the fetcher (writing) and the claims (reading).
 */
#include "worker/sealed_pair.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/crypto.h"
#include "common/json.h"
#include "common/memory.h"
#include "common/wire.h"

#define TEXT_MAX    16384 /* bytes of a cell; the longest token that is kept has 4096 */
#define HASH_DIGITS (2 * (size_t)CRYPTO_HASH_SIZE)

void sealed_pair_finish(struct sealed_pair *pair)
{
	free(pair->access_cell);
	free(pair->refresh_cell);
	free(pair->scope);
	*pair = (struct sealed_pair){0};
}

static void hash_line(const char *line, size_t length, char digits[HASH_DIGITS + 1])
{
	unsigned char hash[CRYPTO_HASH_SIZE];

	crypto_sha256(line, length, hash);
	crypto_hex(hash, sizeof hash, digits);
}

static void append_string(struct text *file, const char *name, const char *string)
{
	text_append_format(file, ",\"%s\":\"", name);
	text_append_json(file, string);
	text_append_char(file, '"');
}

void sealed_pair_write(const struct sealed_pair *pair, struct text *file)
{
	char digits[HASH_DIGITS + 1];
	struct text line = {0};

	text_append_format(&line, "{\"v\":1,\"account_id\":%" PRId64 ",\"token_version\":%" PRId64,
		pair->account_id, pair->token_version);
	append_string(&line, "access_token", pair->access_cell);
	append_string(&line, "refresh_token", pair->refresh_cell);
	text_append_format(&line, ",\"issued_at_us\":%" PRId64 ",\"expires_at_us\":%" PRId64,
		pair->issued_at_us, pair->expires_at_us);
	if (pair->refresh_expires_at_us)
		text_append_format(
			&line, ",\"refresh_expires_at_us\":%" PRId64, pair->refresh_expires_at_us);
	if (pair->scope)
		append_string(&line, "scope", pair->scope);
	text_append_char(&line, '}');
	hash_line(line.data, line.length, digits);
	text_append_format(file, "%s\n%s\n", line.data, digits);
	text_finish(&line);
}

/* The length of the first line if the second one is its hash; 0: it is not. */
static size_t check_hash(const char *bytes, size_t length)
{
	const char *end = length ? memchr(bytes, '\n', length) : NULL;
	char digits[HASH_DIGITS + 1];
	size_t line;

	if (!end)
		return 0;
	line = (size_t)(end - bytes);
	if (length != line + 1 + HASH_DIGITS + 1 || bytes[length - 1] != '\n')
		return 0;
	hash_line(bytes, line, digits);
	return memcmp(digits, end + 1, HASH_DIGITS) == 0 ? line : 0;
}

static bool read_text(const struct json *document, const char *name, char **text, struct error *err)
{
	const char *found = NULL;

	if (json_string(document, name, TEXT_MAX, &found) != JSON_FOUND || !*found)
		return wire_refuse(name, "is missing or no text", err);
	*text = memory_copy_text(found);
	return true;
}

static bool read_members(const struct json *document, struct sealed_pair *pair, struct error *err)
{
	const char *scope = NULL;

	if (json_string(document, "scope", TEXT_MAX, &scope) == JSON_FOUND)
		pair->scope = memory_copy_text(scope);
	if (json_integer(document, "refresh_expires_at_us", &pair->refresh_expires_at_us) ==
		JSON_WRONG)
		return wire_refuse("refresh_expires_at_us", "is no number", err);
	return wire_read_integer(document, "account_id", 1, INT64_MAX, &pair->account_id, err) &&
	       wire_read_integer(
		       document, "token_version", 0, INT64_MAX, &pair->token_version, err) &&
	       wire_read_integer(
		       document, "issued_at_us", 1, INT64_MAX, &pair->issued_at_us, err) &&
	       wire_read_integer(
		       document, "expires_at_us", 1, INT64_MAX, &pair->expires_at_us, err) &&
	       read_text(document, "access_token", &pair->access_cell, err) &&
	       read_text(document, "refresh_token", &pair->refresh_cell, err);
}

bool sealed_pair_read(const char *bytes, size_t length, struct sealed_pair *pair, struct error *err)
{
	size_t line = check_hash(bytes, length);
	struct sealed_pair read = {0};
	struct json *document = NULL;
	bool ok = false;

	if (!line) {
		error_set(err, ERROR_BAD_MESSAGE,
			"it is damaged, or was never whole: its checksum is wrong");
		return false;
	}
	ok = wire_parse(bytes, line, SEALED_PAIR_MAX, &document, err) &&
	     read_members(document, &read, err);
	json_destroy(document);
	if (!ok) {
		sealed_pair_finish(&read);
		return false;
	}
	*pair = read;
	return true;
}
