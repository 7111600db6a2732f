/* SPDX-License-Identifier: MIT */
/*
 * What the table of settings says to people: --help, the table of README.md, and the hint at
 * misspelt names. Run by the main thread.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config.h"
#include "common/config_table.h"

#define NAME_COLUMNS    22
#define LINE_COLUMNS    96
#define NAME_MAX_LENGTH 32

struct program_name {
	enum program program;
	const char *name;
};

static const struct program_name programs[] = {
	{PROGRAM_PRODUCER, "producer"},
	{PROGRAM_WORKER, "worker"},
	{PROGRAM_LOGGER, "logger"},
	{PROGRAM_OPERATOR, "syncctl"},
};

/* "Default 20; from 1 to 1000." and the like. */
static void describe_value(const struct setting *setting, unsigned readers, struct text *out)
{
	if (setting->required & readers)
		text_append(out, "Required.");
	else if (!setting->standard || !*setting->standard)
		text_append(out, "Optional.");
	else
		text_append_format(out, "Default %s.", setting->standard);
	if (setting->kind == SETTING_INTEGER || setting->kind == SETTING_SECONDS)
		text_append_format(out, " From %lld to %lld.", (long long)setting->least,
			(long long)setting->most);
	if (setting->kind == SETTING_CHOICE)
		text_append_format(out, " One of %s.", setting->choices);
	if (setting->secret)
		text_append_format(out, " Or %s_FILE, the path of a file.", setting->name);
}

/* Print words from the current column on, wrapped, every further line indented. */
static void print_wrapped(FILE *out, const char *words, size_t column, size_t indent)
{
	while (*words) {
		size_t length = strcspn(words, " ");

		if (column > indent && column + 1 + length > LINE_COLUMNS) {
			fprintf(out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (column > indent) {
			fputc(' ', out);
			column++;
		}
		fwrite(words, 1, length, out);
		column += length;
		words += length;
		words += strspn(words, " ");
	}
	fputc('\n', out);
}

void config_print_help(FILE *out, enum program program)
{
	fputs("Settings (environment variables):\n", out);
	for (size_t i = 0; i < config_table_length; i++) {
		const struct setting *setting = &config_table[i];
		struct text words = {0};

		if (!(setting->users & program))
			continue;
		text_append_format(&words, "%s ", setting->help);
		describe_value(setting, program, &words);
		fprintf(out, "  %-*s", NAME_COLUMNS, setting->name);
		print_wrapped(out, text_string(&words), NAME_COLUMNS + 2, NAME_COLUMNS + 2);
		text_finish(&words);
	}
}

static void print_users(FILE *out, unsigned users)
{
	const char *separator = "";

	for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++)
		if (users & programs[i].program) {
			fprintf(out, "%s%s", separator, programs[i].name);
			separator = ", ";
		}
}

void config_print_markdown(FILE *out)
{
	fputs("| name | default | programs | meaning |\n|---|---|---|---|\n", out);
	for (size_t i = 0; i < config_table_length; i++) {
		const struct setting *setting = &config_table[i];

		fprintf(out, "| `%s`%s | ", setting->name, setting->secret ? " (or `_FILE`)" : "");
		if (setting->required)
			fputs("required", out);
		else if (setting->standard && *setting->standard)
			fprintf(out, "`%s`", setting->standard);
		fputs(" | ", out);
		print_users(out, setting->users);
		fprintf(out, " | %s", setting->help);
		if (setting->kind == SETTING_INTEGER || setting->kind == SETTING_SECONDS)
			fprintf(out, " From %lld to %lld.", (long long)setting->least,
				(long long)setting->most);
		if (setting->kind == SETTING_CHOICE) {
			fputs(" One of ", out);
			for (const char *c = setting->choices; *c; c++)
				fputs(*c == '|' ? ", " : (char[2]){*c, '\0'}, out);
			fputc('.', out);
		}
		fputs(" |\n", out);
	}
}

/* Levenshtein's distance between a name and the first length bytes of another. */
static size_t edit_distance(const char *name, const char *other, size_t length)
{
	size_t row[NAME_MAX_LENGTH + 1];

	for (size_t j = 0; j <= length; j++)
		row[j] = j;
	for (size_t i = 1; name[i - 1]; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= length; j++) {
			size_t best = diagonal + (name[i - 1] != other[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[length];
}

/*
 * The setting whose name is one or two letters away from a variable's; NULL: none, or the name is
 * right. The first two letters have to agree, so that strangers' variables are left alone.
 */
static const struct setting *setting_meant(const char *variable, size_t length)
{
	const struct setting *meant = NULL;

	if (length < 2 || length > NAME_MAX_LENGTH)
		return NULL;
	for (size_t i = 0; i < config_table_length; i++) {
		const struct setting *setting = &config_table[i];
		size_t distance;

		if (strncmp(setting->name, variable, 2) != 0)
			continue;
		distance = edit_distance(setting->name, variable, length);
		if (distance == 0)
			return NULL;
		if (distance <= 2)
			meant = setting;
	}
	return meant;
}

bool config_find_misspelt(struct text *hints)
{
	size_t hints_before = hints->length;

	for (char **entry = environ; entry && *entry; entry++) {
		size_t length = strcspn(*entry, "=");
		const struct setting *meant = setting_meant(*entry, length);

		if (meant)
			text_append_format(hints, "%.*s is no setting; perhaps %s is meant\n",
				(int)length, *entry, meant->name);
	}
	return hints->length > hints_before;
}
