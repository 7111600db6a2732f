/* SPDX-License-Identifier: MIT */
/*
 * The world, computed from its seed. Every property is drawn on its own from (seed, account, video,
 * purpose), so that none depends on the order in which they are asked for. No state, no locks.
 */
#include "tests/simulator/world.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/simulator/pen.h"
#include "tests/simulator/phrases.h"

/* The newest video is at most 30 days older than this; the oldest at most about nine years. */
#define NEWEST_S      1748736000 /* 2025-06-01T00:00:00Z */
#define DEEPEST_S     (INT64_C(8) * 365 * 86400)
#define COVER_EXPIRES "1799999999"

/* What a number is drawn for; a new purpose changes no other draw. */
enum purpose {
	FOR_VIDEO_COUNT = 1,
	FOR_OPEN_ID,
	FOR_UNION_ID,
	FOR_NAME,
	FOR_FOLLOWERS,
	FOR_LIKES,
	FOR_AVATAR,
	FOR_SPACING,
	FOR_CREATE_TIME,
	FOR_TIE,
	FOR_VIDEO_ID,
	FOR_TEXTS,
	FOR_COVER,
	FOR_COUNTS,
	FOR_VIEWS,
	FOR_TOKEN,
};

/* The finisher of splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators). */
static uint64_t mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static uint64_t draw(
	const struct world *world, enum purpose purpose, uint32_t account, uint32_t item)
{
	uint64_t stream = mix(world->seed ^ (uint64_t)purpose << 56);

	return mix(stream ^ ((uint64_t)account << 32 | item));
}

void world_init(struct world *world)
{
	*world = (struct world){.seed = 1, .accounts = 1000, .videos_average = 50};
	world_set_client_key(world, "sbsimclientkey");
}

void world_set_client_key(struct world *world, const char *client_key)
{
	struct pen pen = pen_on(world->client_key, sizeof(world->client_key));

	pen_text(&pen, client_key);
}

/*
 * Half the accounts are spread evenly over 0..2.4 * average, half are the smaller of two such
 * draws: many small shops, a long tail of busy ones, and the average that was asked for.
 */
uint32_t world_video_count(const struct world *world, uint32_t account)
{
	uint64_t random = draw(world, FOR_VIDEO_COUNT, account, 0);
	uint64_t range = (uint64_t)world->videos_average * 12 / 5 + 1;
	uint32_t one = (uint32_t)((random & 0xffffff) * range >> 24);
	uint32_t other = (uint32_t)((random >> 24 & 0xffffff) * range >> 24);

	if (world->videos_first && account == 0)
		return world->videos_first;
	if (world->videos_each)
		return world->videos_each;
	if (random >> 59 == 0)
		return 0;
	return random >> 48 & 1 || one < other ? one : other;
}

static void write_open_id(
	const struct world *world, uint32_t account, char open_id[WORLD_OPEN_ID_SIZE])
{
	struct pen pen = pen_on(open_id, WORLD_OPEN_ID_SIZE);

	pen_text(&pen, "-000");
	pen_hex(&pen, draw(world, FOR_OPEN_ID, account, 0), 16);
	pen_hex(&pen, draw(world, FOR_OPEN_ID, account, 1), 8);
	pen_hex(&pen, account, 8);
}

static void write_union_id(
	const struct world *world, uint32_t account, char union_id[WORLD_UNION_ID_SIZE])
{
	uint64_t random = draw(world, FOR_UNION_ID, account, 0);
	struct pen pen = pen_on(union_id, WORLD_UNION_ID_SIZE);

	pen_hex(&pen, random >> 32, 8);
	pen_text(&pen, "-");
	pen_hex(&pen, random >> 16, 4);
	pen_text(&pen, "-4000-8000-");
	pen_hex(&pen, draw(world, FOR_UNION_ID, account, 1), 12);
}

static void write_account_links(const struct world *world, struct world_account *account)
{
	struct pen avatar = pen_on(account->avatar_url, sizeof(account->avatar_url));
	struct pen link = pen_on(account->profile_deep_link, sizeof(account->profile_deep_link));

	pen_text(&avatar, "https://p16-sign.example.invalid/avatar/");
	pen_hex(&avatar, draw(world, FOR_AVATAR, account->number, 0), 16);
	pen_text(&avatar, "~c5_168x168.jpeg?x-expires=" COVER_EXPIRES "&x-signature=");
	pen_hex(&avatar, draw(world, FOR_AVATAR, account->number, 1), 8);
	pen_text(&avatar, "%3D");
	pen_text(&link, "https://vm.tiktok.com/");
	pen_hex(&link, draw(world, FOR_AVATAR, account->number, 2), 9);
	pen_text(&link, "/");
}

