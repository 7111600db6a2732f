/* SPDX-License-Identifier: MIT */
/*
 * Values on their way in (parameters) and out (result cells, text format). They belong to one
 * thread at a time.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/db_internal.h"
#include "common/memory.h"

/* The place of the next parameter. */
static int next_place(struct db_params *params)
{
	assert(params->count < DB_PARAMS_MAX);
	return params->count++;
}

void db_param_text(struct db_params *params, const char *text)
{
	params->values[next_place(params)] = text;
}

void db_param_integer(struct db_params *params, int64_t number)
{
	int place = next_place(params);

	snprintf(params->numbers[place], sizeof params->numbers[place], "%" PRId64, number);
	params->values[place] = params->numbers[place];
}

void db_param_boolean(struct db_params *params, bool value)
{
	params->values[next_place(params)] = value ? "t" : "f";
}

void db_param_array(struct db_params *params, struct db_array *array)
{
	int place = next_place(params);

	params->arrays[place] = array;
	params->formats[place] = 1;
}

struct db_result *db_result_create(PGresult *rows)
{
	struct db_result *result = memory_allocate(1, sizeof *result);

	result->rows = rows;
	return result;
}

int db_row_count(const struct db_result *result)
{
	return PQntuples(result->rows);
}

static void assert_cell(const struct db_result *result, int row, int column)
{
	assert(row >= 0 && row < PQntuples(result->rows));
	assert(column >= 0 && column < PQnfields(result->rows));
}

bool db_is_null(const struct db_result *result, int row, int column)
{
	assert_cell(result, row, column);
	return PQgetisnull(result->rows, row, column);
}

const char *db_text(const struct db_result *result, int row, int column)
{
	assert_cell(result, row, column);
	return PQgetvalue(result->rows, row, column);
}

int64_t db_integer(const struct db_result *result, int row, int column)
{
	return strtoll(db_text(result, row, column), NULL, 10);
}

bool db_boolean(const struct db_result *result, int row, int column)
{
	return db_text(result, row, column)[0] == 't';
}

int64_t db_rows_affected(const struct db_result *result)
{
	return strtoll(PQcmdTuples(result->rows), NULL, 10);
}

void db_result_destroy(struct db_result *result)
{
	if (!result)
		return;
	PQclear(result->rows);
	free(result);
}
