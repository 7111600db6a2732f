/* SPDX-License-Identifier: MIT */
/*
 * Faults as JSON, in and out. The server thread runs this; main before it starts.
 */
#include <json-c/json.h>
#include <string.h>

#include "tests/simulator/faults.h"
#include "tests/simulator/scopes.h"

static bool read_kind(const char *name, struct fault *fault, struct error *err)
{
	for (int kind = 0; kind < FAULTS; kind++) {
		if (strcmp(fault_rule((enum fault_kind)kind)->name, name) != 0)
			continue;
		fault->kind = (enum fault_kind)kind;
		fault->works = fault_rule(fault->kind)->works;
		return true;
	}
	error_set(err, ERROR_SETTINGS, "there is no fault %.40s", name);
	return false;
}

static bool read_number(
	struct json_object *value, const char *name, int64_t *number, struct error *err)
{
	if (!json_object_is_type(value, json_type_int) || json_object_get_int64(value) < -1) {
		error_set(err, ERROR_SETTINGS, "%s of a fault is a whole number", name);
		return false;
	}
	*number = json_object_get_int64(value);
	return true;
}

static bool read_body(struct json_object *value, struct fault *fault, struct error *err)
{
	size_t length = (size_t)json_object_get_string_len(value);

	if (!json_object_is_type(value, json_type_string) || length > sizeof fault->body) {
		error_set(err, ERROR_SETTINGS, "body of a fault is a text of at most %zu bytes",
			sizeof fault->body);
		return false;
	}
	memcpy(fault->body, json_object_get_string(value), length);
	fault->body_length = length;
	return true;
}

static bool read_member(struct fault *fault, const struct world *world, const char *name,
	struct json_object *value, struct error *err)
{
	const char *text =
		json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
	uint32_t account;

	if (strcmp(name, "fault") == 0)
		return true;
	if (strcmp(name, "count") == 0)
		return read_number(value, name, &fault->count, err);
	if (strcmp(name, "after") == 0)
		return read_number(value, name, &fault->after, err);
	if (strcmp(name, "percent") == 0)
		return read_number(value, name, &fault->percent, err);
	if (strcmp(name, "delay_ms") == 0)
		return read_number(value, name, &fault->delay_ms, err);
	if (strcmp(name, "times") == 0)
		return read_number(value, name, &fault->times, err);
	if (strcmp(name, "body") == 0)
		return read_body(value, fault, err);
	if (strcmp(name, "works") == 0) {
		fault->works = json_object_get_boolean(value);
		return true;
	}
	if (strcmp(name, "endpoint") == 0) {
		fault->endpoint = endpoint_named(text);
		if (fault->endpoint != ENDPOINTS || strcmp(text, "any") == 0)
			return true;
	} else if (strcmp(name, "account") == 0) {
		if (world_find_account(world, text, &account)) {
			fault->account = account;
			return true;
		}
	} else if (strcmp(name, "scope") == 0) {
		if (scopes_read(text, &fault->scopes))
			return true;
	}
	error_set(err, ERROR_SETTINGS, "a fault has no member %.40s, or none of that value", name);
	return false;
}

static bool read_fault(struct json_object *object, const struct world *world, struct fault *fault,
	struct error *err)
{
	struct json_object *kind;

	if (!json_object_is_type(object, json_type_object) ||
		!json_object_object_get_ex(object, "fault", &kind) ||
		!json_object_is_type(kind, json_type_string)) {
		error_set(err, ERROR_SETTINGS, "a fault is an object with a member fault");
		return false;
	}
	*fault = (struct fault){.endpoint = ENDPOINTS,
		.account = -1,
		.count = 1,
		.percent = 100,
		.delay_ms = 60000,
		.times = 1,
		.scopes = SCOPE_VIDEO_LIST};
	if (!read_kind(json_object_get_string(kind), fault, err))
		return false;
	json_object_object_foreach(object, name, value)
	{
		if (!read_member(fault, world, name, value, err))
			return false;
	}
	return true;
}

bool faults_read(
	struct faults *faults, const struct world *world, const char *json, struct error *err)
{
	struct json_object *document = json_tokener_parse(json);
	bool is_list = json_object_is_type(document, json_type_array);
	size_t before = faults->count;
	size_t more = is_list ? json_object_array_length(document) : 1;
	bool ok = false;

	if (more > FAULTS_MAX - before) {
		error_set(err, ERROR_SETTINGS, "there is room for %d faults", FAULTS_MAX);
		goto out;
	}
	for (size_t i = 0; i < more; i++) {
		struct json_object *object =
			is_list ? json_object_array_get_idx(document, i) : document;

		if (!read_fault(object, world, &faults->list[before + i], err))
			goto out;
	}
	faults->count = before + more;
	ok = true;
out:
	json_object_put(document);
	return ok;
}

void faults_write(const struct faults *faults, struct text *out)
{
	text_append(out, "[");
	for (size_t i = 0; i < faults->count; i++) {
		const struct fault *fault = &faults->list[i];

		text_append_format(out,
			"%s\n{\"fault\":\"%s\",\"endpoint\":\"%s\",\"account\":%lld,\"after\":%lld,"
			"\"count\":%lld,\"percent\":%lld,\"delay_ms\":%lld,\"works\":%s,\"given\":%llu}",
			i ? "," : "", fault_rule(fault->kind)->name,
			fault->endpoint == ENDPOINTS ? "any" : endpoint_name(fault->endpoint),
			(long long)fault->account, (long long)fault->after, (long long)fault->count,
			(long long)fault->percent, (long long)fault->delay_ms,
			fault->works ? "true" : "false", (unsigned long long)fault->given);
	}
	text_append(out, "]\n");
}
