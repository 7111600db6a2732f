/* SPDX-License-Identifier: MIT */
/*
 * The shapes of answers. The server thread runs this.
 */
#include "tests/simulator/call.h"

#include <string.h>

void call_clear(struct call *call)
{
	struct text body = call->body, reply = call->reply, location = call->location;

	text_clear(&body);
	text_clear(&reply);
	text_clear(&location);
	*call = (struct call){.body = body, .reply = reply, .location = location};
}

void call_finish(struct call *call)
{
	text_finish(&call->body);
	text_finish(&call->reply);
	text_finish(&call->location);
}

const char *call_bearer(const struct call *call)
{
	const char *token = call->authorization;

	if (!token || strncasecmp(token, "Bearer ", 7) != 0)
		return NULL;
	return token + 7;
}

bool call_has_type(const struct call *call, const char *type)
{
	size_t length = strlen(type);

	return call->content_type && strncasecmp(call->content_type, type, length) == 0 &&
	       strchr("; ", call->content_type[length]);
}

/* How many bytes from here on need no escape. */
static size_t plain_length(const char *string)
{
	size_t length = 0;

	while ((unsigned char)string[length] >= 0x20 && string[length] != '"' &&
		string[length] != '\\')
		length++;
	return length;
}

void call_write_json(struct text *out, const char *string)
{
	text_append_bytes(out, "\"", 1);
	for (;;) {
		size_t length = plain_length(string);

		text_append_bytes(out, string, length);
		string += length;
		if (*string == '\0')
			break;
		if (*string == '"' || *string == '\\')
			text_append_bytes(out, (const char[]){'\\', *string}, 2);
		else
			text_append_format(out, "\\u%04x", (unsigned)*string);
		string++;
	}
	text_append_bytes(out, "\"", 1);
}

void call_begin_json(struct call *call, unsigned status)
{
	text_clear(&call->reply);
	call->status = status;
	call->type = "application/json";
}

void call_end_data(struct call *call)
{
	text_append(&call->reply, ",\"error\":{\"code\":\"ok\",\"message\":\"\",\"log_id\":\"");
	text_append(&call->reply, call->log_id);
	text_append(&call->reply, "\"}}");
}

void call_refuse_data(struct call *call, const struct knobs *knobs, unsigned status,
	const char *code, const char *message)
{
	int64_t shape = knobs_get(knobs, KNOB_ERROR_DATA);
	const char *before = "{\"data\":{},\"error\":";

	if (shape == ERROR_DATA_ABSENT)
		before = "{\"error\":";
	else if (shape == ERROR_DATA_NULL)
		before = "{\"data\":null,\"error\":";
	else if (shape == ERROR_DATA_FLAT)
		before = "";
	call_begin_json(call, status);
	text_append(&call->reply, before);
	text_append_format(&call->reply, "{\"code\":\"%s\",\"message\":\"%s\",\"log_id\":\"%s\"}",
		code, message, call->log_id);
	text_append(&call->reply, shape == ERROR_DATA_FLAT ? "" : "}");
}

void call_refuse_oauth(struct call *call, const struct knobs *knobs, const struct refusal *refusal)
{
	unsigned status = 200;

	if (knobs_get(knobs, KNOB_OAUTH_ERROR_STATUS) == OAUTH_ERROR_400)
		status = strcmp(refusal->error, "invalid_client") == 0 ? 401 : 400;
	call_begin_json(call, status);
	text_append_format(&call->reply,
		"{\"error\":\"%s\",\"error_description\":\"%s\",\"log_id\":\"%s\"}", refusal->error,
		refusal->description, call->log_id);
}

void call_answer_page(struct call *call, unsigned status, const char *type, const char *page)
{
	text_clear(&call->reply);
	text_append(&call->reply, page);
	call->status = status;
	call->type = type;
}
