/* SPDX-License-Identifier: MIT */
/*
 * A way to a server by way of a chaos proxy.
 * Threads: the test thread.
 */
#ifndef TESTS_SUPPORT_DETOUR_H
#define TESTS_SUPPORT_DETOUR_H

#include "common/text.h"
#include "tests/chaos/chaos.h"

/*
 * Start a proxy before the server of url ("scheme://user:password@host:port/rest"), and append the
 * url that leads through it to detour. Fails the test when it cannot. Owns: the caller ends the
 * proxy with chaos_stop().
 */
struct chaos *test_detour_start(const char *url, struct text *detour);

#endif
