/* SPDX-License-Identifier: MIT */
/*
 * How dead letters are shown: groups of one cause, single letters, both for people and as JSON.
 * Threads: the main thread alone.
 */
#ifndef OPERATOR_DEAD_LIST_PRINT_H
#define OPERATOR_DEAD_LIST_PRINT_H

#include <stddef.h>
#include <stdint.h>

#include "common/text.h"
#include "operator/dead_letter.h"

/* Letters of one class and fingerprint; everything is borrowed from them. */
struct dead_group {
	const struct dead_letter *example; /* the newest */
	size_t count;
	int64_t oldest_us, newest_us; /* 0: none of them tells */
};

/* Group letters (pointers, reordered on the way), the largest group first. Owns: the caller frees *groups. */
size_t dead_group_letters(
	const struct dead_letter **letters, size_t count, struct dead_group **groups);

void dead_print_groups(const struct dead_group *groups, size_t count);
void dead_print_letters(const struct dead_letter *const *letters, size_t count);
/* Append one letter as a JSON object. */
void dead_write_letter(const struct dead_letter *letter, struct text *out);
void dead_write_group(const struct dead_group *group, struct text *out);
/* A moment as "2026-11-22 19:05:55", in UTC; "-" for 0. */
#define DEAD_MOMENT_SIZE 20
void dead_format_moment(int64_t unix_us, char text[DEAD_MOMENT_SIZE]);

#endif
