/* SPDX-License-Identifier: MIT */
/*
 * Reading the older program's database. Its versions name columns differently: which there are is
 * looked up first. One thread.
 */
#include "operator/import_database.h"

#include <string.h>

#include "common/db.h"
#include "common/memory.h"

#define NO_PROGRAM ((enum program)0) /* nothing is prepared: the tables are not ours */
#define STORE_ID   IMPORT_FIELDS     /* the column behind the fields in STATEMENT_IMPORT_READ */

static bool has_column(const struct db_result *columns, const char *table, const char *column)
{
	for (int row = 0; row < db_row_count(columns); row++)
		if (strcmp(db_text(columns, row, 0), table) == 0 &&
			(!column || strcmp(db_text(columns, row, 1), column) == 0))
			return true;
	return false;
}

/* One of these names, ended by NULL, must be there. */
static void require_one(
	const struct db_result *columns, const char *const wanted[], struct text *missing)
{
	for (int i = 0; wanted[i]; i++)
		if (has_column(columns, "store_accounts", wanted[i]))
			return;
	text_append_format(missing, "%s%s", missing->length > 0 ? ", " : "", wanted[0]);
	for (int i = 1; wanted[i]; i++)
		text_append_format(missing, " (or %s)", wanted[i]);
}

static bool check_columns(const struct db_result *columns, bool has_store, struct error *err)
{
	static const char *const open_id[] = {"open_id", NULL};
	static const char *const access[] = {
		"access_token_enc", "encrypted_access_token", "access_token", NULL};
	static const char *const refresh[] = {
		"refresh_token_enc", "encrypted_refresh_token", "refresh_token", NULL};
	static const char *const expires[] = {
		"token_expired_at", "token_expires_at", "expires_at", NULL};
	static const char *const store[] = {"store_code", "store_id", NULL};
	struct text missing = {0};
	bool ok;

	if (!has_column(columns, "store_accounts", NULL)) {
		error_set(err, ERROR_SETTINGS,
			"the database to import from has no table store_accounts that this user may see");
		return false;
	}
	require_one(columns, open_id, &missing);
	require_one(columns, access, &missing);
	require_one(columns, refresh, &missing);
	require_one(columns, expires, &missing);
	if (!has_store)
		require_one(columns, store, &missing);
	ok = missing.length == 0;
	if (!ok)
		error_set(err, ERROR_SETTINGS,
			"store_accounts of the database to import from lacks the columns %s; where there is "
			"no store, --store CODE gives one",
			text_string(&missing));
	text_finish(&missing);
	return ok;
}

static char *copy_cell(const struct db_result *result, int row, int column)
{
	const char *cell = db_text(result, row, column);

	return *cell ? memory_copy_text(cell) : NULL;
}

static bool read_stores(struct db *db, struct import_rows *rows, struct error *err)
{
	struct db_result *stores = NULL;

	if (!db_query(db, STATEMENT_IMPORT_READ_STORES, NULL, &stores, err))
		return false;
	for (int row = 0; row < db_row_count(stores); row++) {
		struct import_store *store = import_rows_add_store(rows);

		store->id = copy_cell(stores, row, 0);
		store->code = copy_cell(stores, row, 1);
		store->name = copy_cell(stores, row, 2);
		store->pic = copy_cell(stores, row, 3);
		store->contact = copy_cell(stores, row, 4);
	}
	db_result_destroy(stores);
	return true;
}

static const char *code_of_store(const struct import_rows *rows, const char *id)
{
	for (size_t i = 0; i < rows->store_count; i++)
		if (rows->stores[i].id && strcmp(rows->stores[i].id, id) == 0)
			return rows->stores[i].code;
	return NULL;
}

static bool read_accounts(struct db *db, struct import_rows *rows, struct error *err)
{
	struct db_result *accounts = NULL;

	if (!db_query(db, STATEMENT_IMPORT_READ, NULL, &accounts, err))
		return false;
	for (int i = 0; i < db_row_count(accounts); i++) {
		struct import_row *row = import_rows_add(rows, (size_t)i + 1);

		for (int field = 0; field < IMPORT_FIELDS; field++)
			import_row_set(row, (enum import_field)field, db_text(accounts, i, field),
				strlen(db_text(accounts, i, field)));
		if (!row->fields[IMPORT_STORE]) {
			const char *code = code_of_store(rows, db_text(accounts, i, STORE_ID));

			import_row_set(row, IMPORT_STORE, code, code ? strlen(code) : 0);
		}
	}
	db_result_destroy(accounts);
	return true;
}

bool import_database_read(const char *url, const struct config *config, bool has_store,
	struct import_rows *rows, struct error *err)
{
	struct db_result *columns = NULL;
	struct db *db = NULL;
	bool ok = false;

	rows->place_name = "row";
	if (!db_open(url, NO_PROGRAM, config->db_logging, &db, err) ||
		!db_query(db, STATEMENT_IMPORT_COLUMNS, NULL, &columns, err)) {
		error_wrap(err, "cannot ask the database to import from");
		goto out;
	}
	ok = check_columns(columns, has_store, err) &&
	     (!has_column(columns, "stores", NULL) || read_stores(db, rows, err)) &&
	     read_accounts(db, rows, err);
out:
	db_result_destroy(columns);
	db_close(db);
	return ok;
}
