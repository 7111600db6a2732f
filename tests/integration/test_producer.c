/* SPDX-License-Identifier: MIT */
/* storesync-producer against the real broker and database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/broker.h"
#include "common/clock.h"
#include "common/job_message.h"
#include "common/memory.h"
#include "tests/support/database.h"
#include "tests/support/environment.h"
#include "tests/support/process.h"
#include "tests/support/vhost.h"
#include "tests/support/wait.h"

#define MESSAGES_MAX 100000
#define QUIET_MS     300 /* how long a queue is watched for messages that should not be there */
#define PAGE_JOBS    INT64_C(500) /* what a killed producer may publish twice, at most */

static struct test_database database;
static struct test_vhost vhost;
static const char *environment[5]; /* of the programs under test */

/* ---- What stands in a queue ---- */

struct mailbox {
	struct broker *broker;
	int count;
	char (*ids)[UUID_TEXT_SIZE];
	int64_t accounts[16];     /* of the first messages, as they came */
	struct job_message first; /* the first message */
};

static void take_message(void *context, const struct broker_delivery *delivery)
{
	struct mailbox *mailbox = context;
	struct job_message message = {0};
	struct error err = {0};

	if (mailbox->count < MESSAGES_MAX) {
		if (!job_message_read(delivery->body, delivery->length, &message, &err) ||
			strcmp(message.job_id, delivery->message_id) != 0)
			fail_msg("not a job message with its id: %s", err.text);
		if (mailbox->count < 16)
			mailbox->accounts[mailbox->count] = message.account_id;
		memcpy(mailbox->ids[mailbox->count++], message.job_id, UUID_TEXT_SIZE);
		job_message_finish(&message);
		if (mailbox->count == 1)
			mailbox->first = message;
	}
	broker_ack(mailbox->broker, delivery->epoch, delivery->tag);
}

