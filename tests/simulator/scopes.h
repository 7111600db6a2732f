/* SPDX-License-Identifier: MIT */
/*
 * The scopes of the Display API as a set of bits, and their written form: comma-separated (TikTok,
 * Login Kit). No state.
 */
#ifndef TESTS_SIMULATOR_SCOPES_H
#define TESTS_SIMULATOR_SCOPES_H

#include <stdbool.h>

#include "common/text.h"

enum scope {
	SCOPE_USER_INFO_BASIC = 1 << 0,
	SCOPE_USER_INFO_PROFILE = 1 << 1,
	SCOPE_USER_INFO_STATS = 1 << 2,
	SCOPE_VIDEO_LIST = 1 << 3,
	SCOPES_ALL = (1 << 4) - 1,
};

/* Read "a,b,c"; false: a name that is no scope, or none at all. */
bool scopes_read(const char *list, unsigned *scopes);
void scopes_write(unsigned scopes, struct text *out);

#endif
