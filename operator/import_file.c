/* SPDX-License-Identifier: MIT */
/*
 * Reading a file of accounts. It holds tokens: every copy is wiped. One thread.
 */
#include "operator/import_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/json.h"

#define FILE_MAX   ((size_t)64 << 20)
#define CHUNK      ((size_t)65536)
#define STRING_MAX 65536

/* A growing text that is wiped whenever it moves. */
static void grow(struct text *content)
{
	struct text larger = {0};

	if (content->capacity - content->length > CHUNK)
		return;
	text_reserve(&larger, 2 * content->length + 2 * CHUNK);
	text_append_bytes(&larger, text_string(content), content->length);
	text_finish_secret(content);
	*content = larger;
}

static bool read_all(int fd, struct text *content)
{
	ssize_t got;

	do {
		grow(content);
		got = read(fd, content->data + content->length, CHUNK);
		if (got > 0)
			content->length += (size_t)got;
		if (content->length > FILE_MAX) {
			errno = EFBIG;
			return false;
		}
	} while (got > 0 || (got < 0 && errno == EINTR));
	content->data[content->length] = '\0';
	return got == 0;
}

static bool read_file(const char *path, struct text *content, struct error *err)
{
	bool is_input = strcmp(path, "-") == 0;
	int fd = is_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	bool ok = fd >= 0 && read_all(fd, content);

	if (!ok)
		error_set(err, ERROR_SETTINGS, "cannot read %s: %s",
			is_input ? "standard input" : path, strerror(errno));
	if (fd >= 0 && !is_input)
		close(fd);
	if (ok && strlen(text_string(content)) != content->length) {
		error_set(err, ERROR_SETTINGS, "%s holds NUL bytes: it is neither CSV nor JSON",
			path);
		ok = false;
	}
	return ok;
}

/* ---- JSON ---- */

/* Numbers are taken, too: times are often written so. */
static void read_member(struct import_rows *rows, struct import_row *row, const struct json *object,
	const char *name)
{
	enum import_field field = import_field_named(name, strlen(name));
	const char *string = NULL;
	struct text digits = {0};
	int64_t number;

	if (row->fields[field])
		return; /* by a name of higher rank */
	switch (json_string(object, name, STRING_MAX, &string)) {
	case JSON_FOUND:
		import_row_set(row, field, string, strlen(string));
		break;
	case JSON_ABSENT:
		break;
	case JSON_WRONG:
	default:
		if (json_integer(object, name, &number) == JSON_FOUND) {
			text_append_format(&digits, "%lld", (long long)number);
			import_row_set(row, field, digits.data, digits.length);
		} else {
			import_rows_fault(
				rows, row->place, "%s is neither text nor a number", name);
		}
	}
	text_finish(&digits);
}

static void read_object(struct import_rows *rows, struct import_row *row, const struct json *object)
{
	static const char *const members[] = {"store_code", "store", "open_id", "access_token",
		"access_token_enc", "encrypted_access_token", "refresh_token", "refresh_token_enc",
		"encrypted_refresh_token", "token_expires_at", "token_expired_at", "expires_at",
		"refresh_token_expires_at", "refresh_token_expired_at", "refresh_expires_at",
		"scope", "scopes", "display_name", "avatar_url", "status"};

	for (size_t i = 0; i < sizeof members / sizeof *members; i++)
		read_member(rows, row, object, members[i]);
}

bool import_json_read(const char *text, size_t length, struct import_rows *rows, struct error *err)
{
	struct text wrapped = {0};
	struct json *document = NULL, *array;
	bool ok;

	rows->place_name = "element";
	/* common/json reads members: an array by itself becomes one. */
	if (text[strspn(text, " \t\r\n")] == '[') {
		text_reserve(&wrapped, length + 32);
		text_append(&wrapped, "{\"accounts\":");
		text_append_bytes(&wrapped, text, length);
		text_append(&wrapped, "}");
		text = wrapped.data;
		length = wrapped.length;
	}
	ok = json_parse(text, length, &document, err);
	text_finish_secret(&wrapped);
	array = ok ? json_array(document, "accounts") : NULL;
	if (!ok)
		error_wrap(err, "this is not JSON");
	else if (!array)
		error_set(err, ERROR_SETTINGS,
			"the JSON is neither an array of accounts nor an object with one as its member accounts");
	for (size_t i = 0; array && i < json_array_length(array); i++) {
		const struct json *object = json_array_at(array, i);
		struct import_row *row;

		if (!json_is_object(object)) {
			import_rows_fault(rows, i + 1, "it is not an object");
			continue;
		}
		row = import_rows_add(rows, i + 1);
		read_object(rows, row, object);
	}
	json_destroy(document);
	return array != NULL;
}

/* ---- */

bool import_file_read(
	const char *path, enum import_format format, struct import_rows *rows, struct error *err)
{
	static const char mark[] =
		"\xef\xbb\xbf"; /* the byte order mark that some programs put first */
	struct text content = {0};
	bool ok = read_file(path, &content, err);
	char *text = content.data;

	if (!ok)
		goto out;
	if (strncmp(text, mark, 3) == 0)
		text += 3;
	if (format == IMPORT_BY_CONTENT) {
		char first = text[strspn(text, " \t\r\n")];

		format = first == '[' || first == '{' ? IMPORT_JSON : IMPORT_CSV;
	}
	ok = format == IMPORT_JSON ? import_json_read(text, strlen(text), rows, err)
				   : import_csv_read(text, rows, err);
out:
	text_finish_secret(&content);
	return ok;
}