static int compare_ids(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Empty a queue that should hold expected messages; the ids are sorted. */
static void collect(struct mailbox *mailbox, const char *queue, int expected)
{
	struct broker_consumer consumer = {.queue = queue, .prefetch = 1000};
	struct broker_options options = {
		.url = vhost.amqp_url,
		.name = "test",
		.consumers = &consumer,
		.consumer_count = 1,
		.context = mailbox,
		.delivered = take_message,
	};
	struct error err;
	int64_t limit_ms = clock_monotonic_ms() + TEST_WAIT_MS;

	*mailbox = (struct mailbox){.ids = calloc(MESSAGES_MAX, UUID_TEXT_SIZE)};
	assert_true(broker_create(&options, &mailbox->broker, &err));
	while ((mailbox->count < expected || !broker_is_up(mailbox->broker)) &&
		clock_monotonic_ms() < limit_ms)
		broker_run(mailbox->broker, -1, 100);
	limit_ms = clock_monotonic_ms() + QUIET_MS;
	while (clock_monotonic_ms() < limit_ms)
		broker_run(mailbox->broker, -1, QUIET_MS / 3);
	broker_destroy(mailbox->broker);
	qsort(mailbox->ids, (size_t)mailbox->count, UUID_TEXT_SIZE, compare_ids);
}

static int count_distinct(const struct mailbox *mailbox)
{
	int distinct = 0;

	for (int i = 0; i < mailbox->count; i++)
		if (i == 0 || strcmp(mailbox->ids[i], mailbox->ids[i - 1]) != 0)
			distinct++;
	return distinct;
}

/* The messages are the jobs of the manifest, each once. */
static void assert_holds_the_manifest(const struct mailbox *mailbox)
{
	char *wanted = test_query_string(database.db,
		"SELECT md5(string_agg(job_id::text, ' ' ORDER BY job_id::text COLLATE \"C\")) FROM sync_jobs");
	struct text sql = {0};
	char *found;

	text_append(&sql, "SELECT md5('");
	for (int i = 0; i < mailbox->count; i++)
		text_append_format(&sql, "%s%s", i > 0 ? " " : "", mailbox->ids[i]);
	text_append(&sql, "')");
	found = test_query_string(database.db, sql.data);
	assert_string_equal(found, wanted);
	text_finish(&sql);
	free(found);
	free(wanted);
}

static void assert_queue_holds(const char *queue, int expected)
{
	struct mailbox mailbox;

	collect(&mailbox, queue, expected);
	assert_int_equal(mailbox.count, expected);
	free(mailbox.ids);
}

/* ---- Running the producer ---- */

/* Run with the given words (at most 5, NULL at the end); the output is added to output. */
static int produce(struct text *output, const char *const words[])
{
	const char *argv[10] = {"storesync-producer"};

	for (int i = 0; words[i] != NULL; i++)
		argv[i + 1] = words[i];
	return test_run(argv, environment, output);
}

static void assert_produces(const char *const words[], const char *summary)
{
	struct text output = {0};
	int code = produce(&output, words);

	if (code != 0 || strstr(text_string(&output), summary) == NULL)
		fail_msg("exit code %d, and not \"%s\":\n%s", code, summary, text_string(&output));
	text_finish(&output);
}

static void assert_fails(const char *const words[], int expected_code, const char *reason)
{
	struct text output = {0};
	int code = produce(&output, words);

	if (code != expected_code || strstr(text_string(&output), reason) == NULL)
		fail_msg("exit code %d, and not \"%s\":\n%s", code, reason, text_string(&output));
	text_finish(&output);
}

static int64_t count_jobs(const char *condition)
{
	struct text sql = {0};
	int64_t count;

	text_append_format(&sql, "SELECT count(*) FROM sync_jobs WHERE %s", condition);
	count = test_query_integer(database.db, sql.data);
	text_finish(&sql);
	return count;
}

static int group_setup(void **state)
{
	static struct text database_url;
	static struct text amqp_url;

	test_database_create(&database);
	test_vhost_create(&vhost);
	text_append_format(&database_url, "DATABASE_URL=%s", database.url);
	text_append_format(&amqp_url, "AMQP_URL=%s", vhost.amqp_url);
	environment[0] = database_url.data;
	environment[1] = amqp_url.data;
	environment[2] = "LOG_FORMAT=text";
	return test_run(
		(const char *const[]){"syncctl", "topology", "apply", NULL}, environment, NULL);
}

static int group_teardown(void **state)
{
	test_database_destroy(&database);
	test_vhost_destroy(&vhost);
	return 0;
}

static void purge(const char *queue)
{
	char path[200];

	snprintf(path, sizeof path, "/api/queues/%s/%s/contents", vhost.name, queue);
	test_management_call("DELETE", path, NULL, NULL);
}

static int setup(void **state)
{
	test_execute(database.db,
		"TRUNCATE stores, store_accounts, sync_jobs, sync_runs RESTART IDENTITY CASCADE");
	purge("sync.jobs");
	purge("sync.jobs.express");
	return 0;
}

/* ---- What it does ---- */

static void connected_accounts_get_one_job_each(void **state)
{
	struct mailbox mailbox;

	test_insert_accounts(database.db, 6);
	test_execute(database.db,
		"UPDATE store_accounts SET status = 'DISABLED' WHERE open_id = 'open-2';"
		"UPDATE store_accounts SET status = 'NEED_RECONNECT' WHERE open_id = 'open-3';"
		"UPDATE store_accounts SET status = 'ERROR' WHERE open_id = 'open-4'");

	assert_produces((const char *const[]){NULL}, "planned 3, published 3, already on their way "
						     "0, already done 0, not connected 3");
	collect(&mailbox, "sync.jobs", 3);
	assert_holds_the_manifest(&mailbox);
	assert_int_equal(count_jobs("state = 'queued' AND published_at IS NOT NULL"), 3);
	assert_int_equal(test_query_integer(database.db, "SELECT planned FROM sync_runs"), 3);
	free(mailbox.ids);
}

static void message_tells_the_job(void **state)
{
	struct mailbox mailbox;
	char *run_id;

	test_insert_accounts(database.db, 1);
	assert_produces(
		(const char *const[]){"--date", "2026-02-28", "--job-type", "video_stats", NULL},
		"video_stats of 2026-02-28");

	collect(&mailbox, "sync.jobs", 1);
	run_id = test_query_string(database.db, "SELECT run_id FROM sync_runs");
	assert_int_equal(mailbox.count, 1);
	assert_string_equal(mailbox.first.run_id, run_id);
	assert_string_equal(mailbox.first.store_code, "store-1");
	assert_string_equal(mailbox.first.snapshot_date, "2026-02-28");
	assert_int_equal(mailbox.first.job_type, JOB_VIDEO_STATS);
	assert_int_equal(mailbox.first.attempt, 1);
	free(run_id);
	free(mailbox.ids);
}

static void second_start_publishes_nothing(void **state)
{
	test_insert_accounts(database.db, 3);
	assert_produces((const char *const[]){NULL}, "planned 3, published 3");
	test_execute(database.db, "UPDATE sync_jobs SET state = 'success' WHERE account_id = 1");

	assert_produces((const char *const[]){NULL},
		"planned 0, published 0, already on their way 2, already done 1");

	assert_queue_holds("sync.jobs", 3);
}

static void store_and_account_narrow_the_run(void **state)
{
	test_insert_accounts(database.db, 3);

	assert_produces(
		(const char *const[]){"--store", "store-2", NULL}, "planned 1, published 1");
	assert_produces((const char *const[]){"--account", "3", NULL}, "planned 1, published 1");

	assert_int_equal(count_jobs("store_code = 'store-2' OR account_id = 3"), 2);
	assert_int_equal(count_jobs("true"), 2);
}

static void unknown_store_or_account_is_named(void **state)
{
	test_insert_accounts(database.db, 2);

	assert_fails((const char *const[]){"--store", "nowhere", NULL}, 1, "no store \"nowhere\"");
	assert_fails((const char *const[]){"--account", "77", NULL}, 1, "no account 77");
	assert_fails((const char *const[]){"--store", "store-1", "--account", "2", NULL}, 1,
		"account 2 does not belong to store \"store-1\"");
	assert_fails((const char *const[]){"--store", "", NULL}, 2, "--store");
}

static void express_jobs_go_to_their_own_queue(void **state)
{
	test_insert_accounts(database.db, 2);

	assert_produces((const char *const[]){"--express", NULL}, "published 2");

	assert_queue_holds("sync.jobs.express", 2);
	assert_queue_holds("sync.jobs", 0);
}

static void dry_run_writes_nothing(void **state)
{
	test_insert_accounts(database.db, 4);

	assert_produces((const char *const[]){"--dry-run", NULL}, "would plan 4, publish 4");

	assert_int_equal(count_jobs("true"), 0);
	assert_queue_holds("sync.jobs", 0);
}

static void force_repeats_what_is_done_and_on_its_way(void **state)
{
	test_insert_accounts(database.db, 2);
	assert_produces((const char *const[]){NULL}, "published 2");
	test_execute(database.db, "UPDATE sync_jobs SET state = 'success' WHERE account_id = 1");

	assert_produces((const char *const[]){"--force", NULL}, "planned 1, published 2");

	assert_int_equal(count_jobs("account_id = 1 AND generation = 1"), 1);
	assert_int_equal(count_jobs("account_id = 2"), 1);
	assert_queue_holds("sync.jobs", 4);
}

/* Of four accounts one has no job yet, one is done, one died, and one has a job on its way. */
static void create_mixed_day(void)
{
	test_insert_accounts(database.db, 4);
	test_execute(database.db, "UPDATE store_accounts SET status = 'DISABLED' WHERE id = 4");
	assert_produces((const char *const[]){NULL}, "published 3");
	test_execute(database.db,
		"UPDATE store_accounts SET status = 'CONNECTED' WHERE id = 4;"
		"UPDATE sync_jobs SET state = 'success' WHERE account_id = 1;"
		"UPDATE sync_jobs SET state = 'dead' WHERE account_id = 2;"
		"UPDATE sync_jobs SET state = 'retrying', attempt = 3 WHERE account_id = 3");
	purge("sync.jobs");
}

static void republish_sends_what_is_on_its_way_and_nothing_else(void **state)
{
	struct mailbox mailbox;
	char *job_id;

	create_mixed_day();

	assert_produces((const char *const[]){"--republish", NULL},
		"planned 0, published 1, already on their way 0, already done 2");

	collect(&mailbox, "sync.jobs", 1);
	job_id = test_query_string(
		database.db, "SELECT job_id::text FROM sync_jobs WHERE account_id = 3");
	assert_int_equal(mailbox.count, 1);
	assert_string_equal(mailbox.first.job_id, job_id);
	assert_int_equal(mailbox.first.attempt, 3);
	assert_int_equal(count_jobs("true"), 3);
	assert_int_equal(count_jobs("state = 'retrying' AND published_at IS NOT NULL"), 1);
	assert_int_equal(test_query_integer(database.db, "SELECT count(*) FROM sync_runs"), 1);
	free(job_id);
	free(mailbox.ids);
}

static void republish_can_be_tried_and_narrowed(void **state)
{
	create_mixed_day();

	assert_produces((const char *const[]){"--republish", "--dry-run", NULL},
		"would plan 0, publish 1; already on their way 0, already done 2");
	assert_int_equal(count_jobs("published_at IS NULL"), 0);
	assert_produces((const char *const[]){"--republish", "--account", "1", NULL},
		"planned 0, published 0");

	assert_queue_holds("sync.jobs", 0);
}

static void token_refresh_is_for_expiring_tokens(void **state)
{
	static const char *const refresh[] = {"--job-type", "token_refresh", NULL};

	test_insert_accounts(database.db, 3);
	test_execute(database.db,
		"UPDATE store_accounts SET token_expires_at = now() + interval '1 day';"
		"UPDATE store_accounts SET token_expires_at = now() + interval '19 minutes' WHERE id = 2");

	assert_produces(refresh, "planned 1, published 1");
	assert_produces(refresh, "planned 0, published 0");
	test_execute(database.db, "UPDATE sync_jobs SET state = 'success'");
	assert_produces(refresh, "planned 1, published 1");
	assert_int_equal(count_jobs("account_id = 2"), 2);
	assert_produces(
		(const char *const[]){"--job-type", "token_refresh", "--store", "store-1", NULL},
		"planned 1, published 1");
}

static void token_refresh_looks_ahead_as_far_as_it_is_told(void **state)
{
	test_insert_accounts(database.db, 1);
	test_execute(database.db,
		"UPDATE store_accounts SET token_expires_at = now() + interval '69 minutes'");

	assert_produces((const char *const[]){"--job-type", "token_refresh", NULL},
		"planned 0, published 0");
	assert_produces((const char *const[]){"--job-type", "token_refresh", "--expiring-within",
				"70m", NULL},
		"planned 1, published 1");
}

/* Of tokens that were issued at once, under either life, those that are due at a share of it. */
static void token_refresh_is_spread_over_the_last_part_of_any_life(void **state)
{
	static const struct {
		const char *age, *life;
		int least, most;
	} cases[] = {
		{"89 minutes", "2 hours", 0, 0},
		{"99 minutes", "2 hours", 60, 140},
		{"17.9 hours", "24 hours", 0, 0},
		{"19.8 hours", "24 hours", 60, 140},
		{"21.7 hours", "24 hours", 200, 200},
	};

	test_insert_accounts(database.db, 200);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct text sql = {0};
		int64_t planned;

		text_append_format(&sql,
			"DELETE FROM sync_jobs; UPDATE store_accounts SET"
			" token_issued_at = now() - interval '%s',"
			" token_expires_at = now() - interval '%s' + interval '%s'",
			cases[i].age, cases[i].age, cases[i].life);
		test_execute(database.db, text_string(&sql));
		text_finish(&sql);
		assert_produces((const char *const[]){"--job-type", "token_refresh",
					"--expiring-within", "5m", NULL},
			"");
		planned = count_jobs("true");
		assert_in_range(planned, cases[i].least, cases[i].most);
	}
}

