/* SPDX-License-Identifier: MIT */
/*
 * Poison: whatever bytes, properties and header tables come in through RabbitMQ, and whatever bodies
 * TikTok answers with. Each poisonous message ends among the dead letters with its reason, no
 * program crashes, and good jobs among them succeed.
 *
 * STORESYNC_TEST_SEED=N repeats the mutations of an earlier run; it is printed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/job_message.h"
#include "common/memory.h"
#include "common/result_message.h"
#include "tests/support/courier.h"
#include "tests/support/fleet.h"
#include "tests/support/wait.h"

#define GOOD_JOBS    10
#define HUGE_BYTES   ((size_t)16 * 1024 * 1024)
#define FUZZED       10000
#define FUZZED_MAX   4096 /* bytes; no mutation makes more */
#define DEEP         5000
#define ROUNDS_OF_30 6

static const char valid_job[] =
	"{\"v\":1,\"job_id\":\"aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa\","
	"\"run_id\":\"cccccccc-cccc-4ccc-8ccc-cccccccccccc\",\"account_id\":1,"
	"\"store_code\":\"store-0\",\"job_type\":\"user_stats\",\"snapshot_date\":\"2026-11-22\","
	"\"attempt\":1,\"enqueued_at\":\"2026-11-22T00:00:00Z\"}";
static const char valid_result[] =
	"{\"v\":1,\"job_id\":\"aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa\","
	"\"run_id\":\"cccccccc-cccc-4ccc-8ccc-cccccccccccc\",\"attempt\":1,"
	"\"attempt_id\":\"bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb\",\"account_id\":1,"
	"\"store_code\":\"store-0\",\"job_type\":\"user_stats\",\"snapshot_date\":\"2026-11-22\","
	"\"status\":\"SUCCESS\",\"final\":true,\"message\":\"done\",\"records_processed\":3,"
	"\"api_calls\":2,\"worker\":\"w\",\"started_at\":\"2026-11-22T00:00:00Z\","
	"\"completed_at\":\"2026-11-22T00:00:01Z\"}";

/* One kind of message: where it goes in, where it ends when it is poison. */
struct kind {
	const char *key;
	const char *queue;
	const char *dead_queue;
	const char *valid;
	bool (*can_be_read)(const char *body, size_t length);
};

static bool job_can_be_read(const char *body, size_t length)
{
	struct job_message message;
	struct error err;

	if (!job_message_read(body, length, &message, &err))
		return false;
	job_message_finish(&message);
	return true;
}

static bool result_can_be_read(const char *body, size_t length)
{
	struct result_message message;
	struct error err;

	return result_message_read(body, length, &message, &err);
}

static const struct kind jobs = {"job", "sync.jobs", "sync.jobs.dead", valid_job, job_can_be_read};
static const struct kind results = {
	"result", "sync.results", "sync.results.dead", valid_result, result_can_be_read};

static struct test_fleet fleet;
static struct test_process *worker, *logger;
static struct courier *courier;
static struct courier_letter letter;

static int set_up(void **state)
{
	world_init(&fleet.world);
	test_fleet_create(&fleet, GOOD_JOBS, NULL);
	worker = test_fleet_start(&fleet, "storesync-worker", NULL);
	logger = test_fleet_start(&fleet, "storesync-logger", NULL);
	courier = courier_create(fleet.vhost.amqp_url);
	return 0;
}

static int tear_down(void **state)
{
	courier_destroy(courier);
	courier = NULL;
	courier_letter_finish(&letter);
	test_fleet_destroy(&fleet);
	return 0;
}

/* A day's jobs succeed, and the programs that have swallowed the poison end in good order. */
static void assert_good_jobs_succeed_and_nobody_crashed(void)
{
	static const char *const day[] = {"--force", NULL};

	test_fleet_produce(&fleet, day);
	test_fleet_wait_until_done(&fleet);
	test_wait_for_query(fleet.database.db,
		"SELECT count(DISTINCT j.account_id) FROM sync_jobs j JOIN sync_logs l USING (job_id)"
		" WHERE j.job_type = 'daily_sync' AND j.state = 'success' AND l.final"
		" AND l.status = 'SUCCESS'",
		GOOD_JOBS);
	assert_int_equal(test_process_stop(worker), 0);
	assert_int_equal(test_process_stop(logger), 0);
}

