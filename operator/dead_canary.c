/* SPDX-License-Identifier: MIT */
/*
 * The canary. Runs on the main thread.
 */
#include "operator/dead_canary.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/process.h"
#include "common/utf8.h"
#include "operator/dead_letter.h"

#define POLL_MS 500

enum column { COLUMN_JOB, COLUMN_ACCOUNT, COLUMN_STATE, COLUMN_CLASS, COLUMN_TEXT };

struct outcomes {
	int succeeded, failed, open;
};

static bool ask(struct dead_session *session, struct db_array *job_ids, struct db_result **rows,
	struct error *err)
{
	struct db_params params = {0};

	db_param_array(&params, job_ids);
	return db_query(session->db, STATEMENT_DEAD_WATCH, &params, rows, err);
}

static bool is_state(const struct db_result *rows, int row, const char *state)
{
	return strcmp(db_text(rows, row, COLUMN_STATE), state) == 0;
}

static struct outcomes count_outcomes(const struct db_result *rows, int expected)
{
	struct outcomes outcomes = {0};

	for (int row = 0; row < db_row_count(rows); row++) {
		outcomes.succeeded += is_state(rows, row, "success");
		outcomes.failed += is_state(rows, row, "dead") || is_state(rows, row, "skipped");
	}
	outcomes.open = expected - outcomes.succeeded - outcomes.failed;
	return outcomes;
}

static void print_outcomes(const struct db_result *rows)
{
	for (int row = 0; row < db_row_count(rows); row++) {
		const char *class = db_text(rows, row, COLUMN_CLASS);
		const char *text = db_text(rows, row, COLUMN_TEXT);
		struct text clean = {0};

		utf8_append_clean(text, strlen(text), &clean);
		printf("  job %s of account %" PRId64 ": %s%s%s%s%s\n",
			db_text(rows, row, COLUMN_JOB), db_integer(rows, row, COLUMN_ACCOUNT),
			db_text(rows, row, COLUMN_STATE), *class ? ", " : "", class,
			clean.length > 0 ? ": " : "", text_string(&clean));
		text_finish(&clean);
	}
}

/* True: it is known how the canary ended. */
static bool judge(
	const struct db_result *rows, int expected, bool in_time, bool *sound, struct error *err)
{
	struct outcomes outcomes = count_outcomes(rows, expected);

	if (outcomes.open > 0 && in_time)
		return false;
	print_outcomes(rows);
	*sound = outcomes.succeeded == expected;
	if (!*sound)
		error_set(err, ERROR_SETTINGS,
			"of %d jobs of the canary %d succeeded, %d did not, %d did not end in time: the rest was not retried",
			expected, outcomes.succeeded, outcomes.failed, outcomes.open);
	return true;
}

bool dead_canary_wait(struct dead_session *session, struct db_array *job_ids, int64_t timeout_ms,
	struct error *err)
{
	int64_t until_ms = clock_monotonic_ms() + timeout_ms;
	struct pollfd stop = {.fd = process_stop_fd(), .events = POLLIN};

	printf("canary: %d jobs are published, waiting for their outcome\n", (int)job_ids->count);
	fflush(stdout);
	while (!process_is_stopping()) {
		struct db_result *rows = NULL;
		bool sound = false;
		bool ended;

		if (!ask(session, job_ids, &rows, err))
			return false;
		ended = judge(rows, job_ids->count, clock_monotonic_ms() < until_ms, &sound, err);
		db_result_destroy(rows);
		if (ended)
			return sound;
		poll(&stop, 1, POLL_MS);
	}
	return true;
}
