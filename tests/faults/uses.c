/* SPDX-License-Identifier: MIT */
/*
 * Uses of refresh tokens by the simulator's journal. The test thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/faults/uses.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

static int compare(const void *a, const void *b)
{
	const struct use *one = a, *two = b;

	if (one->account != two->account)
		return one->account < two->account ? -1 : 1;
	if (one->serial != two->serial)
		return one->serial < two->serial ? -1 : 1;
	return (one->arrived_us > two->arrived_us) - (one->arrived_us < two->arrived_us);
}

static void add(struct uses *uses, const char *line)
{
	char arrival[24], endpoint[16], answer[12], account[12], serial[12], outcome[16];
	struct use use = {0};

	if (sscanf(line, "%23s %15s %11s %11s %11s %15s", arrival, endpoint, answer, account,
		    serial, outcome) != 6)
		fail_msg("the journal holds another line: %s", line);
	if (strcmp(outcome, "-") == 0 || strcmp(outcome, "unseen") == 0 || account[0] == '-')
		return;
	use.arrived_us = strtoll(arrival, NULL, 10);
	use.account = (uint32_t)strtoul(account, NULL, 10);
	use.serial = (uint32_t)strtoul(serial, NULL, 10);
	use.granted = strcmp(outcome, "granted") == 0 || strcmp(outcome, "grace") == 0;
	uses->refused += !use.granted;
	uses->list = memory_resize(uses->list, uses->count + 1, sizeof *uses->list);
	uses->list[uses->count++] = use;
}

void uses_read(struct uses *uses, const char *journal)
{
	FILE *file = fopen(journal, "re");
	char line[200];

	*uses = (struct uses){0};
	if (!file)
		fail_msg("cannot read the journal %s", journal);
	while (fgets(line, sizeof line, file))
		add(uses, line);
	fclose(file);
	if (uses->count)
		qsort(uses->list, uses->count, sizeof *uses->list, compare);
}

void uses_finish(struct uses *uses)
{
	free(uses->list);
	*uses = (struct uses){0};
}

int64_t uses_closest_us(const struct uses *uses, uint32_t *account)
{
	int64_t closest_us = INT64_MAX;

	for (size_t i = 1; i < uses->count; i++) {
		const struct use *one = &uses->list[i - 1], *two = &uses->list[i];
		int64_t apart_us = two->arrived_us - one->arrived_us;

		if (one->account != two->account || one->serial != two->serial ||
			apart_us >= closest_us)
			continue;
		closest_us = apart_us;
		*account = two->account;
	}
	return closest_us;
}

size_t uses_accounts_refreshed_once(const struct uses *uses)
{
	size_t once = 0;

	for (size_t i = 0; i < uses->count; i++) {
		bool first = i == 0 || uses->list[i - 1].account != uses->list[i].account;
		bool last =
			i + 1 == uses->count || uses->list[i + 1].account != uses->list[i].account;

		once += first && last && uses->list[i].granted;
	}
	return once;
}
