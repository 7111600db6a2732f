/* SPDX-License-Identifier: MIT */
/*
 * Saving imported accounts. One thread.
 */
#include "operator/import_save.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/utf8.h"

#define UNKNOWN_PERSON  "not known"
#define NAME_CHARACTERS 255 /* varchar(255) */

static bool find_sharers(
	struct account_session *session, struct import_rows *rows, struct error *err)
{
	struct db_array open_ids, stores;
	struct db_params params = {0};
	struct db_result *sharers = NULL;
	bool ok;

	db_array_init(&open_ids, DB_TEXT);
	db_array_init(&stores, DB_TEXT);
	for (size_t i = 0; i < rows->count; i++) {
		db_array_text(&open_ids, rows->list[i].fields[IMPORT_OPEN_ID]);
		db_array_text(&stores, rows->list[i].fields[IMPORT_STORE]);
	}
	db_param_array(&params, &open_ids);
	db_param_array(&params, &stores);
	ok = db_query(session->db, STATEMENT_IMPORT_SHARERS, &params, &sharers, err);
	for (int row = 0; ok && row < db_row_count(sharers); row++) {
		const struct import_row *given = &rows->list[db_integer(sharers, row, 0) - 1];

		import_rows_fault(rows, given->place,
			"TikTok account %.100s is account %" PRId64
			" of store %s; two with one grant would "
			"end each other's tokens: disconnect that one first (--forget keeps the grant)",
			given->fields[IMPORT_OPEN_ID], db_integer(sharers, row, 1),
			db_text(sharers, row, 2));
	}
	db_result_destroy(sharers);
	db_array_finish(&open_ids);
	db_array_finish(&stores);
	if (ok && rows->fault_count > 0) {
		error_set(err, ERROR_SETTINGS, "nothing was imported");
		ok = false;
	}
	return ok;
}

/* ---- Stores ---- */

struct stores {
	struct db_array codes, names, persons, contacts;
};

static void add_clipped(struct db_array *array, const char *text)
{
	struct text clean = {0};

	if (text) {
		utf8_append_clean(text, utf8_prefix(text, NAME_CHARACTERS), &clean);
		db_array_text(array, text_string(&clean));
	} else {
		db_array_null(array);
	}
	text_finish(&clean);
}

/* The first description of a store in the source is taken; without one its code is its name. */
static void add_store(struct stores *stores, const struct import_rows *rows, const char *code)
{
	const struct import_store *found = NULL;

	for (size_t i = 0; i < rows->store_count && !found; i++)
		if (rows->stores[i].code && strcmp(rows->stores[i].code, code) == 0)
			found = &rows->stores[i];
	db_array_text(&stores->codes, code);
	add_clipped(&stores->names, found && found->name ? found->name : code);
	add_clipped(&stores->persons, found && found->pic ? found->pic : UNKNOWN_PERSON);
	add_clipped(&stores->contacts, found ? found->contact : NULL);
}

