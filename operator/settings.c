/* SPDX-License-Identifier: MIT */
/*
 * syncctl settings: the settings table, as every program's --help and README.md show it.
 */
#include <stdio.h>
#include <string.h>

#include "common/config.h"
#include "operator/command.h"

static enum exit_code run_settings(struct command_context *context, int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--markdown") == 0)
		config_print_markdown(stdout);
	else if (argc == 1)
		config_print_help(stdout,
			PROGRAM_PRODUCER | PROGRAM_WORKER | PROGRAM_LOGGER | PROGRAM_OPERATOR);
	else
		return command_misused(context, "unknown argument \"%s\"", argv[argc - 1]);
	return EXIT_DONE;
}

const struct command command_settings = {
	.name = "settings",
	.arguments = "[--markdown]",
	.summary = "print every setting with its default and meaning",
	.help = "Prints the environment variables that the programs read; with --markdown as the table\n"
		"that stands in README.md.\n",
	.needs = NEEDS_NOTHING,
	.run = run_settings,
};
