/* SPDX-License-Identifier: MIT */
/*
 * How TikTok's replies are read, and what its error codes mean. Pure functions.
 */
#include "worker/tiktok.h"

#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/memory.h"
#include "common/utf8.h"

#define TEXT_MAX        65536 /* bytes of any text that is kept; columns are narrower still */
#define TOKEN_MAX       4096  /* tokens are opaque; samples have about 70 bytes */
#define NAME_CHARACTERS 255   /* varchar(255) */
#define LAST_SECOND     253402300799 /* of the year 9999; later ones are nonsense */
#define LIFE_MAX_S      (INT64_C(20) * 366 * 86400)
/* When a new token comes without expires_in: it must be saved all the same. */
#define DEFAULT_LIFE_S 3600

void tiktok_tokens_finish(struct tiktok_tokens *tokens)
{
	memory_free_secret(tokens->access_token);
	memory_free_secret(tokens->refresh_token);
	free(tokens->scope);
	*tokens = (struct tiktok_tokens){0};
}

/* Codes of "Error Handling" and of the OAuth page, and those that others have met. */
static const struct {
	const char *code;
	enum error_class class;
} codes[] = {
	{"access_token_invalid", ERROR_TOKEN_EXPIRED},
	{"access_token_expired", ERROR_TOKEN_EXPIRED},
	{"scope_not_authorized", ERROR_SCOPE},
	{"scope_permission_missed", ERROR_SCOPE},
	{"invalid_params", ERROR_BAD_REQUEST},
	{"invalid_param", ERROR_BAD_REQUEST},
	{"rate_limit_exceeded", ERROR_RATE_LIMITED},
	{"internal_error", ERROR_SERVER},
	{"invalid_grant", ERROR_TOKEN_REVOKED},
	{"invalid_request", ERROR_BAD_REQUEST},
	{"invalid_client", ERROR_APP_REFUSED},
	{"unauthorized_client", ERROR_APP_REFUSED},
	{"unsupported_grant_type", ERROR_BAD_REQUEST},
	{"invalid_scope", ERROR_BAD_REQUEST},
	{"access_denied", ERROR_BAD_REQUEST},
	{"server_error", ERROR_SERVER},
	{"temporarily_unavailable", ERROR_SERVER},
};

/*
 * What a status means where the body says nothing that we know. A refresh carries no access token:
 * who may not come in there is the app.
 */
static enum error_class class_of_status(int status, enum metric_endpoint endpoint)
{
	if (endpoint == ENDPOINT_TOKEN && (status == 401 || status == 403))
		return ERROR_APP_REFUSED;
	if (status == 401)
		return ERROR_TOKEN_EXPIRED;
	if (status == 429)
		return ERROR_RATE_LIMITED;
	if (status >= 500)
		return ERROR_SERVER;
	if (status >= 400)
		return ERROR_BAD_REQUEST;
	return ERROR_BAD_REPLY;
}

/* The code decides, not the status: TikTok reports OAuth errors under 200. */
static enum error_class class_of_code(const char *code, int status, enum metric_endpoint endpoint)
{
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (strcmp(codes[i].code, code) == 0)
			return codes[i].class;
	return class_of_status(status, endpoint);
}

static bool refuse(const struct http_reply *reply, enum error_class class, const char *code,
	const char *words, struct error *err)
{
	error_set(err, class, "TikTok answered %d %s%s%.200s%s%s", reply->status, code,
		*words ? ": " : "", words, *reply->log_id ? ", log_id " : "", reply->log_id);
	return false;
}

static const char *member_text(const struct json *object, const char *name)
{
	const char *text = NULL;

	return json_string(object, name, TEXT_MAX, &text) == JSON_FOUND ? text : NULL;
}

/*
 * The document of a reply that is JSON, and NULL in *document with the error set where it is not or
 * TikTok refuses.
 */
static bool open_reply(const struct http_reply *reply, enum metric_endpoint endpoint,
	struct json **document, struct error *err)
{
	enum error_class class = class_of_status(reply->status, endpoint);
	struct json *root = NULL, *nested;
	const char *code, *words;
	struct error fault;

	if (reply->status == 0) {
		*err = reply->error;
		return false;
	}
	if (!json_parse(reply->body, reply->length, &root, &fault))
		return refuse(reply, class, "without JSON", fault.text, err);
	if (!json_is_object(root)) {
		json_destroy(root);
		return refuse(reply, class, "without an object", "", err);
	}
	/* {"error":{"code":..}} as seen, {"code":..} as the page shows, {"error":".."} from OAuth. */
	nested = json_object(root, "error");
	code = nested ? member_text(nested, "code") : member_text(root, "code");
	words = nested ? member_text(nested, "message") : member_text(root, "message");
	if (!nested && !code) {
		code = member_text(root, "error");
		words = member_text(root, "error_description");
	}
	if (code && *code && strcmp(code, "ok") != 0)
		refuse(reply, class_of_code(code, reply->status, endpoint), code,
			words ? words : "", err);
	else if (reply->status < 200 || reply->status > 299)
		refuse(reply, class, "without an error code", "", err);
	else {
		*document = root;
		return true;
	}
	json_destroy(root);
	return false;
}

