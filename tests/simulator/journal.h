/* SPDX-License-Identifier: MIT */
/*
 * The simulator's journal (--journal FILE): a line for every call, for whoever judges afterwards.
 *
 *     <arrival> TAB <endpoint> TAB <answer> TAB <account> TAB <serial> TAB <outcome>
 *
 *     arrival   microseconds since 1970 by the simulator's clock, when the request was complete: the
 *               moment that its windows count
 *     endpoint  token, revoke, user_info, video_list, video_query, authorize; none: no such path
 *     answer    the status, or dropped, or cut: the answer was lost
 *     account   the number of the account that the call's token names, good or not; -: none
 *     serial    of the refresh token that was used; -: none was
 *     outcome   of that use, by the names of enum token_use; -: none
 *
 * POST /admin/reset, after which serials begin anew, is a line whose endpoint is reset. A line is one
 * write to a file that is appended to, so that it survives the simulator's death, and a simulator that
 * is started again goes on where it stopped.
 *
 * Threads: the server thread.
 */
#ifndef TESTS_SIMULATOR_JOURNAL_H
#define TESTS_SIMULATOR_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "tests/simulator/call.h"

struct journal {
	int file; /* 0: none is kept */
};

/* What happened to one call. */
struct journal_entry {
	int64_t arrived_us;
	const char *endpoint;
	int64_t account; /* -1: none */
	struct token_used used;
};

/* Fails: settings - the file cannot be opened. */
bool journal_open(struct journal *journal, const char *path, struct error *err);
void journal_close(struct journal *journal);
/* Nothing where no journal is kept. */
void journal_write(
	struct journal *journal, const struct journal_entry *entry, const struct call *call);
void journal_write_reset(struct journal *journal, int64_t now_us);

#endif
