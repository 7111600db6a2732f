/* SPDX-License-Identifier: MIT */
/*
 * Imported accounts in the database: all of them, or none. Threads: the main thread alone.
 */
#ifndef OPERATOR_IMPORT_SAVE_H
#define OPERATOR_IMPORT_SAVE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "operator/account_session.h"
#include "operator/import_rows.h"

enum import_mode {
	IMPORT_NEWER,   /* a pair that is there gives way to one that expires later */
	IMPORT_REPLACE, /* to any */
};

struct import_counts {
	int64_t stores; /* that were not there */
	int64_t created;
	int64_t renewed;
	int64_t kept; /* as they were */
};

/*
 * Save sealed rows in one transaction; source stands in operator_actions. With dry_run it is rolled back.
 * Grants that an account of another store has become faults of rows, and nothing is saved.
 *
 * Fails: settings - there are such faults; as db_query().
 */
bool import_save(struct account_session *session, struct import_rows *rows, enum import_mode mode,
	const char *source, bool dry_run, struct import_counts *counts, struct error *err);

#endif