static int compare_codes(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static void gather_stores(const struct import_rows *rows, struct stores *stores)
{
	const char **codes = memory_allocate(rows->count + 1, sizeof *codes);

	for (size_t i = 0; i < rows->count; i++)
		codes[i] = rows->list[i].fields[IMPORT_STORE];
	qsort(codes, rows->count, sizeof *codes, compare_codes);
	for (size_t i = 0; i < rows->count; i++)
		if (i == 0 || strcmp(codes[i], codes[i - 1]) != 0)
			add_store(stores, rows, codes[i]);
	free(codes);
}

static bool save_stores(struct account_session *session, const struct import_rows *rows,
	int64_t *created, struct error *err)
{
	struct stores stores;
	struct db_params params = {0};
	struct db_result *result = NULL;
	bool ok;

	db_array_init(&stores.codes, DB_TEXT);
	db_array_init(&stores.names, DB_TEXT);
	db_array_init(&stores.persons, DB_TEXT);
	db_array_init(&stores.contacts, DB_TEXT);
	gather_stores(rows, &stores);
	db_param_array(&params, &stores.codes);
	db_param_array(&params, &stores.names);
	db_param_array(&params, &stores.persons);
	db_param_array(&params, &stores.contacts);
	ok = db_query(session->db, STATEMENT_IMPORT_STORES, &params, &result, err);
	if (ok)
		*created = db_row_count(result);
	db_result_destroy(result);
	db_array_finish(&stores.codes);
	db_array_finish(&stores.names);
	db_array_finish(&stores.persons);
	db_array_finish(&stores.contacts);
	return ok;
}

/* ---- Accounts ---- */

/* The columns of the statement, in its order. */
static const enum import_field columns[] = {IMPORT_STORE, IMPORT_OPEN_ID, IMPORT_NAME,
	IMPORT_AVATAR, IMPORT_ACCESS, IMPORT_REFRESH, IMPORT_EXPIRES_AT, IMPORT_REFRESH_EXPIRES_AT,
	IMPORT_SCOPE, IMPORT_STATUS};

#define COLUMNS (sizeof columns / sizeof *columns)

static void add_moment(struct db_array *array, int64_t unix_us)
{
	if (unix_us != 0)
		db_array_integer(array, unix_us);
	else
		db_array_null(array);
}

static void fill_column(
	const struct import_rows *rows, enum import_field field, struct db_array *array)
{
	bool is_expiry = field == IMPORT_EXPIRES_AT,
	     is_refresh_expiry = field == IMPORT_REFRESH_EXPIRES_AT;

	db_array_init(array, is_expiry || is_refresh_expiry ? DB_TIMESTAMPTZ : DB_TEXT);
	for (size_t i = 0; i < rows->count; i++) {
		const struct import_row *row = &rows->list[i];

		if (is_expiry)
			add_moment(array, row->expires_us);
		else if (is_refresh_expiry)
			add_moment(array, row->refresh_expires_us);
		else
			db_array_text(array, row->fields[field]);
	}
}

static bool save_accounts(struct account_session *session, const struct import_rows *rows,
	enum import_mode mode, struct import_counts *counts, struct error *err)
{
	struct db_array arrays[COLUMNS];
	struct db_params params = {0};
	struct db_result *written = NULL;
	bool ok;

	for (size_t i = 0; i < COLUMNS; i++) {
		fill_column(rows, columns[i], &arrays[i]);
		db_param_array(&params, &arrays[i]);
	}
	db_param_boolean(&params, mode == IMPORT_REPLACE);
	ok = db_query(session->db, STATEMENT_IMPORT_ACCOUNTS, &params, &written, err);
	for (int row = 0; ok && row < db_row_count(written); row++) {
		counts->created += db_boolean(written, row, 0);
		counts->renewed += !db_boolean(written, row, 0);
	}
	if (ok)
		counts->kept = (int64_t)rows->count - db_row_count(written);
	db_result_destroy(written);
	for (size_t i = 0; i < COLUMNS; i++)
		db_array_finish(&arrays[i]);
	return ok;
}

static bool enter_action(struct account_session *session, const struct import_rows *rows,
	const char *source, const struct import_counts *counts, struct error *err)
{
	struct db_params params = account_action_params(session);

	db_param_text(&params, source);
	db_param_integer(&params, (int64_t)rows->count);
	db_param_integer(&params, counts->created + counts->renewed);
	return db_query(session->db, STATEMENT_IMPORT_ACTION, &params, NULL, err);
}

bool import_save(struct account_session *session, struct import_rows *rows, enum import_mode mode,
	const char *source, bool dry_run, struct import_counts *counts, struct error *err)
{
	bool ok;

	*counts = (struct import_counts){0};
	if (!db_begin(session->db, err))
		return false;
	ok = db_query(session->db, STATEMENT_ACCOUNT_LOCK_GRANTS, NULL, NULL, err) &&
	     find_sharers(session, rows, err) && save_stores(session, rows, &counts->stores, err) &&
	     save_accounts(session, rows, mode, counts, err) &&
	     enter_action(session, rows, source, counts, err);
	if (ok && !dry_run)
		return db_commit(session->db, err);
	db_rollback(session->db);
	return ok;
}
