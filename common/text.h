/* SPDX-License-Identifier: MIT */
/*
 * A growing byte string: request bodies, messages, log lines, pages of metrics, binary columns.
 * Always terminated by a NUL that length does not count, so that data can be read as a C string.
 */
#ifndef COMMON_TEXT_H
#define COMMON_TEXT_H

#include <stddef.h>

struct text {
	char *data; /* NULL until the first append */
	size_t length;
	size_t capacity;
};

/* Start from a zeroed struct; text_finish() gives the memory back and zeroes it again. */
void text_finish(struct text *text);
/* As text_finish(), wiping the bytes first. */
void text_finish_secret(struct text *text);
/* Forget the bytes, keep the memory. */
void text_clear(struct text *text);
/* Make room for more bytes without changing the length; returns where they go. */
char *text_reserve(struct text *text, size_t more);
void text_append(struct text *text, const char *string);
void text_append_bytes(struct text *text, const void *bytes, size_t length);
void text_append_char(struct text *text, char c);
void text_append_format(struct text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Append as the inside of a JSON string (without quotes); bytes that are not UTF-8 become U+FFFD. */
void text_append_json(struct text *text, const char *string);
/* Append percent-encoded for a URL query or form (RFC 3986 unreserved characters stay). */
void text_append_url(struct text *text, const char *string);
/* What was gathered, never NULL. Borrowed until the next change. */
const char *text_string(const struct text *text);

#endif
