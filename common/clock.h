/* SPDX-License-Identifier: MIT */
/*
 * Two clocks, never mixed: durations and deadlines are milliseconds of the monotonic clock, which
 * nobody sets; moments that are stored or sent are microseconds since 1970 of the wall clock.
 * Threads: any.
 */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define CLOCK_TEXT_SIZE 28 /* "2026-11-22T19:05:55.123456Z" and its NUL */

int64_t clock_monotonic_ms(void);
int64_t clock_unix_us(void);

/*
 * RFC 3339 in UTC with microseconds; a moment outside the years 1 to 9999 shows as the nearest one
 * inside.
 */
void clock_format(int64_t unix_us, char text[CLOCK_TEXT_SIZE]);
/*
 * RFC 3339, any offset, at most nine fractional digits (cut to micros), years 1 to 9999. False: not
 * one.
 */
bool clock_parse(const char *text, int64_t *unix_us);
/* True for a calendar day that exists, written YYYY-MM-DD. */
bool clock_is_day(const char *text);
/* "90s", "15m", "2h", "3d"; false: not a duration of at least a second and at most 10 years. */
bool clock_parse_duration(const char *text, int64_t *seconds);

#endif
