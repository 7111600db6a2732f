/* SPDX-License-Identifier: MIT */
/*
 * The grammar of RFC 8259, and nothing beyond it. json-c 0.16 in its strict mode still lets pass
 * single-quoted names, NaN and Infinity, 00 and 01.5 and "1.", raw control characters, overlong
 * UTF-8 and bytes after a NUL: every document goes through here before json-c builds its tree.
 * Threads: any.
 */
#ifndef COMMON_JSON_SYNTAX_H
#define COMMON_JSON_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

/*
 * Check that length bytes are one JSON value, at most depth_max arrays and objects deep, and count
 * the members of all its objects. A member's name with a NUL in it is refused too: json-c would cut
 * it there.
 *
 * Fails: bad_reply - the text says what is wrong at which byte, never quoting the input.
 */
bool json_syntax_check(
	const char *bytes, size_t length, int depth_max, size_t *members, struct error *err);

#endif
