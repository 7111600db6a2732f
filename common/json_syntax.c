/* SPDX-License-Identifier: MIT */
/*
 * A recursive descent over RFC 8259 that keeps nothing. Each skip_ function moves past one thing of
 * the grammar, or notes the fault and returns false. The recursion is as deep as the document,
 * which depth_max bounds. No state outside the scan: any thread.
 */
#include "common/json_syntax.h"

#include <string.h>

#include "common/utf8.h"

struct scan {
	const char *at;
	const char *end;
	int depth_left;
	size_t members;
	bool nul_in_string; /* the string that was skipped last has a NUL in it, as \u0000 */
	const char *fault;
};

static bool skip_value(struct scan *scan);

static bool fail(struct scan *scan, const char *fault)
{
	scan->fault = fault;
	return false;
}

/* The next byte, '\0' at the end. (A NUL in the input fits nowhere in the grammar either.) */
static char peek(const struct scan *scan)
{
	if (scan->at == scan->end)
		return '\0';
	return *scan->at;
}

static bool skip_char(struct scan *scan, char c)
{
	if (scan->at == scan->end || *scan->at != c)
		return false;
	scan->at++;
	return true;
}

static void skip_space(struct scan *scan)
{
	while (peek(scan) == ' ' || peek(scan) == '\n' || peek(scan) == '\t' || peek(scan) == '\r')
		scan->at++;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool skip_digits(struct scan *scan)
{
	if (!is_digit(peek(scan)))
		return fail(scan, "a value or a digit is missing");
	while (is_digit(peek(scan)))
		scan->at++;
	return true;
}

static bool skip_number(struct scan *scan)
{
	skip_char(scan, '-');
	if (skip_char(scan, '0')) {
		if (is_digit(peek(scan)))
			return fail(scan, "a number has a leading zero");
	} else if (!skip_digits(scan)) {
		return false;
	}
	if (skip_char(scan, '.') && !skip_digits(scan))
		return false;
	if (skip_char(scan, 'e') || skip_char(scan, 'E')) {
		if (!skip_char(scan, '+'))
			skip_char(scan, '-');
		return skip_digits(scan);
	}
	return true;
}

static bool skip_unicode_escape(struct scan *scan)
{
	if (scan->end - scan->at < 4)
		return fail(scan, "an escape is cut off");
	if (strspn(memcpy((char[5]){0}, scan->at, 4), "0123456789abcdefABCDEF") != 4)
		return fail(scan, "an escape is not four hex digits");
	if (memcmp(scan->at, "0000", 4) == 0)
		scan->nul_in_string = true;
	scan->at += 4;
	return true;
}

static bool skip_escape(struct scan *scan)
{
	if (skip_char(scan, 'u'))
		return skip_unicode_escape(scan);
	if (peek(scan) == '\0' || !strchr("\"\\/bfnrt", peek(scan)))
		return fail(scan, "an escape is not known");
	scan->at++;
	return true;
}

/* Most of most documents, and quicker than character by character. */
static void skip_plain_ascii(struct scan *scan)
{
	while (scan->at < scan->end && *scan->at >= 0x20 && *scan->at < 0x7f && *scan->at != '"' &&
		*scan->at != '\\')
		scan->at++;
}

static bool skip_character(struct scan *scan)
{
	size_t size = utf8_character(scan->at, (size_t)(scan->end - scan->at));

	if (size == 0)
		return fail(scan, "not UTF-8");
	if ((unsigned char)*scan->at < 0x20)
		return fail(scan, "a control character is not escaped");
	scan->at += size;
	return true;
}

static bool skip_string(struct scan *scan)
{
	scan->nul_in_string = false;
	if (!skip_char(scan, '"'))
		return fail(scan, "a string does not start with a quote");
	for (;;) {
		skip_plain_ascii(scan);
		if (scan->at == scan->end)
			return fail(scan, "a string is cut off");
		if (skip_char(scan, '"'))
			return true;
		if (!(skip_char(scan, '\\') ? skip_escape(scan) : skip_character(scan)))
			return false;
	}
}

static bool skip_member(struct scan *scan)
{
	skip_space(scan);
	if (!skip_string(scan))
		return false;
	if (scan->nul_in_string)
		return fail(scan, "a member's name has a NUL in it");
	scan->members++;
	skip_space(scan);
	if (!skip_char(scan, ':'))
		return fail(scan, "a colon is missing");
	return skip_value(scan);
}

/* What stands between the brackets: values in an array, members in an object. */
static bool skip_list(struct scan *scan, bool (*skip_one)(struct scan *scan), char closing)
{
	if (scan->depth_left == 0)
		return fail(scan, "too deep");
	scan->depth_left--;
	scan->at++;
	skip_space(scan);
	if (!skip_char(scan, closing)) {
		do {
			if (!skip_one(scan))
				return false;
		} while (skip_char(scan, ','));
		if (!skip_char(scan, closing))
			return fail(scan, "a comma or a closing bracket is missing");
	}
	scan->depth_left++;
	return true;
}

static bool skip_word(struct scan *scan, const char *word)
{
	size_t length = strlen(word);

	if ((size_t)(scan->end - scan->at) < length || memcmp(scan->at, word, length) != 0)
		return fail(scan, "a word is not known");
	scan->at += length;
	return true;
}

static bool skip_kind(struct scan *scan)
{
	switch (peek(scan)) {
	case '{':
		return skip_list(scan, skip_member, '}');
	case '[':
		return skip_list(scan, skip_value, ']');
	case '"':
		return skip_string(scan);
	case 't':
		return skip_word(scan, "true");
	case 'f':
		return skip_word(scan, "false");
	case 'n':
		return skip_word(scan, "null");
	default:
		return skip_number(scan);
	}
}

static bool skip_value(struct scan *scan)
{
	skip_space(scan);
	if (!skip_kind(scan))
		return false;
	skip_space(scan);
	return true;
}

bool json_syntax_check(
	const char *bytes, size_t length, int depth_max, size_t *members, struct error *err)
{
	struct scan scan = {.at = bytes, .end = bytes + length, .depth_left = depth_max};
	bool ok = skip_value(&scan);

	if (ok && scan.at != scan.end)
		ok = fail(&scan, "something follows the value");
	if (!ok) {
		error_set(err, ERROR_BAD_REPLY, "not JSON: %s at byte %zu", scan.fault,
			(size_t)(scan.at - bytes));
		return false;
	}
	*members = scan.members;
	return true;
}
