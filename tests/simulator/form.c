/* SPDX-License-Identifier: MIT */
/*
 * Reading of forms. No state, no locks.
 */
#include "tests/simulator/form.h"

#include <string.h>

#include "common/crypto.h"

void form_add(struct form *form, const char *name, const char *value)
{
	if (form->count == FORM_PAIRS)
		return;
	form->pairs[form->count].name = name;
	form->pairs[form->count].value = value ? value : "";
	form->count++;
}

static bool decode(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		if (*from == '%') {
			int high = crypto_hex_digit(from[1]);
			int low = high < 0 ? -1 : crypto_hex_digit(from[2]);

			if (low < 0)
				return false;
			*to++ = (char)(high << 4 | low);
			from += 2;
		} else if (*from == '+') {
			*to++ = ' ';
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
	return true;
}

bool form_read(struct form *form, char *text)
{
	char *rest = text;
	char *name;

	while ((name = strsep(&rest, "&"))) {
		char *value = strchr(name, '=');

		if (*name == '\0')
			continue;
		if (value)
			*value++ = '\0';
		if (!decode(name) || (value && !decode(value)))
			return false;
		form_add(form, name, value);
	}
	return true;
}

const char *form_get(const struct form *form, const char *name)
{
	for (size_t i = 0; i < form->count; i++) {
		if (strcmp(form->pairs[i].name, name) == 0)
			return form->pairs[i].value;
	}
	return NULL;
}
