/* SPDX-License-Identifier: MIT */
/*
 * Gathering and judging rows. One thread.
 */
#include "operator/import_rows.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/crypto.h"
#include "common/memory.h"
#include "common/utf8.h"
#include "operator/account_row.h"
#include "operator/import_order.h"

#define FAULTS_SHOWN 50
#define TOKEN_MAX    4096
#define CELL_MIN     40 /* base64 of iv, tag and one byte */

/* Each field's names, the first one ours; the others are the older program's, or plain guesses. */
static const char *const names[IMPORT_FIELDS][5] = {
	[IMPORT_STORE] = {"store_code", "store"},
	[IMPORT_OPEN_ID] = {"open_id"},
	[IMPORT_ACCESS] = {"access_token", "access_token_enc", "encrypted_access_token"},
	[IMPORT_REFRESH] = {"refresh_token", "refresh_token_enc", "encrypted_refresh_token"},
	[IMPORT_EXPIRES_AT] = {"token_expires_at", "token_expired_at", "expires_at"},
	[IMPORT_REFRESH_EXPIRES_AT] = {"refresh_token_expires_at", "refresh_token_expired_at",
		"refresh_expires_at"},
	[IMPORT_SCOPE] = {"scope", "scopes"},
	[IMPORT_NAME] = {"display_name"},
	[IMPORT_AVATAR] = {"avatar_url"},
	[IMPORT_STATUS] = {"status"},
};

/* Characters that the column takes; 0: bytes, TOKEN_MAX at most. */
static const size_t characters_max[IMPORT_FIELDS] = {
	[IMPORT_STORE] = 50,
	[IMPORT_OPEN_ID] = 100,
	[IMPORT_EXPIRES_AT] = 64,
	[IMPORT_REFRESH_EXPIRES_AT] = 64,
	[IMPORT_SCOPE] = 1000,
	[IMPORT_NAME] = 255,
	[IMPORT_AVATAR] = 4000,
	[IMPORT_STATUS] = 64,
};

enum import_field import_field_named(const char *name, size_t length)
{
	for (int field = 0; field < IMPORT_FIELDS; field++)
		for (const char *const *at = names[field]; *at; at++)
			if (strlen(*at) == length && strncasecmp(*at, name, length) == 0)
				return (enum import_field)field;
	return IMPORT_FIELDS;
}

const char *import_field_name(enum import_field field)
{
	return names[field][0];
}

/* ---- Gathering ---- */

struct import_row *import_rows_add(struct import_rows *rows, size_t place)
{
	if (rows->count == rows->capacity) {
		rows->capacity = rows->capacity ? 2 * rows->capacity : 64;
		rows->list = memory_resize(rows->list, rows->capacity, sizeof *rows->list);
	}
	rows->list[rows->count] = (struct import_row){.place = place};
	return &rows->list[rows->count++];
}

void import_row_set(
	struct import_row *row, enum import_field field, const char *value, size_t length)
{
	memory_free_secret(row->fields[field]);
	row->fields[field] = length > 0 ? memory_copy_bytes(value, length) : NULL;
}

struct import_store *import_rows_add_store(struct import_rows *rows)
{
	rows->stores = memory_resize(rows->stores, rows->store_count + 1, sizeof *rows->stores);
	rows->stores[rows->store_count] = (struct import_store){0};
	return &rows->stores[rows->store_count++];
}

void import_rows_finish(struct import_rows *rows)
{
	for (size_t i = 0; i < rows->count; i++)
		for (int field = 0; field < IMPORT_FIELDS; field++)
			memory_free_secret(rows->list[i].fields[field]);
	for (size_t i = 0; i < rows->store_count; i++) {
		struct import_store *store = &rows->stores[i];

		free(store->id);
		free(store->code);
		free(store->name);
		free(store->pic);
		free(store->contact);
	}
	free(rows->list);
	free(rows->stores);
	text_finish(&rows->faults);
	*rows = (struct import_rows){0};
}

void import_rows_fault(struct import_rows *rows, size_t place, const char *format, ...)
{
	char sentence[600];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(sentence, sizeof sentence, format, arguments);
	va_end(arguments);
	if (++rows->fault_count > FAULTS_SHOWN)
		return;
	text_append_format(&rows->faults, "%s %zu: ", rows->place_name, place);
	utf8_append_clean(sentence, strlen(sentence), &rows->faults);
	text_append(&rows->faults, "\n");
}

/* ---- Judging ---- */

/* RFC 3339 as the older program's exports and PostgreSQL write it, or seconds or milliseconds since 1970. */
static bool read_moment(const char *text, int64_t *unix_us)
{
	char moment[80];
	size_t length = strlen(text), digits = strspn(text, "0123456789");

	if (length >= 9 && length <= 14 && digits == length) {
		*unix_us = strtoll(text, NULL, 10) * (length > 11 ? 1000 : 1000000);
		return true;
	}
	if (length < 19 || length > sizeof moment - 7)
		return false;
	memcpy(moment, text, length + 1);
	moment[10] = 'T';
	if (!strpbrk(moment + 19, "Zz+-")) /* without a time zone: UTC */
		memcpy(moment + length, "Z", 2);
	else if (length >= 22 && (moment[length - 3] == '+' || moment[length - 3] == '-'))
		memcpy(moment + length, ":00", 4); /* "+07" */
	return clock_parse(moment, unix_us);
}

static void judge_moment(struct import_rows *rows, const struct import_row *row,
	enum import_field field, int64_t *unix_us)
{
	const char *value = row->fields[field];

