/* SPDX-License-Identifier: MIT */
/*
 * Pages: order, cursors, ties on their edges, short and empty ones, and what a changed video does
 * to them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/simulator/listing.h"

#define ACCOUNT 4

struct fixture {
	struct world world;
	struct knobs knobs;
	struct state state;
};

static struct fixture *setup(uint32_t videos_each)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	world_init(&fixture->world);
	fixture->world.accounts = 10;
	fixture->world.videos_each = videos_each;
	fixture->world.ties = WORLD_TIES_NONE;
	knobs_init(&fixture->knobs);
	state_init(&fixture->state, &fixture->world, &fixture->knobs, 0);
	return fixture;
}

static void teardown(struct fixture *fixture)
{
	state_finish(&fixture->state);
	free(fixture);
}

static void turn(struct fixture *fixture, const char *knob, const char *value)
{
	struct error err;

	assert_true(knobs_set(&fixture->knobs, knob, value, &err));
}

/* Follow the cursors to the end; returns how many videos came, and counts each in seen[]. */
static size_t crawl(struct fixture *fixture, size_t max_count, uint32_t seen[], size_t *pages)
{
	struct listing page = {.has_more = true};
	int64_t cursor_ms = 0;
	size_t count = 0;

	for (*pages = 0; page.has_more && *pages < 100; ++*pages) {
		listing_take_page(&fixture->state, ACCOUNT, cursor_ms, max_count, &page);
		for (size_t i = 0; i < page.count; i++) {
			if (page.numbers[i] < STATE_POSTED)
				seen[page.numbers[i]]++;
		}
		count += page.count;
		cursor_ms = page.cursor_ms;
	}
	return count;
}

static void every_video_comes_once(void **state)
{
	struct fixture *fixture = setup(45);
	uint32_t seen[45] = {0};
	size_t pages;

	assert_int_equal(crawl(fixture, 20, seen, &pages), 45);
	assert_int_equal(pages, 3);
	for (size_t i = 0; i < 45; i++)
		assert_int_equal(seen[i], 1);
	teardown(fixture);
}

static void the_cursor_is_the_time_of_the_last_video(void **state)
{
	struct fixture *fixture = setup(45);
	struct listing page;

	listing_take_page(&fixture->state, ACCOUNT, 0, 20, &page);

	assert_int_equal(
		page.cursor_ms, world_video_create_time_s(&fixture->world, ACCOUNT, 19) * 1000);
	assert_true(page.has_more);
	teardown(fixture);
}

static void a_full_last_page_has_no_more(void **state)
{
	struct fixture *fixture = setup(20);
	struct listing page;

	listing_take_page(&fixture->state, ACCOUNT, 0, 20, &page);

	assert_int_equal(page.count, 20);
	assert_false(page.has_more);
	assert_int_not_equal(page.cursor_ms, 0);
	teardown(fixture);
}

static void an_account_without_videos_has_one_empty_page(void **state)
{
	struct fixture *fixture = setup(1);
	struct listing page;

	state_change_video(&fixture->state, ACCOUNT, 0)->visibility = VIDEO_PRIVATE;
	listing_take_page(&fixture->state, ACCOUNT, 0, 20, &page);

	assert_int_equal(page.count, 0);
	assert_int_equal(page.cursor_ms, 0);
	assert_false(page.has_more);
	teardown(fixture);
}

static void a_tie_on_the_edge_is_lost_before_the_cursor(void **state)
{
	struct fixture *fixture = setup(30);
	uint32_t seen[30] = {0};
	size_t pages;

	fixture->world.ties = WORLD_TIES_ON_PAGE_EDGES;
	assert_int_equal(crawl(fixture, 20, seen, &pages), 29);
	assert_int_equal(seen[19], 1);
	assert_int_equal(seen[20], 0);
	teardown(fixture);
}

static void a_tie_on_the_edge_comes_twice_at_or_before_the_cursor(void **state)
{
	struct fixture *fixture = setup(30);
	uint32_t seen[30] = {0};
	size_t pages;

	fixture->world.ties = WORLD_TIES_ON_PAGE_EDGES;
	turn(fixture, "cursor_compare", "at_or_before");
	crawl(fixture, 20, seen, &pages);
	assert_int_equal(seen[19], 2);
	assert_int_equal(seen[20], 1);
	assert_int_equal(seen[29], 1);
	teardown(fixture);
}

