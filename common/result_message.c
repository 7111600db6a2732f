/* SPDX-License-Identifier: MIT */
/*
 * The result message on the wire. No state: any thread.
 */
#include "common/result_message.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/utf8.h"
#include "common/wire.h"

static const char *const status_names[STATUSES] = {
	[STATUS_RUNNING] = "RUNNING",
	[STATUS_SUCCESS] = "SUCCESS",
	[STATUS_FAILED] = "FAILED",
	[STATUS_SKIPPED] = "SKIPPED",
};

const char *sync_status_name(enum sync_status status)
{
	assert(status < STATUSES);
	return status_names[status];
}

bool sync_status_named(const char *name, enum sync_status *status)
{
	for (int i = 0; i < STATUSES; i++) {
		if (strcmp(status_names[i], name) == 0) {
			*status = (enum sync_status)i;
			return true;
		}
	}
	return false;
}

static bool is_absent(const struct json *document, const char *name)
{
	const char *text;

	return json_string(document, name, 0, &text) == JSON_ABSENT;
}

static bool read_status(const struct json *document, enum sync_status *status, struct error *err)
{
	char name[51];

	if (!wire_read_name(document, "status", sizeof name - 1, name, sizeof name, err))
		return false;
	if (!sync_status_named(name, status))
		return wire_refuse("status", "none of RUNNING, SUCCESS, FAILED and SKIPPED", err);
	return true;
}

/*
 * A text that may be absent, and is cut where it is too long: it informs people, nothing depends on
 * it.
 */
static bool read_text(const struct json *document, const char *name, char *field, size_t size_bytes,
	struct error *err)
{
	const char *text = "";

	if (json_string(document, name, RESULT_MESSAGE_MAX, &text) == JSON_WRONG)
		return wire_refuse(name, "not a text without NUL", err);
	result_text_copy(field, size_bytes, text);
	return true;
}

/* A count that may be absent; columns are integer. */
static bool read_count(
	const struct json *document, const char *name, int64_t *count, struct error *err)
{
	return is_absent(document, name) ||
	       wire_read_integer(document, name, 0, INT32_MAX, count, err);
}

static bool read_error_class(
	const struct json *document, struct result_message *result, struct error *err)
{
	return is_absent(document, "error_class") ||
	       wire_read_name(document, "error_class", sizeof result->error_class - 1,
		       result->error_class, sizeof result->error_class, err);
}

static bool read_times(
	const struct json *document, struct result_message *result, struct error *err)
{
	if (!wire_read_moment(document, "started_at", &result->started_at_us, err))
		return false;
	if (result->status == STATUS_RUNNING && is_absent(document, "completed_at"))
		return true;
	return wire_read_moment(document, "completed_at", &result->completed_at_us, err);
}

static bool read_identity(
	const struct json *document, struct result_message *result, struct error *err)
{
	int64_t attempt;

	if (!wire_read_uuid(document, "job_id", result->job_id, err) ||
		!wire_read_uuid(document, "run_id", result->run_id, err) ||
		!wire_read_integer(document, "attempt", 1, JOB_ATTEMPT_MAX, &attempt, err) ||
		!wire_read_uuid(document, "attempt_id", result->attempt_id, err) ||
		!wire_read_integer(
			document, "account_id", 1, INT64_MAX, &result->account_id, err) ||
		!wire_read_name(document, "store_code", 50, result->store_code,
			sizeof result->store_code, err) ||
		!wire_read_name(document, "job_type", sizeof result->job_type - 1, result->job_type,
			sizeof result->job_type, err) ||
		!wire_read_day(document, "snapshot_date", result->snapshot_date, err))
		return false;
	result->attempt = (int)attempt;
	return true;
}

static bool read_outcome(
	const struct json *document, struct result_message *result, struct error *err)
{
	return read_status(document, &result->status, err) &&
	       wire_read_boolean(document, "final", &result->final, err) &&
	       read_text(document, "message", result->message, sizeof result->message, err) &&
	       read_count(document, "records_processed", &result->records_processed, err) &&
	       read_error_class(document, result, err) &&
	       read_text(document, "error_details", result->error_details,
		       sizeof result->error_details, err) &&
	       read_count(document, "api_calls", &result->api_calls, err) &&
	       read_text(document, "worker", result->worker, sizeof result->worker, err) &&
	       read_times(document, result, err);
}

bool result_message_read(
	const char *body, size_t length, struct result_message *result, struct error *err)
{
	struct result_message read = {0};
	struct json *document = NULL;
	bool ok = false;

	if (!wire_parse(body, length, RESULT_MESSAGE_MAX, &document, err))
		return false;
	if (read_identity(document, &read, err) && read_outcome(document, &read, err)) {
		*result = read;
		ok = true;
	}
	json_destroy(document);
	return ok;
}

/* Append ,"name":"text", cut and mended where whoever filled the field was careless. */
static void write_text(const char *name, const char *field, size_t size_bytes, struct text *out)
{
	char text[RESULT_TEXT_SIZE];

	assert(size_bytes <= sizeof text);
	result_text_copy(text, size_bytes, field);
	text_append_format(out, ",\"%s\":\"", name);
	text_append_json(out, text);
	text_append_char(out, '"');
}

static void write_moment(const char *name, int64_t unix_us, struct text *out)
{
	char moment[CLOCK_TEXT_SIZE];

	clock_format(unix_us, moment);
	text_append_format(out, ",\"%s\":\"%s\"", name, moment);
}

void result_message_write(const struct result_message *result, struct text *out)
{
	text_append_format(out,
		"{\"v\":1,\"job_id\":\"%s\",\"run_id\":\"%s\",\"attempt\":%d,\"attempt_id\":\"%s\","
		"\"account_id\":%" PRId64,
		result->job_id, result->run_id, result->attempt, result->attempt_id,
		result->account_id);
	write_text("store_code", result->store_code, sizeof result->store_code, out);
	write_text("job_type", result->job_type, sizeof result->job_type, out);
	text_append_format(out, ",\"snapshot_date\":\"%s\",\"status\":\"%s\",\"final\":%s",
		result->snapshot_date, sync_status_name(result->status),
		result->final ? "true" : "false");
	write_text("message", result->message, sizeof result->message, out);
	text_append_format(out, ",\"records_processed\":%" PRId64, result->records_processed);
	if (*result->error_class)
		write_text("error_class", result->error_class, sizeof result->error_class, out);
	if (*result->error_details)
		write_text(
			"error_details", result->error_details, sizeof result->error_details, out);
	text_append_format(out, ",\"api_calls\":%" PRId64, result->api_calls);
	write_text("worker", result->worker, sizeof result->worker, out);
	write_moment("started_at", result->started_at_us, out);
	if (result->completed_at_us != 0)
		write_moment("completed_at", result->completed_at_us, out);
	text_append_char(out, '}');
}

void result_text_copy(char *field, size_t size_bytes, const char *text)
{
	size_t left = text ? strlen(text) : 0, room = size_bytes - 1;

	assert(size_bytes > 0);
	while (left > 0) {
		size_t size = utf8_character(text, left);
		size_t step = size ? size : 1;

		if (step > room)
			break;
		if (size)
			memcpy(field, text, size);
		else
			*field = '?';
		field += step;
		room -= step;
		text += step;
		left -= step;
	}
	*field = '\0';
}