/* ---- Bodies that are no messages ---- */

/* In a valid message, what stands in place of the first stands there. */
static const struct {
	const char *valid;
	const char *poison;
} replacements[] = {
	{"\"v\":1,", ""},
	{"\"v\":1", "\"v\":2"},
	{"\"v\":1", "\"v\":0"},
	{"\"v\":1", "\"v\":\"1\""},
	{"\"v\":1", "\"v\":1.5"},
	{"\"v\":1", "\"v\":null"},
	{"\"v\":1", "\"v\":99999999999999999999999"},
	{"\"v\":1", "\"v\":1,\"v\":1"},
	{"\"account_id\":1", "\"account_id\":\"1\""},
	{"\"account_id\":1", "\"account_id\":1e400"},
	{"\"account_id\":1", "\"account_id\":-1"},
	{"\"account_id\":1", "\"account_id\":0"},
	{"\"account_id\":1", "\"account_id\":9223372036854775808"},
	{"\"account_id\":1", "\"account_id\":99999999999999999999999999999999999999"},
	{"\"account_id\":1", "\"account_id\":{}"},
	{"\"account_id\":1", "\"account_id\":[1]"},
	{"\"account_id\":1", "\"account_id\":NaN"},
	{"\"attempt\":1", "\"attempt\":true"},
	{"\"attempt\":1", "\"attempt\":2147483648"},
	{"\"attempt\":1", "\"attempt\":-9223372036854775808"},
	{"\"job_id\":\"a", "\"job_id\":\"g"},
	{"\"job_id\":\"a", "\"job_id\":7,\"x\":\"a"},
	{"\"store_code\":\"s", "\"store_code\":\"\xff"},
	{"\"store_code\":\"s", "\"store_code\":\"\xed\xa0\x80"},
	{"\"store_code\":\"s", "\"store_code\":\"\xc0\x80"},
	{"\"store_code\":\"s", "\"store_code\":\"\\u0000"},
	{"\"store_code\":\"store-0\"", "\"store_code\":\"\""},
	{"\"store_code\":\"store-0\"", "\"store_code\":null"},
	{"\"user_stats\"", "[\"user_stats\"]"},
	{"2026-11-22\"", "2026-02-30\""},
	{"2026-11-22T", "0000-00-00T"},
	{"}", ""},
	{"}", "}}"},
	{"}", "} trailing"},
	{"}", ",}"},
	{"{", "[{"},
	{"{", "\xef\xbb\xbf{"},
	{"{", "/* */{"},
};

static const char *const bodies[] = {"not json", "{", "[]", "null", "1", "\"text\"", "{}",
	"{\"v\":1}", "\xff\xfe\xfd", "<html></html>", "\x1f\x8b"};

static int sent;

static void send(const struct kind *kind, const char *body, size_t length)
{
	char id[32];
	const struct courier_message message = {.key = kind->key,
		.body = body,
		.length = length,
		.message_id = id,
		.content_type = "application/json"};

	if (kind->can_be_read(body, length))
		fail_msg("this is no poison: %.*s", (int)length, body);
	snprintf(id, sizeof id, "poison-%d", sent++);
	courier_send(courier, &message);
}

static void send_replacement(const struct kind *kind, const char *valid, const char *poison)
{
	const char *at = strstr(kind->valid, valid);
	struct text body = {0};

	assert_non_null(at);
	text_append_bytes(&body, kind->valid, (size_t)(at - kind->valid));
	text_append(&body, poison);
	text_append(&body, at + strlen(valid));
	send(kind, body.data, body.length);
	text_finish(&body);
}

static void send_deep(const struct kind *kind, size_t depth, const char *before, const char *after)
{
	struct text body = {0};

	text_append(&body, before);
	for (size_t i = 0; i < depth; i++)
		text_append_char(&body, '[');
	for (size_t i = 0; i < depth; i++)
		text_append_char(&body, ']');
	text_append(&body, after);
	send(kind, body.data, body.length);
	text_finish(&body);
}

/* A valid message and blanks, much too many of them. */
static void send_huge(const struct kind *kind)
{
	struct text body = {0};

	text_append(&body, kind->valid);
	while (body.length < HUGE_BYTES)
		text_append_char(&body, ' ');
	send(kind, body.data, body.length);
	text_finish(&body);
}

