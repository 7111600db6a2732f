/* SPDX-License-Identifier: MIT */
/*
 * PostgreSQL's types by name, as the table of statements spells them. The numbers are fixed for
 * ever: src/include/catalog/pg_type.dat. Used by every thread.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/db_internal.h"

struct type_name {
	const char *name;
	Oid type;
};

static const struct type_name type_names[] = {
	{"bool", 16},
	{"int8", 20},
	{"int4", 23},
	{"text", 25},
	{"date", 1082},
	{"timestamptz", 1184},
	{"uuid", 2950},
	{"bool[]", 1000},
	{"int4[]", 1007},
	{"text[]", 1009},
	{"int8[]", 1016},
	{"date[]", 1182},
	{"timestamptz[]", 1185},
	{"uuid[]", 2951},
};
static const size_t type_count = sizeof type_names / sizeof type_names[0];

Oid db_type_oid(enum db_type type)
{
	switch (type) {
	case DB_TEXT:
		return 25;
	case DB_INT4:
		return 23;
	case DB_INT8:
		return 20;
	case DB_BOOL:
		return 16;
	case DB_UUID:
		return 2950;
	case DB_DATE:
		return 1082;
	case DB_TIMESTAMPTZ:
		return 1184;
	}
	abort();
}

static Oid find_type(const char *name, size_t length)
{
	for (size_t i = 0; i < type_count; i++)
		if (strlen(type_names[i].name) == length &&
			strncmp(type_names[i].name, name, length) == 0)
			return type_names[i].type;
	abort(); /* the table of statements names a type that is not in ours */
}

int db_types_parse(const char *list, Oid types[DB_PARAMS_MAX])
{
	int count = 0;

	while (*list) {
		size_t length = strcspn(list, ",");

		assert(count < DB_PARAMS_MAX);
		types[count++] = find_type(list, length);
		list += length;
		if (*list == ',')
			list++;
	}
	return count;
}

void db_type_append(struct text *list, Oid type)
{
	if (list->length > 0)
		text_append_char(list, ',');
	for (size_t i = 0; i < type_count; i++) {
		if (type_names[i].type == type) {
			text_append(list, type_names[i].name);
			return;
		}
	}
	text_append_format(list, "type %u", type);
}
