/* SPDX-License-Identifier: MIT */
/*
 * The command line of fault programs. The test thread.
 */
#include "tests/faults/program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t *find(const struct program_option options[], const char *name)
{
	for (; options->name; options++)
		if (strcmp(options->name, name) == 0)
			return options->number;
	return NULL;
}

static bool read_number(const char *text, int64_t *number)
{
	char *end;

	if (!text)
		return false;
	*number = strtoll(text, &end, 10);
	return *text != '\0' && *end == '\0' && *number >= 0;
}

static void explain(const char *program, const struct program_option options[])
{
	fprintf(stderr, "Usage: %s [--seed N]", program);
	for (; options->name; options++)
		fprintf(stderr, " [--%s N (%lld)]", options->name, (long long)*options->number);
	fprintf(stderr, "\nThe top of its source says more.\n");
}

bool program_options(int argc, char **argv, const struct program_option options[], uint64_t *seed,
	const char **word)
{
	int64_t seed_number = 0;

	for (int i = 1; i < argc; i++) {
		bool is_option = strncmp(argv[i], "--", 2) == 0;
		int64_t *number = is_option ? find(options, argv[i] + 2) : NULL;

		if (is_option && strcmp(argv[i], "--seed") == 0)
			number = &seed_number;
		if (!is_option && word) {
			*word = argv[i];
			continue;
		}
		if (!number || !read_number(argv[++i], number)) {
			explain(argv[0], options);
			return false;
		}
	}
	*seed = (uint64_t)seed_number;
	return true;
}
