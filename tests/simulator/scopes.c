/* SPDX-License-Identifier: MIT */
/*
 * Names of scopes. No state, no locks.
 */
#include "tests/simulator/scopes.h"

#include <string.h>

static const struct {
	const char *name;
	unsigned scope;
} names[] = {
	{"user.info.basic", SCOPE_USER_INFO_BASIC},
	{"user.info.profile", SCOPE_USER_INFO_PROFILE},
	{"user.info.stats", SCOPE_USER_INFO_STATS},
	{"video.list", SCOPE_VIDEO_LIST},
};
#define NAMES (sizeof(names) / sizeof(names[0]))

static unsigned scope_named(const char *name, size_t length)
{
	for (size_t i = 0; i < NAMES; i++) {
		if (strlen(names[i].name) == length && memcmp(names[i].name, name, length) == 0)
			return names[i].scope;
	}
	return 0;
}

bool scopes_read(const char *list, unsigned *scopes)
{
	unsigned found = 0;

	for (const char *at = list;;) {
		size_t length = strcspn(at, ",");
		unsigned scope = scope_named(at, length);

		if (!scope)
			return false;
		found |= scope;
		if (at[length] == '\0')
			break;
		at += length + 1;
	}
	*scopes = found;
	return true;
}

void scopes_write(unsigned scopes, struct text *out)
{
	const char *comma = "";

	for (size_t i = 0; i < NAMES; i++) {
		if (!(scopes & names[i].scope))
			continue;
		text_append(out, comma);
		text_append(out, names[i].name);
		comma = ",";
	}
}