static void token_refresh_is_not_for_grants_that_have_expired(void **state)
{
	test_insert_accounts(database.db, 2);
	test_execute(database.db,
		"UPDATE store_accounts SET token_expires_at = now();"
		"UPDATE store_accounts SET refresh_token_expires_at = now() - interval '1 day' WHERE id = 2");

	assert_produces((const char *const[]){"--job-type", "token_refresh", NULL},
		"planned 1, published 1");
	assert_int_equal(count_jobs("account_id = 1"), 1);
}

static void day_is_that_of_the_time_zone(void **state)
{
	static const char *const zones[] = {"Pacific/Kiritimati", "Pacific/Pago_Pago"};

	test_insert_accounts(database.db, 1);
	for (int i = 0; i < 2; i++) {
		char setting[60];
		char condition[100];

		snprintf(setting, sizeof setting, "SYNC_TIMEZONE=%s", zones[i]);
		environment[3] = setting;
		assert_produces((const char *const[]){NULL}, "planned 1, published 1");
		environment[3] = NULL;
		snprintf(condition, sizeof condition,
			"snapshot_date = (now() AT TIME ZONE '%s')::date", zones[i]);
		assert_int_equal(count_jobs(condition), 1);
	}
	environment[3] = "SYNC_TIMEZONE=Mars/Olympus";
	assert_fails((const char *const[]){NULL}, 2, "SYNC_TIMEZONE \"Mars/Olympus\"");
	environment[3] = NULL;
}

