/* SPDX-License-Identifier: MIT */
/*
 * UTF-8, strictly (RFC 3629). No state: any thread.
 */
#include "common/utf8.h"

#include <stdint.h>

static bool is_continuation(unsigned char byte)
{
	return (byte & 0xc0) == 0x80;
}

size_t utf8_character(const char *bytes, size_t length)
{
	/* The lowest code point that needs so many bytes: anything lower is an overlong form. */
	static const uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *at = (const unsigned char *)bytes;
	size_t size;
	uint32_t code;

	if (length == 0)
		return 0;
	if (at[0] < 0x80)
		return 1;
	size = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
	if (at[0] < 0xc0 || at[0] > 0xf7 || length < size)
		return 0;
	code = at[0] & (0x7fU >> size);
	for (size_t i = 1; i < size; i++) {
		if (!is_continuation(at[i]))
			return 0;
		code = code << 6 | (at[i] & 0x3fU);
	}
	if (code < lowest[size] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	return size;
}

bool utf8_is_valid(const char *bytes, size_t length)
{
	while (length > 0) {
		size_t size = utf8_character(bytes, length);

		if (size == 0)
			return false;
		bytes += size;
		length -= size;
	}
	return true;
}

size_t utf8_count(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		if (!is_continuation((unsigned char)*text))
			count++;
	return count;
}

size_t utf8_prefix(const char *text, size_t max_characters)
{
	size_t characters = 0, at = 0;

	for (; text[at]; at++) {
		bool starts_character = ((unsigned char)text[at] & 0xc0) != 0x80;

		if (starts_character && characters++ == max_characters)
			break;
	}
	return at;
}

void utf8_append_clean(const char *bytes, size_t length, struct text *out)
{
	while (length > 0) {
		size_t step = utf8_character(bytes, length);
		unsigned char first = (unsigned char)*bytes;

		if (step == 0 || first < 0x20 || first == 0x7f) {
			text_append_char(out, '?');
			step = 1;
		} else {
			text_append_bytes(out, bytes, step);
		}
		bytes += step;
		length -= step;
	}
}
