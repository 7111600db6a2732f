/* SPDX-License-Identifier: MIT */
/*
 * Pages: the world's videos, which are in order, merged with the few that were posted at run time.
 * The server thread runs this.
 */
#include "tests/simulator/listing.h"

/* A walk down one account's public videos. */
struct walk {
	struct state *state;
	uint32_t account;
	const struct account_state *changes;
	uint32_t video_count;
	uint32_t next;      /* of the world's videos */
	int64_t before_ms;  /* posted ones: create_time * 1000 below this */
	uint64_t before_id; /* and id below this */
};

static bool is_public(const struct walk *walk, uint32_t number)
{
	const struct video_change *change;

	if (walk->changes->change_count == 0)
		return true;
	change = state_video_change(walk->changes, number);
	return !change || change->visibility == VIDEO_PUBLIC;
}

/* The first of the world's videos that is older than before_ms. */
static uint32_t find_first(const struct walk *walk)
{
	uint32_t low = 0, high = walk->video_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int64_t create_time_s =
			world_video_create_time_s(walk->state->world, walk->account, middle);

		if (create_time_s * 1000 < walk->before_ms)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static struct walk walk_from(struct state *state, uint32_t account, int64_t before_ms)
{
	struct walk walk = {
		.state = state,
		.account = account,
		.changes = state_account(state, account),
		.video_count = world_video_count(state->world, account),
		.before_ms = before_ms,
		.before_id = UINT64_MAX,
	};

	walk.next = find_first(&walk);
	return walk;
}

/* The posted video that is next in the walk; ids order them, since an id starts with its time. */
static const struct video_change *next_posted(const struct walk *walk)
{
	const struct video_change *best = NULL;

	for (uint32_t i = 0; i < walk->changes->change_count; i++) {
		const struct video_change *change = &walk->changes->changes[i];

		if (change->number < STATE_POSTED || change->visibility != VIDEO_PUBLIC)
			continue;
		if (change->create_time_s * 1000 >= walk->before_ms ||
			change->id >= walk->before_id)
			continue;
		if (!best || change->id > best->id)
			best = change;
	}
	return best;
}

static bool walk_on(struct walk *walk, uint32_t *number)
{
	const struct video_change *posted = next_posted(walk);

	while (walk->next < walk->video_count && !is_public(walk, walk->next))
		walk->next++;
	if (posted && (walk->next == walk->video_count ||
			      posted->id > world_video_id(walk->state->world, walk->account,
						   walk->next))) {
		walk->before_id = posted->id;
		*number = posted->number;
		return true;
	}
	if (walk->next == walk->video_count)
		return false;
	*number = walk->next++;
	return true;
}

static int64_t create_time_s(const struct walk *walk, uint32_t number)
{
	if (number < STATE_POSTED)
		return world_video_create_time_s(walk->state->world, walk->account, number);
	return state_video_change(walk->changes, number)->create_time_s;
}

/* How many a page holds under the knob short_pages: max_count, fewer, or none for this once. */
static size_t page_size(struct state *state, uint32_t account, size_t max_count)
{
	size_t drop = (size_t)knobs_get(state->knobs, KNOB_SHORT_PAGE_ITEMS);

	switch (knobs_get(state->knobs, KNOB_SHORT_PAGES)) {
	case SHORT_PAGES_DROP:
		return max_count > drop ? max_count - drop : 1;
	case SHORT_PAGES_EMPTY:
		return state_account(state, account)->listed_pages++ % 2 ? max_count : 0;
	default:
		return max_count;
	}
}

void listing_take_page(struct state *state, uint32_t account, int64_t cursor_ms, size_t max_count,
	struct listing *listing)
{
	bool at_too = knobs_get(state->knobs, KNOB_CURSOR_COMPARE) == CURSOR_AT_OR_BEFORE;
	size_t size = page_size(state, account, max_count);
	struct walk walk = walk_from(
		state, account, cursor_ms == 0 ? INT64_MAX : cursor_ms + (at_too ? 1 : 0));
	uint32_t number;

	listing->count = 0;
	listing->cursor_ms = cursor_ms;
	while (listing->count < size && walk_on(&walk, &number)) {
		listing->numbers[listing->count++] = number;
		listing->cursor_ms = create_time_s(&walk, number) * 1000;
	}
	listing->has_more = walk_on(&walk, &number);
}

bool listing_find_oldest(struct state *state, uint32_t account, uint32_t *number)
{
	struct walk walk = walk_from(state, account, INT64_MAX);
	bool found = false;

	while (walk_on(&walk, number))
		found = true;
	return found;
}
