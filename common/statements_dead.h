/* SPDX-License-Identifier: MIT */
/*
 * The part of the table of statements that is about dead letters; for statements.c alone.
 */
#ifndef COMMON_STATEMENTS_DEAD_H
#define COMMON_STATEMENTS_DEAD_H

#include "common/statements.h"

#define STATEMENT_DEAD_FIRST STATEMENT_DEAD_LOCK
#define STATEMENT_DEAD_LAST  STATEMENT_DEAD_SHOW_FATES

/* From STATEMENT_DEAD_FIRST on. */
extern const struct statement_definition statements_dead[];

#endif
