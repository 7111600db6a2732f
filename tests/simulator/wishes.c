/* SPDX-License-Identifier: MIT */
/*
 * Reading of JSON bodies, strictly: what a client writes wrong should fail here, not later at
 * TikTok. The server thread runs this.
 */
#include "tests/simulator/wishes.h"

#include <json-c/json.h>
#include <stdlib.h>

static const char not_json[] = "the body is not a JSON object, or its Content-Type is not JSON";

/* The body as an object; NULL: it is none. The caller puts it. */
static struct json_object *read_body(const struct call *call)
{
	struct json_tokener *tokener;
	struct json_object *object;

	if (!call_has_type(call, "application/json") || call->body_too_large)
		return NULL;
	tokener = json_tokener_new();
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	/* The terminating NUL is handed in too: it tells the reader that the text is whole. */
	object = json_tokener_parse_ex(
		tokener, text_string(&call->body), (int)call->body.length + 1);
	if (!json_object_is_type(object, json_type_object)) {
		json_object_put(object);
		object = NULL;
	}
	json_tokener_free(tokener);
	return object;
}

static const char *read_page(struct json_object *object, struct page_wish *wish)
{
	struct json_object *value;

	*wish = (struct page_wish){.max_count = LISTING_DEFAULT_COUNT};
	if (json_object_object_get_ex(object, "cursor", &value)) {
		wish->cursor_ms = json_object_get_int64(value);
		if (!json_object_is_type(value, json_type_int) || wish->cursor_ms < 0)
			return "cursor is not a number of milliseconds";
		if (wish->cursor_ms > INT64_MAX / 2)
			wish->cursor_ms = INT64_MAX / 2;
	}
	if (json_object_object_get_ex(object, "max_count", &value)) {
		wish->max_count = json_object_get_int64(value);
		if (!json_object_is_type(value, json_type_int) || wish->max_count < 1)
			return "max_count is out of range";
	}
	return NULL;
}

const char *wishes_read_page(const struct call *call, struct page_wish *wish)
{
	struct json_object *object = read_body(call);
	const char *wrong = object ? read_page(object, wish) : not_json;

	json_object_put(object);
	return wrong;
}

static const char *read_query(struct json_object *object, struct query_wish *wish)
{
	struct json_object *filters, *ids;

	if (!json_object_object_get_ex(object, "filters", &filters) ||
		!json_object_is_type(filters, json_type_object) ||
		!json_object_object_get_ex(filters, "video_ids", &ids) ||
		!json_object_is_type(ids, json_type_array))
		return "filters.video_ids is not a list";
	wish->count = json_object_array_length(ids);
	if (wish->count < 1 || wish->count > WISHES_IDS_MAX)
		return "filters.video_ids holds 1 to 20 ids";
	for (size_t i = 0; i < wish->count; i++) {
		struct json_object *id = json_object_array_get_idx(ids, i);
		char *end;

		if (!json_object_is_type(id, json_type_string))
			return "an id in filters.video_ids is not a string";
		wish->ids[i] = strtoull(json_object_get_string(id), &end, 10);
		if (*end != '\0')
			wish->ids[i] = 0;
	}
	return NULL;
}

const char *wishes_read_query(const struct call *call, struct query_wish *wish)
{
	struct json_object *object = read_body(call);
	const char *wrong = object ? read_query(object, wish) : not_json;

	json_object_put(object);
	return wrong;
}
