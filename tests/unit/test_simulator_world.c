/* SPDX-License-Identifier: MIT */
/*
 * The world is the same for everybody who knows its seed, in the order in which TikTok lists, and
 * holds the cases that break programs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/simulator/world.h"

static struct world make_world(uint64_t seed)
{
	struct world world;

	world_init(&world);
	world.seed = seed;
	return world;
}

static void the_same_seed_makes_the_same_world(void **state)
{
	struct world one = make_world(7), other = make_world(7);
	struct world_account account_of_one, account_of_other;
	struct world_video video_of_one, video_of_other;

	memset(&account_of_one, 0, sizeof(account_of_one));
	memset(&account_of_other, 0, sizeof(account_of_other));
	memset(&video_of_one, 0, sizeof(video_of_one));
	memset(&video_of_other, 0, sizeof(video_of_other));
	one.videos_each = other.videos_each = 3;

	world_account(&one, 41, &account_of_one);
	world_account(&other, 41, &account_of_other);
	world_video(&one, &account_of_one, 2, &video_of_one);
	world_video(&other, &account_of_other, 2, &video_of_other);

	assert_memory_equal(&account_of_one, &account_of_other, sizeof(account_of_one));
	assert_memory_equal(&video_of_one, &video_of_other, sizeof(video_of_one));
}

static void another_seed_makes_another_world(void **state)
{
	struct world one = make_world(7), other = make_world(8);
	struct world_account account_of_one, account_of_other;

	world_account(&one, 41, &account_of_one);
	world_account(&other, 41, &account_of_other);

	assert_string_not_equal(account_of_one.open_id, account_of_other.open_id);
}

static void videos_stand_in_the_order_of_the_list(void **state)
{
	struct world world = make_world(1);
	int ties = 0;

	for (uint32_t account = 0; account < 200; account++) {
		uint32_t count = world_video_count(&world, account);

		for (uint32_t i = 1; i < count; i++) {
			int64_t before_s = world_video_create_time_s(&world, account, i - 1);
			int64_t after_s = world_video_create_time_s(&world, account, i);

			assert_true(before_s >= after_s);
			assert_true(world_video_id(&world, account, i - 1) >
				    world_video_id(&world, account, i));
			ties += before_s == after_s;
			if (i % 10 == 0)
				assert_true(before_s > after_s);
		}
	}
	assert_true(ties > 100);
}

static void ties_on_page_edges_stand_there(void **state)
{
	struct world world = make_world(1);

	world.ties = WORLD_TIES_ON_PAGE_EDGES;
	world.videos_each = 41;
	for (uint32_t edge = 10; edge <= 40; edge += 10) {
		assert_int_equal(world_video_create_time_s(&world, 5, edge - 1),
			world_video_create_time_s(&world, 5, edge));
		assert_true(world_video_id(&world, 5, edge - 1) > world_video_id(&world, 5, edge));
	}
}

static void an_id_holds_the_time_of_its_video(void **state)
{
	struct world world = make_world(3);
	struct world_account account;
	struct world_video video;

	world.videos_each = 20;
	world_account(&world, 9, &account);
	for (uint32_t i = 0; i < 20; i++) {
		world_video(&world, &account, i, &video);
		assert_int_equal(
			(int64_t)(strtoull(video.id, NULL, 10) >> 32) + 4, video.create_time_s);
		assert_int_equal(strlen(video.id), 19);
	}
}

static void the_average_number_of_videos_is_as_asked(void **state)
{
	struct world world = make_world(1);
	uint64_t sum = 0;
	uint32_t without = 0;

	for (uint32_t i = 0; i < 1000; i++) {
		uint32_t count = world_video_count(&world, i);

		assert_true(count <= 120);
		sum += count;
		without += count == 0;
	}
	assert_in_range(sum / 1000, 45, 55);
	assert_in_range(without, 10, 100);
}

static bool is_utf8(const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		int more = *c < 0x80       ? 0
			   : *c >> 5 == 6  ? 1
			   : *c >> 4 == 14 ? 2
			   : *c >> 3 == 30 ? 3
					   : -1;

		if (more < 0)
			return false;
		for (; more; more--) {
			if ((*++c & 0xc0) != 0x80)
				return false;
		}
	}
	return true;
}

static size_t count_characters(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += ((unsigned char)*text & 0xc0) != 0x80;
	return count;
}

static void the_difficult_cases_occur(void **state)
{
	struct world world = make_world(1);
	int large_views = 0, long_titles = 0, empty = 0, emoji = 0, escapes = 0, large_likes = 0;

	for (uint32_t number = 0; number < 200; number++) {
		struct world_account account;
		struct world_video video;

		world_account(&world, number, &account);
		large_likes += account.likes_count > INT32_MAX;
		assert_true(account.follower_count <= INT32_MAX);
		assert_true(is_utf8(account.display_name));
		for (uint32_t i = 0; i < account.video_count; i++) {
			world_video(&world, &account, i, &video);
			assert_true(is_utf8(video.title));
			assert_true(is_utf8(video.video_description));
			assert_true(video.like_count <= INT32_MAX);
			large_views += video.view_count > INT32_MAX;
			long_titles += count_characters(video.title) > 150;
			empty += video.video_description[0] == '\0';
			emoji += strstr(video.title, "\xf0\x9f") != NULL;
			escapes += strpbrk(video.video_description, "\"\\\n") != NULL;
		}
	}
	assert_true(large_views > 10);
	assert_true(large_likes > 2);
	assert_true(long_titles > 10);
	assert_true(empty > 10);
	assert_true(emoji > 10);
	assert_true(escapes > 10);
}

static void share_urls_carry_the_client_key(void **state)
{
	struct world world = make_world(1);
	struct world_account account;
	struct world_video video;

	world.videos_each = 1;
	world_set_client_key(&world, "anotherkey");
	world_account(&world, 0, &account);
	world_video(&world, &account, 0, &video);

	assert_non_null(strstr(video.share_url, "&utm_source=anotherkey"));
	assert_non_null(strstr(video.share_url, video.id));
}

static void accounts_and_videos_are_found_by_their_ids(void **state)
{
	struct world world = make_world(5);
	struct world_account account;
	uint32_t found;

	world.videos_each = 37;
	world_account(&world, 123, &account);

	assert_true(world_find_account(&world, account.open_id, &found));
	assert_int_equal(found, 123);
	assert_true(world_find_video(&world, 123, world_video_id(&world, 123, 36), &found));
	assert_int_equal(found, 36);
	assert_false(world_find_video(&world, 124, world_video_id(&world, 123, 36), &found));
	account.open_id[10] ^= 1;
	assert_false(world_find_account(&world, account.open_id, &found));
	assert_false(world_find_account(&world, "", &found));
}

static void a_token_is_read_back_and_a_forged_one_is_not(void **state)
{
	struct world world = make_world(5);
	char token[WORLD_TOKEN_SIZE];
	uint32_t account, serial;

	world_token(&world, WORLD_TOKEN_REFRESH, 77, 3, token);
	assert_true(world_read_token(&world, WORLD_TOKEN_REFRESH, token, &account, &serial));
	assert_int_equal(account, 77);
	assert_int_equal(serial, 3);
	assert_memory_equal(token, "rft.", 4);

	assert_false(world_read_token(&world, WORLD_TOKEN_ACCESS, token, &account, &serial));
	world_set_client_key(&world, "anotherkey");
	assert_false(world_read_token(&world, WORLD_TOKEN_REFRESH, token, &account, &serial));
	assert_false(world_read_token(&world, WORLD_TOKEN_REFRESH, "rft.", &account, &serial));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_seed_makes_the_same_world),
		cmocka_unit_test(another_seed_makes_another_world),
		cmocka_unit_test(videos_stand_in_the_order_of_the_list),
		cmocka_unit_test(ties_on_page_edges_stand_there),
		cmocka_unit_test(an_id_holds_the_time_of_its_video),
		cmocka_unit_test(the_average_number_of_videos_is_as_asked),
		cmocka_unit_test(the_difficult_cases_occur),
		cmocka_unit_test(share_urls_carry_the_client_key),
		cmocka_unit_test(accounts_and_videos_are_found_by_their_ids),
		cmocka_unit_test(a_token_is_read_back_and_a_forged_one_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
