/* SPDX-License-Identifier: MIT */
/* `syncctl dead` against the real broker and database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/broker.h"
#include "common/clock.h"
#include "common/crypto.h"
#include "common/job_message.h"
#include "common/json.h"
#include "tests/support/courier.h"
#include "tests/support/database.h"
#include "tests/support/detour.h"
#include "tests/support/environment.h"
#include "tests/support/process.h"
#include "tests/support/vhost.h"
#include "tests/support/wait.h"

#define DEAD_QUEUE      "sync.jobs.dead"
#define COUNT_NEW_JOBS  "SELECT count(*) FROM sync_jobs WHERE origin_job_id IS NOT NULL"
#define COUNT_FATES     "SELECT count(*) FROM dead_letter_fates"
#define STORM_LETTERS   200
#define STORM_KILLS     40
#define STORM_SPREAD_US UINT64_C(600000)
#define A_DAY_US        (INT64_C(86400) * 1000000)

static struct test_database database;
static struct test_vhost vhost;
static const char *environment[5]; /* of syncctl */
static struct broker *broker;      /* what workers would publish through */
static int unsettled;

/* ---- Dead letters, as workers make them ---- */

static void note_settled(void *context, void *publish_context, enum broker_fate fate)
{
	if (fate != FATE_STORED)
		fail_msg("a dead letter was not stored by the broker: fate %d", (int)fate);
	unsettled--;
}

static void flush_letters(void)
{
	int64_t limit_ms = clock_monotonic_ms() + TEST_WAIT_MS;

	while (unsettled > 0 && clock_monotonic_ms() < limit_ms)
		broker_run(broker, -1, 100);
	assert_int_equal(unsettled, 0);
}

struct letter {
	int64_t account_id; /* of store "store-<account_id>" */
	const char *error_class;
	const char *error_text;
	int64_t died_at_us;
	const char *day; /* NULL: today */
};

static void send_body(const struct letter *letter, const char *message_id, const char *body)
{
	char died_at[CLOCK_TEXT_SIZE];
	const struct broker_header headers[] = {
		{"x-error-class", letter->error_class, 0},
		{"x-error-text", letter->error_text, 0},
		{"x-attempt", NULL, 5},
		{"x-worker", "host:1:a", 0},
		{"x-died-at", died_at, 0},
	};
	const struct broker_message message = {
		.exchange = TOPOLOGY_EXCHANGE,
		.key = "dead",
		.message_id = message_id,
		.body = body,
		.length = strlen(body),
		.headers = headers,
		.header_count = sizeof headers / sizeof *headers,
	};

	clock_format(letter->died_at_us, died_at);
	while (!broker_publish(broker, &message, NULL))
		broker_run(broker, -1, 100);
	unsettled++;
}

/* The manifest's row of a job that died. */
static void insert_job(const struct job_message *job, int64_t died_at_us)
{
	struct text sql = {0};

	text_append_format(&sql,
		"INSERT INTO sync_jobs (job_id, run_id, account_id, store_code, job_type, snapshot_date, generation,"
		" state, attempt, published_at, finished_at) SELECT '%s', '%s', %lld, '%s', '%s', '%s',"
		" (SELECT count(*) FROM sync_jobs WHERE account_id = %lld), 'dead', 5, now(), to_timestamp(%lld)",
		job->job_id, job->run_id, (long long)job->account_id, job->store_code,
		job_type_name(job->job_type), job->snapshot_date, (long long)job->account_id,
		(long long)(died_at_us / 1000000));
	test_execute(database.db, sql.data);
	text_finish(&sql);
}

/* A dead job with its row in the manifest; its message is added to body (NULL: not wanted). */
static void send_letter(const struct letter *letter, char job_id[UUID_TEXT_SIZE], struct text *body)
{
	struct job_message job = {
		.account_id = letter->account_id,
		.job_type = JOB_DAILY_SYNC,
		.attempt = 5,
		.enqueued_at_us = letter->died_at_us,
	};
	char today[CLOCK_TEXT_SIZE];
	struct text own = {0};

	clock_format(clock_unix_us(), today);
	memcpy(job.snapshot_date, letter->day ? letter->day : today, DAY_SIZE - 1);
	snprintf(
		job.store_code, sizeof job.store_code, "store-%lld", (long long)letter->account_id);
	uuid_random(job.job_id);
	uuid_random(job.run_id);
	job_message_write(&job, &own);
	insert_job(&job, letter->died_at_us);
	send_body(letter, job.job_id, own.data);
	if (job_id)
		memcpy(job_id, job.job_id, UUID_TEXT_SIZE);
	if (body)
		text_append(body, own.data);
	text_finish(&own);
}

static struct letter make_letter(int64_t account_id)
{
	return (struct letter){
		account_id, "server", "HTTP status 503", clock_unix_us() - 60000000, NULL};
}

static void send_letters(int count)
{
	for (int i = 1; i <= count; i++) {
		struct letter letter = make_letter(i);

		send_letter(&letter, NULL, NULL);
	}
	flush_letters();
}

/* ---- What is in a queue ---- */

static int count_ready(const char *queue)
{
	struct broker_count counts[QUEUES];
	struct error err;
	int id = 0;

	if (!broker_count_messages(vhost.amqp_url, counts, &err))
		fail_msg("%s", err.text);
	while (strcmp(topology_queue((enum topology_queue_id)id)->name, queue) != 0)
		id++;
	return (int)counts[id].ready;
}

static int count_text(const char *text, const char *part)
{
	int count = 0;

	while ((text = strstr(text, part)) != NULL) {
		count++;
		text += strlen(part);
	}
	return count;
}

/* Take all messages out of a queue, as the management API shows them. Returns how many. */
static int drain(const char *queue, struct text *messages)
{
	char path[200];
	size_t before = messages->length;

	snprintf(path, sizeof path, "/api/queues/%s/%s/get", vhost.name, queue);
	test_management_call("POST", path,
		"{\"count\":5000,\"ackmode\":\"ack_requeue_false\",\"encoding\":\"auto\"}",
		messages);
	return count_text(messages->data + before, "\"payload_bytes\":");
}

