/* SPDX-License-Identifier: MIT */
/*
 * How calls to TikTok are written; their replies are read in tiktok_reply.c. Pure functions.
 */
#include "worker/tiktok.h"

bool tiktok_can_read_user(const char *granted)
{
	return tiktok_scope_granted(granted, "user.info.basic") ||
	       tiktok_scope_granted(granted, "user.info.stats");
}

bool tiktok_can_list_videos(const char *granted)
{
	return tiktok_scope_granted(granted, "video.list");
}

void tiktok_write_user_call(const struct tiktok_app *app, const char *granted,
	const char *access_token, struct tiktok_call *call)
{
	bool basic = tiktok_scope_granted(granted, "user.info.basic");
	bool stats = tiktok_scope_granted(granted, "user.info.stats");

	tiktok_call_begin(app, ENDPOINT_USER_INFO, "/v2/user/info/?fields=", access_token, call);
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
	tiktok_call_begin(app, ENDPOINT_VIDEO_LIST,
		"/v2/video/list/?fields=id,title,video_description,create_time,cover_image_url,"
		"share_url,view_count,like_count,comment_count,share_count",
		access_token, call);
	text_append_format(&call->body, "{\"max_count\":%d", TIKTOK_PAGE_VIDEOS);
	if (cursor)
		text_append_format(&call->body, ",\"cursor\":%lld", (long long)cursor);
	text_append(&call->body, "}");
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
