/* SPDX-License-Identifier: MIT */
/*
 * Tests of common/result_message.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/result_message.h"

#define BODY                                                                                       \
	"{\"v\":1,\"job_id\":\"8a1dae6d-d91c-8c9f-b51e-c594eee051e0\","                            \
	"\"run_id\":\"0190f1a2-0000-4000-8000-0123456789ab\",\"attempt\":2,"                       \
	"\"attempt_id\":\"0190f1a2-0000-8000-8000-0123456789ab\",\"account_id\":42,"               \
	"\"store_code\":\"store-1\",\"job_type\":\"daily_sync\",\"snapshot_date\":\"2024-02-29\"," \
	"\"status\":\"FAILED\",\"final\":true,\"message\":\"no\",\"records_processed\":61,"        \
	"\"error_class\":\"network\",\"error_details\":\"reset\",\"api_calls\":4,"                 \
	"\"worker\":\"host-1\",\"started_at\":\"2024-02-29T01:02:03.456789Z\","                    \
	"\"completed_at\":\"2024-02-29T01:02:04.000000Z\"}"

static struct result_message read_body(const char *body)
{
	struct result_message result;
	struct error err;

	if (!result_message_read(body, strlen(body), &result, &err))
		fail_msg("%s: %s", body, err.text);
	return result;
}

/* BODY with the member set to a value of JSON; NULL leaves the member out. The caller frees it. */
static char *body_with(const char *name, const char *value)
{
	struct text member = {0}, body = {0};
	const char *start;

	text_append_format(&member, "\"%s\":", name);
	start = strstr(BODY, member.data);
	assert_non_null(start);
	text_append_bytes(&body, BODY, (size_t)(start - BODY));
	if (value)
		text_append_format(&body, "\"%s\":%s", name, value);
	else
		text_append(&body, "\"other\":0");
	text_append(&body, start + strcspn(start, ",}"));
	text_finish(&member);
	return body.data;
}

static struct result_message read_with(const char *name, const char *value)
{
	char *body = body_with(name, value);
	struct result_message result = read_body(body);

	free(body);
	return result;
}

static void assert_member_refused(const char *name, const char *value)
{
	char *body = body_with(name, value);
	struct result_message result, before;
	struct error err;

	memset(&result, 1, sizeof result);
	before = result;
	if (result_message_read(body, strlen(body), &result, &err))
		fail_msg("accepted: %s", body);
	assert_int_equal(err.class, ERROR_BAD_MESSAGE);
	assert_non_null(strstr(err.text, name));
	assert_memory_equal(&result, &before, sizeof result);
	free(body);
}

static void every_member_is_read(void **state)
{
	struct result_message result = read_body(BODY);

	assert_string_equal(result.job_id, "8a1dae6d-d91c-8c9f-b51e-c594eee051e0");
	assert_string_equal(result.run_id, "0190f1a2-0000-4000-8000-0123456789ab");
	assert_string_equal(result.attempt_id, "0190f1a2-0000-8000-8000-0123456789ab");
	assert_int_equal(result.attempt, 2);
	assert_int_equal(result.account_id, 42);
	assert_string_equal(result.store_code, "store-1");
	assert_string_equal(result.job_type, "daily_sync");
	assert_string_equal(result.snapshot_date, "2024-02-29");
	assert_int_equal(result.status, STATUS_FAILED);
	assert_true(result.final);
	assert_string_equal(result.message, "no");
	assert_int_equal(result.records_processed, 61);
	assert_string_equal(result.error_class, "network");
	assert_string_equal(result.error_details, "reset");
	assert_int_equal(result.api_calls, 4);
	assert_string_equal(result.worker, "host-1");
	assert_int_equal(result.started_at_us, 1709168523456789);
	assert_int_equal(result.completed_at_us, 1709168524000000);
}

static void what_was_read_is_written_the_same(void **state)
{
	struct result_message result = read_body(BODY);
	struct text out = {0};

	result_message_write(&result, &out);
	assert_string_equal(out.data, BODY);
	text_finish(&out);
}

static void what_identifies_an_attempt_is_required(void **state)
{
	static const char *const names[] = {"v", "job_id", "run_id", "attempt", "attempt_id",
		"account_id", "store_code", "job_type", "snapshot_date", "status", "final",
		"started_at", "completed_at"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		assert_member_refused(names[i], NULL);
		assert_member_refused(names[i], "null");
		assert_member_refused(names[i], "{}");
		assert_member_refused(names[i], "\"\"");
		assert_member_refused(names[i], "-1");
	}
}

static void what_only_informs_may_be_absent(void **state)
{
	struct result_message result;

	assert_string_equal(read_with("message", NULL).message, "");
	assert_string_equal(read_with("message", "null").message, "");
	assert_string_equal(read_with("error_details", NULL).error_details, "");
	assert_string_equal(read_with("error_class", NULL).error_class, "");
	assert_string_equal(read_with("worker", NULL).worker, "");
	result = read_with("records_processed", NULL);
	assert_int_equal(result.records_processed, 0);
	result = read_with("api_calls", "null");
	assert_int_equal(result.api_calls, 0);
}

static void unknown_members_are_ignored(void **state)
{
	struct result_message result = read_with("api_calls", "4,\"new\":{\"a\":[1]}");

	assert_int_equal(result.api_calls, 4);
}

