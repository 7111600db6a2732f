/* SPDX-License-Identifier: MIT */
/*
 * The tables of fields, and writing by them. No state, no locks.
 */
#include "tests/simulator/fields.h"

#include <string.h>

#include "tests/simulator/pen.h"
#include "tests/simulator/scopes.h"
#include "tests/simulator/world.h"

enum field_kind {
	FIELD_PLAIN, /* a string that never holds what JSON escapes */
	FIELD_TEXT,
	FIELD_NUMBER,
	FIELD_BOOLEAN,
	FIELD_EMBED_HTML, /* these two are made of the video's id */
	FIELD_EMBED_LINK,
};

struct field {
	const char *name;
	enum field_kind kind;
	unsigned scope;
	size_t offset;
};

#define USER(member)  offsetof(struct world_account, member)
#define VIDEO(member) offsetof(struct world_video, member)

static const struct field user_fields[] = {
	{"open_id", FIELD_PLAIN, SCOPE_USER_INFO_BASIC, USER(open_id)},
	{"union_id", FIELD_PLAIN, SCOPE_USER_INFO_BASIC, USER(union_id)},
	{"avatar_url", FIELD_PLAIN, SCOPE_USER_INFO_BASIC, USER(avatar_url)},
	{"avatar_url_100", FIELD_PLAIN, SCOPE_USER_INFO_BASIC, USER(avatar_url)},
	{"avatar_large_url", FIELD_PLAIN, SCOPE_USER_INFO_BASIC, USER(avatar_url)},
	{"display_name", FIELD_TEXT, SCOPE_USER_INFO_BASIC, USER(display_name)},
	{"bio_description", FIELD_TEXT, SCOPE_USER_INFO_PROFILE, USER(bio_description)},
	{"profile_deep_link", FIELD_PLAIN, SCOPE_USER_INFO_PROFILE, USER(profile_deep_link)},
	{"is_verified", FIELD_BOOLEAN, SCOPE_USER_INFO_PROFILE, USER(is_verified)},
	{"username", FIELD_PLAIN, SCOPE_USER_INFO_PROFILE, USER(username)},
	{"follower_count", FIELD_NUMBER, SCOPE_USER_INFO_STATS, USER(follower_count)},
	{"following_count", FIELD_NUMBER, SCOPE_USER_INFO_STATS, USER(following_count)},
	{"likes_count", FIELD_NUMBER, SCOPE_USER_INFO_STATS, USER(likes_count)},
	{"video_count", FIELD_NUMBER, SCOPE_USER_INFO_STATS, USER(public_videos)},
};

static const struct field video_fields[] = {
	{"id", FIELD_PLAIN, SCOPE_VIDEO_LIST, VIDEO(id)},
	{"create_time", FIELD_NUMBER, SCOPE_VIDEO_LIST, VIDEO(create_time_s)},
	{"cover_image_url", FIELD_PLAIN, SCOPE_VIDEO_LIST, VIDEO(cover_image_url)},
	{"share_url", FIELD_PLAIN, SCOPE_VIDEO_LIST, VIDEO(share_url)},
	{"video_description", FIELD_TEXT, SCOPE_VIDEO_LIST, VIDEO(video_description)},
	{"duration", FIELD_NUMBER, SCOPE_VIDEO_LIST, VIDEO(duration_s)},
	{"height", FIELD_NUMBER, SCOPE_VIDEO_LIST, VIDEO(height)},
	{"width", FIELD_NUMBER, SCOPE_VIDEO_LIST, VIDEO(width)},
	{"title", FIELD_TEXT, SCOPE_VIDEO_LIST, VIDEO(title)},
	{"embed_html", FIELD_EMBED_HTML, SCOPE_VIDEO_LIST, 0},
	{"embed_link", FIELD_EMBED_LINK, SCOPE_VIDEO_LIST, 0},
	{"like_count", FIELD_NUMBER, SCOPE_VIDEO_LIST, VIDEO(like_count)},
	{"comment_count", FIELD_NUMBER, SCOPE_VIDEO_LIST, VIDEO(comment_count)},
	{"share_count", FIELD_NUMBER, SCOPE_VIDEO_LIST, VIDEO(share_count)},
	{"view_count", FIELD_NUMBER, SCOPE_VIDEO_LIST, VIDEO(view_count)},
	{"is_aigc", FIELD_BOOLEAN, SCOPE_VIDEO_LIST, VIDEO(is_aigc)},
};

const struct field_table fields_of_users = {
	user_fields, sizeof(user_fields) / sizeof(user_fields[0])};