static void send_with_nul(const struct kind *kind)
{
	char *body = memory_copy_text(kind->valid);

	send(kind, "\0", 1);
	send(kind, "{\"v\":1,\0\"job_id\":2}", 20);
	body[strlen(body) / 2] = '\0';
	send(kind, body, strlen(kind->valid));
	free(body);
}

static void send_poison(const struct kind *kind)
{
	sent = 0;
	for (size_t i = 0; i < sizeof replacements / sizeof *replacements; i++)
		send_replacement(kind, replacements[i].valid, replacements[i].poison);
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
		send(kind, bodies[i], strlen(bodies[i]));
	send(kind, "", 0);
	for (size_t length = 1; length < strlen(kind->valid); length += 7)
		send(kind, kind->valid, length);
	send_deep(kind, 100, "", "");
	send_deep(kind, 100, "{\"v\":1,\"x\":", "}");
	send_deep(kind, 100000, "", "");
	send_with_nul(kind);
	send_huge(kind);
	courier_wait(courier);
}

struct expected {
	const char *queue;
	int count;
};

static bool queue_holds(void *context)
{
	const struct expected *expected = context;

	return courier_count(courier, expected->queue) >= expected->count;
}

/* The letters of all that was sent, each once, with class and words. Huge ones say how long they were. */
static void assert_all_are_dead_letters(const struct kind *kind)
{
	struct expected expected = {kind->dead_queue, sent};
	char *seen = memory_allocate((size_t)sent, 1);
	int huge = 0;

	if (!test_wait_until(queue_holds, &expected))
		fail_msg("%d of %d are in %s", courier_count(courier, kind->dead_queue), sent,
			kind->dead_queue);
	for (int i = 0; i < sent; i++) {
		int number;

		assert_true(courier_fetch(courier, kind->dead_queue, &letter));
		number = courier_letter_number(&letter, "poison");
		assert_in_range(number, 0, sent - 1);
		assert_int_equal(seen[number]++, 0);
		assert_string_equal(letter.error_class, "bad_message");
		assert_true(strlen(letter.error_text) > 5);
		huge += strstr(letter.error_text, "16777216 bytes") != NULL;
	}
	assert_int_equal(huge, 1);
	assert_false(courier_fetch(courier, kind->dead_queue, &letter));
	assert_int_equal(courier_count(courier, kind->queue), 0);
	free(seen);
}

static void what_is_no_job_ends_in_the_dead_letters(void **state)
{
	send_poison(&jobs);
	assert_all_are_dead_letters(&jobs);
	assert_good_jobs_succeed_and_nobody_crashed();
}

static void what_is_no_result_ends_in_the_dead_letters(void **state)
{
	send_poison(&results);
	assert_all_are_dead_letters(&results);
	assert_good_jobs_succeed_and_nobody_crashed();
}

/* ---- Properties and header tables ---- */

static void send_with(const struct kind *kind, const char *body, const char *message_id,
	const struct text *headers)
{
	courier_send(courier, &(struct courier_message){.key = kind->key,
				      .body = body,
				      .length = strlen(body),
				      .message_id = message_id,
				      .headers = headers ? headers->data : NULL,
				      .headers_length = headers ? headers->length : 0});
}

static void send_poison_with(
	const struct kind *kind, const char *message_id, const struct text *headers)
{
	send_with(kind, "poison", message_id, headers);
}

/* Poison and a good message, with these properties. */
static void send_pair(const struct kind *kind, const char *message_id, const struct text *headers)
{
	send_poison_with(kind, message_id, headers);
	send_with(kind, kind->valid, message_id, headers);
}

static void send_pairs_to_both(const char *message_id, const struct text *headers)
{
	send_pair(&jobs, message_id, headers);
	send_pair(&results, message_id, headers);
	courier_wait(courier);
}

static void assert_dead(const struct kind *kind, int count)
{
	struct expected expected = {kind->dead_queue, count};

	assert_true(test_wait_until(queue_holds, &expected));
	while (courier_fetch(courier, kind->dead_queue, &letter)) {
		assert_string_equal(text_string(&letter.body), "poison");
		assert_string_equal(letter.error_class, "bad_message");
		assert_string_not_equal(letter.error_text, "");
		count--;
	}
	assert_int_equal(count, 0);
}

