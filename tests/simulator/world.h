/* SPDX-License-Identifier: MIT */
/*
 * The world that the simulator shows: accounts, their videos and their tokens, computed from a seed
 * and never stored, so that 100,000 accounts cost nothing and two programs that know the seed agree
 * on every byte:
 *
 *	struct world world;
 *	struct world_account account;
 *	struct world_video video;
 *
 *	world_init(&world);
 *	world_account(&world, 17, &account);
 *	for (uint32_t i = 0; i < account.video_count; i++)
 *		world_video(&world, &account, i, &video);
 *
 * Accounts are numbered from 0, videos from 0, the newest first: the order in which TikTok lists
 * them (create_time descending, then id descending). What people and faults do to it at run time is
 * state.h.
 *
 * Threads: any; nothing here is ever changed after world_init().
 */
#ifndef TESTS_SIMULATOR_WORLD_H
#define TESTS_SIMULATOR_WORLD_H

#include <stdbool.h>
#include <stdint.h>

/* 36 characters, the first of them '-', as real ones have been seen. */
#define WORLD_OPEN_ID_SIZE  37
#define WORLD_UNION_ID_SIZE 37
#define WORLD_TOKEN_SIZE    48
#define WORLD_VIDEO_ID_SIZE 21
#define WORLD_KEY_SIZE      64

#define WORLD_SCOPES "user.info.basic,user.info.profile,user.info.stats,video.list"

/* Where two videos of the same second may stand. */
enum world_ties {
	WORLD_TIES_INSIDE_PAGES, /* never across a multiple of 10: no cursor can lose one */
	WORLD_TIES_ON_PAGE_EDGES, /* across every multiple of 10: the later of the two starts a page */
	WORLD_TIES_NONE,
};

struct world {
	uint64_t seed;
	uint32_t accounts;       /* how many there are */
	uint32_t videos_average; /* an account has 0 to 2.4 times as many; one in 32 has none */
	uint32_t videos_each;    /* above 0: every account has exactly so many */
	uint32_t videos_first;   /* above 0: but the first account has so many */
	enum world_ties ties;
	char client_key[WORLD_KEY_SIZE]; /* the app; stands in share URLs */
};

struct world_account {
	uint32_t number;
	uint32_t video_count;
	char open_id[WORLD_OPEN_ID_SIZE];
	char union_id[WORLD_UNION_ID_SIZE];
	char username[48];
	char display_name[96]; /* UTF-8; emoji, quotes or a backslash in some */
	char bio_description[160];
	char avatar_url[160];
	char profile_deep_link[96];
	const char *scope; /* granted at the beginning, comma-separated */
	bool is_verified;
	int64_t follower_count; /* fits int32 */
	int64_t following_count;
	int64_t likes_count;   /* beyond 2^32 in one account of 16 */
	int64_t public_videos; /* what user info calls video_count */
};

struct world_video {
	char id[WORLD_VIDEO_ID_SIZE];
	int64_t create_time_s;
	char title[512];             /* UTF-8; empty in some, beyond 150 characters in some */
	char video_description[768]; /* as title, with quotes, backslashes and newlines in some */
	char cover_image_url[192];
	char share_url[256]; /* with ?utm_campaign=tt4d_open_api&utm_source=<client key> */
	int64_t duration_s;
	int64_t height;
	int64_t width;
	int64_t like_count; /* these three fit int32 */
	int64_t comment_count;
	int64_t share_count;
	int64_t view_count; /* beyond 2^31 in one video of 16 */
	bool is_aigc;
};

/* Seed 1, 1,000 accounts of about 50 videos, client key "sbsimclientkey". */
void world_init(struct world *world);
void world_set_client_key(struct world *world, const char *client_key);

/* Account number < world->accounts. */
void world_account(const struct world *world, uint32_t number, struct world_account *account);
/* How many videos world_account() would count, without computing the rest. */
uint32_t world_video_count(const struct world *world, uint32_t account);
/* Video number < account->video_count. */
void world_video(const struct world *world, const struct world_account *account, uint32_t number,
	struct world_video *video);

/* The keys by which videos are ordered; cheap. The id holds create_time - 4 in its upper half. */
int64_t world_video_create_time_s(const struct world *world, uint32_t account, uint32_t number);
uint64_t world_video_id(const struct world *world, uint32_t account, uint32_t number);

/* The number behind an id that somebody sends; false: there is none such. */
bool world_find_account(const struct world *world, const char *open_id, uint32_t *account);
bool world_find_video(const struct world *world, uint32_t account, uint64_t id, uint32_t *number);

enum world_token_kind { WORLD_TOKEN_ACCESS, WORLD_TOKEN_REFRESH };

/*
 * The serial-th token of an account; every account starts with serial 1 of both kinds. A token
 * names its account and serial and carries a checksum over both, the seed and the client key, so
 * recognising one takes no table.
 */
void world_token(const struct world *world, enum world_token_kind kind, uint32_t account,
	uint32_t serial, char token[WORLD_TOKEN_SIZE]);
/* False: this world never made that token. */
bool world_read_token(const struct world *world, enum world_token_kind kind, const char *token,
	uint32_t *account, uint32_t *serial);

#endif
