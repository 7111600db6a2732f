/* SPDX-License-Identifier: MIT */
/*
 * Reading redirect addresses and redirects. Pure functions.
 */
#include "operator/redirect.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/crypto.h"
#include "common/memory.h"
#include "common/utf8.h"

#define WORDS_MAX 200 /* bytes of TikTok's texts that are shown */
#define PORT_MAX  65535

/* ---- The registered address ---- */

static bool refuse_uri(struct error *err, const char *why)
{
	error_set(err, ERROR_SETTINGS, "TIKTOK_REDIRECT_URI %s", why);
	return false;
}

/* ":8080" or ":*" up to the path; the end of it, or NULL. */
static const char *read_port(const char *at, struct redirect_uri *read)
{
	char *end;
	long port;

	if (*at++ != ':')
		return NULL;
	if (*at == '*') {
		read->any_port = true;
		return at + 1;
	}
	port = strtol(at, &end, 10);
	if (*at < '0' || *at > '9' || port < 1 || port > PORT_MAX)
		return NULL;
	read->port = (int)port;
	return end;
}

static bool read_loopback(const char *rest, struct redirect_uri *read, struct error *err)
{
	const char *path = read_port(rest, read);

	read->is_loopback = true;
	if (!path || (*path && *path != '/'))
		return refuse_uri(err,
			"needs a port, a number or \"*\", behind localhost or 127.0.0.1, as "
			"TikTok wants it for desktop apps: http://127.0.0.1:*/callback/");
	snprintf(read->path, sizeof read->path, "%s", *path ? path : "/");
	return true;
}

bool redirect_uri_read(const char *uri, struct redirect_uri *read, struct error *err)
{
	const char *host = strstr(uri, "://");
	size_t length;

	*read = (struct redirect_uri){0};
	if (strlen(uri) >= REDIRECT_URI_SIZE)
		return refuse_uri(err, "is longer than TikTok takes, 511 characters");
	if (!host || strpbrk(uri, "?# "))
		return refuse_uri(err, "must be an address without query and fragment");
	read->is_plain = strncmp(uri, "http://", 7) == 0;
	if (!read->is_plain && strncmp(uri, "https://", 8) != 0)
		return refuse_uri(err, "must begin with http:// or https://, in small letters");
	host += strlen("://");
	length = strcspn(host, ":/");
	if ((length == 9 && strncmp(host, "localhost", 9) == 0) ||
		(length == 9 && strncmp(host, "127.0.0.1", 9) == 0))
		return read_loopback(host + length, read, err);
	if (read->is_plain || length == 0)
		return refuse_uri(err, "must be https:// unless it is of localhost or 127.0.0.1");
	snprintf(read->path, sizeof read->path, "%s", strchr(host, '/') ? strchr(host, '/') : "/");
	return true;
}

void redirect_uri_write(const char *uri, int port, struct text *out)
{
	const char *star = strstr(uri, ":*");

	if (star)
		text_append_format(out, "%.*s:%d%s", (int)(star - uri), uri, port, star + 2);
	else
		text_append(out, uri);
}

/* ---- What comes back ---- */

/* Decode in place, once. False: badly encoded, or a NUL byte. */
static bool decode(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		if (*from == '%') {
			int high = crypto_hex_digit(from[1]);
			int low = high < 0 ? -1 : crypto_hex_digit(from[2]);

			if (low < 0 || (high == 0 && low == 0))
				return false;
			*to++ = (char)(high << 4 | low);
			from += 2;
		} else {
			*to = *from;
			if (*to == '+')
				*to = ' ';
			to++;
		}
	}
	explicit_bzero(to, (size_t)(strchr(to, '\0') - to));
	*to = '\0';
	return true;
}

/* Where a parameter goes; NULL: not one of ours. */
static char **find_member(struct redirect *redirect, const char *name)
{
	static const struct {
		const char *name;
		size_t offset;
	} members[] = {
		{"code", offsetof(struct redirect, code)},
		{"state", offsetof(struct redirect, state)},
		{"scopes", offsetof(struct redirect, scopes)},
		{"error", offsetof(struct redirect, error)},
		{"error_description", offsetof(struct redirect, error_description)},
	};

	for (size_t i = 0; i < sizeof members / sizeof *members; i++)
		if (strcmp(members[i].name, name) == 0)
			return (char **)(void *)((char *)redirect + members[i].offset);
	return NULL;
}

static bool read_pair(char *pair, struct redirect *redirect, struct error *err)
{
	char *value = strchr(pair, '=');
	char **member;

	if (value)
		*value++ = '\0';
	if (!decode(pair) || (value && !decode(value))) {
		error_set(err, ERROR_BAD_REQUEST, "its query is badly encoded");
		return false;
	}
	member = find_member(redirect, pair);
	if (!member)
		return true;
	if (*member) {
		error_set(err, ERROR_BAD_REQUEST, "its query says %s twice", pair);
		return false;
	}
	*member = memory_copy_text(value ? value : "");
	return true;
}

bool redirect_read(const char *query, struct redirect *redirect, struct error *err)
{
	struct text copy = {0};
	char *rest, *pair;
	bool ok = true;

	*redirect = (struct redirect){0};
	if (strlen(query) > REDIRECT_QUERY_MAX) {
		error_set(err, ERROR_BAD_REQUEST, "its query is longer than %d bytes",
			REDIRECT_QUERY_MAX);
		return false;
	}
	text_append(&copy, query);
	rest = copy.data;
	while (ok && (pair = strsep(&rest, "&")))
		ok = read_pair(pair, redirect, err);
	text_finish_secret(&copy);
	return ok;
}

void redirect_finish(struct redirect *redirect)
{
	memory_free_secret(redirect->code);
	memory_free_secret(redirect->state);
	free(redirect->scopes);
	free(redirect->error);
	free(redirect->error_description);
	*redirect = (struct redirect){0};
}

static bool state_matches(const struct redirect *redirect, const char *state)
{
	size_t length = strlen(state);

	return redirect->state && strlen(redirect->state) == length &&
	       crypto_equal(redirect->state, state, length);
}

static void append_words(const char *words, struct text *out)
{
	size_t length = words ? strlen(words) : 0;

	utf8_append_clean(words ? words : "", length < WORDS_MAX ? length : WORDS_MAX, out);
}

enum redirect_verdict redirect_judge(
	const struct redirect *redirect, const char *state, struct error *err)
{
	struct text words = {0};

	if (!state_matches(redirect, state))
		return REDIRECT_STRANGER;
	if (!redirect->error && redirect->code && *redirect->code)
		return REDIRECT_GRANTED;
	if (redirect->error) {
		append_words(redirect->error, &words);
		if (redirect->error_description) {
			text_append(&words, ": ");
			append_words(redirect->error_description, &words);
		}
		error_set(err, ERROR_BAD_REQUEST, "TikTok gave no access: %s", text_string(&words));
	} else {
		error_set(
			err, ERROR_BAD_REPLY, "TikTok's redirect has neither a code nor an error");
	}
	text_finish(&words);
	return REDIRECT_REFUSED;
}
