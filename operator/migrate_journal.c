/* SPDX-License-Identifier: MIT */
/*
 * The journal of applied migrations, and the lock that lets one runner at a time change a database.
 * One thread.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "operator/migrate.h"

#define LOCK_POLL_NS 200000000

enum { VERSION, NAME, CHECKSUM, APPLIED_AT, DURATION }; /* columns of STATEMENT_JOURNAL_READ */

bool migrate_connect(const struct config *config, struct db **db, struct error *err)
{
	const enum program unprepared = 0; /* the tables may not be there yet */

	return db_open(config->database_url, unprepared, config->db_logging, db, err);
}

bool journal_lock(struct db *db, struct error *err)
{
	const struct timespec pause = {.tv_nsec = LOCK_POLL_NS};
	struct db_result *result = NULL;
	bool told = false;
	bool locked;

	for (;;) {
		if (!db_query(db, STATEMENT_JOURNAL_LOCK, NULL, &result, err))
			return false;
		locked = db_boolean(result, 0, 0);
		db_result_destroy(result);
		if (locked)
			return true;
		if (!told)
			printf("another syncctl is migrating this database; waiting for it to end\n");
		told = true;
		fflush(stdout);
		nanosleep(&pause, NULL);
	}
}

bool journal_read(struct db *db, struct journal *journal, struct error *err)
{
	struct db_result *result = NULL;
	bool exists;

	*journal = (struct journal){0};
	if (!db_query(db, STATEMENT_JOURNAL_EXISTS, NULL, &result, err))
		return false;
	exists = db_boolean(result, 0, 0);
	db_result_destroy(result);
	if (!exists)
		return true;
	if (!db_query(db, STATEMENT_JOURNAL_READ, NULL, &journal->rows, err))
		return false;
	journal->count = (size_t)db_row_count(journal->rows);
	return true;
}

void journal_finish(struct journal *journal)
{
	db_result_destroy(journal->rows);
	*journal = (struct journal){0};
}

int journal_version(const struct journal *journal, size_t entry)
{
	return (int)db_integer(journal->rows, (int)entry, VERSION);
}

const char *journal_name(const struct journal *journal, size_t entry)
{
	return db_text(journal->rows, (int)entry, NAME);
}

const char *journal_checksum(const struct journal *journal, size_t entry)
{
	return db_text(journal->rows, (int)entry, CHECKSUM);
}

const char *journal_applied_at(const struct journal *journal, size_t entry)
{
	return db_text(journal->rows, (int)entry, APPLIED_AT);
}

int64_t journal_duration_ms(const struct journal *journal, size_t entry)
{
	return db_integer(journal->rows, (int)entry, DURATION);
}

static bool entry_matches(const struct journal *journal, size_t entry,
	const struct migrations *migrations, struct error *err)
{
	const char *name = journal_name(journal, entry);
	const char *applied_at = journal_applied_at(journal, entry);
	const struct migration *migration;

	if (journal_version(journal, entry) != (int)entry + 1) {
		error_set(err, ERROR_SETTINGS,
			"the journal schema_migrations has a gap: the entry before %s is missing",
			name);
		return false;
	}
	if (entry >= migrations->count) {
		error_set(err, ERROR_SETTINGS,
			"%s was applied on %s UTC, but there is no such file in %s: this syncctl is older "
			"than the database",
			name, applied_at, migrations->directory);
		return false;
	}
	migration = &migrations->list[entry];
	if (strcmp(migration->name, name) != 0) {
		error_set(err, ERROR_SETTINGS,
			"%s was applied on %s UTC, but the file of that number is now %s.sql", name,
			applied_at, migration->name);
		return false;
	}
	if (strcmp(migration->checksum, journal_checksum(journal, entry)) != 0) {
		error_set(err, ERROR_SETTINGS,
			"%s.sql was edited after it was applied on %s UTC: put it back as it was, and "
			"write the change as a new migration",
			name, applied_at);
		return false;
	}
	return true;
}

bool journal_matches(
	const struct journal *journal, const struct migrations *migrations, struct error *err)
{
	for (size_t entry = 0; entry < journal->count; entry++)
		if (!entry_matches(journal, entry, migrations, err))
			return false;
	return true;
}

bool journal_add(
	struct db *db, const struct migration *migration, int64_t duration_ms, struct error *err)
{
	struct db_params params = {0};

	db_param_integer(&params, migration->version);
	db_param_text(&params, migration->name);
	db_param_text(&params, migration->checksum);
	db_param_integer(&params, duration_ms);
	return db_query(db, STATEMENT_JOURNAL_ADD, &params, NULL, err);
}
