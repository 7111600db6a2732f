/* SPDX-License-Identifier: MIT */
/*
 * Tests of common/job_message.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/job_message.h"
#include "common/json.h"
#include "common/memory.h"

#define JOB_ID "8a1dae6d-d91c-8c9f-b51e-c594eee051e0"
#define RUN_ID "0190f1a2-0000-4000-8000-0123456789ab"
#define BODY                                                                                       \
	"{\"v\":1,\"job_id\":\"" JOB_ID "\",\"run_id\":\"" RUN_ID "\",\"account_id\":42,"          \
	"\"store_code\":\"store-1\",\"job_type\":\"daily_sync\",\"snapshot_date\":\"2024-02-29\"," \
	"\"attempt\":1,\"enqueued_at\":\"2024-02-29T01:02:03.456789Z\"}"

static struct job_message read_body(const char *body)
{
	struct job_message message;
	struct error err;

	if (!job_message_read(body, strlen(body), &message, &err))
		fail_msg("%s: %s", body, err.text);
	return message;
}

/* BODY with the member set to a value of JSON; NULL leaves the member out. The caller frees it. */
static char *body_with(const char *name, const char *value)
{
	struct text member = {0}, body = {0};
	const char *start, *end;

	text_append_format(&member, "\"%s\":", name);
	start = strstr(BODY, member.data);
	assert_non_null(start);
	end = start + strcspn(start, ",}");
	text_append_bytes(&body, BODY, (size_t)(start - BODY));
	if (value)
		text_append_format(&body, "\"%s\":%s", name, value);
	else
		text_append(&body, "\"other\":0");
	text_append(&body, end);
	text_finish(&member);
	return body.data;
}

static void assert_member_refused(const char *name, const char *value, const char *words)
{
	char *body = body_with(name, value);
	struct job_message message, before;
	struct error err;

	memset(&message, 'x', sizeof message);
	before = message;
	if (job_message_read(body, strlen(body), &message, &err))
		fail_msg("accepted: %s", body);
	assert_int_equal(err.class, ERROR_BAD_MESSAGE);
	if (!strstr(err.text, words))
		fail_msg("\"%s\" does not say \"%s\"", err.text, words);
	assert_memory_equal(&message, &before, sizeof message);
	free(body);
}

static void every_member_is_read(void **state)
{
	struct job_message message = read_body(BODY);

	assert_string_equal(message.job_id, JOB_ID);
	assert_string_equal(message.run_id, RUN_ID);
	assert_int_equal(message.account_id, 42);
	assert_string_equal(message.store_code, "store-1");
	assert_int_equal(message.job_type, JOB_DAILY_SYNC);
	assert_string_equal(message.snapshot_date, "2024-02-29");
	assert_int_equal(message.attempt, 1);
	assert_int_equal(message.enqueued_at_us, 1709168523456789);
	assert_string_equal(message.original, BODY);
	job_message_finish(&message);
	assert_null(message.original);
}

static void every_member_is_required(void **state)
{
	static const char *const names[] = {"v", "job_id", "run_id", "account_id", "store_code",
		"job_type", "snapshot_date", "attempt", "enqueued_at"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		assert_member_refused(names[i], NULL, names[i]);
		assert_member_refused(names[i], "null", names[i]);
		assert_member_refused(names[i], "[]", names[i]);
		assert_member_refused(names[i], "true", names[i]);
		assert_member_refused(names[i], "1.0", names[i]);
		assert_member_refused(names[i], "\"\"", names[i]);
		assert_member_refused(names[i], "\"a\\u0000\"", names[i]);
	}
}

static void another_version_is_refused_by_number(void **state)
{
	assert_member_refused("v", "2", "version 2 is not known");
	assert_member_refused("v", "0", "version 0 is not known");
}

static void ids_are_uuids_in_lower_case(void **state)
{
	char *body = body_with("job_id", "\"8A1DAE6D-D91C-8C9F-B51E-C594EEE051E0\"");
	struct job_message message = read_body(body);

	assert_string_equal(message.job_id, JOB_ID);
	job_message_finish(&message);
	free(body);
	assert_member_refused("job_id", "\"8a1dae6dd91c8c9fb51ec594eee051e0\"", "job_id");
	assert_member_refused("run_id", "\"" RUN_ID "0\"", "run_id");
	assert_member_refused("run_id", "12", "run_id");
}

static void numbers_are_bounded(void **state)
{
	assert_member_refused("account_id", "0", "account_id");
	assert_member_refused("account_id", "-1", "account_id");
	assert_member_refused("account_id", "9223372036854775808", "account_id");
	assert_member_refused("account_id", "\"42\"", "account_id");
	assert_member_refused("attempt", "0", "attempt");
	assert_member_refused("attempt", "1000001", "attempt");
	assert_member_refused("attempt", "4294967297", "attempt");
}

