/* SPDX-License-Identifier: MIT */
/*
 * Finding repeated rows by sorting. One thread.
 */
#include "operator/import_order.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

static int compare(const void *left, const void *right)
{
	const struct import_row *a = *(const struct import_row *const *)left;
	const struct import_row *b = *(const struct import_row *const *)right;
	int by_open_id = strcmp(a->fields[IMPORT_OPEN_ID], b->fields[IMPORT_OPEN_ID]);

	return by_open_id ? by_open_id : (a->place > b->place) - (a->place < b->place);
}

void import_rows_find_repeated(struct import_rows *rows)
{
	const struct import_row **sorted = memory_allocate(rows->count + 1, sizeof *sorted);
	size_t count = 0;

	for (size_t i = 0; i < rows->count; i++)
		if (rows->list[i].fields[IMPORT_OPEN_ID])
			sorted[count++] = &rows->list[i];
	qsort(sorted, count, sizeof *sorted, compare);
	for (size_t i = 1; i < count; i++)
		if (strcmp(sorted[i]->fields[IMPORT_OPEN_ID],
			    sorted[i - 1]->fields[IMPORT_OPEN_ID]) == 0)
			import_rows_fault(rows, sorted[i]->place,
				"TikTok account %.100s stands at %s %zu already",
				sorted[i]->fields[IMPORT_OPEN_ID], rows->place_name,
				sorted[i - 1]->place);
	free(sorted);
}