static void counts_fit_their_columns(void **state)
{
	assert_int_equal(read_with("records_processed", "2147483647").records_processed, INT32_MAX);
	assert_member_refused("records_processed", "2147483648");
	assert_member_refused("records_processed", "-1");
	assert_member_refused("records_processed", "\"61\"");
	assert_member_refused("api_calls", "2147483648");
}

static void texts_are_texts_without_nul(void **state)
{
	assert_member_refused("message", "7");
	assert_member_refused("message", "\"a\\u0000b\"");
	assert_member_refused("error_details", "[]");
	assert_member_refused("error_class", "7");
	assert_member_refused("worker", "{}");
}

static void any_name_of_a_job_type_is_accepted(void **state)
{
	assert_string_equal(read_with("job_type", "\"weekly_report\"").job_type, "weekly_report");
	assert_member_refused(
		"job_type", "\"012345678901234567890123456789012345678901234567890\"");
}

static void a_running_attempt_need_not_be_complete(void **state)
{
	struct result_message result;
	struct text out = {0};

	result = read_with("status", "\"RUNNING\"");
	result.completed_at_us = 0;
	result_message_write(&result, &out);
	assert_null(strstr(out.data, "completed_at"));
	result = read_body(out.data);
	assert_int_equal(result.status, STATUS_RUNNING);
	assert_int_equal(result.completed_at_us, 0);
	text_finish(&out);
}

static void errors_are_absent_unless_something_failed(void **state)
{
	struct result_message result = read_with("status", "\"SUCCESS\"");
	struct text out = {0};

	result.error_class[0] = '\0';
	result.error_details[0] = '\0';
	result_message_write(&result, &out);
	assert_null(strstr(out.data, "error_"));
	text_finish(&out);
}

static void statuses_are_those_of_the_contract(void **state)
{
	for (int i = 0; i < STATUSES; i++) {
		enum sync_status status = STATUSES;

		assert_true(sync_status_named(sync_status_name((enum sync_status)i), &status));
		assert_int_equal(status, i);
	}
	assert_member_refused("status", "\"DONE\"");
	assert_member_refused("status", "\"success\"");
}

static void anything_in_a_text_survives_the_wire(void **state)
{
	static const char nasty[] = "\"quoted\" \\ \n\r\t\x01\x1f\x7f </script> \xf0\x9f\x98\x80";
	struct result_message result = read_body(BODY), again;
	struct text out = {0};

	result_text_copy(result.message, sizeof result.message, nasty);
	result_text_copy(result.error_details, sizeof result.error_details, nasty);
	result_message_write(&result, &out);
	again = read_body(out.data);
	assert_string_equal(again.message, nasty);
	assert_string_equal(again.error_details, nasty);
	text_finish(&out);
}

static void bytes_that_are_not_utf8_are_mended_on_the_way_out(void **state)
{
	struct result_message result = read_body(BODY), again;
	struct text out = {0};

	memcpy(result.message, "a\xff\xe2\x82z", 6);
	memset(result.error_details, 0xff, sizeof result.error_details - 1);
	result.error_details[sizeof result.error_details - 1] = '\0';
	result_message_write(&result, &out);
	again = read_body(out.data);
	assert_string_equal(again.message, "a???z");
	assert_int_equal(strlen(again.error_details), sizeof again.error_details - 1);
	text_finish(&out);
}

static void longer_texts_are_cut_at_a_character(void **state)
{
	struct text value = {0};
	struct result_message result;

	text_append_char(&value, '"');
	for (int i = 0; i < 400; i++)
		text_append(&value, "\xe2\x82\xac");
	text_append_char(&value, '"');
	result = read_with("message", value.data);
	assert_int_equal(strlen(result.message), RESULT_TEXT_SIZE - 1);
	assert_memory_equal(result.message + RESULT_TEXT_SIZE - 4, "\xe2\x82\xac", 4);
	result = read_with("worker", value.data);
	assert_int_equal(strlen(result.worker), 99);
	text_finish(&value);
}

static void copying_cuts_at_a_character(void **state)
{
	char field[6];

	result_text_copy(field, sizeof field, "ab\xe2\x82\xac");
	assert_string_equal(field, "ab\xe2\x82\xac");
	result_text_copy(field, sizeof field, "abc\xe2\x82\xac");
	assert_string_equal(field, "abc");
	result_text_copy(field, sizeof field, "\xf0\x9f\x98\x80\xf0\x9f\x98\x80");
	assert_string_equal(field, "\xf0\x9f\x98\x80");
	result_text_copy(field, sizeof field, NULL);
	assert_string_equal(field, "");
	result_text_copy(field, 1, "a");
	assert_string_equal(field, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_member_is_read),
		cmocka_unit_test(what_was_read_is_written_the_same),
		cmocka_unit_test(what_identifies_an_attempt_is_required),
		cmocka_unit_test(what_only_informs_may_be_absent),
		cmocka_unit_test(unknown_members_are_ignored),
		cmocka_unit_test(counts_fit_their_columns),
		cmocka_unit_test(texts_are_texts_without_nul),
		cmocka_unit_test(any_name_of_a_job_type_is_accepted),
		cmocka_unit_test(a_running_attempt_need_not_be_complete),
		cmocka_unit_test(errors_are_absent_unless_something_failed),
		cmocka_unit_test(statuses_are_those_of_the_contract),
		cmocka_unit_test(anything_in_a_text_survives_the_wire),
		cmocka_unit_test(bytes_that_are_not_utf8_are_mended_on_the_way_out),
		cmocka_unit_test(longer_texts_are_cut_at_a_character),
		cmocka_unit_test(copying_cuts_at_a_character),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