static void assert_valid_ones_were_taken(void)
{
	test_wait_for_query(fleet.database.db,
		"SELECT count(*) FROM sync_jobs WHERE job_id = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa'"
		" AND state = 'success'",
		1);
	test_wait_for_query(fleet.database.db,
		"SELECT count(*) FROM sync_logs WHERE attempt_id = 'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb'",
		1);
}

static void messages_without_properties_are_judged_by_their_bodies(void **state)
{
	char longest[256];

	memset(longest, '\x80', 255);
	longest[255] = '\0';
	send_pairs_to_both(NULL, NULL);
	send_pairs_to_both("", NULL);
	send_pairs_to_both(longest, NULL);
	assert_dead(&jobs, 3);
	assert_dead(&results, 3);
	assert_valid_ones_were_taken();
	assert_good_jobs_succeed_and_nobody_crashed();
}

/*
 * rabbitmq-c before 0.14 decodes tables by recursion without a bound: a stack that is too small
 * ends the program (common/process.c says how large ours are).
 */
static void header_tables_of_any_depth_harm_nobody(void **state)
{
	struct text deep = {0}, tables = {0}, arrays = {0};

	courier_nest_tables(DEEP, &deep);
	courier_nest_tables(courier_deepest_tables(), &tables);
	courier_nest_arrays(courier_deepest_arrays(), &arrays);
	send_pair(&jobs, "deep", &deep);
	send_pair(&results, "deep", &deep);
	send_poison_with(&jobs, "deepest", &tables);
	send_poison_with(&results, "deepest", &arrays);
	courier_wait(courier);
	assert_dead(&jobs, 2);
	assert_dead(&results, 2);
	assert_valid_ones_were_taken();
	assert_good_jobs_succeed_and_nobody_crashed();
	text_finish(&deep);
	text_finish(&tables);
	text_finish(&arrays);
}

/* Take the first message of a queue and give it back, as a consumer that died does. */
static void give_back_once(const char *queue)
{
	struct text path = {0};

	text_append_format(&path, "/api/queues/%s/%s/get", fleet.vhost.name, queue);
	assert_int_equal(
		test_management_call("POST", text_string(&path),
			"{\"count\":1,\"ackmode\":\"ack_requeue_true\",\"encoding\":\"auto\"}",
			NULL),
		200);
	text_finish(&path);
}

/* RabbitMQ adds x-delivery-count to what it delivers again, and then sends a larger frame than was agreed. */
static void a_header_frame_that_outgrows_the_limit_is_settled_too(void **state)
{
	/* Beside the text: 8 bytes of frame, 14 of class, size and flags, 4 + 7 of table and key, 1 of delivery mode. */
	const size_t length = COURIER_FRAME_MAX - 8 - 14 - 4 - 7 - 1;
	struct text headers = {0};
	struct courier_message message = {
		.key = "job", .body = valid_job, .length = strlen(valid_job)};

	test_process_wait_for_output(worker, "started");
	assert_int_equal(test_process_stop(worker), 0);
	text_append_bytes(&headers, "\1xS\0", 4);
	text_append_char(&headers, (char)(length >> 16));
	text_append_char(&headers, (char)(length >> 8));
	text_append_char(&headers, (char)length);
	while (headers.length < length + 7)
		text_append_char(&headers, 'x');
	message.headers = headers.data;
	message.headers_length = headers.length;
	courier_send(courier, &message);
	courier_wait(courier);
	text_finish(&headers);
	give_back_once("sync.jobs");
	worker = test_fleet_start(&fleet, "storesync-worker", NULL);
	test_wait_for_query(fleet.database.db,
		"SELECT count(*) FROM sync_jobs WHERE job_id = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa'"
		" AND state = 'success'",
		1);
	assert_good_jobs_succeed_and_nobody_crashed();
}

/* ---- Mutations ---- */

static uint64_t random_state;