/* RabbitMQ before 3.12 shows the count of a message that never came back as 0, later ones not at all. */
static void assert_never_delivered(const struct text *messages, int count)
{
	assert_int_equal(count_text(messages->data, "\"redelivered\":false"), count);
	assert_int_equal(count_text(messages->data, "\"x-delivery-count\":"),
		count_text(messages->data, "\"x-delivery-count\":0"));
}

/* Publish through the management API, which knows nested headers. */
static void publish_json(const char *body)
{
	char path[200];

	snprintf(path, sizeof path, "/api/exchanges/%s/sync/publish", vhost.name);
	assert_int_equal(test_management_call("POST", path, body, NULL), 200);
}

/* ---- syncctl ---- */

/* Run "syncctl dead ..." (ended by NULL). Returns the exit code. */
static int run_dead(struct text *output, const char *const arguments[])
{
	const char *argv[16] = {"syncctl", "dead"};

	for (int i = 0; arguments[i]; i++)
		argv[2 + i] = arguments[i];
	text_clear(output);
	return test_run(argv, environment, output);
}

#define DEAD(output, ...) run_dead(output, (const char *const[]){__VA_ARGS__, NULL})

static void assert_says(const struct text *output, const char *words)
{
	if (!strstr(text_string(output), words))
		fail_msg("\"%s\" is missing in:\n%s", words, text_string(output));
}

static struct test_process *start_dead(const char *const argv[])
{
	return test_process_start(argv, environment, NULL);
}

static int group_setup(void **state)
{
	static struct text database_url;
	static struct text amqp_url;
	struct broker_options options = {.name = "test", .window = 500, .settled = note_settled};
	struct error err;

	test_database_create(&database);
	test_vhost_create(&vhost);
	text_append_format(&database_url, "DATABASE_URL=%s", database.url);
	text_append_format(&amqp_url, "AMQP_URL=%s", vhost.amqp_url);
	environment[0] = database_url.data;
	environment[1] = amqp_url.data;
	environment[2] = "LOG_FORMAT=text";
	environment[3] = "SUDO_USER=tester";
	options.url = vhost.amqp_url;
	assert_true(broker_create(&options, &broker, &err));
	return test_run(
		(const char *const[]){"syncctl", "topology", "apply", NULL}, environment, NULL);
}

static int group_teardown(void **state)
{
	broker_destroy(broker);
	test_database_destroy(&database);
	test_vhost_destroy(&vhost);
	return 0;
}

static int setup(void **state)
{
	struct text ignored = {0};

	test_execute(database.db,
		"TRUNCATE stores, sync_jobs, sync_runs, dead_letter_fates, operator_actions"
		" RESTART IDENTITY CASCADE");
	test_insert_accounts(database.db, STORM_LETTERS);
	while (drain(DEAD_QUEUE, &ignored) > 0 || drain("sync.jobs", &ignored) > 0)
		;
	text_finish(&ignored);
	return 0;
}

/* ---- Looking ---- */

static void an_empty_queue_has_no_dead_letters(void **state)
{
	struct text output = {0};

	assert_int_equal(DEAD(&output, "list"), 0);
	assert_says(&output, "there are no dead letters");
	assert_int_equal(DEAD(&output, "retry", "--yes"), 0);
	assert_says(&output, "nothing to do");
	text_finish(&output);
}

static void equal_causes_are_one_group(void **state)
{
	struct text output = {0};

	for (int i = 1; i <= 5; i++) {
		char text[80];
		struct letter letter = make_letter(i);

		snprintf(text, sizeof text, "HTTP status 50%d (log_id 2026AB%d)", i, i);
		letter.error_text = text;
		send_letter(&letter, NULL, NULL);
	}
	send_letter(&(struct letter){6, "scope", "video.list", clock_unix_us(), NULL}, NULL, NULL);
	flush_letters();

	assert_int_equal(DEAD(&output, "list", "--json"), 0);
	assert_says(&output, "{\"v\":1,\"queue\":\"sync.jobs.dead\",\"total\":6,\"selected\":6");
	assert_says(&output,
		"{\"count\":5,\"error_class\":\"server\",\"fingerprint\":\"HTTP status # (log_id <id>)\"");
	assert_says(
		&output, "{\"count\":1,\"error_class\":\"scope\",\"fingerprint\":\"video.list\"");
	text_finish(&output);
}

static void filters_choose(void **state)
{
	struct letter old = make_letter(2);
	struct letter other = make_letter(3);
	struct text output = {0};
	char job_id[UUID_TEXT_SIZE];

	old.died_at_us -= 2 * A_DAY_US;
	other.error_class = "network";
	other.error_text = "Connection RESET by peer";
	send_letters(1);
	send_letter(&old, job_id, NULL);
	send_letter(&other, NULL, NULL);
	flush_letters();

	assert_int_equal(DEAD(&output, "list", "--class", "network"), 0);
	assert_says(&output, "1 of 3 dead letters");
	assert_int_equal(DEAD(&output, "list", "--store", "store-2", "--account", "2"), 0);
	assert_says(&output, "1 of 3 dead letters");
	assert_int_equal(DEAD(&output, "list", "--older-than", "1d"), 0);
	assert_says(&output, "1 of 3 dead letters");
	assert_int_equal(DEAD(&output, "list", "--newer-than", "2h"), 0);
	assert_says(&output, "2 of 3 dead letters");
	assert_int_equal(DEAD(&output, "list", "--text", "reset by"), 0);
	assert_says(&output, "1 of 3 dead letters");
	assert_int_equal(DEAD(&output, "list", "--job", job_id, "--all", "--json"), 0);
	assert_says(&output, "\"selected\":1");
	assert_says(&output, job_id);
	assert_int_equal(DEAD(&output, "list", "--category", "superseded"), 0);
	assert_says(&output, "0 of 3 dead letters");
	text_finish(&output);
}