/* Makes a quoted string of count times the character. The caller frees it. */
static char *quoted(const char *character, int count)
{
	struct text text = {0};

	text_append_char(&text, '"');
	for (int i = 0; i < count; i++)
		text_append(&text, character);
	text_append_char(&text, '"');
	return text.data;
}

static void a_store_code_has_at_most_50_characters(void **state)
{
	char *fits = quoted("\xf0\x9f\x98\x80", 50), *too_long = quoted("a", 51);
	char *body = body_with("store_code", fits);
	struct job_message message = read_body(body);

	assert_int_equal(strlen(message.store_code), 200);
	assert_member_refused("store_code", too_long, "store_code");
	assert_member_refused("store_code", "\"\"", "store_code");
	assert_member_refused("store_code", "\"a\\u0000\"", "store_code");
	job_message_finish(&message);
	free(body);
	free(fits);
	free(too_long);
}

static void days_and_moments_exist(void **state)
{
	assert_member_refused("snapshot_date", "\"2023-02-29\"", "snapshot_date");
	assert_member_refused("snapshot_date", "\"2024-13-01\"", "snapshot_date");
	assert_member_refused("snapshot_date", "\"2024-1-1\"", "snapshot_date");
	assert_member_refused("snapshot_date", "\"2024-01-01T00:00:00Z\"", "snapshot_date");
	assert_member_refused("enqueued_at", "\"2024-01-01\"", "enqueued_at");
	assert_member_refused("enqueued_at", "\"2024-01-01T25:00:00Z\"", "enqueued_at");
	assert_member_refused("enqueued_at", "1709168523", "enqueued_at");
	assert_member_refused("enqueued_at", "\"1970-01-01T00:00:00Z\"", "enqueued_at");
}

static void job_types_are_those_of_the_contract(void **state)
{
	for (int i = 0; i < JOB_TYPES; i++) {
		enum job_type type = JOB_TYPES;

		assert_true(job_type_named(job_type_name((enum job_type)i), &type));
		assert_int_equal(type, i);
	}
	assert_member_refused("job_type", "\"hourly_sync\"", "job_type");
	assert_member_refused("job_type", "\"DAILY_SYNC\"", "job_type");
}

static void what_is_not_a_json_object_is_refused(void **state)
{
	static const char *const bodies[] = {"", "[]", "null", "1", "\"v\"", BODY "x", BODY BODY};

	for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
		struct job_message message;
		struct error err;

		assert_false(job_message_read(bodies[i], strlen(bodies[i]), &message, &err));
		assert_int_equal(err.class, ERROR_BAD_MESSAGE);
	}
}

static void a_body_beyond_the_limit_is_refused(void **state)
{
	struct job_message message;
	struct text body = {0};
	struct error err;

	text_append(&body, BODY);
	while (body.length < JOB_MESSAGE_MAX)
		text_append_char(&body, ' ');
	assert_true(job_message_read(body.data, body.length, &message, &err));
	job_message_finish(&message);
	text_append_char(&body, ' ');
	assert_false(job_message_read(body.data, body.length, &message, &err));
	assert_int_equal(err.class, ERROR_BAD_MESSAGE);
	text_finish(&body);
}

static void a_new_message_is_written_as_the_contract_says(void **state)
{
	struct job_message message = {.job_id = JOB_ID,
		.run_id = RUN_ID,
		.account_id = 42,
		.store_code = "store-1",
		.job_type = JOB_DAILY_SYNC,
		.snapshot_date = "2024-02-29",
		.attempt = 1,
		.enqueued_at_us = 1709168523456789};
	struct text out = {0};

	job_message_write(&message, &out);
	assert_string_equal(out.data, BODY);
	text_finish(&out);
}

static void a_store_code_is_escaped(void **state)
{
	struct job_message message = read_body(BODY), again;
	struct text out = {0};

	memory_free_secret(message.original);
	message.original = NULL;
	memcpy(message.store_code, "a\"b\\c\n\xc3\xa9", 9);
	job_message_write(&message, &out);
	again = read_body(out.data);
	assert_string_equal(again.store_code, "a\"b\\c\n\xc3\xa9");
	job_message_finish(&again);
	text_finish(&out);
}