/* splitmix64 */
static uint64_t next_random(void)
{
	uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static size_t below(size_t limit)
{
	return limit ? (size_t)(next_random() % limit) : 0;
}

static uint64_t choose_seed(void)
{
	const char *wanted = getenv("STORESYNC_TEST_SEED");
	uint64_t seed = wanted ? strtoull(wanted, NULL, 10) : 20261127;

	print_message("STORESYNC_TEST_SEED=%" PRIu64 "\n", seed);
	return seed;
}

static const char *const tokens[] = {"null", "true", "-1", "1e999", "\"\"", "[]", "{}", "\xff",
	"\\u0000", "\\ud800", "9223372036854775808", "\n", "{\"v\":", "]", "}", "\"", ":", ","};

/* Put length bytes in place of some. */
static void splice(struct text *body, size_t at, size_t removed, const char *bytes, size_t length)
{
	struct text result = {0};

	text_append_bytes(&result, body->data, at);
	text_append_bytes(&result, bytes, length);
	text_append_bytes(&result, body->data + at + removed, body->length - at - removed);
	text_finish(body);
	*body = result;
}

static void mutate_once(struct text *body)
{
	size_t at = below(body->length), rest = body->length - at, length;
	const char *token = tokens[below(sizeof tokens / sizeof *tokens)];
	char byte = (char)next_random(), *copy;

	switch (below(6)) {
	case 0:
		if (rest)
			body->data[at] = (char)(body->data[at] ^ (1 << below(8)));
		break;
	case 1:
		splice(body, at, rest ? 1 : 0, &byte, 1);
		break;
	case 2:
		splice(body, at, below(rest < 20 ? rest : 20), "", 0);
		break;
	case 3:
		splice(body, at, below(rest < 8 ? rest : 8), token, strlen(token));
		break;
	case 4:
		length = below(rest < 100 ? rest : 100);
		copy = memory_copy_bytes(body->data ? body->data + at : "", length);
		splice(body, below(body->length), 0, copy, length);
		free(copy);
		break;
	default:
		splice(body, at, rest, "", 0);
		break;
	}
}

static void mutate(const char *valid, struct text *body)
{
	text_clear(body);
	text_append(body, valid);
	for (size_t times = 1 + below(4); times; times--)
		mutate_once(body);
}

/* Letters come while others are still under way. Of those sent, each that is none may be delivered once. */
static void collect_letters(const struct kind *kind, const bool *is_poison, int poisonous)
{
	struct expected some = {kind->dead_queue, 1};
	char *seen = memory_allocate(FUZZED, 1);
	int number;

	while (poisonous > 0) {
		if (!test_wait_until(queue_holds, &some))
			fail_msg("%d mutations have vanished", poisonous);
		while (courier_fetch(courier, kind->dead_queue, &letter)) {
			assert_string_not_equal(letter.error_text, "");
			number = courier_letter_number(&letter, "fuzz");
			if (number < 0)
				continue; /* of a job that could be read, and failed */
			assert_in_range(number, 0, FUZZED - 1);
			assert_int_equal(seen[number]++, 0);
			if (is_poison[number]) {
				assert_string_equal(letter.error_class, "bad_message");
				poisonous--;
			}
		}
	}
	free(seen);
}

static bool queue_is_empty(void *queue)
{
	return courier_count(courier, queue) == 0;
}

static void wait_until_empty(const char *queue)
{
	char *name = memory_copy_text(queue);

	assert_true(test_wait_until(queue_is_empty, name));
	free(name);
}

static void fuzz(const struct kind *kind)
{
	bool *is_poison = memory_allocate(FUZZED, sizeof *is_poison);
	struct text body = {0};
	int poisonous = 0;

	random_state = choose_seed();
	for (int i = 0; i < FUZZED; i++) {
		char id[32];
		struct courier_message message = {.key = kind->key, .message_id = id};

		snprintf(id, sizeof id, "fuzz-%d", i);
		mutate(kind->valid, &body);
		message.body = text_string(&body);
		message.length = body.length;
		is_poison[i] = !kind->can_be_read(message.body, message.length);
		poisonous += is_poison[i];
		courier_send(courier, &message);
	}
	print_message("%d of %d mutations are poison\n", poisonous, FUZZED);
	courier_wait(courier);
	collect_letters(kind, is_poison, poisonous);
	wait_until_empty(kind->queue);
	free(is_poison);
	text_finish(&body);
}

static void ten_thousand_mutated_jobs_harm_nobody(void **state)
{
	fuzz(&jobs);
	assert_good_jobs_succeed_and_nobody_crashed();
}

static void ten_thousand_mutated_results_harm_nobody(void **state)
{
	fuzz(&results);
	assert_good_jobs_succeed_and_nobody_crashed();
}

/* ---- TikTok's answers ---- */

#define OK                                                                                         \
	",\\\"error\\\":{\\\"code\\\":\\\"ok\\\",\\\"message\\\":\\\"\\\",\\\"log_id\\\":\\\"1\\\"}}"

/* The member body of a fault, in JSON; each hits an account of its own. */
static const struct {
	const char *endpoint;
	const char *body;
	int times;
} replies[] = {
	{"user_info", "[", 100},
	{"user_info", "                ", 1048576}, /* 16 MiB */
	{"video_list", "{\\\"data\\\":                ", 1048576},
	{"user_info", "{\\\"data\\\":\\u0000" OK, 1},
	{"user_info", "{\\\"data\\\":{\\\"user\\\":{\\\"display_name\\\":\\\"\xff\\\"}}" OK, 1},
	{"user_info", "{\\\"data\\\":[]" OK, 1},
	{"user_info", "{\\\"data\\\":{\\\"user\\\":{\\\"follower_count\\\":\\\"1\\\"}}" OK, 1},
	{"user_info", "{\\\"data\\\":{\\\"user\\\":{\\\"follower_count\\\":-1}}" OK, 1},
	{"video_list",
		"{\\\"data\\\":{\\\"videos\\\":[{\\\"id\\\":\\\"7\\\",\\\"view_count\\\":-1}]}" OK,
		1},
	{"video_list", "{\\\"data\\\":{\\\"videos\\\":[{\\\"id\\\":7}]}" OK, 1},
	{"video_list", "{\\\"data\\\":{\\\"videos\\\":[[]]}" OK, 1},
	{"video_list", "{\\\"data\\\":{\\\"has_more\\\":\\\"yes\\\",\\\"videos\\\":[]}" OK, 1},
	{"video_list", "{\\\"data\\\":{\\\"cursor\\\":1e30,\\\"videos\\\":[]}" OK, 1},
};

static void tell_replies(void)
{
	for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
		struct world_account account;
		struct text fault = {0};

		world_account(&fleet.world, (uint32_t)i, &account);
		text_append_format(&fault,
			"{\"fault\":\"body\",\"endpoint\":\"%s\",\"account\":\"%s\",\"count\":-1,"
			"\"times\":%d,\"body\":\"%s\"}",
			replies[i].endpoint, account.open_id, replies[i].times, replies[i].body);
		test_fleet_tell_simulator(&fleet, "/admin/faults", text_string(&fault));
		text_finish(&fault);
	}
}

