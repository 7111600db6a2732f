/* SPDX-License-Identifier: MIT */
/*
 * The growing byte string. One owner at a time, no locks.
 */
#include "common/text.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/utf8.h"

void text_finish(struct text *text)
{
	free(text->data);
	*text = (struct text){0};
}

void text_finish_secret(struct text *text)
{
	if (text->data)
		explicit_bzero(text->data, text->capacity);
	text_finish(text);
}

void text_clear(struct text *text)
{
	text->length = 0;
	if (text->data)
		text->data[0] = '\0';
}

char *text_reserve(struct text *text, size_t more)
{
	size_t wanted = text->length + more + 1;

	if (wanted > text->capacity) {
		size_t capacity = text->capacity ? text->capacity : 64;

		while (capacity < wanted)
			capacity += capacity / 2 + 64;
		text->data = memory_resize(text->data, capacity, 1);
		text->capacity = capacity;
	}
	return text->data + text->length;
}

void text_append(struct text *text, const char *string)
{
	text_append_bytes(text, string, strlen(string));
}

void text_append_bytes(struct text *text, const void *bytes, size_t length)
{
	char *end = text_reserve(text, length);

	if (length)
		memcpy(end, bytes, length);
	end[length] = '\0';
	text->length += length;
}

void text_append_char(struct text *text, char c)
{
	text_append_bytes(text, &c, 1);
}

void text_append_format(struct text *text, const char *format, ...)
{
	va_list arguments, again;
	int length;

	va_start(arguments, format);
	va_copy(again, arguments);
	length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (length > 0) {
		char *end = text_reserve(text, (size_t)length);

		vsnprintf(end, (size_t)length + 1, format, again);
		text->length += (size_t)length;
	}
	va_end(again);
}

void text_append_json(struct text *text, const char *string)
{
	static const char hex[] = "0123456789abcdef";
	size_t left = strlen(string);

	while (left > 0) {
		size_t size = utf8_character(string, left);
		unsigned char byte = (unsigned char)*string;

		if (size == 0)
			text_append(text, "\\ufffd");
		else if (byte == '"' || byte == '\\')
			text_append_bytes(text, (char[]){'\\', *string}, 2);
		else if (byte == '\n')
			text_append(text, "\\n");
		else if (byte < 0x20 || byte == 0x7f)
			text_append_bytes(text,
				(char[]){'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]}, 6);
		else
			text_append_bytes(text, string, size);
		string += size ? size : 1;
		left -= size ? size : 1;
	}
}

void text_append_url(struct text *text, const char *string)
{
	for (const char *c = string; *c; c++) {
		unsigned char byte = (unsigned char)*c;

		if ((byte < 0x80 && isalnum(byte)) || strchr("-._~", byte))
			text_append_char(text, *c);
		else
			text_append_format(text, "%%%02X", byte);
	}
}

const char *text_string(const struct text *text)
{
	return text->data ? text->data : "";
}
