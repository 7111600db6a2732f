/* SPDX-License-Identifier: MIT */
/*
 * The table of knobs. The server thread reads and sets them; main before it starts.
 */
#include "tests/simulator/knobs.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define YEAR_S (INT64_C(366) * 86400)

static const struct knob_rule rules[KNOBS] = {
	[KNOB_TOKEN_PROFILE] = {"token_profile", "2026|legacy", "2026", 0, 0,
		"life of access and refresh tokens: 2 h and 180 days, or 24 h and 365 days"},
	[KNOB_ROTATION] = {"rotation", "always|sometimes|grace", "always", 0, 0,
		"refresh tokens: new at every refresh; only at every second one; new, the old one good for rotation_grace_s"},
	[KNOB_ROTATION_GRACE_S] = {"rotation_grace_s", NULL, "30", 0, YEAR_S,
		"how long rotation=grace still takes the superseded refresh token"},
	[KNOB_REFRESH_EXPIRY] = {"refresh_expiry", "reset|countdown", "reset", 0, 0,
		"a refresh token's life starts anew at each rotation, or counts down from the consent"},
	[KNOB_OLD_ACCESS_AFTER_REFRESH] = {"old_access_after_refresh", "valid|killed", "valid", 0,
		0, "the access token before a refresh lives until its own expiry, or dies at once"},
	[KNOB_FIRST_TOKEN_LIFE_S] = {"first_token_life_s", NULL, "0", 0, YEAR_S,
		"life of each account's first access token, from the simulator's start; 0: as token_profile"},
	[KNOB_CODE_LIFE_S] = {"code_life_s", NULL, "300", 0, YEAR_S,
		"life of an authorisation code"},
	[KNOB_ADOPT_TOKENS] = {"adopt_tokens", "off|on", "on", 0, 0,
		"accept tokens that an earlier run of the same world gave out after the ones this run knows"},
	[KNOB_OAUTH_ERROR_STATUS] = {"oauth_error_status", "200|400", "200", 0, 0,
		"HTTP status of refusals by the token and revoke endpoints (400: 401 for invalid_client)"},
	[KNOB_REVOKE_REPLY] = {"revoke_reply", "object|empty", "object", 0, 0,
		"body of a successful revocation: {} or nothing"},
	[KNOB_LIFETIMES_AS] = {"lifetimes_as", "number|string", "number", 0, 0,
		"how expires_in and refresh_expires_in are written"},
	[KNOB_PKCE] = {"pkce", "by_redirect|hex|ignored", "by_redirect", 0, 0,
		"code_challenge: required, in hex, for desktop redirects (localhost, 127.0.0.1); for all; for none"},
	[KNOB_CONSENT] = {"consent", "ask|allow|deny", "ask", 0, 0,
		"the authorise page asks, or decides by itself and redirects at once"},
	[KNOB_WITHHELD_SCOPE] = {"withheld_scope",
		"none|user.info.profile|user.info.stats|video.list", "none", 0, 0,
		"the scope that users untick when they consent"},
	[KNOB_RATE_LIMIT] = {"rate_limit", NULL, "600", 0, 100000,
		"calls in any sliding 60 s to each of user_info, video_list and video_query; 0: no limit"},
	[KNOB_RATE_KEY] = {"rate_key", "app|token", "app", 0, 0,
		"the limit counts all calls of the app, or each account's own"},
	[KNOB_RATE_COUNTS_REFUSED] = {"rate_counts_refused", "off|on", "off", 0, 0,
		"calls answered 429 count against the limit too"},
	[KNOB_RETRY_AFTER] = {"retry_after", "off|on", "off", 0, 0,
		"429 carries Retry-After with the seconds until a call is free"},
	[KNOB_CURSOR_COMPARE] = {"cursor_compare", "before|at_or_before", "before", 0, 0,
		"a page holds videos with create_time * 1000 < cursor, or <= cursor (duplicates at ties)"},
	[KNOB_SHORT_PAGES] = {"short_pages", "off|drop|empty", "off", 0, 0,
		"pages hold short_page_items fewer than asked for, or every other one is empty with has_more true"},
	[KNOB_SHORT_PAGE_ITEMS] = {"short_page_items", NULL, "4", 1, 19,
		"how many fewer short_pages=drop returns; at least one video remains"},
	[KNOB_MAX_COUNT_ABOVE_20] = {"max_count_above_20", "refused|clamped", "refused", 0, 0,
		"max_count above 20: invalid_params, or taken as 20"},
	[KNOB_NO_VIDEOS_AS] = {"no_videos_as", "list|null|absent", "list", 0, 0,
		"how a page without videos writes the member videos"},
	[KNOB_ERROR_DATA] = {"error_data", "empty|absent|null|flat", "empty", 0, 0,
		"errors of data endpoints: data {}, no data, data null, or a flat error object"},
	[KNOB_MISSING_SCOPE] = {"missing_scope", "401|400", "401", 0, 0,
		"a field outside the grant: 401 scope_not_authorized or 400 scope_permission_missed"},
	[KNOB_UNKNOWN_FIELD] = {"unknown_field", "refused|ignored", "refused", 0, 0,
		"an unknown name in fields: invalid_params, or ignored"},
	[KNOB_LATENCY_MS] = {"latency_ms", NULL, "0", 0, 3600000,
		"every answer but those of /admin/ waits so long; holds no thread"},
	[KNOB_LATENCY_JITTER_MS] = {"latency_jitter_ms", NULL, "0", 0, 3600000,
		"and up to so much longer, at random"},
};