static void replies_that_are_nonsense_fail_their_job_alone(void **state)
{
	const int spoiled = sizeof replies / sizeof *replies;
	struct text sql = {0};

	world_init(&fleet.world);
	test_fleet_create(&fleet, (uint32_t)spoiled + GOOD_JOBS, NULL);
	tell_replies();
	worker = test_fleet_start(&fleet, "storesync-worker", NULL);
	test_fleet_produce(&fleet, NULL);
	text_append_format(&sql,
		"SELECT count(*) FROM sync_jobs WHERE account_id <= %d AND state = 'retrying'"
		" AND attempt = 2 AND error_class = 'bad_reply'",
		spoiled);
	test_wait_for_query(fleet.database.db, text_string(&sql), spoiled);
	test_wait_for_query(fleet.database.db,
		"SELECT count(*) FROM sync_jobs WHERE state = 'success'", GOOD_JOBS);
	assert_int_equal(test_process_stop(worker), 0);
	text_finish(&sql);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_is_no_job_ends_in_the_dead_letters, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			what_is_no_result_ends_in_the_dead_letters, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			messages_without_properties_are_judged_by_their_bodies, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			header_tables_of_any_depth_harm_nobody, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_header_frame_that_outgrows_the_limit_is_settled_too, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			ten_thousand_mutated_jobs_harm_nobody, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			ten_thousand_mutated_results_harm_nobody, set_up, tear_down),
		cmocka_unit_test_teardown(
			replies_that_are_nonsense_fail_their_job_alone, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
