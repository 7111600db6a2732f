/* SPDX-License-Identifier: MIT */
/*
 * What one job reads from TikTok: the account's profile and its videos, as they will stand in the
 * day's rows. Owned by the job; no locks.
 */
#ifndef WORKER_SNAPSHOT_H
#define WORKER_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/text.h"

/* A counter that TikTok may leave out: absent is NULL in the row, never 0. */
struct counter {
	bool known;
	int64_t value;
};

struct profile {
	bool read; /* the account's user row is part of the snapshot */
	char *display_name;
	char *avatar_url;
	struct counter follower_count;
	struct counter following_count;
	struct counter likes_count;
	struct counter video_count;
	int64_t fetched_at_us;
};

/* Texts are offsets into snapshot.texts; 0: NULL. snapshot_text() reads them. */
struct video {
	size_t id;
	size_t description;
	size_t cover_image_url;
	size_t share_url;
	struct counter create_time_s;
	struct counter view_count;
	struct counter like_count;
	struct counter comment_count;
	struct counter share_count;
	int64_t fetched_at_us;
};

struct snapshot {
	struct profile profile;
	struct video *videos;
	size_t video_count;
	size_t video_capacity;
	struct text texts;
	uint32_t *index; /* open hash table of video numbers + 1 by id */
	size_t index_size;
};

/* Start from a zeroed struct. */
void snapshot_finish(struct snapshot *snapshot);
/* Keep a text; at most max_characters of it. NULL gives 0. */
size_t snapshot_keep(struct snapshot *snapshot, const char *text, size_t max_characters);
/* A kept text; NULL for 0. Borrowed until the next snapshot_keep(). */
const char *snapshot_text(const struct snapshot *snapshot, size_t offset);
/*
 * The video with this id: a new zeroed one, or, with *is_new false, the one that is there already
 * (a page may repeat a video when two were posted in the same second). Borrowed until the next
 * call.
 */
struct video *snapshot_video(struct snapshot *snapshot, const char *id, bool *is_new);
/* Rows this snapshot makes: one for the profile if it was read, one a video. */
int64_t snapshot_rows(const struct snapshot *snapshot);

#endif
