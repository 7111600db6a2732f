/* SPDX-License-Identifier: MIT */
/*
 * The endpoints that are counted, limited and made to fail, by the names that the admin endpoint
 * uses. No state.
 */
#ifndef TESTS_SIMULATOR_ENDPOINTS_H
#define TESTS_SIMULATOR_ENDPOINTS_H

enum endpoint {
	ENDPOINT_AUTHORIZE,
	ENDPOINT_TOKEN,
	ENDPOINT_REVOKE,
	ENDPOINT_USER_INFO,
	ENDPOINT_VIDEO_LIST,
	ENDPOINT_VIDEO_QUERY,
	ENDPOINTS
};

const char *endpoint_name(enum endpoint endpoint);
/* ENDPOINTS: there is none of that name. */
enum endpoint endpoint_named(const char *name);

#endif
