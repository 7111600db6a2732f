/* SPDX-License-Identifier: MIT */
/*
 * Reading the fields of a store. One thread.
 */
#include "operator/store_fields.h"

#include <string.h>

#include "operator/arguments.h"

#define CODE_MAX  50 /* varchar(50) */
#define FIELD_MAX 255

bool store_code_check(const char *code, struct text *faults)
{
	if (!arguments_text("the store's CODE", code, CODE_MAX, faults))
		return false;
	if (*code != ' ' && code[strlen(code) - 1] != ' ')
		return true;
	text_append(faults, "the store's CODE must not begin or end with a space\n");
	return false;
}

bool store_fields_read(int argc, char **argv, struct store_fields *fields, struct text *faults)
{
	const struct argument known[] = {{"name", &fields->name, NULL}, {"pic", &fields->pic, NULL},
		{"contact", &fields->contact, NULL}, {NULL, NULL, NULL}};
	size_t before = faults->length;

	if (arguments_read(argc, argv, known, "the store's CODE", 1, 1, &fields->code, faults))
		store_code_check(fields->code, faults);
	arguments_text("--name", fields->name, FIELD_MAX, faults);
	arguments_text("--pic", fields->pic, FIELD_MAX, faults);
	if (fields->contact && *fields->contact)
		arguments_text("--contact", fields->contact, FIELD_MAX, faults);
	return faults->length == before;
}

void store_fields_bind(const struct store_fields *fields, struct db_params *params)
{
	db_param_text(params, fields->code);
	db_param_text(params, fields->name);
	db_param_text(params, fields->pic);
	db_param_text(params, fields->contact);
}
