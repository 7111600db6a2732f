/* SPDX-License-Identifier: MIT */
/*
 * Columns of values in PostgreSQL's binary array format: a header of five 32-bit numbers
 * (dimensions, has NULLs, element type, length, lower bound), then each element's length (-1: NULL)
 * and bytes, all in network order. The header's room is kept free at the front and filled in when
 * the array is sent. An array belongs to one thread.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <ctype.h>
#include <endian.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/db.h"
#include "common/db_internal.h"

/* PostgreSQL counts time from 2000-01-01: so many days and microseconds after 1970-01-01. */
#define EPOCH_DAYS 10957
#define EPOCH_US   (EPOCH_DAYS * 86400LL * 1000000)

static void append_int32(struct text *bytes, int32_t number)
{
	uint32_t ordered = htonl((uint32_t)number);

	text_append_bytes(bytes, &ordered, sizeof ordered);
}

static void append_int64(struct text *bytes, int64_t number)
{
	uint64_t ordered = htobe64((uint64_t)number);

	text_append_bytes(bytes, &ordered, sizeof ordered);
}

void db_array_init(struct db_array *array, enum db_type type)
{
	*array = (struct db_array){.type = type};
	db_array_clear(array);
}

void db_array_finish(struct db_array *array)
{
	text_finish(&array->bytes);
	*array = (struct db_array){0};
}

void db_array_clear(struct db_array *array)
{
	static const char header[DB_ARRAY_HEADER_SIZE];

	text_clear(&array->bytes);
	text_append_bytes(&array->bytes, header, sizeof header);
	array->count = 0;
	array->has_null = false;
}

void db_array_null(struct db_array *array)
{
	append_int32(&array->bytes, -1);
	array->has_null = true;
	array->count++;
}

void db_array_text(struct db_array *array, const char *text)
{
	size_t length;

	assert(array->type == DB_TEXT);
	if (!text) {
		db_array_null(array);
		return;
	}
	length = strlen(text);
	assert(length <= INT32_MAX);
	append_int32(&array->bytes, (int32_t)length);
	text_append_bytes(&array->bytes, text, length);
	array->count++;
}

static int32_t saturate(int64_t number)
{
	if (number > INT32_MAX)
		return INT32_MAX;
	return number < INT32_MIN ? INT32_MIN : (int32_t)number;
}

void db_array_integer(struct db_array *array, int64_t number)
{
	assert(array->type == DB_INT4 || array->type == DB_INT8 || array->type == DB_TIMESTAMPTZ);
	if (array->type == DB_INT4) {
		append_int32(&array->bytes, sizeof(int32_t));
		append_int32(&array->bytes, saturate(number));
	} else {
		append_int32(&array->bytes, sizeof(int64_t));
		append_int64(
			&array->bytes, array->type == DB_TIMESTAMPTZ ? number - EPOCH_US : number);
	}
	array->count++;
}

void db_array_boolean(struct db_array *array, bool value)
{
	assert(array->type == DB_BOOL);
	append_int32(&array->bytes, 1);
	text_append_char(&array->bytes, value ? 1 : 0);
	array->count++;
}

static unsigned char hex_digit(char c)
{
	assert(isxdigit((unsigned char)c));
	if (c <= '9')
		return (unsigned char)(c - '0');
	return (unsigned char)((c | 0x20) - 'a' + 10);
}

void db_array_uuid(struct db_array *array, const char *uuid)
{
	unsigned char bytes[16];
	const char *digit = uuid;

	assert(array->type == DB_UUID && strlen(uuid) == 36);
	for (size_t i = 0; i < sizeof bytes; i++) {
		if (*digit == '-')
			digit++;
		bytes[i] = (unsigned char)(hex_digit(digit[0]) << 4 | hex_digit(digit[1]));
		digit += 2;
	}
	append_int32(&array->bytes, sizeof bytes);
	text_append_bytes(&array->bytes, bytes, sizeof bytes);
	array->count++;
}

void db_array_day(struct db_array *array, const char *day)
{
	struct tm date = {0};

	assert(array->type == DB_DATE && clock_is_day(day));
	strptime(day, "%Y-%m-%d", &date);
	append_int32(&array->bytes, sizeof(int32_t));
	append_int32(&array->bytes, (int32_t)(timegm(&date) / 86400 - EPOCH_DAYS));
	array->count++;
}

void db_array_complete(struct db_array *array)
{
	int32_t header[] = {1, array->has_null, (int32_t)db_type_oid(array->type), array->count, 1};

	static_assert(sizeof header == DB_ARRAY_HEADER_SIZE, "five numbers");
	for (size_t i = 0; i < sizeof header / sizeof header[0]; i++)
		header[i] = (int32_t)htonl((uint32_t)header[i]);
	memcpy(array->bytes.data, header, sizeof header);
}
