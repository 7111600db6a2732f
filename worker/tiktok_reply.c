/* SPDX-License-Identifier: MIT */
/*
 * How TikTok's profiles and lists of videos are read. Pure functions.
 */
#include "worker/tiktok.h"

#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/memory.h"
#include "common/tiktok_reply.h"
#include "common/utf8.h"

#define NAME_CHARACTERS 255          /* varchar(255) */
#define LAST_SECOND     253402300799 /* of the year 9999; later ones are nonsense */

static bool read_number(const struct json *object, const char *name, struct counter *counter)
{
	switch (json_saturated_integer(object, name, &counter->value)) {
	case JSON_FOUND:
		counter->known = true;
		return true;
	case JSON_ABSENT:
		counter->known = false;
		return true;
	case JSON_WRONG:
	default:
		return false;
	}
}

static bool read_counter(const struct json *object, const char *name, struct counter *counter)
{
	return read_number(object, name, counter) && (!counter->known || counter->value >= 0);
}

static char *copy_clipped(const char *text, size_t max_characters)
{
	return text ? memory_copy_bytes(text, utf8_prefix(text, max_characters)) : NULL;
}

bool tiktok_read_user(const struct http_reply *reply, const char *open_id, int64_t now_us,
	struct profile *profile, struct error *err)
{
	struct json *document = NULL, *user;
	struct profile read = {.read = true, .fetched_at_us = now_us};
	const char *sent_id;
	bool ok = false;

	if (!tiktok_reply_open(reply, ENDPOINT_USER_INFO, &document, err))
		return false;
	user = json_object(json_object(document, "data"), "user");
	if (!user) {
		tiktok_reply_refuse(reply, ERROR_BAD_REPLY, "without data.user", "", err);
		goto out;
	}
	sent_id = tiktok_reply_text(user, "open_id");
	if (sent_id && strcmp(sent_id, open_id) != 0) {
		tiktok_reply_refuse(
			reply, ERROR_BAD_REPLY, "with the profile of another account", "", err);
		goto out;
	}
	if (!read_counter(user, "follower_count", &read.follower_count) ||
		!read_counter(user, "following_count", &read.following_count) ||
		!read_counter(user, "likes_count", &read.likes_count) ||
		!read_counter(user, "video_count", &read.video_count)) {
		tiktok_reply_refuse(reply, ERROR_BAD_REPLY,
			"with a counter that is no number of things", "", err);
		goto out;
	}
	free(profile->display_name);
	free(profile->avatar_url);
	*profile = read;
	profile->display_name =
		copy_clipped(tiktok_reply_text(user, "display_name"), NAME_CHARACTERS);
	profile->avatar_url = copy_clipped(tiktok_reply_text(user, "avatar_url"), TIKTOK_TEXT_MAX);
	ok = true;
out:
	json_destroy(document);
	return ok;
}

/* The share link without its query, which carries the app's client key. */
static size_t keep_share_url(struct snapshot *snapshot, const char *url)
{
	return url ? snapshot_keep(snapshot, url, strcspn(url, "?#")) : 0;
}

static bool read_video(const struct json *item, int64_t now_us, struct snapshot *snapshot,
	struct tiktok_page *page)
{
	const char *id = NULL, *description;
	struct video *video, read = {.fetched_at_us = now_us};
	bool is_new;

	if (json_string(item, "id", 100, &id) != JSON_FOUND || !*id)
		return false;
	if (!read_number(item, "create_time", &read.create_time_s) ||
		!read_counter(item, "view_count", &read.view_count) ||
		!read_counter(item, "like_count", &read.like_count) ||
		!read_counter(item, "comment_count", &read.comment_count) ||
		!read_counter(item, "share_count", &read.share_count))
		return false;
	if (read.create_time_s.value < 0 || read.create_time_s.value > LAST_SECOND)
		read.create_time_s.known = false;
	description = tiktok_reply_text(item, "video_description");
	if (!description)
		description = tiktok_reply_text(item, "title");

	video = snapshot_video(snapshot, id, &is_new);
	if (!is_new)
		return true; /* the first reading of a crawl counts */
	read.id = video->id;
	read.description = snapshot_keep(snapshot, description, TIKTOK_TEXT_MAX);
	read.cover_image_url = snapshot_keep(
		snapshot, tiktok_reply_text(item, "cover_image_url"), TIKTOK_TEXT_MAX);
	read.share_url = keep_share_url(snapshot, tiktok_reply_text(item, "share_url"));
	*video = read;
	page->new_videos++;
	return true;
}

bool tiktok_read_videos(const struct http_reply *reply, int64_t now_us, struct snapshot *snapshot,
	struct tiktok_page *page, struct error *err)
{
	struct json *document = NULL, *data, *videos;
	struct tiktok_page read = {0};
	bool ok = false;

	if (!tiktok_reply_open(reply, ENDPOINT_VIDEO_LIST, &document, err))
		return false;
	data = json_object(document, "data");
	if (!data) {
		tiktok_reply_refuse(reply, ERROR_BAD_REPLY, "without data", "", err);
		goto out;
	}
	if (json_boolean(data, "has_more", &read.has_more) == JSON_WRONG ||
		json_integer(data, "cursor", &read.cursor) == JSON_WRONG) {
		tiktok_reply_refuse(reply, ERROR_BAD_REPLY,
			"with a has_more or cursor of another type", "", err);
		goto out;
	}
	videos = json_array(data, "videos"); /* absent or null: an empty page */
	for (size_t i = 0; videos && i < json_array_length(videos); i++) {
		struct json *item = json_array_at(videos, i);

		if (!json_is_object(item) || !read_video(item, now_us, snapshot, &read)) {
			tiktok_reply_refuse(reply, ERROR_BAD_REPLY,
				"with a video without id, or a counter that is no number of things",
				"", err);
			goto out;
		}
	}
	*page = read;
	ok = true;
out:
	json_destroy(document);
	return ok;
}
