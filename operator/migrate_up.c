/* SPDX-License-Identifier: MIT */
/*
 * syncctl migrate up: bring a database's schema up to date, each migration in a transaction of its
 * own, so that a failing one leaves everything before it applied and nothing of itself. With
 * --baseline a database that already holds the original schema, data and all, is taken over. One
 * thread.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "operator/command.h"
#include "operator/migrate.h"

static bool apply_in_transaction(
	struct db *db, const struct migration *migration, struct error *err)
{
	int64_t began_ms = clock_monotonic_ms();

	/*
	 * A rewrite of a large table may take long; waiting for its lock may not, for everybody
	 * else waits behind it.
	 */
	if (!db_run_script(db, "SET LOCAL statement_timeout = 0", NULL, err) ||
		!db_run_script(db, migration->sql, NULL, err))
		return false;
	/* Usable for a loan means: outside of any transaction. */
	if (db_is_usable(db)) {
		error_set(err, ERROR_SETTINGS,
			"it ends the transaction that it runs in: leave out BEGIN, COMMIT and ROLLBACK");
		return false;
	}
	return journal_add(db, migration, clock_monotonic_ms() - began_ms, err);
}

static bool apply(struct db *db, const struct migration *migration, struct error *err)
{
	int64_t began_ms = clock_monotonic_ms();

	if (!db_begin(db, err))
		return false;
	if (!apply_in_transaction(db, migration, err)) {
		db_rollback(db);
		error_wrap(err, "%s.sql", migration->name);
		return false;
	}
	if (!db_commit(db, err)) {
		error_wrap(err, "%s.sql", migration->name);
		return false;
	}
	printf("%s: applied in %" PRId64 " ms\n", migration->name, clock_monotonic_ms() - began_ms);
	fflush(stdout);
	return true;
}

static bool apply_pending(
	struct db *db, const struct migrations *migrations, size_t applied, struct error *err)
{
	if (applied == migrations->count) {
		printf("nothing to do: all %zu migrations are applied\n", migrations->count);
		return true;
	}
	for (size_t i = applied; i < migrations->count; i++) {
		if (apply(db, &migrations->list[i], err))
			continue;
		fprintf(stderr, "syncctl migrate up: %s\n", err->text);
		fprintf(stderr, "Nothing of this file is applied; %zu of %zu migrations are.\n", i,
			migrations->count);
		if (i == 0 && strstr(err->text, "already exists"))
			fprintf(stderr,
				"If this database holds the original schema, take it over with "
				"syncctl migrate up --baseline.\n");
		return false;
	}
	printf("done: all %zu migrations are applied\n", migrations->count);
	return true;
}

struct baseline {
	const struct schema *original;
	size_t faults;
};

/*
 * Tables of other programs may stand beside ours; ours must be exactly as the first migration makes
 * them.
 */
static void visit_baseline_difference(enum schema_side side, const char *line, void *context)
{
	struct baseline *baseline = context;
	char *table = schema_table_of_line(line);

	if (side == ONLY_EXPECTED) {
		fprintf(stderr, "- %s\n", line);
		baseline->faults++;
	} else if (schema_has_table(baseline->original, table)) {
		fprintf(stderr, "+ %s\n", line);
		baseline->faults++;
	}
	free(table);
}

static bool has_none_of_its_tables(const struct schema *actual, const struct schema *original)
{
	for (int i = 0; i < db_row_count(original->lines); i++) {
		const char *line = db_text(original->lines, i, 0);
		char *table = schema_table_of_line(line);
		bool found = *table && strcmp(table, "schema_migrations") != 0 &&
			     schema_has_table(actual, table);

		free(table);
		if (found)
			return false;
	}
	return true;
}

/* Journal the first migration without running it, if its tables are there and as it makes them. */
static bool adopt(
	struct db *db, const struct migrations *migrations, size_t *applied, struct error *err)
{
	const struct migration *first = &migrations->list[0];
	struct schema actual;
	struct schema original;
	struct baseline baseline = {.original = &original};
	bool ok = false;

	if (!schema_read_both(db, migrations, 1, &actual, &original, err))
		goto out;
	if (has_none_of_its_tables(&actual, &original)) {
		printf("--baseline: there are no tables to take over; all migrations are run\n");
		ok = true;
		goto out;
	}
	schema_compare(&actual, &original, visit_baseline_difference, &baseline);
	if (baseline.faults > 0) {
		error_set(err, ERROR_SETTINGS,
			"--baseline: the tables that are there differ from %s.sql in %zu places (above; - is "
			"missing in the database, + is only there); nothing was changed",
			first->name, baseline.faults);
		goto out;
	}
	ok = journal_add(db, first, 0, err);
	if (ok) {
		*applied = 1;
		printf("%s: its tables are already there and match; journaled as applied without "
		       "running it\n",
			first->name);
	}
out:
	schema_finish(&actual);
	schema_finish(&original);
	return ok;
}

enum baseline_wish { NO_BASELINE, BASELINE };

static enum exit_code migrate_up(
	const struct config *config, enum baseline_wish wish, struct error *err)
{
	struct migrations migrations = {0};
	struct journal journal = {0};
	struct db *db = NULL;
	size_t applied;
	enum exit_code result = EXIT_FAILED;
	bool told = false;

	if (!migrations_load(migrations_directory(config), &migrations, err) ||
		!migrate_connect(config, &db, err) || !journal_lock(db, err) ||
		!db_query(db, STATEMENT_JOURNAL_CREATE, NULL, NULL, err) ||
		!journal_read(db, &journal, err) || !journal_matches(&journal, &migrations, err))
		goto out;
	applied = journal.count;
	if (wish == BASELINE && applied > 0)
		printf("--baseline: not needed, %s is in the journal\n", journal_name(&journal, 0));
	else if (wish == BASELINE && !adopt(db, &migrations, &applied, err))
		goto out;
	told = true;
	if (apply_pending(db, &migrations, applied, err))
		result = EXIT_DONE;
out:
	if (result != EXIT_DONE && !told)
		fprintf(stderr, "syncctl migrate up: %s\n", err->text);
	db_close(db);
	journal_finish(&journal);
	migrations_finish(&migrations);
	return result;
}

static enum exit_code run_up(struct command_context *context, int argc, char **argv)
{
	static const struct option options[] = {
		{"baseline", no_argument, NULL, 'b'}, {NULL, 0, NULL, 0}};
	enum baseline_wish wish = NO_BASELINE;
	struct error err;
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option != 'b')
			return command_misused(context, "unknown option %s", argv[optind - 1]);
		wish = BASELINE;
	}
	if (optind < argc)
		return command_misused(context, "unexpected argument %s", argv[optind]);
	return migrate_up(&context->config, wish, &err);
}

const struct command command_migrate_up = {
	.name = "migrate up",
	.arguments = "[--baseline]",
	.summary = "bring the database's schema up to date",
	.help = "Applies the migrations that the database has not seen yet, in order, each in a transaction\n"
		"of its own, and notes them in the table schema_migrations. Two runners at once are safe: the\n"
		"second waits. An applied file that was edited since is an error.\n"
		"\n"
		"  --baseline  take over a database that holds the original schema already, with its data:\n"
		"              if its tables are exactly as migration 0001 makes them, 0001 is noted as applied\n"
		"              without running it, and the rest is applied\n",
	.needs = NEEDS_DATABASE,
	.run = run_up,
};
