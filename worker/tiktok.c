/* SPDX-License-Identifier: MIT */
/*
 * How calls to TikTok are written; their replies are read in tiktok_reply.c. Pure functions.
 */
#include "worker/tiktok.h"

#include <string.h>

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

bool tiktok_scope_granted(const char *granted, const char *scope)
{
	size_t length = strlen(scope);

	while (*granted) {
		size_t word;

		granted += strspn(granted, ", ");
		word = strcspn(granted, ", ");
		if (word == length && memcmp(granted, scope, length) == 0)
			return true;
		granted += word;
	}
	return false;
}

bool tiktok_can_read_user(const char *granted)
{
	return tiktok_scope_granted(granted, "user.info.basic") ||
	       tiktok_scope_granted(granted, "user.info.stats");
}

bool tiktok_can_list_videos(const char *granted)
{
	return tiktok_scope_granted(granted, "video.list");
}

static void begin_call(const struct tiktok_app *app, enum metric_endpoint endpoint,
	const char *path, const char *bearer, struct tiktok_call *call)
{
	call->endpoint = endpoint;
	call->bearer = bearer;
	text_clear(&call->url);
	text_clear(&call->body);
	text_append(&call->url, app->api_url);
	text_append(&call->url, path);
}

void tiktok_write_user_call(const struct tiktok_app *app, const char *granted,
	const char *access_token, struct tiktok_call *call)
{
	bool basic = tiktok_scope_granted(granted, "user.info.basic");
	bool stats = tiktok_scope_granted(granted, "user.info.stats");

	begin_call(app, ENDPOINT_USER_INFO, "/v2/user/info/?fields=", access_token, call);
	if (basic)
		text_append(&call->url, "open_id,display_name,avatar_url");
	if (basic && stats)
		text_append(&call->url, ",");
	if (stats)
		text_append(&call->url, "follower_count,following_count,likes_count,video_count");
}

void tiktok_write_videos_call(const struct tiktok_app *app, int64_t cursor,
	const char *access_token, struct tiktok_call *call)
{
	begin_call(app, ENDPOINT_VIDEO_LIST,
		"/v2/video/list/?fields=id,title,video_description,create_time,cover_image_url,"
		"share_url,view_count,like_count,comment_count,share_count",
		access_token, call);
	text_append_format(&call->body, "{\"max_count\":%d", TIKTOK_PAGE_VIDEOS);
	if (cursor)
		text_append_format(&call->body, ",\"cursor\":%lld", (long long)cursor);
	text_append(&call->body, "}");
}

static void append_form(struct text *body, const char *name, const char *value)
{
	if (body->length)
		text_append_char(body, '&');
	text_append(body, name);
	text_append_char(body, '=');
	text_append_url(body, value);
}

void tiktok_write_refresh_call(
	const struct tiktok_app *app, const char *refresh_token, struct tiktok_call *call)
{
	begin_call(app, ENDPOINT_TOKEN, "/v2/oauth/token/", NULL, call);
	append_form(&call->body, "client_key", app->client_key);
	append_form(&call->body, "client_secret", app->client_secret);
	append_form(&call->body, "grant_type", "refresh_token");
	append_form(&call->body, "refresh_token", refresh_token);
}

void tiktok_write_bare_call(
	const struct tiktok_app *app, enum metric_endpoint endpoint, struct tiktok_call *call)
{
	switch (endpoint) {
	case ENDPOINT_USER_INFO:
		tiktok_write_user_call(app, "user.info.basic", NULL, call);
		break;
	case ENDPOINT_VIDEO_LIST:
		tiktok_write_videos_call(app, 0, NULL, call);
		break;
	case ENDPOINT_TOKEN:
	case ENDPOINTS:
		tiktok_write_refresh_call(app, "none", call);
		break;
	}
}
