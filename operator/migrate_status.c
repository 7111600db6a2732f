/* SPDX-License-Identifier: MIT */
/*
 * syncctl migrate status: which migrations the database has seen. One thread.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "operator/command.h"
#include "operator/migrate.h"

static void print_applied(
	const struct journal *journal, size_t entry, const struct migrations *migrations)
{
	const char *name = journal_name(journal, entry);
	const char *state = "applied";

	if (entry >= migrations->count || strcmp(migrations->list[entry].name, name) != 0)
		state = "file missing";
	else if (strcmp(migrations->list[entry].checksum, journal_checksum(journal, entry)) != 0)
		state = "file edited";
	printf("%-36s  %-12s  %s  %7" PRId64 " ms\n", name, state,
		journal_applied_at(journal, entry), journal_duration_ms(journal, entry));
}

static void print_table(const struct journal *journal, const struct migrations *migrations)
{
	printf("%-36s  %-12s  %-19s  %10s\n", "MIGRATION", "STATE", "APPLIED AT (UTC)", "TOOK");
	for (size_t entry = 0; entry < journal->count; entry++)
		print_applied(journal, entry, migrations);
	for (size_t i = journal->count; i < migrations->count; i++)
		printf("%-36s  pending\n", migrations->list[i].name);
	if (journal->count == 0)
		printf("\nThis database has never been migrated: run syncctl migrate up.\n");
	else if (journal->count < migrations->count)
		printf("\n%zu pending: run syncctl migrate up.\n",
			migrations->count - journal->count);
}

static enum exit_code run_status(struct command_context *context, int argc, char **argv)
{
	struct migrations migrations = {0};
	struct journal journal = {0};
	struct db *db = NULL;
	struct error err;
	enum exit_code result = EXIT_FAILED;

	if (argc > 1)
		return command_misused(context, "unexpected argument %s", argv[1]);
	if (!migrations_load(migrations_directory(&context->config), &migrations, &err) ||
		!migrate_connect(&context->config, &db, &err) || !journal_read(db, &journal, &err))
		goto out;
	print_table(&journal, &migrations);
	if (journal_matches(&journal, &migrations, &err))
		result = EXIT_DONE;
out:
	if (result != EXIT_DONE)
		fprintf(stderr, "syncctl migrate status: %s\n", err.text);
	db_close(db);
	journal_finish(&journal);
	migrations_finish(&migrations);
	return result;
}

const struct command command_migrate_status = {
	.name = "migrate status",
	.arguments = "",
	.summary = "list applied and pending migrations",
	.help = "Lists every migration: applied (when, and how long it took), pending, or applied and since\n"
		"edited or missing; the latter two exit with 1.\n",
	.needs = NEEDS_DATABASE,
	.run = run_status,
};
