/* SPDX-License-Identifier: MIT */
/*
 * syncctl, the operator's tool: finds the command that was asked for in the table below, reads the
 * settings that it needs, and runs it. One thread.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/config.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/text.h"
#include "operator/command.h"

/* The order in which --help shows them. */
static const struct command *const commands[] = {
	&command_migrate_up,
	&command_migrate_status,
	&command_migrate_verify,
	&command_migrate_new,
	&command_topology_apply,
	&command_topology_check,
	&command_audit,
	&command_dead_list,
	&command_dead_show,
	&command_dead_retry,
	&command_dead_discard,
	&command_account_connect,
	&command_account_list,
	&command_account_show,
	&command_account_disable,
	&command_account_enable,
	&command_account_disconnect,
	&command_account_import,
	&command_store_add,
	&command_store_list,
	&command_store_edit,
	&command_store_remove,
	&command_keys_status,
	&command_keys_rotate,
	&command_forecast,
	&command_settings,
	NULL,
};

static void print_overview(FILE *out)
{
	fprintf(out, "Usage: syncctl COMMAND [ARGUMENT...]\n\nCommands:\n");
	for (const struct command *const *at = commands; *at; at++)
		fprintf(out, "  %-18s  %s\n", (*at)->name, (*at)->summary);
	fprintf(out,
		"\n  help COMMAND        explain a command\n"
		"  --version           print the version\n\n"
		"Exit codes: 0 done, 1 failed, 2 wrong arguments or settings, 3 checked and found "
		"wanting.\n\n");
	config_print_help(out, PROGRAM_OPERATOR);
}

static void print_usage(FILE *out, const struct command *command)
{
	fprintf(out, "Usage: syncctl %s%s%s\n", command->name, *command->arguments ? " " : "",
		command->arguments);
}

static void print_command_help(const struct command *command)
{
	print_usage(stdout, command);
	printf("\n%s", command->help);
}

enum exit_code command_misused(const struct command_context *context, const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "syncctl %s: ", context->command->name);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	print_usage(stderr, context->command);
	return EXIT_USAGE;
}

enum exit_code command_misused_so(const struct command_context *context, const struct text *faults)
{
	const char *at = text_string(faults);

	while (*at) {
		int length = (int)strcspn(at, "\n");

		fprintf(stderr, "syncctl %s: %.*s\n", context->command->name, length, at);
		at += length + (at[length] == '\n');
	}
	print_usage(stderr, context->command);
	return EXIT_USAGE;
}

/* How many words of argv the name takes up; 0: they do not match. */
static int match_name(const char *name, int argc, char **argv)
{
	const char *space = strchr(name, ' ');
	size_t first_length = space ? (size_t)(space - name) : strlen(name);

	if (argc < 1 || strlen(argv[0]) != first_length ||
		strncmp(argv[0], name, first_length) != 0)
		return 0;
	if (!space)
		return 1;
	return argc > 1 && strcmp(argv[1], space + 1) == 0 ? 2 : 0;
}

static const struct command *find_command(int argc, char **argv, int *words)
{
	for (const struct command *const *at = commands; *at; at++) {
		*words = match_name((*at)->name, argc, argv);
		if (*words > 0)
			return *at;
	}
	return NULL;
}

/* "migrate" alone: show the commands that begin so. False: there are none. */
static bool print_group(FILE *out, const char *group)
{
	size_t length = strlen(group);
	bool found = false;

	for (const struct command *const *at = commands; *at; at++) {
		const char *name = (*at)->name;

		if (strncmp(name, group, length) != 0 || name[length] != ' ')
			continue;
		fprintf(out, "  %-18s  %s\n", name, (*at)->summary);
		found = true;
	}
	return found;
}

/*
 * How many letters must be added, removed or replaced to make one word the other; both are cut to
 * 31 letters.
 */
static size_t edit_distance(const char *from, const char *to)
{
	size_t row[32];
	size_t to_length = strnlen(to, 31);

	for (size_t j = 0; j <= to_length; j++)
		row[j] = j;
	for (size_t i = 1; i <= strnlen(from, 31); i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= to_length; j++) {
			size_t replaced = diagonal + (from[i - 1] != to[j - 1]);
			size_t shorter = row[j] < row[j - 1] ? row[j] : row[j - 1];

			diagonal = row[j];
			row[j] = replaced < shorter + 1 ? replaced : shorter + 1;
		}
	}
	return row[to_length];
}