void world_account(const struct world *world, uint32_t number, struct world_account *account)
{
	uint64_t name = draw(world, FOR_NAME, number, 0);
	uint64_t followers = draw(world, FOR_FOLLOWERS, number, 0);
	uint64_t likes = draw(world, FOR_LIKES, number, 0);

	assert(number < world->accounts);
	account->number = number;
	account->video_count = world_video_count(world, number);
	account->public_videos = account->video_count;
	write_open_id(world, number, account->open_id);
	write_union_id(world, number, account->union_id);
	phrases_write_username(name, number, pen_on(account->username, sizeof(account->username)));
	phrases_write_display_name(
		name, number, pen_on(account->display_name, sizeof(account->display_name)));
	phrases_write_text(
		name >> 20, pen_on(account->bio_description, sizeof(account->bio_description)));
	write_account_links(world, account);
	account->scope = WORLD_SCOPES;
	account->is_verified = name >> 60 == 0;
	/* A random number of random magnitude: most are small, some reach the end of int32. */
	account->follower_count = (int64_t)((followers & INT32_MAX) >> (followers >> 32) % 28);
	account->following_count = (int64_t)(followers >> 40 & 0xfff);
	account->likes_count = (int64_t)((likes & INT32_MAX) >> (likes >> 32) % 24);
	if (likes >> 60 == 0)
		account->likes_count += INT64_C(1) << 33;
}

/*
 * Videos stand in slots of equal length, newest first, each at a random second of its own slot: so
 * the time of the n-th needs no other, and times never rise. A tied video takes the second of its
 * elder neighbour in the list.
 */
static bool is_tied(const struct world *world, uint32_t account, uint32_t number)
{
	switch (world->ties) {
	case WORLD_TIES_INSIDE_PAGES:
		return number % 2 == 1 && draw(world, FOR_TIE, account, number) % 8 == 0;
	case WORLD_TIES_ON_PAGE_EDGES:
		return number > 0 && number % 10 == 0;
	case WORLD_TIES_NONE:
		return false;
	}
	return false;
}

int64_t world_video_create_time_s(const struct world *world, uint32_t account, uint32_t number)
{
	uint64_t random = draw(world, FOR_SPACING, account, 0);
	int64_t slot_s = 3600 + (int64_t)(random % 82800);
	int64_t newest_s = NEWEST_S - (int64_t)(random >> 32) % (INT64_C(30) * 86400);
	int64_t deepest_slot_s = DEEPEST_S / (world_video_count(world, account) + 1);
	int64_t within_s;

	if (slot_s > deepest_slot_s)
		slot_s = deepest_slot_s > 0 ? deepest_slot_s : 1;
	if (is_tied(world, account, number))
		number--;
	within_s = (int64_t)(draw(world, FOR_CREATE_TIME, account, number) % (uint64_t)slot_s);
	return newest_s - (int64_t)number * slot_s - within_s;
}

/* Of two in the same second the first listed has the greater id. */
static uint64_t make_video_id(
	const struct world *world, uint32_t account, uint32_t number, int64_t create_time_s)
{
	uint64_t random = draw(world, FOR_VIDEO_ID, account, number) & 0x7fffffff;

	if (!is_tied(world, account, number))
		random |= 0x80000000;
	return ((uint64_t)create_time_s - 4) << 32 | random;
}

uint64_t world_video_id(const struct world *world, uint32_t account, uint32_t number)
{
	int64_t create_time_s = world_video_create_time_s(world, account, number);

	return make_video_id(world, account, number, create_time_s);
}

static void write_share_url(const struct world *world, const struct world_account *account,
	const char *id, struct pen pen)
{
	pen_text(&pen, "https://www.tiktok.com/@");
	pen_text(&pen, account->username);
	pen_text(&pen, "/video/");
	pen_text(&pen, id);
	pen_text(&pen, "?utm_campaign=tt4d_open_api&utm_source=");
	pen_text(&pen, world->client_key);
}

