/* SPDX-License-Identifier: MIT */
/*
 * What the caller of storesync-producer asks for: the command line, read once by main().
 */
#ifndef PRODUCER_OPTIONS_H
#define PRODUCER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/job_message.h"
#include "common/text.h"

struct options {
	const char *store_code; /* NULL: every store; borrowed from argv */
	int64_t account_id;     /* 0: every account */
	char day[DAY_SIZE];     /* empty: today in SYNC_TIMEZONE */
	enum job_type job_type;
	int64_t expiring_within_s; /* of token_refresh */
	bool express;
	bool dry_run;
	bool force;
	bool republish; /* not together with force */
};

enum options_answer {
	OPTIONS_RUN,
	OPTIONS_HELP,
	OPTIONS_VERSION,
	OPTIONS_WRONG, /* faults says why, one sentence a line */
};

enum options_answer options_read(
	int argc, char *const argv[], struct options *options, struct text *faults);
void options_print_help(FILE *out);

/* Which accounts, in words: "every account", "store s, forced". */
void options_describe(const struct options *options, struct text *out);

#endif
