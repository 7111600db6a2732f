/* SPDX-License-Identifier: MIT */
/*
 * Two schemas compared: the one that is there, and the one that the migrations make. The latter is
 * built for real, in a scratch schema inside a transaction that is rolled back, so that PostgreSQL
 * itself spells both. One thread.
 */
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "operator/migrate.h"

static bool build_scratch(
	struct db *db, const struct migrations *migrations, size_t count, struct error *err)
{
	/* Of the migrations' own statements none finds a table outside of the scratch schema. */
	if (!db_run_script(db,
		    "SET LOCAL statement_timeout = 0; CREATE SCHEMA storesync_scratch;"
		    " SET LOCAL search_path = storesync_scratch",
		    NULL, err)) {
		error_wrap(err, "cannot make a scratch schema");
		return false;
	}
	if (!db_query(db, STATEMENT_JOURNAL_CREATE, NULL, NULL, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!db_run_script(db, migrations->list[i].sql, NULL, err)) {
			error_wrap(err, "%s.sql does not run on an empty schema",
				migrations->list[i].name);
			return false;
		}
	}
	return true;
}

bool schema_read_both(struct db *db, const struct migrations *migrations, size_t count,
	struct schema *actual, struct schema *expected, struct error *err)
{
	bool ok = false;

	*actual = (struct schema){0};
	*expected = (struct schema){0};
	if (!db_begin(db, err))
		return false;
	if (!db_query(db, STATEMENT_CATALOG, NULL, &actual->lines, err))
		goto out;
	if (!build_scratch(db, migrations, count, err))
		goto out;
	ok = db_query(db, STATEMENT_CATALOG, NULL, &expected->lines, err);
out:
	db_rollback(db);
	return ok;
}

void schema_finish(struct schema *schema)
{
	db_result_destroy(schema->lines);
	*schema = (struct schema){0};
}

size_t schema_compare(const struct schema *actual, const struct schema *expected,
	void (*visit)(enum schema_side side, const char *line, void *context), void *context)
{
	int actual_count = db_row_count(actual->lines);
	int expected_count = db_row_count(expected->lines);
	size_t differences = 0;
	int a = 0;
	int e = 0;

	while (a < actual_count || e < expected_count) {
		const char *actual_line = a < actual_count ? db_text(actual->lines, a, 0) : NULL;
		const char *expected_line =
			e < expected_count ? db_text(expected->lines, e, 0) : NULL;
		int order = !actual_line     ? 1
			    : !expected_line ? -1
					     : strcmp(actual_line, expected_line);

		if (order <= 0)
			a++;
		if (order >= 0)
			e++;
		if (order == 0)
			continue;
		differences++;
		if (order > 0)
			visit(ONLY_EXPECTED, expected_line, context);
		else
			visit(ONLY_ACTUAL, actual_line, context);
	}
	return differences;
}

/* "column stores.store_code varchar", "constraint stores: PRIMARY KEY", "table stores". */
char *schema_table_of_line(const char *line)
{
	const char *name = strchr(line, ' ') + 1;

	if (strncmp(line, "enum ", strlen("enum ")) == 0)
		return memory_copy_text("");
	return memory_copy_bytes(name, strcspn(name, " .:"));
}

bool schema_has_table(const struct schema *schema, const char *table)
{
	for (int i = 0; i < db_row_count(schema->lines); i++) {
		const char *line = db_text(schema->lines, i, 0);
		char *name = schema_table_of_line(line);
		bool found =
			strncmp(line, "table ", strlen("table ")) == 0 && strcmp(name, table) == 0;

		free(name);
		if (found)
			return true;
	}
	return false;
}