/* The queue holds jobs of exactly these accounts, in this order. */
static void assert_published_in_order(const int64_t *accounts, int expected)
{
	struct mailbox mailbox;

	collect(&mailbox, "sync.jobs", expected);
	assert_int_equal(mailbox.count, expected);
	for (int i = 0; i < expected; i++)
		assert_int_equal(mailbox.accounts[i], accounts[i]);
	free(mailbox.ids);
}

/* Accounts 1 to 6 belong to one store and are the stalest, 7 and 8 have a store each. */
static void create_big_store(void)
{
	test_insert_accounts(database.db, 8);
	test_execute(database.db,
		"UPDATE store_accounts SET store_code = 'store-1' WHERE id <= 6;"
		"UPDATE store_accounts SET last_sync_at = now() - id * interval '1 hour';"
		"UPDATE store_accounts SET last_sync_at = now() - interval '1 minute' WHERE id >= 7;"
		"UPDATE store_accounts SET last_sync_at = NULL WHERE id IN (3, 5)");
}

static void the_stalest_account_of_each_store_goes_first(void **state)
{
	create_big_store();
	assert_produces((const char *const[]){NULL}, "published 8");
	assert_published_in_order((const int64_t[]){3, 7, 8, 5, 6, 4, 2, 1}, 8);
}

