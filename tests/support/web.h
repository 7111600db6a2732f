/* SPDX-License-Identifier: MIT */
/*
 * One blocking HTTP call at a time, as tests need it: the management API, the simulator's admin
 * side, health endpoints. Besides common/http the only user of libcurl. Threads: the test thread.
 */
#ifndef TESTS_SUPPORT_WEB_H
#define TESTS_SUPPORT_WEB_H

#include "common/text.h"

/*
 * method "GET", body NULL for none. Returns the HTTP status, 0 when nobody answers; the reply's
 * body is added to reply (NULL: not wanted).
 */
int test_web_call(const char *method, const char *url, const char *body, struct text *reply);
/*
 * GET url; returns the status. Where the answer sends us to is added to location, not followed; what it
 * holds to reply (NULL: not wanted).
 */
int test_web_follow(const char *url, struct text *location, struct text *reply);

#endif