static void looking_counts_no_delivery(void **state)
{
	struct text output = {0}, messages = {0};

	send_letters(100);

	for (int i = 0; i < 3; i++)
		assert_int_equal(DEAD(&output, "list"), 0);
	assert_says(&output, "100 of 100 dead letters");

	assert_int_equal(drain(DEAD_QUEUE, &messages), 100);
	assert_never_delivered(&messages, 100);
	text_finish(&output);
	text_finish(&messages);
}

static void a_copy_is_like_its_original(void **state)
{
	struct text output = {0}, messages = {0};

	publish_json(
		"{\"routing_key\":\"dead\",\"payload_encoding\":\"string\",\"payload\":\"any \\u0001 body\","
		"\"properties\":{\"message_id\":\"m-1\",\"correlation_id\":\"17\",\"type\":\"t\","
		"\"reply_to\":\"r\",\"app_id\":\"a\",\"content_type\":\"text/x\",\"priority\":3,"
		"\"timestamp\":1780000000,\"delivery_mode\":2,"
		"\"headers\":{\"x-pass\":\"old\",\"CC\":[\"job\"],"
		"\"nested\":{\"deep\":{\"list\":[1,\"two\",{\"three\":-3,\"yes\":true}]}}}}}");
	drain("sync.jobs", &output); /* where CC sent it as well */

	assert_int_equal(DEAD(&output, "list"), 0);
	assert_int_equal(DEAD(&output, "list"), 0);

	assert_int_equal(drain(DEAD_QUEUE, &messages), 1);
	assert_says(&messages, "\"payload\":\"any \\u0001 body\"");
	assert_says(&messages, "\"message_id\":\"m-1\"");
	assert_says(&messages, "\"correlation_id\":\"17\"");
	assert_says(&messages, "\"type\":\"t\"");
	assert_says(&messages, "\"reply_to\":\"r\"");
	assert_says(&messages, "\"app_id\":\"a\"");
	assert_says(&messages, "\"content_type\":\"text/x\"");
	assert_says(&messages, "\"priority\":3");
	assert_says(&messages, "\"timestamp\":1780000000");
	assert_says(&messages, "\"delivery_mode\":2");
	assert_says(&messages,
		"\"nested\":{\"deep\":{\"list\":[1,\"two\",{\"three\":-3,\"yes\":true}]}}");
	assert_null(strstr(messages.data, "\"x-pass\":\"old\""));
	assert_int_equal(count_ready("sync.jobs"), 0);
	text_finish(&output);
	text_finish(&messages);
}

static void a_large_body_is_copied_whole(void **state)
{
	struct courier *courier = courier_create(vhost.amqp_url);
	struct text output = {0}, messages = {0}, body = {0};

	for (int i = 0; i < 300000; i++)
		text_append_format(&body, "%09d ", i);
	courier_send(courier, &(struct courier_message){.key = "dead",
				      .body = body.data,
				      .length = body.length,
				      .message_id = "large"});
	courier_wait(courier);
	courier_destroy(courier);

	assert_int_equal(DEAD(&output, "list"), 0);

	assert_int_equal(drain(DEAD_QUEUE, &messages), 1);
	assert_says(&messages, "\"payload_bytes\":3000000");
	assert_says(&messages, "000299999 ");
	text_finish(&output);
	text_finish(&messages);
	text_finish(&body);
}

static void everything_known_is_shown(void **state)
{
	struct letter letter = make_letter(1);
	char job_id[UUID_TEXT_SIZE];
	struct text output = {0}, sql = {0};

	send_letter(&letter, job_id, NULL);
	flush_letters();
	text_append_format(&sql,
		"INSERT INTO sync_logs (store_code, job_type, status, started_at, job_id, attempt, error_details)"
		" VALUES ('store-1', 'daily_sync', 'FAILED', now(), '%s', 4, 'the fourth')",
		job_id);
	test_execute(database.db, sql.data);

	assert_int_equal(DEAD(&output, "show", job_id), 0);
	assert_says(&output, "error            server: HTTP status 503");
	assert_says(&output, "a retry would    make a new job of it");
	assert_says(&output, "account          CONNECTED");
	assert_says(&output, "\"x-worker\":\"host:1:a\"");
	assert_says(&output, "\"snapshot_date\":\"20");
	assert_says(&output, "state  | dead");
	assert_says(&output, "the fourth");
	assert_int_equal(DEAD(&output, "show", "00000000-0000-4000-8000-000000000000"), 1);
	assert_says(&output, "there is no dead letter and no job");
	text_finish(&output);
	text_finish(&sql);
}

/* ---- Plans ---- */

/* One letter of each category but the half and the already done. */
static void send_one_of_each(void)
{
	struct letter earlier = make_letter(5);

	earlier.day = "2026-01-01";
	send_letters(4);
	send_letter(&earlier, NULL, NULL);
	send_letter(&(struct letter){999, "server", "x", clock_unix_us(), NULL}, NULL, NULL);
	send_body(&(struct letter){1, "bad_message", "v: 2", clock_unix_us(), NULL}, "odd",
		"{\"v\":2}");
	flush_letters();
	test_execute(database.db,
		"UPDATE store_accounts SET status = 'NEED_RECONNECT' WHERE id = 2;"
		"UPDATE store_accounts SET status = 'DISABLED' WHERE id = 3;"
		"INSERT INTO sync_jobs (job_id, run_id, account_id, store_code, job_type, snapshot_date,"
		" generation, state, finished_at) SELECT gen_random_uuid(), run_id, account_id, store_code,"
		" job_type, snapshot_date, 7, 'success', now() FROM sync_jobs WHERE account_id = 4");
}

