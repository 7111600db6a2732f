/* SPDX-License-Identifier: MIT */
/*
 * TikTok's redirect: the address that is registered for it, and what comes back in its query. All
 * of the latter is untrusted: whoever knows the address may send it. Pure.
 *
 * Rules: developers.tiktok.com, "Login Kit for Web" and "Login Kit for Desktop".
 * Threads: any.
 */
#ifndef OPERATOR_REDIRECT_H
#define OPERATOR_REDIRECT_H

#include <stdbool.h>

#include "common/error.h"
#include "common/text.h"

#define REDIRECT_URI_SIZE  512 /* addresses are shorter */
#define REDIRECT_QUERY_MAX 8192

/* TIKTOK_REDIRECT_URI, taken apart. */
struct redirect_uri {
	bool is_loopback; /* localhost or 127.0.0.1: an app of the desktop kind, with PKCE */
	bool is_plain;    /* http */
	bool any_port;    /* registered with "*" */
	int port;         /* loopback only; 0 with any_port */
	char path[REDIRECT_URI_SIZE];
};

/* Fails: settings - not an address that TikTok takes; the text says why. */
bool redirect_uri_read(const char *uri, struct redirect_uri *read, struct error *err);
/* Append the address with port in the place of "*". */
void redirect_uri_write(const char *uri, int port, struct text *out);

/* Decoded once; NULL: not there. */
struct redirect {
	char *code; /* secret */
	char *state;
	char *scopes;
	char *error;
	char *error_description;
};

/*
 * Read a query, without its "?". Parameters that we do not know are passed over.
 *
 * Owns:  the caller ends *redirect with redirect_finish(), also after a failure.
 * Fails: bad_request - too long, badly encoded, with a NUL byte, or one of ours twice; nothing is quoted.
 */
bool redirect_read(const char *query, struct redirect *redirect, struct error *err);
void redirect_finish(struct redirect *redirect);

enum redirect_verdict {
	REDIRECT_STRANGER, /* the state is not ours: not an answer to us */
	REDIRECT_REFUSED,  /* TikTok or the merchant says no; *err has the words */
	REDIRECT_GRANTED,  /* there is a code */
};

/* The state is compared in constant time. TikTok's words are made safe and cut. */
enum redirect_verdict redirect_judge(
	const struct redirect *redirect, const char *state, struct error *err);

#endif
