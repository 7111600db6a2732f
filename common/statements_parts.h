/* SPDX-License-Identifier: MIT */
/*
 * The parts of the table of statements, for statements.c alone: each has the rows of its program,
 * and empty ones for all others.
 */
#ifndef COMMON_STATEMENTS_PARTS_H
#define COMMON_STATEMENTS_PARTS_H

#include "common/statements.h"

extern const struct statement_definition statements_of_worker[STATEMENTS]; /* and the logger */
extern const struct statement_definition statements_of_quota[STATEMENTS];
extern const struct statement_definition statements_of_producer[STATEMENTS];
extern const struct statement_definition statements_of_migrate[STATEMENTS];
extern const struct statement_definition statements_of_audit[STATEMENTS];
extern const struct statement_definition statements_of_dead[STATEMENTS];
extern const struct statement_definition statements_of_accounts[STATEMENTS];

#endif