static void a_plan_says_what_would_be_done_and_does_nothing(void **state)
{
	struct text output = {0};

	send_one_of_each();

	assert_int_equal(DEAD(&output, "retry"), 0);
	assert_says(&output, "would retry 2;");
	assert_says(&output, "; 1 superseded by a newer success");
	assert_says(&output, "; 1 of accounts that need reconnect");
	assert_says(&output, "; 1 of disabled accounts");
	assert_says(&output, "; 1 of accounts that are gone");
	assert_says(&output, "; 1 unreadable");
	assert_says(&output, "(selected 7 of 7 dead letters)");
	assert_says(&output, "1 of those to be retried are of earlier days");
	assert_int_equal(DEAD(&output, "retry", "--dry-run"), 0);
	assert_says(&output, "would retry 2;");
	assert_int_equal(DEAD(&output, "discard", "--category", "superseded"), 0);
	assert_says(&output, "would discard 1; 1 superseded");

	assert_int_equal(count_ready(DEAD_QUEUE), 7);
	assert_int_equal(count_ready("sync.jobs"), 0);
	assert_int_equal(
		test_query_integer(database.db, "SELECT count(*) FROM operator_actions"), 0);
	text_finish(&output);
}

static void only_what_can_succeed_is_retried(void **state)
{
	struct text output = {0};

	send_one_of_each();

	assert_int_equal(DEAD(&output, "retry", "--yes"), 0);
	assert_says(&output, "retried 2 of 2");

	assert_int_equal(count_ready(DEAD_QUEUE), 5);
	assert_int_equal(count_ready("sync.jobs"), 2);
	assert_int_equal(test_query_integer(database.db, COUNT_NEW_JOBS), 2);
	text_finish(&output);
}

static void a_job_that_the_broker_gave_up_is_retried(void **state)
{
	struct text output = {0}, body = {0}, quoted = {0}, publish = {0};
	struct letter letter = make_letter(1);

	send_letter(&letter, NULL, &body);
	flush_letters();
	drain(DEAD_QUEUE, &output);
	test_execute(database.db, "UPDATE sync_jobs SET state = 'running', finished_at = NULL");
	text_append_json(&quoted, body.data);
	text_append_format(&publish,
		"{\"routing_key\":\"dead\",\"payload_encoding\":\"string\",\"payload\":\"%s\",\"properties\":"
		"{\"message_id\":\"x\",\"headers\":{\"x-death\":[{\"reason\":\"delivery_limit\","
		"\"queue\":\"sync.jobs\",\"count\":1,\"time\":1780000000}]}}}",
		quoted.data);
	publish_json(publish.data);

	assert_int_equal(DEAD(&output, "list", "--class", "delivery_limit"), 0);
	assert_says(&output, "1 of 1 dead letters");
	assert_says(&output, "RabbitMQ moved it here from sync.jobs");
	assert_int_equal(DEAD(&output, "retry", "--yes"), 0);

	assert_says(&output, "retried 1 of 1");
	assert_int_equal(test_query_integer(database.db,
				 "SELECT count(*) FROM sync_jobs WHERE state = 'dead'"
				 " AND error_class = 'delivery_limit'"),
		1);
	text_finish(&output);
	text_finish(&body);
	text_finish(&quoted);
	text_finish(&publish);
}

/* ---- Retrying ---- */

static void a_retried_job_knows_its_origin(void **state)
{
	struct letter letter = make_letter(1);
	char job_id[UUID_TEXT_SIZE];
	struct text output = {0}, messages = {0}, wanted = {0};
	char *row;

	send_letter(&letter, job_id, NULL);
	flush_letters();

	assert_int_equal(DEAD(&output, "retry", "--yes", "--reason", "TikTok is back"), 0);
	assert_says(&output, "retried 1 of 1");

	row = test_query_string(database.db,
		"SELECT concat_ws('|', j.state, j.attempt, j.generation, j.published_at IS NOT NULL, r.planned,"
		" r.selection, a.action, split_part(a.actor, '@', 1), a.reason, a.planned, a.done,"
		" a.finished_at IS NOT NULL, f.fate, f.error_class, f.error_text,"
		" convert_from(f.body, 'UTF8')::json ->> 'account_id')"
		" FROM sync_jobs j JOIN sync_runs r USING (run_id) JOIN operator_actions a ON a.action_id = j.run_id"
		" JOIN dead_letter_fates f ON f.new_job_id = j.job_id AND f.job_id = j.origin_job_id");
	assert_string_equal(row,
		"queued|1|1|t|1|dead letters: all|retry|tester|TikTok is back|1|1|t|retried|server|HTTP status 503|1");
	free(row);
	assert_int_equal(drain("sync.jobs", &messages), 1);
	text_append_format(&wanted, "\\\"origin_job_id\\\":\\\"%s\\\"", job_id);
	assert_says(&messages, wanted.data);
	assert_says(&messages, "\\\"attempt\\\":1");
	assert_int_equal(count_ready(DEAD_QUEUE), 0);
	text_finish(&output);
	text_finish(&messages);
	text_finish(&wanted);
}

static void a_slice_begins_anew_and_unknown_members_are_passed_on(void **state)
{
	struct letter letter = make_letter(1);
	struct text output = {0}, messages = {0}, body = {0};

	send_letter(&letter, NULL, &body);
	flush_letters();
	drain(DEAD_QUEUE, &output);
	body.data[--body.length] = '\0'; /* the closing brace */
	text_append(&body,
		",\"slice\":2,\"cursor\":5,\"videos\":40,\"profile\":true,\"api_calls\":3,"
		"\"trace\":\"t-1\"}");
	send_body(&letter, "x", body.data);
	flush_letters();

	assert_int_equal(DEAD(&output, "retry", "--yes"), 0);

	assert_int_equal(drain("sync.jobs", &messages), 1);
	assert_says(&messages, "\\\"trace\\\":\\\"t-1\\\"");
	assert_null(strstr(messages.data, "slice"));
	assert_null(strstr(messages.data, "cursor"));
	text_finish(&output);
	text_finish(&messages);
	text_finish(&body);
}