	if (value && !read_moment(value, unix_us))
		import_rows_fault(rows, row->place,
			"%s is \"%s\" but must be a time such as 2026-01-31T12:00:00Z, or seconds since 1970",
			names[field][0], value);
}

static bool is_plain_token(const char *value)
{
	for (const char *at = value; *at; at++)
		if (!isgraph((unsigned char)*at))
			return false;
	return true;
}

/* A cell of the older program has neither a mark nor the letters that keep tokens from being base64. */
static bool looks_like_cell(const char *value)
{
	struct text bytes = {0};
	bool is_base64;

	if (strncmp(value, "v1:", 3) == 0)
		return true;
	if (strchr(value, ':'))
		return strspn(value, "0123456789abcdefABCDEF:") == strlen(value);
	is_base64 = strlen(value) >= CELL_MIN && crypto_unbase64(value, strlen(value), &bytes);
	text_finish_secret(&bytes);
	return is_base64;
}

/* Put our cell in the place of a token, or of a cell of whatever format. */
static void seal_token(struct import_rows *rows, struct import_row *row,
	const struct token_cipher *cipher, enum import_field field)
{
	enum token_column column = field == IMPORT_ACCESS ? TOKEN_ACCESS : TOKEN_REFRESH;
	const char *store = row->fields[IMPORT_STORE], *open_id = row->fields[IMPORT_OPEN_ID];
	const char *value = row->fields[field];
	struct text token = {0}, cell = {0};
	struct error err;

	if (!looks_like_cell(value))
		text_append(&token, value);
	else if (!token_cipher_open(cipher, store, open_id, column, value, &token, &err))
		import_rows_fault(
			rows, row->place, "%s cannot be read: %s", names[field][0], err.text);
	if (token.length > 0 && is_plain_token(token.data)) {
		token_cipher_seal(cipher, store, open_id, column, token.data, &cell);
		import_row_set(row, field, cell.data, cell.length);
	} else if (token.length > 0) {
		import_rows_fault(rows, row->place, "%s is not a token", names[field][0]);
	}
	text_finish_secret(&token);
	text_finish(&cell);
}

static bool judge_text(
	struct import_rows *rows, const struct import_row *row, enum import_field field)
{
	const char *value = row->fields[field];
	size_t max = characters_max[field];
	bool is_token = field == IMPORT_ACCESS || field == IMPORT_REFRESH;

	if (!value && field <= IMPORT_REFRESH) {
		import_rows_fault(rows, row->place, "%s is missing", names[field][0]);
		return false;
	}
	if (!value)
		return true;
	for (const char *at = value; *at; at++)
		if (iscntrl((unsigned char)*at)) {
			import_rows_fault(
				rows, row->place, "%s holds control characters", names[field][0]);
			return false;
		}
	if (is_token ? strlen(value) <= TOKEN_MAX
		     : utf8_is_valid(value, strlen(value)) && utf8_count(value) <= max)
		return true;
	import_rows_fault(rows, row->place, "%s is longer than %zu characters, or not UTF-8",
		names[field][0], is_token ? (size_t)TOKEN_MAX : max);
	return false;
}

/* A state of ours is kept; other programs' words for "it works" are many. */
static void judge_status(struct import_row *row)
{
	static const char *const known[] = {"NEED_RECONNECT", "ERROR", "DISABLED"};
	const char *status = row->fields[IMPORT_STATUS];

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (status && strcasecmp(status, known[i]) == 0) {
			import_row_set(row, IMPORT_STATUS, known[i], strlen(known[i]));
			return;
		}
	import_row_set(row, IMPORT_STATUS, "CONNECTED", strlen("CONNECTED"));
}

/* Without its scopes an account is refreshed before anything else, and TikTok tells them. */
static void suppose_scopes(struct import_row *row)
{
	struct text wanted = {0};

	if (row->fields[IMPORT_SCOPE])
		return;
	account_append_wanted_scopes(&wanted);
	import_row_set(row, IMPORT_SCOPE, wanted.data, wanted.length);
	text_finish(&wanted);
	row->expires_us = 0;
}

static void judge(struct import_rows *rows, struct import_row *row,
	const struct token_cipher *cipher, const char *default_store)
{
	bool ok = true;

	if (!row->fields[IMPORT_STORE] && default_store)
		import_row_set(row, IMPORT_STORE, default_store, strlen(default_store));
	for (int field = 0; field < IMPORT_FIELDS; field++)
		ok &= judge_text(rows, row, (enum import_field)field);
	judge_moment(rows, row, IMPORT_EXPIRES_AT, &row->expires_us);
	judge_moment(rows, row, IMPORT_REFRESH_EXPIRES_AT, &row->refresh_expires_us);
	judge_status(row);
	suppose_scopes(row);
	if (!ok)
		return;
	seal_token(rows, row, cipher, IMPORT_ACCESS);
	seal_token(rows, row, cipher, IMPORT_REFRESH);
}

bool import_rows_seal(
	struct import_rows *rows, const struct token_cipher *cipher, const char *default_store)
{
	for (size_t i = 0; i < rows->count; i++)
		judge(rows, &rows->list[i], cipher, default_store);
	import_rows_find_repeated(rows);
	if (rows->fault_count > FAULTS_SHOWN)
		text_append_format(
			&rows->faults, "and %zu more faults\n", rows->fault_count - FAULTS_SHOWN);
	return rows->fault_count == 0;
}
