/* SPDX-License-Identifier: MIT */
/*
 * The rules of grants (TikTok, OAuth user access token management; Login Kit for Desktop):
 *
 *	consent --code--> exchange --> tokens --refresh--> tokens --refresh--> ...
 *	                                   \--revoke--> nothing is good any more
 *
 * A code is good once, for a few minutes, for the redirect URI and the challenge it was given for;
 * an exchange that fails burns it. Of an account's refresh tokens one is good: the newest. Using an
 * older one is refused and counted.
 *
 * Threads: the server thread.
 */
#ifndef TESTS_SIMULATOR_GRANT_H
#define TESTS_SIMULATOR_GRANT_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/simulator/state.h"
#include "tests/simulator/tally.h"

#define GRANT_CODE_SIZE      48
#define GRANT_REDIRECT_SIZE  512 /* redirect URIs are shorter (TikTok, Login Kit) */
#define GRANT_CHALLENGE_SIZE 129
#define GRANT_CODES          256 /* remembered at once; the oldest is forgotten first */

/* Why OAuth says no: the error and error_description of its body (TikTok, OAuth error handling). */
struct refusal {
	const char *error;
	const char *description;
};

extern const struct refusal refusal_invalid_client;
extern const struct refusal refusal_malformed;
extern const struct refusal refusal_pkce;

struct code {
	char text[GRANT_CODE_SIZE]; /* ends in "*0!6410": needs decoding once */
	uint32_t account;
	unsigned scopes;
	bool used;
	int64_t expires_at_ms;
	char redirect_uri[GRANT_REDIRECT_SIZE];
	char challenge[GRANT_CHALLENGE_SIZE]; /* empty: none was sent */
};

/* What came of sending a refresh token. */
enum token_use {
	TOKEN_UNUSED,     /* none was sent */
	TOKEN_GRANTED,    /* the pair was renewed */
	TOKEN_GRACE,      /* the same, for the token before the newest (knob rotation=grace) */
	TOKEN_SUPERSEDED, /* refused: a newer one was given out */
	TOKEN_REVOKED,    /* refused: the grant is gone */
	TOKEN_EXPIRED,    /* refused: so long after the consent, or the last rotation */
	TOKEN_UNKNOWN,    /* refused: not one of this world, or not given out yet */
	TOKEN_UNSEEN,     /* not looked at: a fault stood before it, or the app was refused */
	TOKEN_USES
};

/* "granted", "-" for TOKEN_UNUSED. */
const char *token_use_name(enum token_use use);

struct token_used {
	enum token_use use;
	uint32_t serial; /* 0: of no account's */
};

struct grants {
	struct state *state;
	struct tally *tally;
	struct token_used used; /* by grant_refresh(), last; whoever asks clears it before */
	uint64_t random;
	uint32_t codes_given;
	struct code codes[GRANT_CODES];
};

/* What a successful exchange or refresh answers. */
struct token_set {
	uint32_t account;
	unsigned scopes;
	char access[WORLD_TOKEN_SIZE];
	char refresh[WORLD_TOKEN_SIZE];
	int64_t access_life_s;
	int64_t refresh_life_s;
};

void grants_init(struct grants *grants, struct state *state, struct tally *tally);

/* True where the challenge must be sent: by the knob pkce and the kind of redirect URI. */
bool grant_needs_challenge(const struct grants *grants, const char *redirect_uri);
/*
 * Absolute, shorter than 512, neither query nor fragment; https, or http to localhost or 127.0.0.1
 * with a port.
 */
bool grant_redirect_is_valid(const char *redirect_uri);

/* The user consents. challenge NULL: none. The code is borrowed until GRANT_CODES more. */
const char *grant_give_code(struct grants *grants, uint32_t account, unsigned scopes,
	const char *redirect_uri, const char *challenge, int64_t now_ms);

/*
 * These three return NULL when done, else why not. text is a code as it was given; verifier NULL:
 * none was sent.
 */
const struct refusal *grant_exchange(struct grants *grants, const char *text,
	const char *redirect_uri, const char *verifier, int64_t now_ms, struct token_set *set);
const struct refusal *grant_refresh(
	struct grants *grants, const char *refresh_token, int64_t now_ms, struct token_set *set);
const struct refusal *grant_revoke(struct grants *grants, const char *access_token, int64_t now_ms);

#endif
