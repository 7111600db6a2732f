/* SPDX-License-Identifier: MIT */
/*
 * Everything about the simulator that can be turned, in one table: where TikTok is silent, or has
 * been seen to behave in two ways, there is a knob. Set on the command line (--knob name=value) and
 * at run time (POST /admin/knobs).
 *
 * Threads: the server thread; main sets knobs before the server starts.
 */
#ifndef TESTS_SIMULATOR_KNOBS_H
#define TESTS_SIMULATOR_KNOBS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "common/text.h"

enum knob {
	KNOB_TOKEN_PROFILE,
	KNOB_ROTATION,
	KNOB_ROTATION_GRACE_S,
	KNOB_REFRESH_EXPIRY,
	KNOB_OLD_ACCESS_AFTER_REFRESH,
	KNOB_FIRST_TOKEN_LIFE_S,
	KNOB_CODE_LIFE_S,
	KNOB_ADOPT_TOKENS,
	KNOB_OAUTH_ERROR_STATUS,
	KNOB_REVOKE_REPLY,
	KNOB_LIFETIMES_AS,
	KNOB_PKCE,
	KNOB_CONSENT,
	KNOB_WITHHELD_SCOPE,
	KNOB_RATE_LIMIT,
	KNOB_RATE_KEY,
	KNOB_RATE_COUNTS_REFUSED,
	KNOB_RETRY_AFTER,
	KNOB_CURSOR_COMPARE,
	KNOB_SHORT_PAGES,
	KNOB_SHORT_PAGE_ITEMS,
	KNOB_MAX_COUNT_ABOVE_20,
	KNOB_NO_VIDEOS_AS,
	KNOB_ERROR_DATA,
	KNOB_MISSING_SCOPE,
	KNOB_UNKNOWN_FIELD,
	KNOB_LATENCY_MS,
	KNOB_LATENCY_JITTER_MS,
	KNOBS
};

/* The choices of a knob, in the order in which the table names them. */
enum { SWITCH_OFF, SWITCH_ON }; /* of every off|on */
enum { TOKEN_PROFILE_2026, TOKEN_PROFILE_LEGACY };
enum { ROTATION_ALWAYS, ROTATION_SOMETIMES, ROTATION_GRACE };
enum { REFRESH_EXPIRY_RESET, REFRESH_EXPIRY_COUNTDOWN };
enum { OLD_ACCESS_VALID, OLD_ACCESS_KILLED };
enum { OAUTH_ERROR_200, OAUTH_ERROR_400 };
enum { REVOKE_REPLY_OBJECT, REVOKE_REPLY_EMPTY };
enum { LIFETIMES_AS_NUMBER, LIFETIMES_AS_STRING };
enum { PKCE_BY_REDIRECT, PKCE_HEX, PKCE_IGNORED };
enum { CONSENT_ASK, CONSENT_ALLOW, CONSENT_DENY };
enum { WITHHELD_NONE, WITHHELD_PROFILE, WITHHELD_STATS, WITHHELD_VIDEO_LIST };
enum { RATE_KEY_APP, RATE_KEY_TOKEN };
enum { CURSOR_BEFORE, CURSOR_AT_OR_BEFORE };
enum { SHORT_PAGES_OFF, SHORT_PAGES_DROP, SHORT_PAGES_EMPTY };
enum { ABOVE_20_REFUSED, ABOVE_20_CLAMPED };
enum { NO_VIDEOS_AS_LIST, NO_VIDEOS_AS_NULL, NO_VIDEOS_ABSENT };
enum { ERROR_DATA_EMPTY, ERROR_DATA_ABSENT, ERROR_DATA_NULL, ERROR_DATA_FLAT };
enum { MISSING_SCOPE_401, MISSING_SCOPE_400 };
enum { UNKNOWN_FIELD_REFUSED, UNKNOWN_FIELD_IGNORED };

struct knob_rule {
	const char *name;
	const char *choices; /* "first|second"; NULL: a number from minimum to maximum */
	const char *initial;
	int64_t minimum;
	int64_t maximum;
	const char *help;
};

struct knobs {
	int64_t values[KNOBS]; /* a number, or the place of the choice */
};

/* The table's row of a knob; static. */
const struct knob_rule *knobs_rule(enum knob knob);

/* Every knob at its initial value. */
void knobs_init(struct knobs *knobs);
int64_t knobs_get(const struct knobs *knobs, enum knob knob);
/*
 * Fails: settings - no such knob, choice or number; the text names what there is. Then nothing
 * changed.
 */
bool knobs_set(struct knobs *knobs, const char *name, const char *value, struct error *err);
/* Append a knob's value as knobs_set() reads it. */
void knobs_write_value(const struct knobs *knobs, enum knob knob, struct text *out);
/* Append the table for people: name, values, initial value, help. */
void knobs_write_help(struct text *out);

#endif
