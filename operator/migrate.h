/* SPDX-License-Identifier: MIT */
/*
 * What the migrate commands share. A migration is a file NNNN_name.sql; the journal, table
 * schema_migrations, says which of them a database has seen. Numbers run from 1 without a gap, and
 * so do the applied ones.
 */
#ifndef OPERATOR_MIGRATE_H
#define OPERATOR_MIGRATE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/config.h"
#include "common/db.h"
#include "common/error.h"

#define MIGRATION_CHECKSUM_SIZE 65 /* SHA-256 in hex and the NUL */

struct migration {
	int version;
	char *name; /* of the file, without .sql */
	char *sql;
	char checksum[MIGRATION_CHECKSUM_SIZE];
};

struct migrations {
	char *directory;
	struct migration *list; /* by version, from 1 */
	size_t count;
};

/* ---- migrate_files.c ---- */

/* Where migrations are: MIGRATIONS_DIR, else where they were installed, else the source tree. */
const char *migrations_directory(const struct config *config);
/*
 * Fails: settings - the directory or a file cannot be read, a number is missing or used twice; the
 * text names the file.
 */
bool migrations_load(const char *directory, struct migrations *migrations, struct error *err);
void migrations_finish(struct migrations *migrations); /* zeroed: nothing to do */

/* ---- migrate_journal.c ---- */

struct journal {
	struct db_result *rows; /* NULL: the database has no journal */
	size_t count;
};

/* A connection for migrations. Fails as db_open(). */
bool migrate_connect(const struct config *config, struct db **db, struct error *err);
/*
 * Be the only one who migrates this database; a second runner waits here, and says so. Ends with
 * the connection.
 */
bool journal_lock(struct db *db, struct error *err);
bool journal_read(struct db *db, struct journal *journal, struct error *err);
void journal_finish(struct journal *journal);
/*
 * Is what was applied the same as the files say?
 * Fails: settings - an applied file was edited, renamed or is missing, or the journal has a gap;
 *        the text names it.
 */
bool journal_matches(
	const struct journal *journal, const struct migrations *migrations, struct error *err);
bool journal_add(
	struct db *db, const struct migration *migration, int64_t duration_ms, struct error *err);
/* The cells of an entry; borrowed. */
int journal_version(const struct journal *journal, size_t entry);
const char *journal_name(const struct journal *journal, size_t entry);
const char *journal_checksum(const struct journal *journal, size_t entry);
const char *journal_applied_at(const struct journal *journal, size_t entry);
int64_t journal_duration_ms(const struct journal *journal, size_t entry);

/* ---- migrate_schema.c ---- */

/* A schema as sorted lines, one for each table, column, constraint, index, trigger and enum. */
struct schema {
	struct db_result *lines;
};

/*
 * The schema of the database, and the one that the first count migrations make, built in a scratch
 * schema and rolled back.
 */
bool schema_read_both(struct db *db, const struct migrations *migrations, size_t count,
	struct schema *actual, struct schema *expected, struct error *err);
void schema_finish(struct schema *schema);

enum schema_side { ONLY_EXPECTED, ONLY_ACTUAL };

/* Call visit for each line that only one of the two has, in order. Returns how many there are. */
size_t schema_compare(const struct schema *actual, const struct schema *expected,
	void (*visit)(enum schema_side side, const char *line, void *context), void *context);
/* Does the schema have this table? */
bool schema_has_table(const struct schema *schema, const char *table);
/* The table that a line is about; "" for an enum. Owns: the caller frees. */
char *schema_table_of_line(const char *line);

#endif
