/* SPDX-License-Identifier: MIT */
/*
 * The command line of `syncctl dead`: which letters, and what to do with them. Pure but for the
 * clock, which is passed in.
 * Threads: the main thread alone.
 */
#ifndef OPERATOR_DEAD_OPTIONS_H
#define OPERATOR_DEAD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/text.h"
#include "operator/dead_letter.h"

/* Which options a command takes. */
enum dead_option_set {
	DEAD_OPTIONS_FILTER = 1,
	DEAD_OPTIONS_LIST = 2,   /* --all, --json */
	DEAD_OPTIONS_ACTION = 4, /* --yes, --dry-run, --reason */
	DEAD_OPTIONS_CANARY = 8, /* --rate, --canary, --canary-timeout */
};

struct dead_filter {
	const char *error_class; /* NULL: any, as in all of these */
	const char *store_code;
	int64_t account_id;   /* 0: any */
	int64_t older_than_s; /* 0: any */
	int64_t newer_than_s;
	const char *text;
	const char *job_id; /* of a job or of a dead letter */
	bool has_category;
	enum dead_category category;
};

struct dead_options {
	struct dead_filter filter;
	bool all, json;
	bool yes, dry_run;
	const char *reason;
	int64_t issues_per_s;
	int64_t canary; /* 0: none */
	int64_t canary_timeout_s;
};

/*
 * Read options of these sets. Every fault is appended to faults, a sentence a line. False: there
 * are faults. What is read borrows from argv.
 */
bool dead_options_read(
	int argc, char **argv, int sets, struct dead_options *options, struct text *faults);

/* Is the letter one of those asked for? A letter that does not tell when it died is of no age. */
bool dead_filter_matches(
	const struct dead_filter *filter, const struct dead_letter *letter, int64_t now_us);
/* Append the filters in words, for people and the audit: "class server, store s1"; "all". */
void dead_filter_describe(const struct dead_filter *filter, struct text *out);

/* The part of each command's --help that explains the filters. */
#define DEAD_FILTER_HELP                                                                              \
	"  --class NAME        of this error class (network, server, ..., delivery_limit, unknown)\n" \
	"  --store CODE        of this store\n"                                                       \
	"  --account ID        of this account\n"                                                     \
	"  --older-than AGE    died longer ago than 90s, 15m, 2h, 3d\n"                               \
	"  --newer-than AGE    died since then\n"                                                     \
	"  --text TEXT         with this in the error text, in either case\n"                         \
	"  --job ID            of this job, or the dead letter of this id\n"                          \
	"  --category NAME     retriable, half_retried, superseded, needs_reconnect, disabled,\n"     \
	"                      account_gone, already_retried, already_discarded, unreadable\n"

#endif
