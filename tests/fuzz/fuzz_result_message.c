/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: bytes as the body of a result message where they start like one, as its texts
 * otherwise. What is accepted is written and read back the same; what is refused leaves the
 * caller's struct alone; whatever stands in the texts, what is written can be read.
 */
#include <assert.h>
#include <string.h>

#include "common/result_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void assert_same(const struct result_message *a, const struct result_message *b)
{
	assert(strcmp(a->job_id, b->job_id) == 0 && strcmp(a->run_id, b->run_id) == 0);
	assert(strcmp(a->attempt_id, b->attempt_id) == 0 && a->attempt == b->attempt);
	assert(a->account_id == b->account_id && strcmp(a->store_code, b->store_code) == 0);
	assert(strcmp(a->job_type, b->job_type) == 0);
	assert(strcmp(a->snapshot_date, b->snapshot_date) == 0);
	assert(a->status == b->status && a->final == b->final);
	assert(strcmp(a->message, b->message) == 0);
	assert(a->records_processed == b->records_processed && a->api_calls == b->api_calls);
	assert(strcmp(a->error_class, b->error_class) == 0);
	assert(strcmp(a->error_details, b->error_details) == 0);
	assert(strcmp(a->worker, b->worker) == 0);
	assert(a->started_at_us == b->started_at_us && a->completed_at_us == b->completed_at_us);
}

static struct result_message write_and_read_back(const struct result_message *result)
{
	struct result_message again;
	struct text body = {0};
	struct error err;

	result_message_write(result, &body);
	assert(result_message_read(body.data, body.length, &again, &err));
	text_finish(&body);
	return again;
}

/* A result whose texts a careless caller has filled. */
static void try_texts(const uint8_t *data, size_t size)
{
	struct result_message result = {
		.job_id = "8a1dae6d-d91c-8c9f-b51e-c594eee051e0",
		.run_id = "0190f1a2-0000-4000-8000-0123456789ab",
		.attempt_id = "0190f1a2-0000-8000-8000-0123456789ab",
		.attempt = 1,
		.account_id = 1,
		.store_code = "store-1",
		.job_type = "daily_sync",
		.snapshot_date = "2024-02-29",
		.status = STATUS_FAILED,
		.started_at_us = 1,
		.completed_at_us = 2,
	};
	struct result_message read;

	if (size >= sizeof result.message)
		size = sizeof result.message - 1;
	memcpy(result.message, data, size);
	memcpy(result.error_details, data, size);
	memcpy(result.worker, data, size < sizeof result.worker ? size : sizeof result.worker - 1);
	read = write_and_read_back(&result);
	assert(strlen(read.message) == strlen(result.message) || strlen(result.message) > 1000);
	result = write_and_read_back(&read);
	assert_same(&read, &result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct result_message result, again;
	unsigned char before[sizeof result];
	const void *bytes = &result;
	struct error err = {0};

	if (size == 0 || data[0] != '{') {
		try_texts(data, size);
		return 0;
	}
	memset(&result, 1, sizeof result);
	memset(before, 1, sizeof before);
	if (!result_message_read((const char *)data, size, &result, &err)) {
		assert(memcmp(bytes, before, sizeof before) == 0);
		assert(err.class == ERROR_BAD_MESSAGE && *err.text);
		return 0;
	}
	again = write_and_read_back(&result);
	assert_same(&result, &again);
	return 0;
}
