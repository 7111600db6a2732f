/* SPDX-License-Identifier: MIT */
/*
 * The journal's file. The server thread runs this; main opens and closes it.
 */
#include "tests/simulator/journal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_SIZE   160
#define NUMBER_SIZE 24

bool journal_open(struct journal *journal, const char *path, struct error *err)
{
	int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (file < 0) {
		error_set(err, ERROR_SETTINGS, "cannot write the journal %s: %s", path,
			strerror(errno));
		return false;
	}
	journal->file = file;
	return true;
}

void journal_close(struct journal *journal)
{
	if (journal->file)
		close(journal->file);
	journal->file = 0;
}

/* A journal with gaps proves nothing: better no simulator. */
static void write_line(struct journal *journal, const char *line, int length)
{
	assert(length > 0 && length < LINE_SIZE);
	if (write(journal->file, line, (size_t)length) != length) {
		perror("tiktok-sim: cannot write the journal");
		_exit(1);
	}
}

static void write_number(char text[NUMBER_SIZE], int64_t number)
{
	if (number < 0)
		snprintf(text, NUMBER_SIZE, "-");
	else
		snprintf(text, NUMBER_SIZE, "%" PRId64, number);
}

void journal_write(
	struct journal *journal, const struct journal_entry *entry, const struct call *call)
{
	static const char *const lost[] = {[CALL_DROPS] = "dropped", [CALL_CUTS] = "cut"};
	const struct token_used *used = &entry->used;
	char line[LINE_SIZE], account[NUMBER_SIZE], serial[NUMBER_SIZE], status[NUMBER_SIZE];

	if (!journal->file)
		return;
	write_number(account, entry->account);
	write_number(serial, used->use == TOKEN_UNUSED ? -1 : (int64_t)used->serial);
	write_number(status, call->status);
	write_line(journal, line,
		snprintf(line, sizeof(line), "%" PRId64 "\t%s\t%s\t%s\t%s\t%s\n", entry->arrived_us,
			entry->endpoint, call->ending == CALL_ANSWERS ? status : lost[call->ending],
			account, serial, token_use_name(used->use)));
}

void journal_write_reset(struct journal *journal, int64_t now_us)
{
	char line[LINE_SIZE];

	if (journal->file)
		write_line(journal, line,
			snprintf(line, sizeof(line), "%" PRId64 "\treset\t-\t-\t-\t-\n", now_us));
}
