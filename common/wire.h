/* SPDX-License-Identifier: MIT */
/*
 * What the readers of messages share: each function reads one required member, holds it against its
 * limit, and fails with bad_message, naming the member but never quoting it.
 * Threads: any.
 */
#ifndef COMMON_WIRE_H
#define COMMON_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/crypto.h"
#include "common/error.h"
#include "common/json.h"

/* Parse a body of at most max_bytes that is an object with "v":1. Owns: the caller ends *message. */
bool wire_parse(const char *body, size_t length, size_t max_bytes, struct json **message,
	struct error *err);

bool wire_read_integer(const struct json *message, const char *name, int64_t min, int64_t max,
	int64_t *number, struct error *err);
bool wire_read_boolean(
	const struct json *message, const char *name, bool *value, struct error *err);
/* Lower case, whatever case it came in. */
bool wire_read_uuid(
	const struct json *message, const char *name, char uuid[UUID_TEXT_SIZE], struct error *err);
/* 1 to max_characters characters that fit a field of size_bytes. */
bool wire_read_name(const struct json *message, const char *name, size_t max_characters,
	char *field, size_t size_bytes, struct error *err);
/* A calendar day; the field has DAY_SIZE bytes. */
bool wire_read_day(const struct json *message, const char *name, char *field, struct error *err);
/* RFC 3339, after 1970: 0 always means "not yet". */
bool wire_read_moment(
	const struct json *message, const char *name, int64_t *unix_us, struct error *err);

/* Fill *err with "<name>: <what is wrong>"; returns false. */
bool wire_refuse(const char *name, const char *wrong, struct error *err);

#endif