static void write_cover_url(uint64_t random, struct pen pen)
{
	pen_text(&pen, "https://p16-sign.example.invalid/tos-maliva-p-0068/");
	pen_hex(&pen, random, 16);
	pen_text(&pen, "~tplv-noop.image?x-expires=" COVER_EXPIRES "&x-signature=");
	pen_hex(&pen, random >> 7, 8);
	pen_text(&pen, "%3D");
}

void world_video(const struct world *world, const struct world_account *account, uint32_t number,
	struct world_video *video)
{
	uint64_t texts = draw(world, FOR_TEXTS, account->number, number);
	uint64_t counts = draw(world, FOR_COUNTS, account->number, number);
	uint64_t views = draw(world, FOR_VIEWS, account->number, number);
	struct pen id = pen_on(video->id, sizeof(video->id));

	assert(number < account->video_count);
	video->create_time_s = world_video_create_time_s(world, account->number, number);
	pen_number(&id, make_video_id(world, account->number, number, video->create_time_s));
	phrases_write_text(texts, pen_on(video->title, sizeof(video->title)));
	phrases_write_text(
		texts >> 24, pen_on(video->video_description, sizeof(video->video_description)));
	write_cover_url(draw(world, FOR_COVER, account->number, number),
		pen_on(video->cover_image_url, sizeof(video->cover_image_url)));
	write_share_url(
		world, account, video->id, pen_on(video->share_url, sizeof(video->share_url)));
	video->duration_s = 5 + (int64_t)(texts >> 48) % 175;
	video->height = 1024;
	video->width = 576;
	video->like_count = (int64_t)((counts & INT32_MAX) >> (counts >> 48) % 26);
	video->comment_count = (int64_t)(counts >> 32 & 0xffff) >> (counts >> 48) % 12;
	video->share_count = (int64_t)(counts >> 20 & 0xfffff) >> (counts >> 52) % 16;
	video->view_count = (int64_t)((views & INT32_MAX) >> (views >> 32) % 22);
	if (views >> 60 == 0)
		video->view_count += INT64_C(1) << 31;
	video->is_aigc = texts >> 61 == 0;
}

bool world_find_account(const struct world *world, const char *open_id, uint32_t *account)
{
	char right[WORLD_OPEN_ID_SIZE];
	uint64_t number;

	if (strlen(open_id) != WORLD_OPEN_ID_SIZE - 1 || !pen_read_hex(open_id + 28, 8, &number))
		return false;
	if (number >= world->accounts)
		return false;
	write_open_id(world, (uint32_t)number, right);
	if (strcmp(right, open_id) != 0)
		return false;
	*account = (uint32_t)number;
	return true;
}

bool world_find_video(const struct world *world, uint32_t account, uint64_t id, uint32_t *number)
{
	uint32_t low = 0, high = world_video_count(world, account);

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		uint64_t found = world_video_id(world, account, middle);

		if (found == id) {
			*number = middle;
			return true;
		}
		if (found > id)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

void world_token(const struct world *world, enum world_token_kind kind, uint32_t account,
	uint32_t serial, char token[WORLD_TOKEN_SIZE])
{
	struct pen pen = pen_on(token, WORLD_TOKEN_SIZE);
	uint64_t checksum = draw(world, FOR_TOKEN, account, serial);

	for (const char *c = world->client_key; *c; c++)
		checksum = mix(checksum ^ (uint64_t)(unsigned char)*c);
	pen_text(&pen, kind == WORLD_TOKEN_ACCESS ? "act." : "rft.");
	pen_hex(&pen, account, 8);
	pen_hex(&pen, serial, 8);
	pen_hex(&pen, mix(checksum ^ (uint64_t)kind), 16);
	pen_text(&pen, "!4608.va");
}

bool world_read_token(const struct world *world, enum world_token_kind kind, const char *token,
	uint32_t *account, uint32_t *serial)
{
	char right[WORLD_TOKEN_SIZE];
	uint64_t account_read, serial_read;

	if (strnlen(token, WORLD_TOKEN_SIZE) < 4 + 8 + 8)
		return false;
	if (!pen_read_hex(token + 4, 8, &account_read) ||
		!pen_read_hex(token + 12, 8, &serial_read))
		return false;
	if (account_read >= world->accounts || serial_read == 0)
		return false;
	world_token(world, kind, (uint32_t)account_read, (uint32_t)serial_read, right);
	if (strcmp(right, token) != 0)
		return false;
	*account = (uint32_t)account_read;
	*serial = (uint32_t)serial_read;
	return true;
}
