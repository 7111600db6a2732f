/* SPDX-License-Identifier: MIT */
/*
 * Fingerprints of error texts: the text is read word by word, and each word that is a value of one
 * occasion gives way to a sign. No state: any thread.
 */
#include "operator/dead_fingerprint.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "common/crypto.h"
#include "common/utf8.h"

#define FINGERPRINT_BYTES_MAX 160
#define LONG_HEX              8
#define LONG_WORD             16

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-';
}

/* Hex digits, or letters and digits, so long that no word of ours is. */
static bool is_id(const char *word, size_t length)
{
	size_t digits = 0, hex = 0, letters = 0;
	char uuid[UUID_TEXT_SIZE] = "";

	if (length == sizeof uuid - 1)
		memcpy(uuid, word, length);
	if (uuid_is_valid(uuid))
		return true;
	for (size_t i = 0; i < length; i++) {
		digits += isdigit((unsigned char)word[i]) != 0;
		hex += crypto_hex_digit(word[i]) >= 0;
		letters += isalpha((unsigned char)word[i]) != 0;
	}
	if (digits == 0 || digits == length)
		return false;
	return (hex == length && length >= LONG_HEX) ||
	       (digits + letters == length && length >= LONG_WORD);
}

static void append_word(const char *word, size_t length, struct text *out)
{
	for (size_t i = 0; i < length; i++) {
		if (!isdigit((unsigned char)word[i]))
			text_append_char(out, word[i]);
		else if (i == 0 || !isdigit((unsigned char)word[i - 1]))
			text_append_char(out, '#');
	}
}

static bool names_a_log(const char *word, size_t length)
{
	static const char *const names[] = {"log_id", "logid", "request_id"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strlen(names[i]) == length && strncasecmp(word, names[i], length) == 0)
			return true;
	return false;
}

/* The length of a quoted value that begins here, quotes included; 0: none does. */
static size_t quoted_length(const char *begin, const char *at)
{
	const char *end;

	if (*at != '"' && *at != '\'')
		return 0;
	if (*at == '\'' && at > begin && isalnum((unsigned char)at[-1])) /* TikTok's */
		return 0;
	for (end = at + 1; *end && *end != '\n'; end++) {
		bool closes = *end == *at;

		/* An apostrophe inside is none that closes. */
		if (closes && (*at == '"' || !isalnum((unsigned char)end[1])))
			return (size_t)(end - at) + 1;
	}
	return 0;
}

static void append_other(char c, struct text *out)
{
	bool blank = isspace((unsigned char)c) || iscntrl((unsigned char)c);

	if (!blank)
		text_append_char(out, c);
	else if (out->length > 0 && out->data[out->length - 1] != ' ')
		text_append_char(out, ' ');
}

static void cut(struct text *text, size_t begin)
{
	size_t length = 0;

	while (begin + length < text->length) {
		size_t step =
			utf8_character(text->data + begin + length, text->length - begin - length);

		if (step == 0)
			step = 1;
		if (length + step > FINGERPRINT_BYTES_MAX)
			break;
		length += step;
	}
	text->length = begin + length;
	while (text->length > begin && text->data[text->length - 1] == ' ')
		text->length--;
	if (text->data)
		text->data[text->length] = '\0';
}

void dead_fingerprint(const char *error_text, struct text *out)
{
	size_t begin = out->length;
	bool after_log = false;

	for (const char *at = error_text; *at;) {
		size_t length = quoted_length(error_text, at);

		if (length > 0) {
			text_append(out, after_log ? "<id>" : "\"...\"");
			after_log = false;
		} else if (is_word(*at)) {
			while (is_word(at[length]))
				length++;
			if (after_log || is_id(at, length))
				text_append(out, "<id>");
			else
				append_word(at, length, out);
			after_log = names_a_log(at, length);
		} else {
			append_other(*at, out);
			length = 1;
		}
		at += length;
	}
	cut(out, begin);
}