static void unknown_members_are_passed_on(void **state)
{
	char *body =
		body_with("attempt", "1,\"cursor\":{\"page\":[17,1.50,null]},\"x\":\"\\u00e9\"");
	struct job_message message = read_body(body);
	struct text out = {0};

	message.attempt = 2;
	message.enqueued_at_us += 1000000;
	job_message_write(&message, &out);
	assert_non_null(strstr(out.data, "\"cursor\":{\"page\":[17,1.50,null]}"));
	assert_non_null(strstr(out.data, "\"x\":\"\xc3\xa9\""));
	assert_non_null(strstr(out.data, "\"attempt\":2"));
	assert_non_null(strstr(out.data, "2024-02-29T01:02:04.456789Z"));
	job_message_finish(&message);
	text_finish(&out);
	free(body);
}

static void a_message_that_would_outgrow_the_limit_keeps_only_what_is_known(void **state)
{
	struct text padding = {0}, out = {0};
	struct job_message message, again;
	char *body;

	text_append(&padding, "9,\"padding\":\"");
	while (strlen(BODY) + padding.length + 1 < JOB_MESSAGE_MAX)
		text_append_char(&padding, 'x');
	text_append_char(&padding, '"');
	body = body_with("attempt", padding.data);
	message = read_body(body);
	message.attempt = 100;
	job_message_write(&message, &out);
	assert_null(strstr(out.data, "padding"));
	again = read_body(out.data);
	assert_int_equal(again.attempt, 100);
	job_message_finish(&again);
	job_message_finish(&message);
	text_finish(&padding);
	text_finish(&out);
	free(body);
}

/* ---- Slices of a big account ---- */

#define SLICE_MEMBERS                                                                              \
	"\"slice\":3,\"cursor\":1700000009000,\"videos\":600,\"profile\":true,\"api_calls\":31"
#define SLICE_BODY(members) "1," members ",\"x\":{\"y\":[1,2]}"

static void assert_progress(const struct job_message *message, const struct job_progress *expected)
{
	assert_int_equal(message->progress.slice, expected->slice);
	assert_int_equal(message->progress.cursor, expected->cursor);
	assert_int_equal(message->progress.videos, expected->videos);
	assert_int_equal(message->progress.profile, expected->profile);
	assert_int_equal(message->progress.api_calls, expected->api_calls);
}

static void a_message_that_says_nothing_of_slices_is_at_its_beginning(void **state)
{
	char *null = body_with("attempt", "1,\"slice\":null");
	struct job_message absent = read_body(BODY), unset = read_body(null);

	assert_progress(&absent, &(struct job_progress){0});
	assert_progress(&unset, &(struct job_progress){0});
	job_message_finish(&absent);
	job_message_finish(&unset);
	free(null);
}

static void a_slice_is_read_and_written_as_it_is(void **state)
{
	static const struct job_progress progress = {.slice = 3,
		.cursor = 1700000009000,
		.videos = 600,
		.profile = true,
		.api_calls = 31};
	struct job_message message = read_body(BODY), again;
	struct text made = {0}, over = {0};

	message.progress = progress;
	job_message_write(&message, &over); /* over the message as it came */
	again = read_body(over.data);
	assert_progress(&again, &progress);
	job_message_finish(&again);
	job_message_finish(&message);
	job_message_write(&message, &made); /* without it */
	assert_non_null(strstr(made.data, "," SLICE_MEMBERS "}"));
	again = read_body(made.data);
	assert_progress(&again, &progress);
	job_message_finish(&again);
	text_finish(&made);
	text_finish(&over);
}

static void the_next_slice_replaces_the_members_of_the_last(void **state)
{
	static const struct job_progress next = {.slice = 4,
		.cursor = 1600000000000,
		.videos = 800,
		.profile = false,
		.api_calls = 41};
	char *body = body_with("attempt", SLICE_BODY(SLICE_MEMBERS));
	struct job_message message = read_body(body), again;
	struct text out = {0};

	message.progress = next;
	job_message_write(&message, &out);
	again = read_body(out.data);
	assert_progress(&again, &next);
	assert_null(strstr(out.data, "1700000009000"));
	assert_non_null(strstr(out.data, "\"x\":{\"y\":[1,2]}")); /* what we do not know survives */
	job_message_finish(&again);
	job_message_finish(&message);
	text_finish(&out);
	free(body);
}

/* A retry of a slice goes on where the slice began. */
static void another_attempt_keeps_the_slice(void **state)
{
	char *body = body_with("attempt", SLICE_BODY(SLICE_MEMBERS));
	struct job_message message = read_body(body), again;
	struct job_progress before = message.progress;
	struct text out = {0};

	message.attempt = 2;
	job_message_write(&message, &out);
	again = read_body(out.data);
	assert_int_equal(again.attempt, 2);
	assert_progress(&again, &before);
	job_message_finish(&again);
	job_message_finish(&message);
	text_finish(&out);
	free(body);
}

