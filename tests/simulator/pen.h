/* SPDX-License-Identifier: MIT */
/*
 * Writes text into an array of a fixed size, cutting what does not fit at a whole UTF-8 character.
 * For the many short strings of the world, where printf would take most of the time of a page. Used
 * by whoever owns the array.
 */
#ifndef TESTS_SIMULATOR_PEN_H
#define TESTS_SIMULATOR_PEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct pen {
	char *start;
	char *at;  /* the terminating NUL */
	char *end; /* one beyond the array */
};

/* Start on an array; it holds the empty string. */
struct pen pen_on(char *array, size_t size_bytes);
void pen_bytes(struct pen *pen, const char *bytes, size_t length);
void pen_number(struct pen *pen, uint64_t number);
/* The lowest digits of a number, in lower-case hex. */
void pen_hex(struct pen *pen, uint64_t number, int digits);
/* Read digits of lower-case hex; false: another character among them. */
bool pen_read_hex(const char *text, int digits, uint64_t *number);

/* Here, so that the compiler knows how long a literal is. */
static inline void pen_text(struct pen *pen, const char *text)
{
	pen_bytes(pen, text, strlen(text));
}

#endif
