/* SPDX-License-Identifier: MIT */
/*
 * The words of the world: names, titles and descriptions, chosen by a random number. Among them
 * everything that has broken a JSON reader, an SQL statement or a column: emoji beyond the basic
 * plane and joined ones, right-to-left text, quotes, backslashes, newlines, and texts longer than
 * the 150 characters that TikTok documents. No state.
 */
#ifndef TESTS_SIMULATOR_PHRASES_H
#define TESTS_SIMULATOR_PHRASES_H

#include <stdint.h>

#include "tests/simulator/pen.h"

/* The number makes the name unique. */
void phrases_write_username(uint64_t random, uint32_t number, struct pen pen);
void phrases_write_display_name(uint64_t random, uint32_t number, struct pen pen);
/* Of a title, a description or a biography. */
void phrases_write_text(uint64_t random, struct pen pen);

#endif
