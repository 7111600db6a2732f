/* SPDX-License-Identifier: MIT */
/*
 * What all calls to TikTok have in common. Pure functions.
 */
#include "common/tiktok_call.h"

void tiktok_call_finish(struct tiktok_call *call)
{
	text_finish(&call->url);
	text_finish_secret(&call->body);
	call->bearer = NULL;
}

struct http_request tiktok_request(const struct tiktok_call *call, int64_t deadline_ms)
{
	struct http_request request = {
		.url = text_string(&call->url), .bearer = call->bearer, .deadline_ms = deadline_ms};

	if (call->endpoint == ENDPOINT_USER_INFO)
		return request;
	request.method = HTTP_POST;
	request.content_type = "application/json";
	request.body = text_string(&call->body);
	request.body_length = call->body.length;
	if (call->endpoint == ENDPOINT_TOKEN) {
		request.content_type = "application/x-www-form-urlencoded";
		request.send_once = true;
	}
	return request;
}

void tiktok_call_begin(const struct tiktok_app *app, enum metric_endpoint endpoint,
	const char *path, const char *bearer, struct tiktok_call *call)
{
	call->endpoint = endpoint;
	call->bearer = bearer;
	text_clear(&call->url);
	text_clear(&call->body);
	text_append(&call->url, app->api_url);
	text_append(&call->url, path);
}

void tiktok_call_add_field(struct tiktok_call *call, const char *name, const char *value)
{
	struct text *body = &call->body;

	if (body->length)
		text_append_char(body, '&');
	text_append(body, name);
	text_append_char(body, '=');
	text_append_url(body, value);
}
