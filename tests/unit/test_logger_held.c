/* SPDX-License-Identifier: MIT */
/* Results between delivery and ack. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "logger/held.h"

static const char good[] =
	"{\"v\":1,\"job_id\":\"6b0f7c3e-0000-4000-8000-000000000001\","
	"\"run_id\":\"6b0f7c3e-0000-4000-8000-000000000002\",\"attempt\":1,"
	"\"attempt_id\":\"6b0f7c3e-0000-4000-8000-000000000003\",\"account_id\":1,"
	"\"store_code\":\"s\",\"job_type\":\"daily_sync\",\"snapshot_date\":\"2026-11-22\","
	"\"status\":\"SUCCESS\",\"final\":true,\"message\":\"done\",\"records_processed\":3,"
	"\"api_calls\":2,\"worker\":\"w\",\"started_at\":\"2026-11-22T00:00:00Z\","
	"\"completed_at\":\"2026-11-22T00:00:01Z\"}";

static struct held *hold(const char *body, size_t length, uint64_t tag)
{
	struct broker_delivery delivery = {
		.tag = tag,
		.epoch = 7,
		.queue = "sync.results",
		.message_id = "m",
		.body = body,
		.length = length,
	};

	return held_create(&delivery);
}

static void good_result_is_read(void **state)
{
	struct held *held = hold(good, strlen(good), 1);

	assert_int_equal(held->reason.class, ERROR_NONE);
	assert_int_equal(held->result.status, STATUS_SUCCESS);
	assert_string_equal(held->result.store_code, "s");
	assert_int_equal(held->epoch, 7);
	held_destroy(held);
}

static void bad_result_keeps_its_bytes_and_tells_why(void **state)
{
	static const char body[] = "{\"v\":1,\0}";
	struct held *held = hold(body, sizeof body - 1, 1);

	assert_int_equal(held->reason.class, ERROR_BAD_MESSAGE);
	assert_string_not_equal(held->reason.text, "");
	assert_int_equal(held->length, sizeof body - 1);
	assert_memory_equal(held->body, body, sizeof body - 1);
	held_destroy(held);
}

static void a_result_that_was_cut_tells_the_length_that_was_sent(void **state)
{
	struct broker_delivery delivery = {.message_id = "m",
		.body = good,
		.length = strlen(good),
		.sent_length = UINT64_C(16777216)};
	struct held *held = held_create(&delivery);

	assert_int_equal(held->reason.class, ERROR_BAD_MESSAGE);
	assert_non_null(strstr(held->reason.text, "16777216 bytes"));
	held_destroy(held);
}

static void list_gives_the_oldest_first(void **state)
{
	struct held_list list;

	held_list_init(&list);
	for (uint64_t tag = 1; tag <= 3; tag++)
		held_list_put(&list, hold(good, strlen(good), tag));

	for (uint64_t tag = 1; tag <= 3; tag++) {
		struct held *held = held_list_take(&list);

		assert_int_equal(held->tag, tag);
		held_destroy(held);
	}
	assert_null(held_list_take(&list));
	assert_int_equal(list.count, 0);
}

static void emptied_list_can_be_filled_again(void **state)
{
	struct held_list list;

	held_list_init(&list);
	held_list_put(&list, hold(good, strlen(good), 1));
	held_list_drop(&list);
	held_list_put(&list, hold(good, strlen(good), 2));

	assert_int_equal(list.count, 1);
	assert_int_equal(list.first->tag, 2);
	held_list_drop(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_result_is_read),
		cmocka_unit_test(bad_result_keeps_its_bytes_and_tells_why),
		cmocka_unit_test(a_result_that_was_cut_tells_the_length_that_was_sent),
		cmocka_unit_test(list_gives_the_oldest_first),
		cmocka_unit_test(emptied_list_can_be_filled_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
