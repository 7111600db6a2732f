/* SPDX-License-Identifier: MIT */
/*
 * The table of SQL statements, put together from the parts of the programs. To add a statement: a
 * name in statements.h, a row in its part (statements_*.c), and the test that prepares every row
 * checks the types.
 */
#include "common/statements.h"

#include <assert.h>
#include <stddef.h>

#include "common/statements_parts.h"

static const struct statement_definition *const parts[] = {statements_of_worker,
	statements_of_quota, statements_of_producer, statements_of_accounts, statements_of_keys,
	statements_of_forecast, statements_of_migrate, statements_of_audit, statements_of_dead};

const struct statement_definition *statement_definition(enum statement statement)
{
	const struct statement_definition *found = NULL;

	assert(statement < STATEMENTS);
	for (size_t i = 0; i < sizeof parts / sizeof *parts && !found; i++)
		if (parts[i][statement].name)
			found = &parts[i][statement];
	assert(found);
	return found;
}