const struct field_table fields_of_videos = {
	video_fields, sizeof(video_fields) / sizeof(video_fields[0])};

/* The place of a field in its table; table->count: there is none of that name. */
static size_t find_field(const struct field_table *table, const char *name, size_t length)
{
	size_t i = 0;

	while (i < table->count && !(strlen(table->fields[i].name) == length &&
					   memcmp(table->fields[i].name, name, length) == 0))
		i++;
	return i;
}

bool fields_read(const struct field_table *table, const char *list, enum field_unknown unknown,
	uint32_t *wanted, unsigned *scopes)
{
	uint32_t found = 0;
	unsigned needed = 0;

	if (!list)
		return false;
	for (const char *at = list;;) {
		size_t length = strcspn(at, ",");
		size_t place = find_field(table, at, length);

		if (place < table->count) {
			found |= UINT32_C(1) << place;
			needed |= table->fields[place].scope;
		} else if (unknown == FIELD_UNKNOWN_REFUSED) {
			return false;
		}
		if (at[length] == '\0')
			break;
		at += length + 1;
	}
	if (!found)
		return false;
	*wanted = found;
	*scopes = needed;
	return true;
}

/*
 * Records are written with a bare pointer into room that was reserved for the longest one: these
 * few functions are where a page of videos spends its time.
 */
#define RECORD_MAX_BYTES (6 * sizeof(struct world_video) + 2048)

static char *put_text(char *at, const char *text, size_t length)
{
	memcpy(at, text, length);
	return at + length;
}

static char *put_string(char *at, const char *text)
{
	*at++ = '"';
	at = put_text(at, text, strlen(text));
	*at++ = '"';
	return at;
}

static char *put_escaped_string(char *at, const char *text)
{
	*at++ = '"';
	for (unsigned char c = (unsigned char)*text; c; c = (unsigned char)*++text) {
		if (c < 0x20) {
			at = put_text(at, "\\u00", 4);
			*at++ = (char)('0' + (c >> 4));
			*at++ = "0123456789abcdef"[c & 15];
			continue;
		}
		if (c == '"' || c == '\\')
			*at++ = '\\';
		*at++ = (char)c;
	}
	*at++ = '"';
	return at;
}

static char *put_number(char *at, int64_t number)
{
	struct pen pen = pen_on(at, 24);

	if (number < 0)
		pen_text(&pen, "-");
	pen_number(&pen, number < 0 ? -(uint64_t)number : (uint64_t)number);
	return pen.at;
}

static char *put_embed_link(char *at, const struct world_video *video)
{
	struct pen pen = pen_on(at, 128);

	pen_text(&pen, "\"https://www.tiktok.com/player/v1/");
	pen_text(&pen, video->id);
	pen_text(&pen, "?utm_campaign=tt4d_open_api\"");
	return pen.at;
}

static char *put_embed_html(char *at, const struct world_video *video)
{
	struct pen pen = pen_on(at, 1024);

	pen_text(&pen, "\"<blockquote class=\\\"tiktok-embed\\\" data-video-id=\\\"");
	pen_text(&pen, video->id);
	pen_text(&pen, "\\\" style=\\\"max-width: 605px;min-width: 325px;\\\"> <section></section>"
		       "</blockquote> <script async src=\\\"https://www.tiktok.com/embed.js\\\">"
		       "</script>\"");
	return pen.at;
}

static char *put_value(char *at, const struct field *field, const void *record)
{
	const char *member = (const char *)record + field->offset;
	int64_t number;

	switch (field->kind) {
	case FIELD_PLAIN:
		return put_string(at, member);
	case FIELD_TEXT:
		return put_escaped_string(at, member);
	case FIELD_NUMBER:
		memcpy(&number, member, sizeof(number));
		return put_number(at, number);
	case FIELD_BOOLEAN:
		return *member ? put_text(at, "true", 4) : put_text(at, "false", 5);
	case FIELD_EMBED_HTML:
		return put_embed_html(at, record);
	case FIELD_EMBED_LINK:
		return put_embed_link(at, record);
	}
	return at;
}

void fields_write(
	const struct field_table *table, uint32_t wanted, const void *record, struct text *out)
{
	char *start = text_reserve(out, RECORD_MAX_BYTES);
	char *at = start;
	char before = '{';

	for (size_t i = 0; i < table->count; i++) {
		const struct field *field = &table->fields[i];

		if (!(wanted >> i & 1))
			continue;
		*at++ = before;
		at = put_string(at, field->name);
		*at++ = ':';
		at = put_value(at, field, record);
		before = ',';
	}
	*at++ = '}';
	*at = '\0';
	out->length += (size_t)(at - start);
}
