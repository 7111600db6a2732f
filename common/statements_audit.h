/* SPDX-License-Identifier: MIT */
/*
 * The statements of `syncctl audit`, a part of the table that statements.h declares.
 */
#ifndef COMMON_STATEMENTS_AUDIT_H
#define COMMON_STATEMENTS_AUDIT_H

#include "common/statements.h"

/* NULL: the statement is none of the audit's. For statement_definition() alone. */
const struct statement_definition *statements_audit(enum statement statement);

#endif