static void a_dead_job_is_issued_once(void **state)
{
	struct letter letter = make_letter(1);
	char job_id[UUID_TEXT_SIZE];
	struct text output = {0}, body = {0};

	send_letter(&letter, job_id, &body);
	flush_letters();
	assert_int_equal(DEAD(&output, "retry", "--yes"), 0);
	assert_int_equal(DEAD(&output, "retry", "--yes"), 0);
	assert_says(&output, "nothing to do");

	/* The same death once more, and another death of the same job. */
	send_body(&letter, job_id, body.data);
	letter.died_at_us += 1000000;
	send_body(&letter, job_id, body.data);
	flush_letters();
	assert_int_equal(DEAD(&output, "retry"), 0);
	assert_says(&output, "would retry 0; 2 already retried");
	assert_int_equal(DEAD(&output, "retry", "--yes"), 0);
	assert_says(&output, "retried 0 of 0; removed 2 that had been retried");

	assert_int_equal(count_ready(DEAD_QUEUE), 0);
	assert_int_equal(count_ready("sync.jobs"), 1);
	assert_int_equal(test_query_integer(database.db, COUNT_NEW_JOBS), 1);
	text_finish(&output);
	text_finish(&body);
}

static void a_copy_left_beside_its_original_is_one_letter(void **state)
{
	struct letter letter = make_letter(1);
	char job_id[UUID_TEXT_SIZE];
	struct text output = {0}, body = {0};

	send_letter(&letter, job_id, &body);
	send_body(&letter, job_id, body.data);
	flush_letters();

	assert_int_equal(DEAD(&output, "list"), 0);

	assert_says(&output, "1 of 1 dead letters");
	assert_int_equal(count_ready(DEAD_QUEUE), 1);
	text_finish(&output);
	text_finish(&body);
}

static void a_retry_that_was_killed_before_publishing_is_finished(void **state)
{
	struct letter letter = make_letter(1);
	char job_id[UUID_TEXT_SIZE];
	struct text output = {0}, body = {0};

	send_letter(&letter, job_id, &body);
	flush_letters();
	assert_int_equal(DEAD(&output, "retry", "--yes"), 0);
	drain("sync.jobs", &output);
	/* As if it had been killed between the commit and the publish. */
	test_execute(database.db,
		"UPDATE sync_jobs SET published_at = NULL, state = 'planned' WHERE origin_job_id IS NOT NULL");
	send_body(&letter, job_id, body.data);
	flush_letters();

	assert_int_equal(DEAD(&output, "discard"), 0);
	assert_says(&output, "would discard 0; 1 half retried");
	assert_int_equal(DEAD(&output, "retry"), 0);
	assert_says(&output, "would retry 1; 1 half retried");
	assert_int_equal(DEAD(&output, "retry", "--yes"), 0);

	assert_says(&output, "retried 1 of 1");
	assert_int_equal(count_ready("sync.jobs"), 1);
	assert_int_equal(test_query_integer(database.db, COUNT_NEW_JOBS), 1);
	assert_int_equal(
		test_query_integer(database.db, COUNT_NEW_JOBS " AND published_at IS NOT NULL"), 1);
	text_finish(&output);
	text_finish(&body);
}

/* ---- Killed ---- */

/* Every dead job has one new job, which is published under its id, and none is left. */
static void assert_all_retried(int count)
{
	struct text messages = {0};
	struct db_result *rows = NULL;
	struct error err;
	int published;

	assert_int_equal(count_ready(DEAD_QUEUE), 0);
	assert_int_equal(test_query_integer(database.db, COUNT_NEW_JOBS), count);
	assert_int_equal(test_query_integer(database.db, COUNT_NEW_JOBS
				 " AND published_at IS NOT NULL AND state = 'queued'"),
		count);
	assert_int_equal(test_query_integer(database.db, COUNT_FATES), count);
	/* The audit's equation for each run of the commands. */
	assert_int_equal(test_query_integer(database.db,
				 "SELECT count(*) FROM sync_runs r WHERE planned <>"
				 " (SELECT count(*) FROM sync_jobs j WHERE j.run_id = r.run_id)"),
		0);
	published = drain("sync.jobs", &messages);
	assert_true(db_run_script(database.db,
		"SELECT job_id FROM sync_jobs WHERE origin_job_id IS NOT NULL", &rows, &err));
	for (int row = 0; row < db_row_count(rows); row++)
		assert_says(&messages, db_text(rows, row, 0));
	print_message("%d messages for %d new jobs\n", published, count);
	db_result_destroy(rows);
	text_finish(&messages);
}

static void a_command_killed_at_any_point_loses_and_doubles_nothing(void **state)
{
	static const char *const argv[] = {
		"syncctl", "dead", "retry", "--yes", "--rate", "100", NULL};
	struct text output = {0};
	int killed = 0;

	send_letters(STORM_LETTERS);
	for (int i = 0; i < STORM_KILLS; i++) {
		struct test_process *syncctl = start_dead(argv);

		usleep((useconds_t)(random_u64() % STORM_SPREAD_US));
		killed += test_process_is_running(syncctl);
		test_process_kill(syncctl);
		test_process_destroy(syncctl);
	}
	assert_int_equal(DEAD(&output, "retry", "--yes", "--rate", "10000"), 0);

	print_message("%d of %d commands were killed at work\n", killed, STORM_KILLS);
	assert_all_retried(STORM_LETTERS);
	text_finish(&output);
}

static void looking_killed_at_any_point_loses_nothing(void **state)
{
	static const char *const argv[] = {"syncctl", "dead", "list", NULL};
	struct text output = {0};

	send_letters(STORM_LETTERS);
	for (int i = 0; i < STORM_KILLS; i++) {
		struct test_process *syncctl = start_dead(argv);

		usleep((useconds_t)(random_u64() % 200000));
		test_process_kill(syncctl);
		test_process_destroy(syncctl);
	}

	assert_int_equal(DEAD(&output, "list"), 0);
	assert_says(&output, "200 of 200 dead letters");
	assert_int_equal(count_ready(DEAD_QUEUE), STORM_LETTERS);
	text_finish(&output);
}