static void an_interrupted_run_goes_on_in_its_order(void **state)
{
	create_big_store();
	assert_produces((const char *const[]){NULL}, "published 8");
	purge("sync.jobs");
	test_execute(database.db,
		"UPDATE sync_jobs SET published_at = NULL WHERE account_id IN (1, 2, 5, 8)");
	assert_produces((const char *const[]){NULL}, "planned 0, published 4");
	assert_published_in_order((const int64_t[]){8, 5, 2, 1}, 4);
}

/* Jobs that other programs wrote have no place; none of them is left out. */
static void jobs_without_a_place_are_published_too(void **state)
{
	create_big_store();
	test_execute(database.db,
		"INSERT INTO sync_jobs (job_id, run_id, account_id, store_code, job_type, snapshot_date)"
		" SELECT gen_random_uuid(), gen_random_uuid(), id, store_code, 'daily_sync',"
		"  (now() AT TIME ZONE 'UTC')::date FROM store_accounts WHERE id IN (2, 7);"
		"UPDATE sync_jobs SET place = -5 WHERE account_id = 7");
	assert_produces((const char *const[]){NULL}, "planned 6, published 8");
	assert_published_in_order((const int64_t[]){7, 2, 3, 8, 5, 6, 4, 1}, 8);
}

static void tokens_that_expire_first_are_refreshed_first(void **state)
{
	test_insert_accounts(database.db, 3);
	test_execute(database.db,
		"UPDATE store_accounts SET token_expires_at = now() + (10 - id) * interval '1 minute'");
	assert_produces((const char *const[]){"--job-type", "token_refresh", NULL}, "published 3");
	assert_published_in_order((const int64_t[]){3, 2, 1}, 3);
}

/* ---- What happens to it ---- */

