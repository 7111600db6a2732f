/* SPDX-License-Identifier: MIT */
/*
 * The rows of one job while they are gathered. Runs on whichever thread owns the job.
 */
#include "worker/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/utf8.h"

void snapshot_finish(struct snapshot *snapshot)
{
	free(snapshot->profile.display_name);
	free(snapshot->profile.avatar_url);
	free(snapshot->videos);
	free(snapshot->index);
	text_finish(&snapshot->texts);
	*snapshot = (struct snapshot){0};
}

size_t snapshot_keep(struct snapshot *snapshot, const char *text, size_t max_characters)
{
	size_t offset;

	if (!text)
		return 0;
	if (!snapshot->texts.length)
		text_append_char(&snapshot->texts, '\0'); /* so that no text has offset 0 */
	offset = snapshot->texts.length;
	text_append_bytes(&snapshot->texts, text, utf8_prefix(text, max_characters));
	text_append_char(&snapshot->texts, '\0');
	return offset;
}

const char *snapshot_text(const struct snapshot *snapshot, size_t offset)
{
	return offset ? snapshot->texts.data + offset : NULL;
}

/* FNV-1a: ids are digits that differ in few places. */
static size_t hash_id(const char *id)
{
	uint64_t hash = 14695981039346656037u;

	for (; *id; id++)
		hash = (hash ^ (unsigned char)*id) * 1099511628211u;
	return (size_t)(hash ^ hash >> 32);
}

/* Where id stands in the index, or the free place where it would. */
static uint32_t *index_place(const struct snapshot *snapshot, const char *id)
{
	size_t at = hash_id(id);

	for (;; at++) {
		uint32_t *place = &snapshot->index[at & (snapshot->index_size - 1)];

		if (!*place ||
			strcmp(snapshot_text(snapshot, snapshot->videos[*place - 1].id), id) == 0)
			return place;
	}
}

static void grow_index(struct snapshot *snapshot)
{
	free(snapshot->index);
	snapshot->index_size = snapshot->index_size ? snapshot->index_size * 2 : 64;
	snapshot->index = memory_allocate(snapshot->index_size, sizeof *snapshot->index);
	for (size_t i = 0; i < snapshot->video_count; i++)
		*index_place(snapshot, snapshot_text(snapshot, snapshot->videos[i].id)) =
			(uint32_t)i + 1;
}

struct video *snapshot_video(struct snapshot *snapshot, const char *id, bool *is_new)
{
	uint32_t *place;

	if (snapshot->video_count * 2 >= snapshot->index_size)
		grow_index(snapshot);
	place = index_place(snapshot, id);
	*is_new = !*place;
	if (*is_new) {
		if (snapshot->video_count == snapshot->video_capacity) {
			snapshot->video_capacity += snapshot->video_capacity / 2 + 20;
			snapshot->videos = memory_resize(snapshot->videos, snapshot->video_capacity,
				sizeof *snapshot->videos);
		}
		snapshot->videos[snapshot->video_count] =
			(struct video){.id = snapshot_keep(snapshot, id, SIZE_MAX)};
		*place = (uint32_t)++snapshot->video_count;
	}
	return &snapshot->videos[*place - 1];
}

int64_t snapshot_rows(const struct snapshot *snapshot)
{
	return (int64_t)snapshot->video_count + (snapshot->profile.read ? 1 : 0);
}
