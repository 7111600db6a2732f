/* SPDX-License-Identifier: MIT */
/*
 * What changes at run time: grants, tokens and the fate of videos. An account that nobody has
 * touched is as the world makes it; the state of the others is a small record each. Times are
 * milliseconds of the simulator's clock.
 *
 * Threads: the server thread alone, so nothing is locked.
 */
#ifndef TESTS_SIMULATOR_STATE_H
#define TESTS_SIMULATOR_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/simulator/knobs.h"
#include "tests/simulator/limits.h"
#include "tests/simulator/world.h"

#define STATE_ACCESS_TOKENS 8 /* that live side by side; an older one is dead */

/* Videos that were posted at run time are numbered from here. */
#define STATE_POSTED 0x80000000u

struct access_token {
	uint32_t serial; /* 0: none */
	int64_t expires_at_ms;
};

enum visibility { VIDEO_PUBLIC, VIDEO_PRIVATE, VIDEO_DELETED };

/* What became of one video: of the world's, or a posted one. */
struct video_change {
	uint32_t number;
	enum visibility visibility;
	int64_t create_time_s; /* posted ones only, as id and title */
	uint64_t id;
	char *title;        /* owned */
	int64_t view_count; /* -1: the world's */
};

/* Replaces a counter of the world; -1: does not. */
struct account_counts {
	int64_t follower_count;
	int64_t following_count;
	int64_t likes_count;
};

struct account_state {
	bool touched; /* the rest is filled in */
	bool revoked;
	unsigned scopes;
	uint32_t refresh_serial; /* of the one refresh token that is good */
	uint32_t access_serial;  /* of the newest access token */
	uint32_t rotations;
	uint32_t refreshes;
	uint32_t listed_pages; /* for short_pages=empty */
	int64_t consented_at_ms;
	int64_t rotated_at_ms;
	int64_t refresh_expires_at_ms;
	struct access_token access[STATE_ACCESS_TOKENS];
	struct account_counts counts;
	struct video_change *changes; /* owned */
	uint32_t change_count;
	uint32_t posted;
	struct limit_window calls[3]; /* for rate_key=token; owned */
};

struct state {
	const struct world *world;
	const struct knobs *knobs;
	int64_t started_at_ms;
	struct account_state *accounts; /* owned; untouched pages of it cost no memory */
};

void state_init(
	struct state *state, const struct world *world, const struct knobs *knobs, int64_t now_ms);
void state_finish(struct state *state);
/* Every account as the world makes it; the first tokens' lives start at now_ms. */
void state_reset(struct state *state, int64_t now_ms);

/* The record of an account, made when first asked for. Borrowed. */
struct account_state *state_account(struct state *state, uint32_t number);

/* Lives of tokens under the knob token_profile. */
int64_t state_access_life_ms(const struct state *state);
int64_t state_refresh_life_ms(const struct state *state);

/* The account whose unexpired, unrevoked access token this is; false: it is none. */
bool state_find_access(struct state *state, const char *token, int64_t now_ms, uint32_t *number);
/* Give an account another access token, the newest; returns its serial. */
uint32_t state_add_access(struct account_state *account, int64_t expires_at_ms);
/* Every access token of the account dies. */
void state_kill_access(struct account_state *account);

/* The account as it is now: the world's with the changes in counters and videos. */
void state_describe_account(
	struct state *state, uint32_t number, struct world_account *description);

/* How many videos the public sees. */
uint32_t state_public_videos(struct state *state, uint32_t number);
/* The change record of a video, made when first asked for. Borrowed until the next call. */
struct video_change *state_change_video(struct state *state, uint32_t number, uint32_t video);
/* Post a video. Title: copied. Returns its number. */
uint32_t state_post_video(
	struct state *state, uint32_t number, const char *title, int64_t create_time_s);
/* The number behind an id of this account, whatever became of the video. */
bool state_find_video(struct state *state, uint32_t number, uint64_t id, uint32_t *video);
/* What became of a video; NULL: nothing did. Borrowed until the next change. */
const struct video_change *state_video_change(const struct account_state *account, uint32_t number);
/* The video as it is now, with account as world_account() makes it. */
void state_describe_video(struct state *state, const struct world_account *account, uint32_t number,
	struct world_video *video);

#endif
