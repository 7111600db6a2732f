/* SPDX-License-Identifier: MIT */
/*
 * Reading CSV as RFC 4180 has it: values between commas, quoted where they hold commas, quotes or
 * ends of lines. In place, for the text holds tokens. One thread.
 */
#include <stdlib.h>
#include <string.h>

#include "operator/import_file.h"

#define COLUMNS_MAX 64

struct csv {
	char *at;
	size_t line; /* of at, from 1 */
	enum import_field columns[COLUMNS_MAX];
	int column_count;
};

enum csv_end { CSV_MORE, CSV_END_OF_LINE, CSV_BROKEN };

/* Take the quotes from a value that begins behind one. False: there is no end to it. */
static bool unquote(struct csv *csv, char **end)
{
	char *from = csv->at, *to = csv->at;

	for (; *from; from++) {
		if (*from == '"' && from[1] != '"')
			break;
		from += *from == '"';
		csv->line += *from == '\n';
		*to++ = *from;
	}
	*end = to;
	csv->at = from + (*from == '"');
	return *from == '"';
}

/* The next value of the line. */
static enum csv_end read_value(struct csv *csv, char **value, size_t *length)
{
	bool is_quoted = *csv->at == '"';
	char *end;

	csv->at += is_quoted;
	*value = csv->at;
	if (is_quoted && !unquote(csv, &end))
		return CSV_BROKEN;
	if (!is_quoted) {
		csv->at += strcspn(csv->at, ",\r\n");
		end = csv->at;
	}
	*length = (size_t)(end - *value);
	if (*csv->at == ',') {
		csv->at++;
		return CSV_MORE;
	}
	csv->at += *csv->at == '\r';
	if (*csv->at == '\n') {
		csv->at++;
		csv->line++;
	} else if (*csv->at) {
		return CSV_BROKEN;
	}
	return CSV_END_OF_LINE;
}

static bool read_header(struct csv *csv, struct error *err)
{
	bool is_known[IMPORT_FIELDS + 1] = {false};
	enum csv_end end = CSV_MORE;
	size_t length;
	char *name;

	while (end == CSV_MORE && csv->column_count < COLUMNS_MAX) {
		enum import_field field;

		end = read_value(csv, &name, &length);
		if (end == CSV_BROKEN)
			break;
		field = import_field_named(name, length);
		if (field < IMPORT_FIELDS && is_known[field]) {
			error_set(err, ERROR_SETTINGS, "two columns of the CSV hold %s",
				import_field_name(field));
			return false;
		}
		is_known[field] = true;
		csv->columns[csv->column_count++] = field;
	}
	if (end == CSV_END_OF_LINE && is_known[IMPORT_OPEN_ID] && is_known[IMPORT_ACCESS] &&
		is_known[IMPORT_REFRESH])
		return true;
	error_set(err, ERROR_SETTINGS,
		"the first line of the CSV must name its columns, comma-separated, open_id, access_token and "
		"refresh_token among them");
	return false;
}

static bool read_line(struct csv *csv, struct import_rows *rows)
{
	size_t place = csv->line, length;
	enum csv_end end = CSV_MORE;
	struct import_row *row;
	char *value;
	int column;

	if (*csv->at == '\n' || *csv->at == '\r') { /* an empty line */
		csv->line += *csv->at++ == '\n';
		return true;
	}
	row = import_rows_add(rows, place);
	for (column = 0; end == CSV_MORE; column++) {
		end = read_value(csv, &value, &length);
		if (end != CSV_BROKEN && column < csv->column_count &&
			csv->columns[column] < IMPORT_FIELDS)
			import_row_set(row, csv->columns[column], value, length);
	}
	if (end != CSV_BROKEN && column == csv->column_count)
		return true;
	import_rows_fault(rows, place,
		end == CSV_BROKEN ? "its quotes have no end, or something follows them"
				  : "it has another number of columns than the first line");
	rows->count--;
	for (int field = 0; field < IMPORT_FIELDS; field++)
		import_row_set(row, (enum import_field)field, "", 0);
	return end != CSV_BROKEN;
}

bool import_csv_read(char *text, struct import_rows *rows, struct error *err)
{
	struct csv csv = {.at = text, .line = 1};

	rows->place_name = "line";
	if (!read_header(&csv, err))
		return false;
	while (*csv.at && read_line(&csv, rows))
		;
	return true;
}
