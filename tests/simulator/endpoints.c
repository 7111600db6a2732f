/* SPDX-License-Identifier: MIT */
/*
 * Names of endpoints. No state, no locks.
 */
#include "tests/simulator/endpoints.h"

#include <string.h>

static const char *const names[ENDPOINTS] = {
	[ENDPOINT_AUTHORIZE] = "authorize",
	[ENDPOINT_TOKEN] = "token",
	[ENDPOINT_REVOKE] = "revoke",
	[ENDPOINT_USER_INFO] = "user_info",
	[ENDPOINT_VIDEO_LIST] = "video_list",
	[ENDPOINT_VIDEO_QUERY] = "video_query",
};

const char *endpoint_name(enum endpoint endpoint)
{
	return names[endpoint];
}

enum endpoint endpoint_named(const char *name)
{
	for (int endpoint = 0; endpoint < ENDPOINTS; endpoint++) {
		if (strcmp(names[endpoint], name) == 0)
			return (enum endpoint)endpoint;
	}
	return ENDPOINTS;
}
