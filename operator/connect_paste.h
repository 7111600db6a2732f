/* SPDX-License-Identifier: MIT */
/*
 * TikTok's redirect, pasted by the operator: for addresses at which we cannot listen.
 * Threads: the main thread alone.
 */
#ifndef OPERATOR_CONNECT_PASTE_H
#define OPERATOR_CONNECT_PASTE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "operator/redirect.h"

/*
 * Read lines from standard input until one is the address that TikTok redirected to, or its query,
 * with our state; what is wrong with others is said on standard error.
 *
 * Owns:  the caller ends *redirect with redirect_finish().
 * Fails: stopping, settings - as connect_listen_wait(), or the input has ended.
 */
bool connect_paste_wait(const char *redirect_uri, const char *state, int64_t timeout_ms,
	struct redirect *redirect, struct error *err);

#endif