static void a_command_told_to_stop_keeps_what_is_left(void **state)
{
	static const char *const argv[] = {
		"syncctl", "dead", "retry", "--yes", "--rate", "20", NULL};
	struct test_process *syncctl;
	struct text output = {0}, messages = {0};
	int retried;

	send_letters(150);
	syncctl = start_dead(argv);
	while (test_query_integer(database.db, COUNT_FATES) < 5)
		assert_true(test_process_is_running(syncctl));
	assert_int_equal(test_process_stop(syncctl), 1);
	assert_non_null(strstr(test_process_output(syncctl), "told to stop"));
	test_process_destroy(syncctl);

	retried = (int)test_query_integer(database.db, COUNT_FATES);
	assert_in_range(retried, 5, 149);
	assert_int_equal(
		test_query_integer(database.db,
			"SELECT count(*) FROM operator_actions WHERE finished_at IS NOT NULL"),
		1);
	assert_int_equal(drain(DEAD_QUEUE, &messages), 150 - retried);
	assert_never_delivered(&messages, 150 - retried);
	text_finish(&output);
	text_finish(&messages);
}

static void a_lost_connection_is_survived(void **state)
{
	struct text url = {0};
	const char *detoured[5];
	struct test_process *syncctl;
	struct chaos *wire;

	text_append(&url, "AMQP_URL=");
	wire = test_detour_start(vhost.amqp_url, &url);
	memcpy(detoured, environment, sizeof environment);
	detoured[1] = url.data;
	send_letters(150);
	syncctl = test_process_start(
		(const char *const[]){"syncctl", "dead", "retry", "--yes", "--rate", "100", NULL},
		detoured, NULL);
	for (int cuts = 1; cuts <= 3; cuts++) {
		while (test_query_integer(database.db, COUNT_FATES) < INT64_C(30) * cuts)
			assert_true(test_process_is_running(syncctl));
		chaos_reset(wire);
	}

	assert_int_equal(test_process_wait(syncctl, TEST_WAIT_MS), 0);
	assert_non_null(strstr(test_process_output(syncctl), "retried 150 of 150"));
	assert_all_retried(150);
	test_process_destroy(syncctl);
	chaos_stop(wire);
	text_finish(&url);
}

/* ---- The canary ---- */

static struct test_process *start_canary(void)
{
	struct test_process *syncctl = start_dead(
		(const char *const[]){"syncctl", "dead", "retry", "--yes", "--canary", "3", NULL});

	test_process_wait_for_output(syncctl, "canary: 3 jobs are published");
	assert_int_equal(count_ready("sync.jobs"), 3);
	assert_int_equal(test_query_integer(database.db, COUNT_FATES), 3);
	return syncctl;
}

static void a_canary_that_fails_stops_the_rest(void **state)
{
	struct test_process *syncctl;

	send_letters(20);
	syncctl = start_canary();
	test_execute(database.db,
		"UPDATE sync_jobs SET state = 'success' WHERE origin_job_id IS NOT NULL;"
		"UPDATE sync_jobs SET state = 'dead', error_class = 'server', error_details = 'still down'"
		" WHERE job_id = (SELECT min(job_id::text) FROM sync_jobs WHERE origin_job_id IS NOT NULL)::uuid");

	assert_int_equal(test_process_wait(syncctl, TEST_WAIT_MS), 1);
	assert_non_null(strstr(test_process_output(syncctl), "dead, server: still down"));
	assert_non_null(strstr(test_process_output(syncctl), "2 succeeded, 1 did not"));
	assert_int_equal(count_ready("sync.jobs"), 3);
	assert_int_equal(count_ready(DEAD_QUEUE), 17);
	test_process_destroy(syncctl);
}

static void a_canary_that_succeeds_lets_the_rest_loose(void **state)
{
	struct test_process *syncctl;

	send_letters(20);
	syncctl = start_canary();
	test_execute(database.db,
		"UPDATE sync_jobs SET state = 'success' WHERE origin_job_id IS NOT NULL");

	assert_int_equal(test_process_wait(syncctl, TEST_WAIT_MS), 0);
	assert_non_null(strstr(test_process_output(syncctl), "retried 20 of 20"));
	assert_int_equal(count_ready("sync.jobs"), 20);
	assert_int_equal(count_ready(DEAD_QUEUE), 0);
	test_process_destroy(syncctl);
}

static void a_canary_waits_no_longer_than_told(void **state)
{
	struct text output = {0};

	send_letters(5);

	assert_int_equal(
		DEAD(&output, "retry", "--yes", "--canary", "2", "--canary-timeout", "1s"), 1);
	assert_says(&output, "2 did not end in time");
	assert_int_equal(count_ready(DEAD_QUEUE), 3);
	text_finish(&output);
}

/* ---- Discarding ---- */

static void what_is_discarded_is_kept_in_the_database(void **state)
{
	struct text output = {0};
	char *row;

	send_letters(2);
	send_body(&(struct letter){1, "bad_message", "not JSON", clock_unix_us(), NULL}, "odd",
		"not JSON \xff");
	flush_letters();

	assert_int_equal(DEAD(&output, "discard", "--class", "bad_message", "--yes", "--reason",
				 "a test of ours"),
		0);
	assert_says(&output, "discarded 1 of 1");

	row = test_query_string(database.db,
		"SELECT concat_ws('|', f.fate, f.job_id IS NULL, f.error_class, f.error_text,"
		" encode(f.body, 'escape'), a.action, a.reason, a.done)"
		" FROM dead_letter_fates f JOIN operator_actions a USING (action_id)");
	assert_string_equal(
		row, "discarded|t|bad_message|not JSON|not JSON \\377|discard|a test of ours|1");
	free(row);
	assert_int_equal(count_ready(DEAD_QUEUE), 2);
	text_finish(&output);
}

