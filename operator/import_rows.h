/* SPDX-License-Identifier: MIT */
/*
 * Accounts that are to be imported: what a reader found (CSV, JSON, a database), its judgement, and
 * the sealed cells. Every fault is told with where it stands, in one go.
 * Threads: the main thread alone.
 */
#ifndef OPERATOR_IMPORT_ROWS_H
#define OPERATOR_IMPORT_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/text.h"
#include "common/token_cipher.h"

/* The order of STATEMENT_IMPORT_READ's columns. */
enum import_field {
	IMPORT_STORE,
	IMPORT_OPEN_ID,
	IMPORT_ACCESS, /* the token, or a cell of any format; of import_rows_seal() on: our cell */
	IMPORT_REFRESH,
	IMPORT_EXPIRES_AT,
	IMPORT_REFRESH_EXPIRES_AT,
	IMPORT_SCOPE,
	IMPORT_NAME,
	IMPORT_AVATAR,
	IMPORT_STATUS,
	IMPORT_FIELDS
};

struct import_row {
	size_t place; /* line of a file, element of an array, row of a table; from 1 */
	char *fields[IMPORT_FIELDS]; /* NULL: not given */
	int64_t expires_us;          /* 0: not given */
	int64_t refresh_expires_us;
};

/* A store that the source describes. */
struct import_store {
	char *id;                          /* in the source; NULL: none */
	char *code, *name, *pic, *contact; /* NULL: not given */
};

struct import_rows {
	const char *place_name; /* "line": what place counts */
	struct import_row *list;
	size_t count, capacity;
	struct import_store *stores;
	size_t store_count;
	struct text faults; /* a sentence a line */
	size_t fault_count; /* of which the first are in faults */
};

/* The field of a column or member; IMPORT_FIELDS: none of ours. Older names are known, too. */
enum import_field import_field_named(const char *name, size_t length);
/* Names of fields for help and messages. */
const char *import_field_name(enum import_field field);

/* A new row; borrowed until the next one. */
struct import_row *import_rows_add(struct import_rows *rows, size_t place);
/* Set a field, copied; an empty value counts as not given. */
void import_row_set(
	struct import_row *row, enum import_field field, const char *value, size_t length);
struct import_store *import_rows_add_store(struct import_rows *rows);
void import_rows_fault(struct import_rows *rows, size_t place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Judge every row and put our own cells in the place of tokens. False: there are faults. */
bool import_rows_seal(
	struct import_rows *rows, const struct token_cipher *cipher, const char *default_store);
/* Wipes the tokens. */
void import_rows_finish(struct import_rows *rows);

#endif
