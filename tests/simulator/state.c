/* SPDX-License-Identifier: MIT */
/*
 * Records of accounts and videos. The server thread runs this.
 */
#include "tests/simulator/state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "tests/simulator/pen.h"
#include "tests/simulator/scopes.h"

void state_init(
	struct state *state, const struct world *world, const struct knobs *knobs, int64_t now_ms)
{
	*state = (struct state){.world = world, .knobs = knobs, .started_at_ms = now_ms};
	state->accounts = memory_allocate(world->accounts, sizeof(*state->accounts));
}

static void account_finish(struct account_state *account)
{
	for (uint32_t i = 0; i < account->change_count; i++)
		free(account->changes[i].title);
	free(account->changes);
	for (size_t i = 0; i < sizeof(account->calls) / sizeof(account->calls[0]); i++)
		limit_window_finish(&account->calls[i]);
}

void state_finish(struct state *state)
{
	if (!state->accounts)
		return;
	for (uint32_t i = 0; i < state->world->accounts; i++)
		account_finish(&state->accounts[i]);
	free(state->accounts);
	state->accounts = NULL;
}

void state_reset(struct state *state, int64_t now_ms)
{
	state_finish(state);
	state_init(state, state->world, state->knobs, now_ms);
}

int64_t state_access_life_ms(const struct state *state)
{
	bool legacy = knobs_get(state->knobs, KNOB_TOKEN_PROFILE) == TOKEN_PROFILE_LEGACY;

	return INT64_C(1000) * (legacy ? 86400 : 7200);
}

int64_t state_refresh_life_ms(const struct state *state)
{
	bool legacy = knobs_get(state->knobs, KNOB_TOKEN_PROFILE) == TOKEN_PROFILE_LEGACY;

	return INT64_C(1000) * (legacy ? 31536000 : 15552000);
}

static int64_t first_access_expires_at_ms(const struct state *state)
{
	int64_t life_s = knobs_get(state->knobs, KNOB_FIRST_TOKEN_LIFE_S);

	return state->started_at_ms + (life_s ? life_s * 1000 : state_access_life_ms(state));
}

struct account_state *state_account(struct state *state, uint32_t number)
{
	struct account_state *account = &state->accounts[number];

	assert(number < state->world->accounts);
	if (account->touched)
		return account;
	account->touched = true;
	account->scopes = SCOPES_ALL;
	account->refresh_serial = 1;
	account->access_serial = 1;
	account->consented_at_ms = state->started_at_ms;
	account->refresh_expires_at_ms = state->started_at_ms + state_refresh_life_ms(state);
	account->access[1 % STATE_ACCESS_TOKENS] = (struct access_token){
		.serial = 1, .expires_at_ms = first_access_expires_at_ms(state)};
	account->counts = (struct account_counts){-1, -1, -1};
	return account;
}

uint32_t state_add_access(struct account_state *account, int64_t expires_at_ms)
{
	uint32_t serial = ++account->access_serial;

	account->access[serial % STATE_ACCESS_TOKENS] =
		(struct access_token){.serial = serial, .expires_at_ms = expires_at_ms};
	return serial;
}

void state_kill_access(struct account_state *account)
{
	memset(account->access, 0, sizeof(account->access));
}

/* An earlier run of this world gave out the token, so this run has not come as far. */
static void adopt_access(struct state *state, struct account_state *account, uint32_t serial)
{
	account->access_serial = serial - 1;
	state_add_access(account, first_access_expires_at_ms(state));
}

bool state_find_access(struct state *state, const char *token, int64_t now_ms, uint32_t *number)
{
	struct account_state *account;
	const struct access_token *access;
	uint32_t serial;

	if (!world_read_token(state->world, WORLD_TOKEN_ACCESS, token, number, &serial))
		return false;
	account = state_account(state, *number);
	if (serial > account->access_serial &&
		knobs_get(state->knobs, KNOB_ADOPT_TOKENS) == SWITCH_ON)
		adopt_access(state, account, serial);
	access = &account->access[serial % STATE_ACCESS_TOKENS];
	return !account->revoked && access->serial == serial && now_ms < access->expires_at_ms;
}