static void a_discarded_letter_that_comes_again_is_removed_and_not_retried(void **state)
{
	struct letter letter = make_letter(1);
	char job_id[UUID_TEXT_SIZE];
	struct text output = {0}, body = {0};

	send_letter(&letter, job_id, &body);
	flush_letters();
	assert_int_equal(DEAD(&output, "discard", "--yes", "--reason", "no"), 0);
	send_body(&letter, job_id, body.data);
	flush_letters();

	assert_int_equal(DEAD(&output, "retry", "--yes"), 0);

	assert_says(&output, "retried 0 of 0; removed 1");
	assert_int_equal(count_ready("sync.jobs"), 0);
	assert_int_equal(count_ready(DEAD_QUEUE), 0);
	assert_int_equal(DEAD(&output, "show", job_id), 0);
	assert_says(&output, "| discarded  |");
	text_finish(&output);
	text_finish(&body);
}

/* A dead job of an account whose letter is nowhere. */
static void lose_letter(int64_t account_id, char job_id[UUID_TEXT_SIZE])
{
	struct letter letter = make_letter(account_id);
	struct text ignored = {0};

	send_letter(&letter, job_id, NULL);
	flush_letters();
	assert_int_equal(drain(DEAD_QUEUE, &ignored), 1);
	text_finish(&ignored);
	test_execute(database.db,
		"UPDATE sync_jobs SET error_class = 'server', error_details = 'HTTP status 503'");
}

static void a_job_that_lost_its_letter_is_in_the_plan_and_left(void **state)
{
	struct letter other = make_letter(2);
	char job_id[UUID_TEXT_SIZE];
	struct text output = {0};

	lose_letter(1, job_id);
	send_letter(&other, NULL, NULL);
	flush_letters();

	assert_int_equal(DEAD(&output, "discard", "--job", job_id), 0);
	assert_says(
		&output, "would discard 1; 1 has lost its letter (selected 0 of 1 dead letters)\n");
	assert_says(&output, "nothing was done; to go on");
	assert_int_equal(DEAD(&output, "retry", "--job", job_id, "--yes"), 0);
	assert_says(&output, "would retry 0; 1 has lost its letter (selected 0 of 1 dead letters)");
	assert_says(
		&output, "storesync-producer --force --account 1 --job-type daily_sync --date 20");
	assert_says(&output, "nothing to do");

	assert_int_equal(test_query_integer(database.db, COUNT_FATES), 0);
	assert_int_equal(test_query_integer(database.db, COUNT_NEW_JOBS), 0);
	text_finish(&output);
}

static void a_job_that_lost_its_letter_is_discarded_once(void **state)
{
	struct letter other = make_letter(2);
	char job_id[UUID_TEXT_SIZE];
	struct text output = {0};
	char *row;

	lose_letter(1, job_id);
	send_letter(&other, NULL, NULL);
	flush_letters();

	assert_int_equal(
		DEAD(&output, "discard", "--job", job_id, "--yes", "--reason", "purged"), 0);
	assert_says(&output, "discarded 1 of 1 (action ");
	assert_int_equal(
		DEAD(&output, "discard", "--job", job_id, "--yes", "--reason", "again"), 0);
	assert_says(&output, "nothing to do");

	row = test_query_string(database.db,
		"SELECT concat_ws('|', f.fate, j.account_id, j.state, f.error_class, f.error_text,"
		" convert_from(f.body, 'UTF8')::jsonb->>'job_id' = j.job_id::text,"
		" a.action, a.reason, a.planned, a.done, a.finished_at IS NOT NULL)"
		" FROM dead_letter_fates f JOIN operator_actions a USING (action_id) JOIN sync_jobs j USING (job_id)");
	assert_string_equal(row, "discarded|1|dead|server|HTTP status 503|t|discard|purged|1|1|t");
	free(row);
	assert_int_equal(count_ready(DEAD_QUEUE), 1);
	text_finish(&output);
}

/* Deciding about them would hide a job that is still to be told of. */
static void only_a_dead_job_without_letter_and_fate_has_lost_it(void **state)
{
	struct letter letter = make_letter(1);
	char job_id[UUID_TEXT_SIZE];
	char open_id[UUID_TEXT_SIZE];
	struct text output = {0};

	lose_letter(2, open_id);
	test_execute(database.db, "UPDATE sync_jobs SET state = 'retrying' WHERE account_id = 2");
	assert_int_equal(DEAD(&output, "discard", "--job", open_id, "--yes", "--reason", "no"), 0);
	assert_says(&output, "nothing to do");

	send_letter(&letter, job_id, NULL);
	flush_letters();
	assert_int_equal(DEAD(&output, "discard", "--job", job_id), 0);
	assert_says(&output, "would discard 1; 1 can be retried (selected 1 of 1 dead letters)");
	assert_int_equal(DEAD(&output, "discard", "--job", job_id, "--yes", "--reason", "no"), 0);
	assert_int_equal(DEAD(&output, "discard", "--job", job_id), 0);
	assert_says(&output, "would discard 0 (selected 0 of 0 dead letters)");
	assert_int_equal(test_query_integer(database.db, COUNT_FATES), 1);
	text_finish(&output);
}

/* ---- Refused ---- */

static void a_second_command_is_refused(void **state)
{
	struct text output = {0};
	struct test_process *syncctl;

	send_letters(100);
	syncctl = start_dead(
		(const char *const[]){"syncctl", "dead", "retry", "--yes", "--rate", "1", NULL});
	while (test_query_integer(database.db, COUNT_FATES) == 0)
		assert_true(test_process_is_running(syncctl));

	assert_int_equal(DEAD(&output, "list"), 1);
	assert_says(&output, "another command is at work on these dead letters (syncctl as");
	assert_int_equal(test_process_stop(syncctl), 1);
	test_process_destroy(syncctl);
	text_finish(&output);
}

static void ignore_delivery(void *context, const struct broker_delivery *delivery)
{
}