static struct test_process *start(void)
{
	return test_process_start(
		(const char *const[]){"storesync-producer", NULL}, environment, NULL);
}

static void two_at_once_publish_each_job_once(void **state)
{
	struct test_process *producers[2];
	struct mailbox mailbox;

	test_insert_accounts(database.db, 3000);
	for (int i = 0; i < 2; i++)
		producers[i] = start();
	for (int i = 0; i < 2; i++) {
		assert_int_equal(test_process_wait(producers[i], TEST_WAIT_MS), 0);
		test_process_destroy(producers[i]);
	}

	collect(&mailbox, "sync.jobs", 3000);
	assert_int_equal(mailbox.count, 3000);
	assert_holds_the_manifest(&mailbox);
	free(mailbox.ids);
}

/* Wait until a good part of a run is published, but not all. */
static void wait_until_half_way(void)
{
	int64_t published = 0;

	while (published < 2 * PAGE_JOBS)
		published = count_jobs("published_at IS NOT NULL");
}

static void killed_run_is_finished_by_the_next_start(void **state)
{
	struct test_process *producer;
	struct mailbox mailbox;

	test_insert_accounts(database.db, 12000);
	producer = start();
	wait_until_half_way();
	test_process_kill(producer);
	test_process_destroy(producer);
	assert_true(count_jobs("published_at IS NULL") > 0);

	assert_produces((const char *const[]){NULL}, "planned 0, published");

	assert_int_equal(count_jobs("published_at IS NULL"), 0);
	collect(&mailbox, "sync.jobs", 12000);
	assert_int_equal(count_distinct(&mailbox), 12000);
	assert_in_range(mailbox.count, 12000, 12000 + PAGE_JOBS);
	free(mailbox.ids);
}

static void stopped_run_marks_what_is_confirmed(void **state)
{
	struct test_process *producer;
	struct mailbox mailbox;

	test_insert_accounts(database.db, 12000);
	producer = start();
	wait_until_half_way();
	test_process_signal(producer, SIGTERM);
	assert_int_equal(test_process_wait(producer, TEST_WAIT_MS), 1);
	assert_non_null(strstr(test_process_output(producer), "are left for the next start"));
	test_process_destroy(producer);
	assert_true(count_jobs("published_at IS NULL") > 0);

	assert_produces((const char *const[]){NULL}, "planned 0, published");

	collect(&mailbox, "sync.jobs", 12000);
	assert_int_equal(mailbox.count, 12000);
	assert_holds_the_manifest(&mailbox);
	free(mailbox.ids);
}

static void outage_of_the_database_is_waited_for(void **state)
{
	struct test_process *producer;

	test_insert_accounts(database.db, 12000);
	producer = start();
	wait_until_half_way();
	test_execute(database.db,
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
		" WHERE datname = current_database() AND application_name = 'storesync-producer'");

	assert_int_equal(test_process_wait(producer, TEST_WAIT_MS), 0);
	assert_non_null(strstr(test_process_output(producer), "PostgreSQL is back"));
	assert_int_equal(count_jobs("published_at IS NULL"), 0);
	test_process_destroy(producer);
}

/* ALTER DATABASE ... RENAME wants everybody out, and the producer would come back at once. */
static void rename_database(struct db *admin, const char *from, const char *to)
{
	struct text leave = {0};
	struct text rename = {0};
	struct error err;
	int tries = 0;

	text_append_format(&rename, "ALTER DATABASE %s ALLOW_CONNECTIONS false", from);
	test_execute(admin, rename.data);
	text_clear(&rename);
	text_append_format(&leave,
		"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
		" WHERE datname = '%s' AND usename = current_user",
		from);
	text_append_format(&rename, "ALTER DATABASE %s RENAME TO %s", from, to);
	do {
		assert_true(tries++ < 1000);
		test_execute(admin, leave.data);
	} while (!db_run_script(admin, rename.data, NULL, &err));
	text_clear(&rename);
	text_append_format(&rename, "ALTER DATABASE %s ALLOW_CONNECTIONS true", to);
	test_execute(admin, rename.data);
	text_finish(&leave);
	text_finish(&rename);
}

