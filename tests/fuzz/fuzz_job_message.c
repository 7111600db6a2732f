/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: any bytes as the body of a job message. What is accepted keeps its promises, and is
 * written and read back the same; what is refused leaves the caller's struct alone and has a
 * reason.
 */
#include <assert.h>
#include <string.h>

#include "common/clock.h"
#include "common/job_message.h"
#include "common/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void assert_promises(const struct job_message *message)
{
	assert(uuid_is_valid(message->job_id) && uuid_is_valid(message->run_id));
	assert(message->account_id > 0);
	assert(utf8_is_valid(message->store_code, strlen(message->store_code)));
	assert(utf8_count(message->store_code) >= 1 && utf8_count(message->store_code) <= 50);
	assert(message->job_type < JOB_TYPES);
	assert(clock_is_day(message->snapshot_date));
	assert(message->attempt >= 1 && message->attempt <= JOB_ATTEMPT_MAX);
	assert(message->original);
}

static void assert_same(const struct job_message *a, const struct job_message *b)
{
	assert(strcmp(a->job_id, b->job_id) == 0 && strcmp(a->run_id, b->run_id) == 0);
	assert(a->account_id == b->account_id);
	assert(strcmp(a->store_code, b->store_code) == 0);
	assert(a->job_type == b->job_type);
	assert(strcmp(a->snapshot_date, b->snapshot_date) == 0);
	assert(a->attempt == b->attempt);
	assert(a->enqueued_at_us == b->enqueued_at_us);
}

static void write_and_read_back(struct job_message *message)
{
	struct text once = {0}, twice = {0};
	struct job_message again;
	struct error err;

	message->attempt = JOB_ATTEMPT_MAX;
	job_message_write(message, &once);
	assert(once.length <= JOB_MESSAGE_MAX);
	assert(job_message_read(once.data, once.length, &again, &err));
	assert_same(message, &again);
	job_message_write(&again, &twice);
	assert(strcmp(once.data, twice.data) == 0);
	job_message_finish(&again);
	text_finish(&once);
	text_finish(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct job_message message;
	unsigned char before[sizeof message];
	const void *bytes = &message;
	struct error err = {0};

	memset(&message, 'x', sizeof message);
	memset(before, 'x', sizeof before);
	if (!job_message_read((const char *)data, size, &message, &err)) {
		assert(memcmp(bytes, before, sizeof before) == 0);
		assert(err.class == ERROR_BAD_MESSAGE && *err.text);
		return 0;
	}
	assert_promises(&message);
	write_and_read_back(&message);
	job_message_finish(&message);
	return 0;
}
