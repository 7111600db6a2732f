/* SPDX-License-Identifier: MIT */
/*
 * Reading command lines over getopt_long(3). Runs on the main thread.
 */
#include "operator/arguments.h"

#include <assert.h>
#include <ctype.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include "common/utf8.h"

/* Beyond the characters, so that getopt_long() cannot confuse them with short options. */
#define FIRST_ID 256

static void read_option(
	int id, char **argv, const struct argument *known, int count, struct text *faults)
{
	if (id >= FIRST_ID && known[id - FIRST_ID].value)
		*known[id - FIRST_ID].value = optarg;
	else if (id >= FIRST_ID)
		*known[id - FIRST_ID].is_given = true;
	else if (id == ':' && optopt >= FIRST_ID && optopt - FIRST_ID < count)
		text_append_format(faults, "--%s needs a value\n", known[optopt - FIRST_ID].name);
	else if (optopt >= FIRST_ID && optopt - FIRST_ID < count)
		text_append_format(faults, "--%s takes no value\n", known[optopt - FIRST_ID].name);
	else
		text_append_format(faults, "unknown option %s\n", argv[optind - 1]);
}

bool arguments_read(int argc, char **argv, const struct argument *known, const char *what, int min,
	int max, const char **words, struct text *faults)
{
	struct option options[ARGUMENTS_MAX + 1] = {0};
	size_t before = faults->length;
	int count = 0, id;

	for (; known[count].name; count++) {
		assert(count < ARGUMENTS_MAX);
		options[count] = (struct option){.name = known[count].name,
			.has_arg = known[count].value ? required_argument : no_argument,
			.val = FIRST_ID + count};
	}
	optind = 0; /* glibc: begin anew, also when a test reads several command lines */
	while ((id = getopt_long(argc, argv, ":", options, NULL)) != -1)
		read_option(id, argv, known, count, faults);
	for (int i = 0; i < max; i++)
		words[i] = optind + i < argc ? argv[optind + i] : NULL;
	for (int i = optind + max; i < argc; i++)
		text_append_format(faults, "unexpected argument %s\n", argv[i]);
	if (argc - optind < min)
		text_append_format(faults, "%s is missing\n", what);
	return faults->length == before;
}

bool arguments_read_account(int argc, char **argv, const struct argument *known,
	int64_t *account_id, struct text *faults)
{
	const char *word = NULL;

	return arguments_read(argc, argv, known, "the account's ID", 1, 1, &word, faults) &&
	       arguments_number("the account's ID", word, 1, INT32_MAX, account_id, faults);
}

bool arguments_number(const char *name, const char *value, int64_t least, int64_t most,
	int64_t *number, struct text *faults)
{
	int64_t read = 0;
	bool ok;

	if (!value)
		return true;
	ok = *value != '\0' && strlen(value) <= 15;
	for (const char *at = value; *at && ok; at++) {
		ok = isdigit((unsigned char)*at);
		read = read * 10 + (*at - '0');
	}
	if (ok && read >= least && read <= most) {
		*number = read;
		return true;
	}
	text_append_format(faults,
		"%s: \"%s\" is not a whole number from %" PRId64 " to %" PRId64 "\n", name, value,
		least, most);
	return false;
}

bool arguments_text(const char *name, const char *value, size_t max, struct text *faults)
{
	size_t length = value ? strlen(value) : 0;
	struct text clean = {0};
	bool ok;

	if (!value)
		return true;
	utf8_append_clean(value, length, &clean);
	ok = length > 0 && strcmp(value, text_string(&clean)) == 0 && utf8_count(value) <= max;
	text_finish(&clean);
	if (!ok)
		text_append_format(faults,
			"%s must have 1 to %zu characters, and no control characters among them\n",
			name, max);
	return ok;
}