static void a_foreign_consumer_is_named(void **state)
{
	static const struct broker_consumer consumer = {.queue = DEAD_QUEUE, .prefetch = 1};
	struct broker_options options = {
		.url = vhost.amqp_url,
		.name = "test",
		.consumers = &consumer,
		.consumer_count = 1,
		.delivered = ignore_delivery,
	};
	struct broker *foreigner = NULL;
	struct text output = {0};
	struct error err;

	send_letters(2);
	assert_true(broker_create(&options, &foreigner, &err));
	while (!broker_is_up(foreigner))
		broker_run(foreigner, -1, 100);

	assert_int_equal(DEAD(&output, "list"), 1);
	assert_says(&output, "another program consumes sync.jobs.dead");
	broker_destroy(foreigner);
	text_finish(&output);
}

static bool all_are_back(void *context)
{
	return count_ready(DEAD_QUEUE) == *(int *)context;
}

/* The returned copies have correlation ids of ours and of others: the right one must be kept. */
static void a_missing_binding_is_named_and_loses_nothing(void **state)
{
	struct text output = {0};
	char path[200];
	int expected = 21;

	send_letters(20);
	publish_json(
		"{\"routing_key\":\"dead\",\"payload_encoding\":\"string\",\"payload\":\"odd\","
		"\"properties\":{\"message_id\":\"odd\",\"correlation_id\":\"odd\"}}");
	snprintf(path, sizeof path, "/api/bindings/%s/e/sync/q/" DEAD_QUEUE "/dead", vhost.name);
	assert_int_equal(test_management_call("DELETE", path, NULL, NULL), 204);

	assert_int_equal(DEAD(&output, "list"), 1);
	assert_says(&output, "run: syncctl topology apply");
	assert_true(test_wait_until(all_are_back, &expected));

	assert_int_equal(test_run((const char *const[]){"syncctl", "topology", "apply", NULL},
				 environment, NULL),
		0);
	assert_int_equal(DEAD(&output, "list"), 0);
	assert_says(&output, "21 of 21 dead letters");
	text_finish(&output);
}

static void wrong_arguments_are_named(void **state)
{
	struct text output = {0};

	assert_int_equal(DEAD(&output, "list", "--class", "nonsense"), 2);
	assert_says(&output, "there is no error class \"nonsense\"; there are network");
	assert_int_equal(DEAD(&output, "list", "--older-than", "soon", "--account", "x"), 2);
	assert_says(&output, "--older-than: \"soon\" is not a duration");
	assert_says(&output, "--account: \"x\" is not a whole number");
	assert_int_equal(DEAD(&output, "list", "--yes"), 2);
	assert_says(&output, "--yes is not for this command");
	assert_int_equal(DEAD(&output, "retry", "--yes", "--dry-run"), 2);
	assert_int_equal(DEAD(&output, "discard", "--yes"), 2);
	assert_says(&output, "--yes needs --reason");
	assert_int_equal(DEAD(&output, "show"), 2);
	assert_int_equal(DEAD(&output, "show", "7"), 2);
	assert_says(&output, "\"7\" is not an id");
	text_finish(&output);
}

static void missing_settings_are_named(void **state)
{
	struct text output = {0};
	const char *const settings[] = {"AMQP_URL=", "DATABASE_URL=", NULL};

	assert_int_equal(
		test_run((const char *const[]){"syncctl", "dead", "list", NULL}, settings, &output),
		2);
	assert_says(&output, "AMQP_URL");
	assert_says(&output, "DATABASE_URL");
	text_finish(&output);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(an_empty_queue_has_no_dead_letters, setup),
		cmocka_unit_test_setup(equal_causes_are_one_group, setup),
		cmocka_unit_test_setup(filters_choose, setup),
		cmocka_unit_test_setup(looking_counts_no_delivery, setup),
		cmocka_unit_test_setup(a_copy_is_like_its_original, setup),
		cmocka_unit_test_setup(a_large_body_is_copied_whole, setup),
		cmocka_unit_test_setup(everything_known_is_shown, setup),
		cmocka_unit_test_setup(a_plan_says_what_would_be_done_and_does_nothing, setup),
		cmocka_unit_test_setup(only_what_can_succeed_is_retried, setup),
		cmocka_unit_test_setup(a_job_that_the_broker_gave_up_is_retried, setup),
		cmocka_unit_test_setup(a_retried_job_knows_its_origin, setup),
		cmocka_unit_test_setup(
			a_slice_begins_anew_and_unknown_members_are_passed_on, setup),
		cmocka_unit_test_setup(a_dead_job_is_issued_once, setup),
		cmocka_unit_test_setup(a_copy_left_beside_its_original_is_one_letter, setup),
		cmocka_unit_test_setup(
			a_retry_that_was_killed_before_publishing_is_finished, setup),
		cmocka_unit_test_setup(
			a_command_killed_at_any_point_loses_and_doubles_nothing, setup),
		cmocka_unit_test_setup(looking_killed_at_any_point_loses_nothing, setup),
		cmocka_unit_test_setup(a_command_told_to_stop_keeps_what_is_left, setup),
		cmocka_unit_test_setup(a_lost_connection_is_survived, setup),
		cmocka_unit_test_setup(a_canary_that_fails_stops_the_rest, setup),
		cmocka_unit_test_setup(a_canary_that_succeeds_lets_the_rest_loose, setup),
		cmocka_unit_test_setup(a_canary_waits_no_longer_than_told, setup),
		cmocka_unit_test_setup(what_is_discarded_is_kept_in_the_database, setup),
		cmocka_unit_test_setup(
			a_discarded_letter_that_comes_again_is_removed_and_not_retried, setup),
		cmocka_unit_test_setup(a_job_that_lost_its_letter_is_in_the_plan_and_left, setup),
		cmocka_unit_test_setup(a_job_that_lost_its_letter_is_discarded_once, setup),
		cmocka_unit_test_setup(only_a_dead_job_without_letter_and_fate_has_lost_it, setup),
		cmocka_unit_test_setup(a_second_command_is_refused, setup),
		cmocka_unit_test_setup(a_foreign_consumer_is_named, setup),
		cmocka_unit_test_setup(a_missing_binding_is_named_and_loses_nothing, setup),
		cmocka_unit_test_setup(wrong_arguments_are_named, setup),
		cmocka_unit_test_setup(missing_settings_are_named, setup),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
