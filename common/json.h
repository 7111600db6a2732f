/* SPDX-License-Identifier: MIT */
/*
 * Strict reading of JSON: RFC 8259 with valid UTF-8, no comments, no trailing bytes, depth and size
 * bounded. Members are asked for by name, type and limit, so that a reader states its whole format.
 * json-c underneath.
 * Threads: a document belongs to one thread at a time.
 */
#ifndef COMMON_JSON_H
#define COMMON_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/text.h"

#define JSON_DEPTH_MAX 16

struct json; /* a value inside a document; json-c's json_object */

/*
 * Parse exactly one value out of length bytes (need not be terminated).
 *
 * Owns:  the caller ends *document with json_destroy(); values got from it are borrowed from it.
 *        *document is NULL when the value is null; every reader takes that as "not an object".
 * Fails: bad_reply - not JSON, not UTF-8, too deep, a name twice in an object, or followed by more; the text says
 *        where, never quoting the input.
 */
bool json_parse(const char *bytes, size_t length, struct json **document, struct error *err);
void json_destroy(struct json *document); /* NULL: nothing to do */

enum json_presence {
	JSON_ABSENT, /* no such member, or null */
	JSON_FOUND,
	JSON_WRONG, /* another type, or beyond the limit */
};

/* A member that is an object; NULL: absent or another type. */
struct json *json_object(const struct json *object, const char *name);
/* A member that is an array; NULL: absent or another type. */
struct json *json_array(const struct json *object, const char *name);
size_t json_array_length(const struct json *array);
/* index is below the length. NULL: the value is null. */
struct json *json_array_at(const struct json *array, size_t index);
bool json_is_object(const struct json *value);

/*
 * A string of at most max_bytes without NUL bytes. *string is borrowed from the document, and
 * always valid UTF-8: half of a surrogate pair, which texts cut by UTF-16 programs end with, has
 * become U+FFFD.
 */
enum json_presence json_string(
	const struct json *object, const char *name, size_t max_bytes, const char **string);
/*
 * A whole number above INT64_MIN, at most INT64_MAX; one written with a fraction or exponent is
 * JSON_WRONG.
 */
enum json_presence json_integer(const struct json *object, const char *name, int64_t *number);
/* As json_integer(), but a whole number beyond int64 becomes the nearest one. */
enum json_presence json_saturated_integer(
	const struct json *object, const char *name, int64_t *number);
/*
 * As json_integer(), also accepting a string of at most 18 digits: TikTok's token lifetimes have
 * been seen so.
 */
enum json_presence json_lenient_integer(
	const struct json *object, const char *name, int64_t *number);
enum json_presence json_boolean(const struct json *object, const char *name, bool *value);

/*
 * Writing goes through struct text: text_append_json() escapes. These are for documents whose
 * unknown members must be passed on. They survive as they are, but a whole number beyond 64 bits,
 * which json-c saturates.
 */
void json_set_integer(struct json *object, const char *name, int64_t number);
void json_set_boolean(struct json *object, const char *name, bool value);
void json_set_string(struct json *object, const char *name, const char *string);
void json_remove(struct json *object, const char *name); /* absent: nothing to do */
void json_write(const struct json *value, struct text *out);

#endif
