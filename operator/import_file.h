/* SPDX-License-Identifier: MIT */
/*
 * Accounts from a file: CSV (RFC 4180, the first line names the columns) or JSON (an array of
 * objects, or an object whose member accounts is one).
 * Threads: the main thread alone.
 */
#ifndef OPERATOR_IMPORT_FILE_H
#define OPERATOR_IMPORT_FILE_H

#include <stdbool.h>

#include "common/error.h"
#include "operator/import_rows.h"

enum import_format { IMPORT_BY_CONTENT, IMPORT_CSV, IMPORT_JSON };

/*
 * Read path ("-": standard input) into rows. What is wrong with single rows becomes faults of theirs.
 * Fails: settings - it cannot be read, or is not of the format.
 */
bool import_file_read(
	const char *path, enum import_format format, struct import_rows *rows, struct error *err);
/* The parts of it, for tests: text may be changed. */
bool import_csv_read(char *text, struct import_rows *rows, struct error *err);
bool import_json_read(const char *text, size_t length, struct import_rows *rows, struct error *err);

#endif