/* A wrong setting at the start; in the middle of a run somebody is at work on the server. */
static void database_that_disappears_in_a_run_is_waited_for(void **state)
{
	struct test_process *producer;
	struct text elsewhere = {0};
	struct db *admin = NULL;
	struct error err;

	assert_true(db_open(test_setting("DATABASE_URL"), 0, false, &admin, &err));
	text_append_format(&elsewhere, "%s_moved", database.name);
	test_insert_accounts(database.db, 12000);
	producer = start();
	wait_until_half_way();
	db_close(database.db);
	rename_database(admin, database.name, elsewhere.data);
	test_process_wait_for_output(producer, "SQLSTATE 3D000");
	rename_database(admin, elsewhere.data, database.name);
	database.db = test_database_connect(&database, PROGRAM_OPERATOR);

	assert_int_equal(test_process_wait(producer, TEST_WAIT_MS), 0);
	assert_int_equal(count_jobs("published_at IS NULL"), 0);
	test_process_destroy(producer);
	db_close(admin);
	text_finish(&elsewhere);
}

static void limit_queue(const char *max_length)
{
	char path[200];
	char policy[200];

	snprintf(path, sizeof path, "/api/policies/%s/limit", vhost.name);
	snprintf(policy, sizeof policy,
		"{\"pattern\":\"^sync.jobs$\",\"definition\":{\"max-length\":%s}}", max_length);
	test_management_call("PUT", path, policy, NULL);
}

static void full_queue_is_waited_for(void **state)
{
	struct test_process *producer;

	test_insert_accounts(database.db, 2000);
	limit_queue("10");
	producer = start();
	test_process_wait_for_output(producer, "queue sync.jobs is full");
	/* RabbitMQ compares length and limit again when something leaves the queue. */
	limit_queue("100000");
	assert_queue_holds("sync.jobs", 2000);

	assert_int_equal(test_process_wait(producer, TEST_WAIT_MS), 0);
	assert_int_equal(count_jobs("published_at IS NULL"), 0);
	test_process_destroy(producer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(connected_accounts_get_one_job_each, setup),
		cmocka_unit_test_setup(message_tells_the_job, setup),
		cmocka_unit_test_setup(second_start_publishes_nothing, setup),
		cmocka_unit_test_setup(store_and_account_narrow_the_run, setup),
		cmocka_unit_test_setup(unknown_store_or_account_is_named, setup),
		cmocka_unit_test_setup(express_jobs_go_to_their_own_queue, setup),
		cmocka_unit_test_setup(dry_run_writes_nothing, setup),
		cmocka_unit_test_setup(force_repeats_what_is_done_and_on_its_way, setup),
		cmocka_unit_test_setup(republish_sends_what_is_on_its_way_and_nothing_else, setup),
		cmocka_unit_test_setup(republish_can_be_tried_and_narrowed, setup),
		cmocka_unit_test_setup(token_refresh_is_for_expiring_tokens, setup),
		cmocka_unit_test_setup(token_refresh_looks_ahead_as_far_as_it_is_told, setup),
		cmocka_unit_test_setup(
			token_refresh_is_spread_over_the_last_part_of_any_life, setup),
		cmocka_unit_test_setup(token_refresh_is_not_for_grants_that_have_expired, setup),
		cmocka_unit_test_setup(the_stalest_account_of_each_store_goes_first, setup),
		cmocka_unit_test_setup(an_interrupted_run_goes_on_in_its_order, setup),
		cmocka_unit_test_setup(jobs_without_a_place_are_published_too, setup),
		cmocka_unit_test_setup(tokens_that_expire_first_are_refreshed_first, setup),
		cmocka_unit_test_setup(day_is_that_of_the_time_zone, setup),
		cmocka_unit_test_setup(two_at_once_publish_each_job_once, setup),
		cmocka_unit_test_setup(killed_run_is_finished_by_the_next_start, setup),
		cmocka_unit_test_setup(stopped_run_marks_what_is_confirmed, setup),
		cmocka_unit_test_setup(outage_of_the_database_is_waited_for, setup),
		cmocka_unit_test_setup(database_that_disappears_in_a_run_is_waited_for, setup),
		cmocka_unit_test_setup(full_queue_is_waited_for, setup),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