bool tiktok_answers(
	const struct http_reply *reply, enum metric_endpoint endpoint, struct error *err)
{
	struct json *document = NULL;
	enum error_blame blame;

	if (open_reply(reply, endpoint, &document, err)) {
		json_destroy(document);
		return true;
	}
	blame = error_rule(err->class)->blame;
	return blame != BLAME_DOUBT && blame != BLAME_APP;
}

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

	if (!open_reply(reply, ENDPOINT_USER_INFO, &document, err))
		return false;
	user = json_object(json_object(document, "data"), "user");
	if (!user) {
		refuse(reply, ERROR_BAD_REPLY, "without data.user", "", err);
		goto out;
	}
	sent_id = member_text(user, "open_id");
	if (sent_id && strcmp(sent_id, open_id) != 0) {
		refuse(reply, ERROR_BAD_REPLY, "with the profile of another account", "", err);
		goto out;
	}
	if (!read_counter(user, "follower_count", &read.follower_count) ||
		!read_counter(user, "following_count", &read.following_count) ||
		!read_counter(user, "likes_count", &read.likes_count) ||
		!read_counter(user, "video_count", &read.video_count)) {
		refuse(reply, ERROR_BAD_REPLY, "with a counter that is no number of things", "",
			err);
		goto out;
	}
	free(profile->display_name);
	free(profile->avatar_url);
	*profile = read;
	profile->display_name = copy_clipped(member_text(user, "display_name"), NAME_CHARACTERS);
	profile->avatar_url = copy_clipped(member_text(user, "avatar_url"), TEXT_MAX);
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
	description = member_text(item, "video_description");
	if (!description)
		description = member_text(item, "title");

	video = snapshot_video(snapshot, id, &is_new);
	if (!is_new)
		return true; /* the first reading of a crawl counts */
	read.id = video->id;
	read.description = snapshot_keep(snapshot, description, TEXT_MAX);
	read.cover_image_url =
		snapshot_keep(snapshot, member_text(item, "cover_image_url"), TEXT_MAX);
	read.share_url = keep_share_url(snapshot, member_text(item, "share_url"));
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

	if (!open_reply(reply, ENDPOINT_VIDEO_LIST, &document, err))
		return false;
	data = json_object(document, "data");
	if (!data) {
		refuse(reply, ERROR_BAD_REPLY, "without data", "", err);
		goto out;
	}
	if (json_boolean(data, "has_more", &read.has_more) == JSON_WRONG ||
		json_integer(data, "cursor", &read.cursor) == JSON_WRONG) {
		refuse(reply, ERROR_BAD_REPLY, "with a has_more or cursor of another type", "",
			err);
		goto out;
	}
	videos = json_array(data, "videos"); /* absent or null: an empty page */
	for (size_t i = 0; videos && i < json_array_length(videos); i++) {
		struct json *item = json_array_at(videos, i);

		if (!json_is_object(item) || !read_video(item, now_us, snapshot, &read)) {
			refuse(reply, ERROR_BAD_REPLY,
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

/* Nonsense must not keep a new token pair from being saved. */
static void read_lifetime(const struct json *document, const char *name, int64_t *seconds)
{
	int64_t read;

	if (json_lenient_integer(document, name, &read) == JSON_FOUND && read >= 0 &&
		read <= LIFE_MAX_S)
		*seconds = read;
}

bool tiktok_read_tokens(
	const struct http_reply *reply, struct tiktok_tokens *tokens, struct error *err)
{
	struct json *document = NULL;
	struct tiktok_tokens read = {.expires_in_s = DEFAULT_LIFE_S};
	const char *access = NULL, *refresh = NULL, *scope = NULL;
	bool ok = false;

	if (!open_reply(reply, ENDPOINT_TOKEN, &document, err))
		return false;
	if (json_string(document, "access_token", TOKEN_MAX, &access) != JSON_FOUND || !*access) {
		refuse(reply, ERROR_BAD_REPLY, "without access_token", "", err);
		goto out;
	}
	read_lifetime(document, "expires_in", &read.expires_in_s);
	read_lifetime(document, "refresh_expires_in", &read.refresh_expires_in_s);
	if (json_string(document, "refresh_token", TOKEN_MAX, &refresh) == JSON_FOUND && *refresh)
		read.refresh_token = memory_copy_text(refresh);
	if (json_string(document, "scope", TOKEN_MAX, &scope) == JSON_FOUND && *scope)
		read.scope = memory_copy_text(scope);
	read.access_token = memory_copy_text(access);
	*tokens = read;
	ok = true;
out:
	json_destroy(document);
	return ok;
}