static enum exit_code refuse_unknown(int argc, char **argv)
{
	struct text asked = {0};
	const struct command *nearest = NULL;
	size_t nearest_distance = 3;

	text_append(&asked, argv[0]);
	if (argc > 1)
		text_append_format(&asked, " %s", argv[1]);
	for (const struct command *const *at = commands; *at; at++) {
		char *name = memory_copy_text((*at)->name);
		size_t distance;

		if (argc == 1)
			name[strcspn(name, " ")] = '\0';
		distance = edit_distance(strchr(name, ' ') ? text_string(&asked) : argv[0], name);
		free(name);
		if (distance < nearest_distance) {
			nearest = *at;
			nearest_distance = distance;
		}
	}
	fprintf(stderr, "syncctl: there is no command \"%s\"", text_string(&asked));
	if (nearest && nearest_distance > 0)
		fprintf(stderr, "; did you mean \"%s\"?", nearest->name);
	fprintf(stderr, "\n");
	if (!print_group(stderr, argv[0]) && !nearest)
		fprintf(stderr, "\"syncctl --help\" lists the commands.\n");
	text_finish(&asked);
	return EXIT_USAGE;
}

static enum exit_code run_help(int argc, char **argv)
{
	int words;
	const struct command *command;

	if (argc == 0) {
		print_overview(stdout);
		return EXIT_DONE;
	}
	command = find_command(argc, argv, &words);
	if (command) {
		print_command_help(command);
		return EXIT_DONE;
	}
	if (argc == 1 && print_group(stdout, argv[0]))
		return EXIT_DONE;
	return refuse_unknown(argc, argv);
}

/*
 * The settings of all commands are optional to syncctl; what this one cannot do without is asked
 * for here.
 */
static bool load_settings(const struct command *command, struct config *config, struct text *faults)
{
	bool loaded = config_load(config, PROGRAM_OPERATOR, faults);
	bool ok = loaded;
	bool needs_database = command->needs == NEEDS_DATABASE || command->needs == NEEDS_BOTH;
	bool needs_broker = command->needs == NEEDS_BROKER || command->needs == NEEDS_BOTH;

	if (loaded && needs_database && !config->database_url) {
		text_append(faults, "DATABASE_URL is not set: "
				    "postgresql://user:password@host:5432/database\n");
		ok = false;
	}
	if (loaded && needs_broker && !config->amqp_url) {
		text_append(faults, "AMQP_URL is not set: amqp://user:password@host:5672/vhost\n");
		ok = false;
	}
	return ok;
}

static enum exit_code run_command(const struct command *command, int argc, char **argv)
{
	struct command_context context = {.command = command};
	struct text faults = {0};
	enum exit_code result = EXIT_USAGE;

	if (command->needs != NEEDS_NOTHING) {
		if (!load_settings(command, &context.config, &faults)) {
			fprintf(stderr, "%s", text_string(&faults));
			goto out;
		}
		log_open("syncctl", context.config.log_level, context.config.log_format);
	}
	result = command->run(&context, argc, argv);
out:
	text_finish(&faults);
	config_finish(&context.config);
	return result;
}

/* True when --help stands among the arguments, before a "--". */
static bool wants_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	return false;
}

int main(int argc, char **argv)
{
	const struct command *command;
	int words;

	if (argc < 2) {
		print_overview(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return (int)run_help(0, NULL);
	if (strcmp(argv[1], "help") == 0)
		return (int)run_help(argc - 2, argv + 2);
	if (strcmp(argv[1], "--version") == 0) {
		printf("syncctl " STORESYNC_VERSION "\n");
		return EXIT_DONE;
	}
	command = find_command(argc - 1, argv + 1, &words);
	if (!command)
		return (int)refuse_unknown(argc - 1, argv + 1);
	if (wants_help(argc - words, argv + words)) {
		print_command_help(command);
		return EXIT_DONE;
	}
	return (int)run_command(command, argc - words, argv + words);
}
