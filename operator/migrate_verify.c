/* SPDX-License-Identifier: MIT */
/*
 * syncctl migrate verify: does the database's schema still look as the applied migrations make it?
 * One thread.
 */
#include <stdio.h>

#include "operator/command.h"
#include "operator/migrate.h"

static void print_difference(enum schema_side side, const char *line, void *context)
{
	printf("%c %s\n", side == ONLY_ACTUAL ? '+' : '-', line);
}

static bool verify(struct db *db, const struct migrations *migrations, size_t applied,
	enum exit_code *result, struct error *err)
{
	struct schema actual;
	struct schema expected;
	size_t differences;
	bool ok = schema_read_both(db, migrations, applied, &actual, &expected, err);

	if (ok) {
		differences = schema_compare(&actual, &expected, print_difference, NULL);
		*result = differences == 0 ? EXIT_DONE : EXIT_WANTING;
		if (differences == 0)
			printf("the schema is what the %zu applied migrations make\n", applied);
		else
			printf("%zu differences from what the %zu applied migrations make (- missing in the "
			       "database, + only there)\n",
				differences, applied);
	}
	schema_finish(&actual);
	schema_finish(&expected);
	return ok;
}

static enum exit_code run_verify(struct command_context *context, int argc, char **argv)
{
	struct migrations migrations = {0};
	struct journal journal = {0};
	struct db *db = NULL;
	struct error err = {.class = ERROR_NONE};
	enum exit_code result = EXIT_FAILED;

	if (argc > 1)
		return command_misused(context, "unexpected argument %s", argv[1]);
	if (!migrations_load(migrations_directory(&context->config), &migrations, &err) ||
		!migrate_connect(&context->config, &db, &err) ||
		!journal_read(db, &journal, &err) || !journal_matches(&journal, &migrations, &err))
		goto out;
	if (journal.count == 0) {
		printf("this database has never been migrated: run syncctl migrate up\n");
		result = EXIT_WANTING;
		goto out;
	}
	if (!verify(db, &migrations, journal.count, &result, &err))
		goto out;
	for (size_t i = journal.count; i < migrations.count; i++)
		printf("%s is pending\n", migrations.list[i].name);
out:
	if (result == EXIT_FAILED)
		fprintf(stderr, "syncctl migrate verify: %s\n", err.text);
	db_close(db);
	journal_finish(&journal);
	migrations_finish(&migrations);
	return result;
}

const struct command command_migrate_verify = {
	.name = "migrate verify",
	.arguments = "",
	.summary = "compare the database's schema with what the migrations make",
	.help = "Runs the applied migrations in a scratch schema, inside a transaction that is rolled back, and\n"
		"compares tables, columns, constraints, indexes, triggers and enums with those of the\n"
		"database. Prints a line for each difference: - is missing in the database, + is only there.\n"
		"Exits with 3 when they differ. Needs the right to create a schema.\n",
	.needs = NEEDS_DATABASE,
	.run = run_verify,
};
