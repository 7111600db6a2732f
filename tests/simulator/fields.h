/* SPDX-License-Identifier: MIT */
/*
 * The fields of users and videos: their names, the scope each needs and where the world holds them
 * (TikTok, API v2 user info and video object). A request names the fields it wants, and gets those
 * alone.
 *
 * Threads: any; tables only.
 */
#ifndef TESTS_SIMULATOR_FIELDS_H
#define TESTS_SIMULATOR_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/text.h"

struct field;

struct field_table {
	const struct field *fields;
	size_t count; /* at most 32 */
};

extern const struct field_table fields_of_users;  /* written from a struct world_account */
extern const struct field_table fields_of_videos; /* written from a struct world_video */

enum field_unknown { FIELD_UNKNOWN_REFUSED, FIELD_UNKNOWN_IGNORED };

/*
 * Read "a,b,c" into a set of bits and the scopes that the fields need together. False: NULL, no
 * field at all, or an unknown name where these are refused.
 */
bool fields_read(const struct field_table *table, const char *list, enum field_unknown unknown,
	uint32_t *wanted, unsigned *scopes);
/* Append a record as a JSON object of the wanted fields. */
void fields_write(
	const struct field_table *table, uint32_t wanted, const void *record, struct text *out);

#endif