static void half_of_a_slice_is_refused(void **state)
{
	static const struct {
		const char *members, *words;
	} halves[] = {
		{"\"slice\":3", "cursor"},
		{"\"slice\":0", "cursor"},
		{"\"slice\":3,\"videos\":1,\"profile\":true,\"api_calls\":1", "cursor"},
		{"\"slice\":3,\"cursor\":1,\"profile\":true,\"api_calls\":1", "videos"},
		{"\"slice\":3,\"cursor\":1,\"videos\":1,\"api_calls\":1", "profile"},
		{"\"slice\":3,\"cursor\":1,\"videos\":1,\"profile\":true", "api_calls"},
		{"\"slice\":3,\"cursor\":null,\"videos\":1,\"profile\":true,\"api_calls\":1",
			"cursor"},
	};

	for (size_t i = 0; i < sizeof halves / sizeof halves[0]; i++) {
		struct text value = {0};

		text_append_format(&value, "1,%s", halves[i].members);
		assert_member_refused("attempt", value.data, halves[i].words);
		text_finish(&value);
	}
}

static void the_members_of_a_slice_are_typed_and_bounded(void **state)
{
	static const struct {
		const char *members, *words;
	} wrong[] = {
		{"\"slice\":\"3\",\"cursor\":1,\"videos\":1,\"profile\":true,\"api_calls\":1",
			"slice"},
		{"\"slice\":-1,\"cursor\":1,\"videos\":1,\"profile\":true,\"api_calls\":1",
			"slice"},
		{"\"slice\":100001,\"cursor\":1,\"videos\":1,\"profile\":true,\"api_calls\":1",
			"slice"},
		{"\"slice\":4294967297,\"cursor\":1,\"videos\":1,\"profile\":true,\"api_calls\":1",
			"slice"},
		{"\"slice\":3,\"cursor\":-1,\"videos\":1,\"profile\":true,\"api_calls\":1",
			"cursor"},
		{"\"slice\":3,\"cursor\":1.5,\"videos\":1,\"profile\":true,\"api_calls\":1",
			"cursor"},
		{"\"slice\":3,\"cursor\":1,\"videos\":2147483648,\"profile\":true,\"api_calls\":1",
			"videos"},
		{"\"slice\":3,\"cursor\":1,\"videos\":1,\"profile\":1,\"api_calls\":1", "profile"},
		{"\"slice\":3,\"cursor\":1,\"videos\":1,\"profile\":true,\"api_calls\":-1",
			"api_calls"},
	};

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		struct text value = {0};

		text_append_format(&value, "1,%s", wrong[i].members);
		assert_member_refused("attempt", value.data, wrong[i].words);
		text_finish(&value);
	}
}

/* ---- Attempts ---- */

static void an_attempt_always_has_the_same_id_of_its_own(void **state)
{
	char first[UUID_TEXT_SIZE], again[UUID_TEXT_SIZE], second[UUID_TEXT_SIZE],
		other_job[UUID_TEXT_SIZE];

	job_attempt_id(JOB_ID, 1, first);
	job_attempt_id(JOB_ID, 1, again);
	job_attempt_id(JOB_ID, 2, second);
	job_attempt_id(RUN_ID, 1, other_job);
	assert_true(uuid_is_valid(first));
	assert_string_equal(first, again);
	assert_string_not_equal(first, second);
	assert_string_not_equal(first, other_job);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_member_is_read),
		cmocka_unit_test(every_member_is_required),
		cmocka_unit_test(another_version_is_refused_by_number),
		cmocka_unit_test(ids_are_uuids_in_lower_case),
		cmocka_unit_test(numbers_are_bounded),
		cmocka_unit_test(a_store_code_has_at_most_50_characters),
		cmocka_unit_test(days_and_moments_exist),
		cmocka_unit_test(job_types_are_those_of_the_contract),
		cmocka_unit_test(what_is_not_a_json_object_is_refused),
		cmocka_unit_test(a_body_beyond_the_limit_is_refused),
		cmocka_unit_test(a_new_message_is_written_as_the_contract_says),
		cmocka_unit_test(a_store_code_is_escaped),
		cmocka_unit_test(unknown_members_are_passed_on),
		cmocka_unit_test(a_message_that_would_outgrow_the_limit_keeps_only_what_is_known),
		cmocka_unit_test(a_message_that_says_nothing_of_slices_is_at_its_beginning),
		cmocka_unit_test(a_slice_is_read_and_written_as_it_is),
		cmocka_unit_test(the_next_slice_replaces_the_members_of_the_last),
		cmocka_unit_test(another_attempt_keeps_the_slice),
		cmocka_unit_test(half_of_a_slice_is_refused),
		cmocka_unit_test(the_members_of_a_slice_are_typed_and_bounded),
		cmocka_unit_test(an_attempt_always_has_the_same_id_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
