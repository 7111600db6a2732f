/* SPDX-License-Identifier: MIT */
/*
 * Strict JSON over json-c: json_syntax.c checks the bytes, json-c builds the tree, and the readers
 * here check type and range of each member. A document belongs to one thread at a time.
 */
#include "common/json.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

/* json-c has a type of the name of our json_object(): it goes by another name in this file. */
#define json_object json_c_object
#include <json-c/json.h>
#undef json_object

#include "common/json_syntax.h"

static struct json_c_object *inside(const struct json *value)
{
	/* json-c's readers take pointers that are not const; none of those used here writes. */
	return (struct json_c_object *)(uintptr_t)value;
}

/* The member, NULL when there is none or it is null, which json-c does not tell apart. */
static struct json_c_object *member(const struct json *object, const char *name)
{
	struct json_c_object *found = NULL;

	if (json_is_object(object))
		json_object_object_get_ex(inside(object), name, &found);
	return found;
}

static size_t count_members(struct json_c_object *value)
{
	size_t count = 0;

	if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++)
			count += count_members(json_object_array_get_idx(value, i));
	} else if (json_object_is_type(value, json_type_object)) {
		struct json_object_iterator at = json_object_iter_begin(value);
		struct json_object_iterator end = json_object_iter_end(value);

		for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at))
			count += 1 + count_members(json_object_iter_peek_value(&at));
	}
	return count;
}

static bool build_tree(
	const char *bytes, size_t length, struct json_c_object **tree, struct error *err)
{
	/* json-c counts the innermost value as one more level. */
	struct json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH_MAX + 1);
	enum json_tokener_error fault;

	assert(tokener);
	/* JSON_TOKENER_VALIDATE_UTF8 is left out: it checks less than json_syntax.c just did. */
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	*tree = json_tokener_parse_ex(tokener, bytes, (int)length);
	fault = json_tokener_get_error(tokener);
	if (fault == json_tokener_continue) {
		/* A number at the end might go on: only a terminator tells that it does not. */
		*tree = json_tokener_parse_ex(tokener, "", 1);
		fault = json_tokener_get_error(tokener);
	}
	json_tokener_free(tokener);
	if (fault != json_tokener_success)
		error_set(err, ERROR_BAD_REPLY, "not JSON: %s", json_tokener_error_desc(fault));
	return fault == json_tokener_success;
}

bool json_parse(const char *bytes, size_t length, struct json **document, struct error *err)
{
	struct json_c_object *tree = NULL;
	size_t members;

	if (length > INT_MAX) {
		error_set(err, ERROR_BAD_REPLY, "not JSON: longer than %d bytes", INT_MAX);
		return false;
	}
	if (!json_syntax_check(bytes, length, JSON_DEPTH_MAX, &members, err))
		return false;
	if (!build_tree(bytes, length, &tree, err))
		return false;
	/*
	 * Of two members of one name json-c keeps the last, so the tree then holds fewer than the
	 * text.
	 */
	if (count_members(tree) != members) {
		json_object_put(tree);
		error_set(err, ERROR_BAD_REPLY, "not JSON: two members have the same name");
		return false;
	}
	*document = (struct json *)tree;
	return true;
}

void json_destroy(struct json *document)
{
	json_object_put(inside(document));
}

struct json *json_object(const struct json *object, const char *name)
{
	struct json_c_object *found = member(object, name);

	return json_object_is_type(found, json_type_object) ? (struct json *)found : NULL;
}

struct json *json_array(const struct json *object, const char *name)
{
	struct json_c_object *found = member(object, name);

	return json_object_is_type(found, json_type_array) ? (struct json *)found : NULL;
}

size_t json_array_length(const struct json *array)
{
	return json_object_is_type(inside(array), json_type_array)
		       ? json_object_array_length(inside(array))
		       : 0;
}

struct json *json_array_at(const struct json *array, size_t index)
{
	assert(index < json_array_length(array));
	return (struct json *)json_object_array_get_idx(inside(array), index);
}

bool json_is_object(const struct json *value)
{
	return json_object_is_type(inside(value), json_type_object);
}

enum json_presence json_string(
	const struct json *object, const char *name, size_t max_bytes, const char **string)
{
	struct json_c_object *found = member(object, name);
	const char *bytes;
	size_t length;

	if (!found)
		return JSON_ABSENT;
	if (!json_object_is_type(found, json_type_string))
		return JSON_WRONG;
	bytes = json_object_get_string(found);
	length = (size_t)json_object_get_string_len(found);
	if (length > max_bytes || memchr(bytes, '\0', length))
		return JSON_WRONG;
	*string = bytes;
	return JSON_FOUND;
}

enum json_presence json_saturated_integer(
	const struct json *object, const char *name, int64_t *number)
{
	struct json_c_object *found = member(object, name);

	if (!found)
		return JSON_ABSENT;
	if (!json_object_is_type(found, json_type_int))
		return JSON_WRONG;
	*number = json_object_get_int64(found);
	return JSON_FOUND;
}

enum json_presence json_integer(const struct json *object, const char *name, int64_t *number)
{
	int64_t value;
	enum json_presence presence = json_saturated_integer(object, name, &value);

	if (presence != JSON_FOUND)
		return presence;
	/*
	 * json-c keeps what is too large as a number above INT64_MAX, and what is too small as
	 * INT64_MIN.
	 */
	if (value == INT64_MIN)
		return JSON_WRONG;
	if (value == INT64_MAX && json_object_get_uint64(member(object, name)) != INT64_MAX)
		return JSON_WRONG;
	*number = value;
	return JSON_FOUND;
}

/* One to eighteen digits: always less than INT64_MAX. */
static bool read_digits(const char *digits, int64_t *number)
{
	size_t length = strspn(digits, "0123456789");
	int64_t value = 0;

	if (length == 0 || length > 18 || digits[length])
		return false;
	for (; *digits; digits++)
		value = value * 10 + (*digits - '0');
	*number = value;
	return true;
}

enum json_presence json_lenient_integer(
	const struct json *object, const char *name, int64_t *number)
{
	const char *digits;

	if (json_string(object, name, 18, &digits) != JSON_FOUND)
		return json_integer(object, name, number);
	return read_digits(digits, number) ? JSON_FOUND : JSON_WRONG;
}

enum json_presence json_boolean(const struct json *object, const char *name, bool *value)
{
	struct json_c_object *found = member(object, name);

	if (!found)
		return JSON_ABSENT;
	if (!json_object_is_type(found, json_type_boolean))
		return JSON_WRONG;
	*value = json_object_get_boolean(found);
	return JSON_FOUND;
}

void json_set_integer(struct json *object, const char *name, int64_t number)
{
	json_object_object_add(inside(object), name, json_object_new_int64(number));
}

void json_set_boolean(struct json *object, const char *name, bool value)
{
	json_object_object_add(inside(object), name, json_object_new_boolean(value));
}

void json_set_string(struct json *object, const char *name, const char *string)
{
	json_object_object_add(inside(object), name, json_object_new_string(string));
}

void json_remove(struct json *object, const char *name)
{
	json_object_object_del(inside(object), name);
}

void json_write(const struct json *value, struct text *out)
{
	size_t length;
	const char *bytes = json_object_to_json_string_length(
		inside(value), JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &length);

	assert(bytes);
	text_append_bytes(out, bytes, length);
}
