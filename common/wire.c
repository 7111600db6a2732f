/* SPDX-License-Identifier: MIT */
/*
 * The members of messages. No state: any thread.
 */
#include "common/wire.h"

#include <ctype.h>
#include <string.h>

#include "common/clock.h"
#include "common/job_message.h"
#include "common/utf8.h"

bool wire_refuse(const char *name, const char *wrong, struct error *err)
{
	error_set(err, ERROR_BAD_MESSAGE, "%s: %s", name, wrong);
	return false;
}

static bool check_version(const struct json *message, struct error *err)
{
	int64_t version;

	if (json_integer(message, "v", &version) != JSON_FOUND)
		return wire_refuse("v", "missing, or not a whole number", err);
	if (version != 1) {
		error_set(err, ERROR_BAD_MESSAGE, "version %lld is not known", (long long)version);
		return false;
	}
	return true;
}

bool wire_parse(
	const char *body, size_t length, size_t max_bytes, struct json **message, struct error *err)
{
	struct json *document = NULL;

	if (length > max_bytes) {
		error_set(err, ERROR_BAD_MESSAGE, "%zu bytes, more than %zu", length, max_bytes);
		return false;
	}
	if (!json_parse(body, length, &document, err)) {
		err->class = ERROR_BAD_MESSAGE;
		return false;
	}
	if (!json_is_object(document)) {
		error_set(err, ERROR_BAD_MESSAGE, "not a JSON object");
		goto fail;
	}
	if (!check_version(document, err))
		goto fail;
	*message = document;
	return true;
fail:
	json_destroy(document);
	return false;
}

static bool refuse_absent_or(
	enum json_presence presence, const char *name, const char *wrong, struct error *err)
{
	return wire_refuse(name, presence == JSON_ABSENT ? "missing" : wrong, err);
}

bool wire_read_integer(const struct json *message, const char *name, int64_t min, int64_t max,
	int64_t *number, struct error *err)
{
	int64_t value = 0;
	enum json_presence presence = json_integer(message, name, &value);

	if (presence != JSON_FOUND)
		return refuse_absent_or(presence, name, "not a whole number of 64 bits", err);
	if (value < min || value > max) {
		error_set(err, ERROR_BAD_MESSAGE, "%s: %lld is not between %lld and %lld", name,
			(long long)value, (long long)min, (long long)max);
		return false;
	}
	*number = value;
	return true;
}

bool wire_read_boolean(const struct json *message, const char *name, bool *value, struct error *err)
{
	enum json_presence presence = json_boolean(message, name, value);

	return presence == JSON_FOUND ||
	       refuse_absent_or(presence, name, "neither true nor false", err);
}

bool wire_read_uuid(
	const struct json *message, const char *name, char uuid[UUID_TEXT_SIZE], struct error *err)
{
	const char *text = "";
	enum json_presence presence = json_string(message, name, UUID_TEXT_SIZE - 1, &text);

	if (presence != JSON_FOUND || !uuid_is_valid(text))
		return refuse_absent_or(presence, name, "not a UUID", err);
	for (size_t i = 0; i < UUID_TEXT_SIZE; i++)
		uuid[i] = (char)tolower((unsigned char)text[i]);
	return true;
}

bool wire_read_name(const struct json *message, const char *name, size_t max_characters,
	char *field, size_t size_bytes, struct error *err)
{
	const char *text = "";
	enum json_presence presence = json_string(message, name, size_bytes - 1, &text);

	if (presence == JSON_ABSENT)
		return wire_refuse(name, "missing", err);
	if (presence == JSON_WRONG || !*text || utf8_count(text) > max_characters) {
		error_set(err, ERROR_BAD_MESSAGE, "%s: not a text of 1 to %zu characters", name,
			max_characters);
		return false;
	}
	memcpy(field, text, strlen(text) + 1);
	return true;
}

bool wire_read_day(const struct json *message, const char *name, char *field, struct error *err)
{
	const char *text = "";
	enum json_presence presence = json_string(message, name, DAY_SIZE - 1, &text);

	if (presence != JSON_FOUND || !clock_is_day(text))
		return refuse_absent_or(presence, name, "not a day that exists (YYYY-MM-DD)", err);
	memcpy(field, text, DAY_SIZE);
	return true;
}

bool wire_read_moment(
	const struct json *message, const char *name, int64_t *unix_us, struct error *err)
{
	const char *text = "";
	enum json_presence presence = json_string(message, name, 64, &text);
	int64_t moment_us = 0;

	if (presence != JSON_FOUND || !clock_parse(text, &moment_us) || moment_us <= 0)
		return refuse_absent_or(presence, name, "not a moment of RFC 3339 after 1970", err);
	*unix_us = moment_us;
	return true;
}
