/* SPDX-License-Identifier: MIT */
/*
 * The last line of defence of the log: masks and escapes. Callers do not log secrets; this catches
 * the one that slips through in the words of a library or of TikTok. Any thread; no state.
 */
#include "common/log_mask.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/utf8.h"

#define MASK "***"

/* What follows one of these, up to the end of the word, is a secret. */
static const char *const introductions[] = {
	"bearer ",
	"client_secret=",
	"client_secret\":\"",
	"access_token=",
	"access_token\":\"",
	"refresh_token=",
	"refresh_token\":\"",
	"code_verifier=",
	"password=",
};

/* The beginnings of TikTok's access and refresh tokens. */
static const char *const token_prefixes[] = {"act.", "rft."};

/* How many characters of a word stand here: a secret ends where it does. */
static size_t word_length(const char *text)
{
	return strcspn(text, " \t\r\n\"'&,;<>(){}[]\\");
}

static bool is_word_start(const char *message, const char *here)
{
	return here == message || !isalnum((unsigned char)here[-1]);
}

/*
 * The length of a token that begins here, after its prefix; 0: none does. In the middle of a word
 * ("contract.sql", but also a percent-encoded form) only something of a token's length counts.
 */
static size_t token_length(const char *message, const char *here, size_t *prefix)
{
	for (size_t i = 0; i < sizeof token_prefixes / sizeof token_prefixes[0]; i++) {
		size_t length;

		*prefix = strlen(token_prefixes[i]);
		if (strncmp(here, token_prefixes[i], *prefix) != 0)
			continue;
		length = word_length(here + *prefix);
		if (is_word_start(message, here) || length >= 16)
			return length;
	}
	return 0;
}

static size_t introduced_length(const char *here, size_t *prefix)
{
	for (size_t i = 0; i < sizeof introductions / sizeof introductions[0]; i++) {
		*prefix = strlen(introductions[i]);
		if (strncasecmp(here, introductions[i], *prefix) == 0)
			return word_length(here + *prefix);
	}
	return 0;
}

/*
 * The password in ://user:password@host; 0: none. A password with a bare slash or at sign is masked
 * whole.
 */
static size_t url_password_length(const char *here, size_t *prefix)
{
	size_t length, at = 0;

	if (strncmp(here, "://", 3) != 0)
		return 0;
	length = strcspn(here, " \t\r\n\"'<>");
	for (size_t i = 3; i < length; i++)
		if (here[i] == '@')
			at = i;
	*prefix = 3 + strcspn(here + 3, ":@") + 1;
	return at > *prefix ? at - *prefix : 0;
}

void log_mask(const char *message, char *masked, size_t size_bytes)
{
	size_t used = 0;
	const char *here = message;

	while (*here && used + 1 < size_bytes) {
		size_t prefix = 0;
		size_t secret = token_length(message, here, &prefix);

		if (!secret)
			secret = introduced_length(here, &prefix);
		if (!secret)
			secret = url_password_length(here, &prefix);
		if (!secret) {
			masked[used++] = *here++;
			continue;
		}
		if (used + prefix + sizeof MASK > size_bytes)
			break;
		memcpy(masked + used, here, prefix);
		memcpy(masked + used + prefix, MASK, sizeof MASK - 1);
		used += prefix + sizeof MASK - 1;
		here += prefix + secret;
	}
	masked[used] = '\0';
}

/* The code point of a valid character of length bytes. */
static uint32_t code_point(const char *bytes, size_t length)
{
	uint32_t point = (unsigned char)bytes[0];

	if (length > 1)
		point &= 0x7fU >> length;
	for (size_t i = 1; i < length; i++)
		point = point << 6 | ((unsigned char)bytes[i] & 0x3fU);
	return point;
}

/* Characters that end lines, move cursors or turn the direction of reading (Unicode, UAX 9). */
static bool is_dangerous(uint32_t character)
{
	return character < 0x20 || (character >= 0x7f && character <= 0x9f) ||
	       character == 0x061c || (character >= 0x200e && character <= 0x200f) ||
	       (character >= 0x2028 && character <= 0x202e) ||
	       (character >= 0x2066 && character <= 0x2069) || character == 0xfeff;
}

const char *log_escape(const char *string, bool quoted, char escaped[LOG_ESCAPED_SIZE])
{
	size_t length = utf8_character(string, strnlen(string, 4));
	uint32_t character = code_point(string, length);

	if (length == 0) {
		snprintf(escaped, LOG_ESCAPED_SIZE, "\xef\xbf\xbd");
		return string + 1;
	}
	if (is_dangerous(character))
		snprintf(escaped, LOG_ESCAPED_SIZE, "\\u%04x", (unsigned)character);
	else if (quoted && (character == '"' || character == '\\'))
		snprintf(escaped, LOG_ESCAPED_SIZE, "\\%c", (char)character);
	else
		snprintf(escaped, LOG_ESCAPED_SIZE, "%.*s", (int)length, string);
	return string + length;
}
