/* SPDX-License-Identifier: MIT */
/*
 * The job message on the wire. No state: any thread.
 */
#include "common/job_message.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/memory.h"
#include "common/wire.h"

static const char *const type_names[JOB_TYPES] = {
	[JOB_DAILY_SYNC] = "daily_sync",
	[JOB_USER_STATS] = "user_stats",
	[JOB_VIDEO_STATS] = "video_stats",
	[JOB_TOKEN_REFRESH] = "token_refresh",
};

const char *job_type_name(enum job_type type)
{
	assert(type < JOB_TYPES);
	return type_names[type];
}

bool job_type_named(const char *name, enum job_type *type)
{
	for (int i = 0; i < JOB_TYPES; i++) {
		if (strcmp(type_names[i], name) == 0) {
			*type = (enum job_type)i;
			return true;
		}
	}
	return false;
}

static bool read_type(const struct json *document, enum job_type *type, struct error *err)
{
	char name[51];

	if (!wire_read_name(document, "job_type", sizeof name - 1, name, sizeof name, err))
		return false;
	if (!job_type_named(name, type))
		return wire_refuse("job_type", "not one that is known", err);
	return true;
}

/* All of it, or nothing: a job whose message says nothing of slices is at its beginning. */
static bool read_progress(
	const struct json *document, struct job_progress *progress, struct error *err)
{
	int64_t slice;

	if (json_integer(document, "slice", &slice) == JSON_ABSENT)
		return true;
	if (!wire_read_integer(document, "slice", 0, JOB_SLICE_MAX, &slice, err) ||
		!wire_read_integer(document, "cursor", 0, INT64_MAX, &progress->cursor, err) ||
		!wire_read_integer(document, "videos", 0, INT32_MAX, &progress->videos, err) ||
		!wire_read_boolean(document, "profile", &progress->profile, err) ||
		!wire_read_integer(document, "api_calls", 0, INT32_MAX, &progress->api_calls, err))
		return false;
	progress->slice = (int)slice;
	return true;
}

static bool read_members(
	const struct json *document, struct job_message *message, struct error *err)
{
	int64_t attempt;

	if (!wire_read_uuid(document, "job_id", message->job_id, err) ||
		!wire_read_uuid(document, "run_id", message->run_id, err) ||
		!wire_read_integer(
			document, "account_id", 1, INT64_MAX, &message->account_id, err) ||
		!wire_read_name(document, "store_code", 50, message->store_code,
			sizeof message->store_code, err) ||
		!read_type(document, &message->job_type, err) ||
		!wire_read_day(document, "snapshot_date", message->snapshot_date, err) ||
		!wire_read_integer(document, "attempt", 1, JOB_ATTEMPT_MAX, &attempt, err) ||
		!wire_read_moment(document, "enqueued_at", &message->enqueued_at_us, err))
		return false;
	message->attempt = (int)attempt;
	return read_progress(document, &message->progress, err);
}

bool job_message_read(
	const char *body, size_t length, struct job_message *message, struct error *err)
{
	struct job_message read = {0};
	struct json *document = NULL;
	bool ok = false;

	if (!wire_parse(body, length, JOB_MESSAGE_MAX, &document, err))
		goto out;
	if (!read_members(document, &read, err))
		goto out;
	read.original = memory_copy_bytes(body, length);
	*message = read;
	ok = true;
out:
	json_destroy(document);
	return ok;
}

static void write_members(const struct job_message *message, struct text *out)
{
	const struct job_progress *progress = &message->progress;
	char enqueued_at[CLOCK_TEXT_SIZE];

	clock_format(message->enqueued_at_us, enqueued_at);
	text_append_format(out,
		"{\"v\":1,\"job_id\":\"%s\",\"run_id\":\"%s\",\"account_id\":%" PRId64
		",\"store_code\":\"",
		message->job_id, message->run_id, message->account_id);
	text_append_json(out, message->store_code);
	text_append_format(out,
		"\",\"job_type\":\"%s\",\"snapshot_date\":\"%s\",\"attempt\":%d,"
		"\"enqueued_at\":\"%s\"",
		job_type_name(message->job_type), message->snapshot_date, message->attempt,
		enqueued_at);
	if (progress->slice)
		text_append_format(out,
			",\"slice\":%d,\"cursor\":%" PRId64 ",\"videos\":%" PRId64
			",\"profile\":%s,\"api_calls\":%" PRId64,
			progress->slice, progress->cursor, progress->videos,
			progress->profile ? "true" : "false", progress->api_calls);
	text_append_char(out, '}');
}

/* The original with our members put in place of its own. */
static void write_over(struct json *document, const struct job_message *message, struct text *out)
{
	char enqueued_at[CLOCK_TEXT_SIZE];

	clock_format(message->enqueued_at_us, enqueued_at);
	json_set_string(document, "job_id", message->job_id);
	json_set_string(document, "run_id", message->run_id);
	json_set_integer(document, "account_id", message->account_id);
	json_set_string(document, "store_code", message->store_code);
	json_set_string(document, "job_type", job_type_name(message->job_type));
	json_set_string(document, "snapshot_date", message->snapshot_date);
	json_set_integer(document, "attempt", message->attempt);
	json_set_string(document, "enqueued_at", enqueued_at);
	if (message->progress.slice) {
		json_set_integer(document, "slice", message->progress.slice);
		json_set_integer(document, "cursor", message->progress.cursor);
		json_set_integer(document, "videos", message->progress.videos);
		json_set_boolean(document, "profile", message->progress.profile);
		json_set_integer(document, "api_calls", message->progress.api_calls);
	}
	json_write(document, out);
}

void job_message_write(const struct job_message *message, struct text *out)
{
	struct json *document = NULL;
	struct text whole = {0};
	struct error err;
	bool readable = message->original &&
			json_parse(message->original, strlen(message->original), &document, &err);

	assert(readable || !message->original);
	if (document)
		write_over(document, message, &whole);
	/*
	 * A message of the largest size may outgrow it by a digit of its attempt: better to lose
	 * what we do not know.
	 */
	if (document && whole.length <= JOB_MESSAGE_MAX)
		text_append_bytes(out, whole.data, whole.length);
	else
		write_members(message, out);
	text_finish(&whole);
	json_destroy(document);
}

void job_message_finish(struct job_message *message)
{
	if (!message)
		return;
	free(message->original);
	message->original = NULL;
}

void job_attempt_id(const char *job_id, int attempt, char attempt_id[UUID_TEXT_SIZE])
{
	char name[80];

	snprintf(name, sizeof name, "storesync attempt %d of job %.36s", attempt, job_id);
	uuid_from_name(name, attempt_id);
}
