/* SPDX-License-Identifier: MIT */
/*
 * UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing beyond U+10FFFF. PostgreSQL
 * refuses anything else, and with it every other row of the same statement. Threads: any.
 */
#ifndef COMMON_UTF8_H
#define COMMON_UTF8_H

#include <stdbool.h>
#include <stddef.h>

#include "common/text.h"

/* How many bytes the character at the start has; 0: there is none, or it is not valid. */
size_t utf8_character(const char *bytes, size_t length);
bool utf8_is_valid(const char *bytes, size_t length);
/* How many characters a valid text has. */
size_t utf8_count(const char *text);

/* How many bytes of a valid text hold at most max_characters characters. */
size_t utf8_prefix(const char *text, size_t max_characters);
/* Append text for people and PostgreSQL: bytes that are not UTF-8, and control characters, become "?". */
void utf8_append_clean(const char *bytes, size_t length, struct text *out);

#endif
