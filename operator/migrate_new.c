/* SPDX-License-Identifier: MIT */
/*
 * syncctl migrate new: begin the next migration. One thread.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "operator/command.h"
#include "operator/migrate.h"

static const char skeleton[] =
	"-- Why: what is wrong or missing without this change.\n"
	"-- What was measured; what it locks, and for how long on a large table.\n"
	"-- It runs in a transaction of its own: no BEGIN or COMMIT, no CREATE INDEX CONCURRENTLY.\n"
	"\n";

static bool is_name(const char *name)
{
	return *name && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name);
}

/* "x": fails when the file exists, as it does when two people begin a migration at once. */
static enum exit_code create(const char *path)
{
	FILE *file = fopen(path, "wxe");

	if (!file || fputs(skeleton, file) < 0) {
		fprintf(stderr, "syncctl migrate new: cannot write %s: %s\n", path,
			strerror(errno));
		if (file)
			fclose(file);
		return EXIT_FAILED;
	}
	if (fclose(file) != 0) {
		fprintf(stderr, "syncctl migrate new: cannot write %s: %s\n", path,
			strerror(errno));
		return EXIT_FAILED;
	}
	printf("%s\n", path);
	return EXIT_DONE;
}

static enum exit_code run_new(struct command_context *context, int argc, char **argv)
{
	struct migrations migrations = {0};
	struct text path = {0};
	struct error err;
	enum exit_code result;

	if (argc != 2)
		return command_misused(context, "give exactly one name");
	if (!is_name(argv[1]))
		return command_misused(context,
			"a name has small letters, digits and underscores, such as add_region");
	if (!migrations_load(migrations_directory(&context->config), &migrations, &err)) {
		fprintf(stderr, "syncctl migrate new: %s\n", err.text);
		return EXIT_FAILED;
	}
	text_append_format(
		&path, "%s/%04zu_%s.sql", migrations.directory, migrations.count + 1, argv[1]);
	result = create(path.data);
	text_finish(&path);
	migrations_finish(&migrations);
	return result;
}

const struct command command_migrate_new = {
	.name = "migrate new",
	.arguments = "NAME",
	.summary = "begin the next migration",
	.help = "Creates the next numbered file in the migrations directory with a comment to fill in, and\n"
		"prints its path.\n",
	.needs = NEEDS_SETTINGS,
	.run = run_new,
};