const struct knob_rule *knobs_rule(enum knob knob)
{
	return &rules[knob];
}

/* The place of value among "first|second", or -1. */
static int64_t find_choice(const char *choices, const char *value)
{
	size_t length = strlen(value);
	int64_t place = 0;

	for (const char *at = choices;; place++) {
		size_t choice = strcspn(at, "|");

		if (choice == length && memcmp(at, value, length) == 0)
			return place;
		if (at[choice] == '\0')
			return -1;
		at += choice + 1;
	}
}

static bool read_number(const struct knob_rule *rule, const char *value, int64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoll(value, &end, 10);
	return errno == 0 && end != value && *end == '\0' && *number >= rule->minimum &&
	       *number <= rule->maximum;
}

bool knobs_set(struct knobs *knobs, const char *name, const char *value, struct error *err)
{
	const struct knob_rule *rule = NULL;
	int64_t number;
	size_t knob;

	for (knob = 0; knob < KNOBS && !rule; knob++) {
		if (strcmp(rules[knob].name, name) == 0)
			rule = &rules[knob];
	}
	if (!rule) {
		error_set(err, ERROR_SETTINGS, "there is no knob %.40s", name);
		return false;
	}
	if (rule->choices) {
		number = find_choice(rule->choices, value);
		if (number < 0) {
			error_set(err, ERROR_SETTINGS, "knob %s is one of %s, not %.40s",
				rule->name, rule->choices, value);
			return false;
		}
	} else if (!read_number(rule, value, &number)) {
		error_set(err, ERROR_SETTINGS, "knob %s is a number from %lld to %lld, not %.40s",
			rule->name, (long long)rule->minimum, (long long)rule->maximum, value);
		return false;
	}
	knobs->values[rule - rules] = number;
	return true;
}

void knobs_init(struct knobs *knobs)
{
	for (size_t knob = 0; knob < KNOBS; knob++) {
		struct error err;
		bool known = knobs_set(knobs, rules[knob].name, rules[knob].initial, &err);

		assert(known);
	}
}

int64_t knobs_get(const struct knobs *knobs, enum knob knob)
{
	return knobs->values[knob];
}

void knobs_write_value(const struct knobs *knobs, enum knob knob, struct text *out)
{
	const char *choice = rules[knob].choices;

	if (!choice) {
		text_append_format(out, "%lld", (long long)knobs->values[knob]);
		return;
	}
	for (int64_t place = 0; place < knobs->values[knob]; place++)
		choice = strchr(choice, '|') + 1;
	text_append_bytes(out, choice, strcspn(choice, "|"));
}

void knobs_write_help(struct text *out)
{
	for (size_t knob = 0; knob < KNOBS; knob++) {
		const struct knob_rule *rule = &rules[knob];

		if (rule->choices)
			text_append_format(out, "  %s=%s", rule->name, rule->choices);
		else
			text_append_format(out, "  %s=%lld..%lld", rule->name,
				(long long)rule->minimum, (long long)rule->maximum);
		text_append_format(out, "  [%s]\n      %s\n", rule->initial, rule->help);
	}
}
