/* SPDX-License-Identifier: MIT */
/*
 * Accounts straight from the database of the older program, a Node one. It is only read.
 * Threads: the main thread alone.
 */
#ifndef OPERATOR_IMPORT_DATABASE_H
#define OPERATOR_IMPORT_DATABASE_H

#include <stdbool.h>

#include "common/config.h"
#include "common/error.h"
#include "operator/import_rows.h"

/*
 * Read its tables store_accounts and, where it is there, stores. has_store: rows without a store are
 * somebody else's affair.
 *
 * Fails: settings - a table or column that is needed is missing; the text names all of them; as
 *        db_open(), db_query().
 */
bool import_database_read(const char *url, const struct config *config, bool has_store,
	struct import_rows *rows, struct error *err);

#endif