uint32_t state_public_videos(struct state *state, uint32_t number)
{
	const struct account_state *account = state_account(state, number);
	uint32_t count = world_video_count(state->world, number);

	for (uint32_t i = 0; i < account->change_count; i++) {
		const struct video_change *change = &account->changes[i];
		bool is_public = change->visibility == VIDEO_PUBLIC;

		if (change->number >= STATE_POSTED)
			count += is_public;
		else
			count -= !is_public;
	}
	return count;
}

void state_describe_account(struct state *state, uint32_t number, struct world_account *description)
{
	const struct account_counts *counts = &state_account(state, number)->counts;

	world_account(state->world, number, description);
	description->public_videos = state_public_videos(state, number);
	if (counts->follower_count >= 0)
		description->follower_count = counts->follower_count;
	if (counts->following_count >= 0)
		description->following_count = counts->following_count;
	if (counts->likes_count >= 0)
		description->likes_count = counts->likes_count;
}

const struct video_change *state_video_change(const struct account_state *account, uint32_t number)
{
	for (uint32_t i = 0; i < account->change_count; i++) {
		if (account->changes[i].number == number)
			return &account->changes[i];
	}
	return NULL;
}

struct video_change *state_change_video(struct state *state, uint32_t number, uint32_t video)
{
	struct account_state *account = state_account(state, number);
	struct video_change *change;

	for (uint32_t i = 0; i < account->change_count; i++) {
		if (account->changes[i].number == video)
			return &account->changes[i];
	}
	account->changes = memory_resize(
		account->changes, account->change_count + 1, sizeof(*account->changes));
	change = &account->changes[account->change_count++];
	*change = (struct video_change){.number = video, .view_count = -1};
	return change;
}

uint32_t state_post_video(
	struct state *state, uint32_t number, const char *title, int64_t create_time_s)
{
	struct account_state *account = state_account(state, number);
	uint32_t posted = account->posted++;
	struct video_change *change = state_change_video(state, number, STATE_POSTED + posted);

	change->create_time_s = create_time_s;
	change->id = ((uint64_t)create_time_s - 4) << 32 | (0x40000000u + posted);
	change->title = memory_copy_text(title);
	return STATE_POSTED + posted;
}

bool state_find_video(struct state *state, uint32_t number, uint64_t id, uint32_t *video)
{
	const struct account_state *account = state_account(state, number);

	for (uint32_t i = 0; i < account->change_count; i++) {
		if (account->changes[i].number >= STATE_POSTED && account->changes[i].id == id) {
			*video = account->changes[i].number;
			return true;
		}
	}
	return world_find_video(state->world, number, id, video);
}

static void describe_posted(const struct state *state, const struct world_account *account,
	const struct video_change *change, struct world_video *video)
{
	struct pen id = pen_on(video->id, sizeof(video->id));
	struct pen title = pen_on(video->title, sizeof(video->title));
	struct pen text = pen_on(video->video_description, sizeof(video->video_description));
	struct pen cover = pen_on(video->cover_image_url, sizeof(video->cover_image_url));
	struct pen share = pen_on(video->share_url, sizeof(video->share_url));

	video->create_time_s = change->create_time_s;
	pen_number(&id, change->id);
	pen_text(&title, change->title);
	pen_text(&text, change->title);
	pen_text(&cover,
		"https://p16-sign.example.invalid/tos-maliva-p-0068/posted~tplv-noop.image");
	pen_text(&share, "https://www.tiktok.com/@");
	pen_text(&share, account->username);
	pen_text(&share, "/video/");
	pen_text(&share, video->id);
	pen_text(&share, "?utm_campaign=tt4d_open_api&utm_source=");
	pen_text(&share, state->world->client_key);
	video->duration_s = 15;
	video->height = 1024;
	video->width = 576;
}

void state_describe_video(struct state *state, const struct world_account *account, uint32_t number,
	struct world_video *video)
{
	const struct video_change *change =
		state_video_change(state_account(state, account->number), number);

	if (number < STATE_POSTED) {
		world_video(state->world, account, number, video);
	} else {
		memset(video, 0, sizeof(*video));
		assert(change);
		describe_posted(state, account, change, video);
	}
	if (change && change->view_count >= 0)
		video->view_count = change->view_count;
}
