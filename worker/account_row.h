/* SPDX-License-Identifier: MIT */
/*
 * Reading rows of STATEMENT_CLAIM_JOBS and STATEMENT_READ_ACCOUNT. Threads: any, on results of
 * their own.
 */
#ifndef WORKER_ACCOUNT_ROW_H
#define WORKER_ACCOUNT_ROW_H

#include "common/db.h"
#include "common/token_cipher.h"
#include "worker/job.h"

/*
 * The account in the columns of ACCOUNT_COLUMNS (statements_worker.c), from column on; its token cells are
 * opened. Cells that cannot be opened leave token_fault set and the tokens NULL. Ends what *account
 * held before.
 */
void account_read(const struct token_cipher *cipher, const struct db_result *result, int row,
	int column, struct account *account);
/* What the manifest says of the job, from column on. */
void claim_read(const struct db_result *result, int row, int column, struct claim *claim);

#endif
