/* SPDX-License-Identifier: MIT */
/*
 * I5: duplicates change nothing. Every job's message is published once more; when the crew has dealt
 * with them all, jobs, logs, snapshots and accounts are what they were. The test thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/faults/oracle.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/broker.h"
#include "common/clock.h"

#define WINDOW       64
#define PATIENCE_MS  120000
#define TABLE_DIGEST "(SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM "

/* What every program may read of what was done, in one string. */
static const char digest[] =
	"SELECT concat_ws(' ', 'jobs', " TABLE_DIGEST "sync_jobs t), 'logs', " TABLE_DIGEST
	"sync_logs t), 'users', " TABLE_DIGEST "tiktok_user_daily t), 'videos', " TABLE_DIGEST
	"tiktok_video_daily t), 'accounts', " TABLE_DIGEST "store_accounts t))";

static const char messages[] =
	"SELECT job_id::text, jsonb_build_object('v', 1, 'job_id', job_id, 'run_id', run_id,"
	" 'account_id', account_id, 'store_code', store_code, 'job_type', job_type,"
	" 'snapshot_date', to_char(snapshot_date, 'YYYY-MM-DD'), 'attempt', attempt,"
	" 'enqueued_at', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'))::text"
	" FROM sync_jobs ORDER BY random()";

struct publishing {
	int64_t stored, failed;
};

static void settle(void *context, void *publish_context, enum broker_fate fate)
{
	struct publishing *publishing = context;

	if (fate == FATE_STORED)
		publishing->stored++;
	else
		publishing->failed++;
}

/* Returns how many the broker has confirmed. */
static int64_t publish(const struct oracle *oracle, const struct db_result *rows)
{
	struct publishing publishing = {0};
	const struct broker_options options = {.url = oracle->fleet->vhost.amqp_url,
		.name = "duplicates",
		.window = WINDOW,
		.context = &publishing,
		.settled = settle};
	int64_t deadline_ms = clock_monotonic_ms() + PATIENCE_MS;
	struct broker *broker = NULL;
	int row = 0, count = db_row_count(rows);
	struct error err;

	assert_true(broker_create(&options, &broker, &err));
	while (publishing.stored + publishing.failed < count &&
		clock_monotonic_ms() < deadline_ms) {
		const char *body;

		while (row < count && broker_room(broker) > 0) {
			body = db_text(rows, row, 1);
			if (!broker_publish(broker,
				    &(struct broker_message){.exchange = TOPOLOGY_EXCHANGE,
					    .key = topology_queue(QUEUE_JOBS)->key,
					    .message_id = db_text(rows, row, 0),
					    .body = body,
					    .length = strlen(body)},
				    NULL))
				break;
			row++;
		}
		broker_run(broker, -1, 100);
	}
	broker_destroy(broker);
	return publishing.stored;
}

/* Owns: the caller frees. */
static char *take_digest(struct oracle *oracle)
{
	char *string = NULL;

	if (!observer_string(&oracle->observer, digest, &string))
		fail_msg("the database does not answer");
	return string;
}

void oracle_ask_for_duplicates(struct oracle *oracle)
{
	struct db *db = test_database_connect(&oracle->fleet->database, (enum program)0);
	struct db_result *rows = NULL;
	char *before, *after, *busy;
	int64_t stored;
	struct error err;

	if (!db_run_script(db, messages, &rows, &err))
		fail_msg("%s", err.text);
	before = take_digest(oracle);
	stored = publish(oracle, rows);
	harness_figure(oracle->harness, "duplicates_published", (double)stored);
	if (stored < db_row_count(rows))
		harness_check(oracle->harness, "I5",
			harness_sentence("%" PRId64 " of %d duplicates could be published", stored,
				db_row_count(rows)));
	/* Twice, seconds apart: the counters lag, and a result follows each job. */
	crew_tend(oracle->crew, 3000);
	busy = oracle_queues_are_empty(oracle);
	crew_tend(oracle->crew, 3000);
	harness_check(oracle->harness, "I5", busy ? busy : oracle_queues_are_empty(oracle));
	after = take_digest(oracle);
	if (strcmp(before, after) != 0)
		harness_check(oracle->harness, "I5",
			harness_sentence(
				"duplicates changed tables: before %s, after %s", before, after));
	free(before);
	free(after);
	db_result_destroy(rows);
	db_close(db);
}