static void short_pages_lose_nothing(void **state)
{
	struct fixture *fixture = setup(45);
	uint32_t seen[45] = {0};
	size_t pages;

	turn(fixture, "short_pages", "drop");
	assert_int_equal(crawl(fixture, 20, seen, &pages), 45);
	assert_int_equal(pages, 3);
	turn(fixture, "short_page_items", "19");
	assert_int_equal(crawl(fixture, 20, seen, &pages), 45);
	assert_int_equal(pages, 45);
	teardown(fixture);
}

static void an_empty_page_echoes_the_cursor_and_has_more(void **state)
{
	struct fixture *fixture = setup(45);
	uint32_t seen[45] = {0};
	struct listing page;
	size_t pages;

	turn(fixture, "short_pages", "empty");
	listing_take_page(&fixture->state, ACCOUNT, 1800000000000, 20, &page);
	assert_int_equal(page.count, 0);
	assert_int_equal(page.cursor_ms, 1800000000000);
	assert_true(page.has_more);

	assert_int_equal(crawl(fixture, 20, seen, &pages), 45);
	assert_int_equal(pages, 5);
	teardown(fixture);
}

static void a_hidden_video_is_not_listed(void **state)
{
	struct fixture *fixture = setup(45);
	uint32_t seen[45] = {0};
	size_t pages;

	state_change_video(&fixture->state, ACCOUNT, 7)->visibility = VIDEO_PRIVATE;
	state_change_video(&fixture->state, ACCOUNT, 44)->visibility = VIDEO_DELETED;
	assert_int_equal(crawl(fixture, 20, seen, &pages), 43);
	assert_int_equal(seen[7], 0);
	assert_int_equal(seen[44], 0);
	assert_int_equal(state_public_videos(&fixture->state, ACCOUNT), 43);
	teardown(fixture);
}

static void a_posted_video_takes_its_place_by_time(void **state)
{
	struct fixture *fixture = setup(45);
	int64_t old_s = world_video_create_time_s(&fixture->world, ACCOUNT, 30) + 1;
	uint32_t newest = state_post_video(&fixture->state, ACCOUNT, "new", 2000000000);
	uint32_t amid = state_post_video(&fixture->state, ACCOUNT, "old", old_s);
	struct listing page;
	uint32_t oldest;

	listing_take_page(&fixture->state, ACCOUNT, 0, 20, &page);
	assert_int_equal(page.numbers[0], newest);
	assert_int_equal(page.numbers[1], 0);
	listing_take_page(&fixture->state, ACCOUNT, page.cursor_ms, 20, &page);
	assert_int_equal(page.numbers[0], 19);
	assert_int_equal(page.numbers[11], amid);
	assert_int_equal(page.numbers[12], 30);
	assert_true(listing_find_oldest(&fixture->state, ACCOUNT, &oldest));
	assert_int_equal(oldest, 44);
	teardown(fixture);
}

static void two_posts_of_one_second_both_come(void **state)
{
	struct fixture *fixture = setup(3);
	uint32_t one = state_post_video(&fixture->state, ACCOUNT, "one", 2000000000);
	uint32_t two = state_post_video(&fixture->state, ACCOUNT, "two", 2000000000);
	struct listing page;

	listing_take_page(&fixture->state, ACCOUNT, 0, 20, &page);
	assert_int_equal(page.count, 5);
	assert_int_equal(page.numbers[0], two);
	assert_int_equal(page.numbers[1], one);
	teardown(fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_video_comes_once),
		cmocka_unit_test(the_cursor_is_the_time_of_the_last_video),
		cmocka_unit_test(a_full_last_page_has_no_more),
		cmocka_unit_test(an_account_without_videos_has_one_empty_page),
		cmocka_unit_test(a_tie_on_the_edge_is_lost_before_the_cursor),
		cmocka_unit_test(a_tie_on_the_edge_comes_twice_at_or_before_the_cursor),
		cmocka_unit_test(short_pages_lose_nothing),
		cmocka_unit_test(an_empty_page_echoes_the_cursor_and_has_more),
		cmocka_unit_test(a_hidden_video_is_not_listed),
		cmocka_unit_test(a_posted_video_takes_its_place_by_time),
		cmocka_unit_test(two_posts_of_one_second_both_come),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
