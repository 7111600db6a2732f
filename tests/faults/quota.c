/* SPDX-License-Identifier: MIT */
/*
 * The fleet against TikTok's quota, with more work than it allows:
 *
 *     faults_quota [--seed N] [--workers N] [--seconds N] [--limit N] [--kills N] [--percent N]
 *
 * Workers are killed (--kills, evenly over the time; every fourth is told to stop instead; others take their places), and the clock of one of
 * several jumps with each kill, where libfaketime is installed (whose fake clock makes waiting threads spin: it alone would be
 * starved). TikTok must never answer 429, no 60 seconds may see more calls than the limit, and the
 * endpoint that is the bottleneck must see at least --percent of the calls that the limit allows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "tests/faults/oracle.h"
#include "tests/faults/program.h"
#include "tests/faults/vitals.h"
#include "tests/support/environment.h"
#include "tests/support/wait.h"

#define ACCOUNTS    300
#define VIDEOS      50 /* three pages */
#define WARM_UP_MS  5000
#define CALLS_MAX   1000000
#define WINDOW_US   60000000
#define LIBFAKETIME "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"

static struct harness harness;
static struct test_fleet fleet;
static struct crew crew;
static struct oracle oracle;
static uint64_t seed;
static int64_t workers = 4, seconds = 75, limit = 600, kills = 4, percent = 97;
static char *journal; /* of every call, by the simulator */
static char user_quota[40], video_quota[40];
static const char *const plain[] = {user_quota, video_quota, NULL};

static void open_fleet(void)
{
	static char rate_limit[40];
	const char *arguments[] = {
		"--latency-ms", "100", "--set", rate_limit, "--journal", NULL, NULL};

	harness_open(&harness, "quota", seed);
	journal = harness_path(&harness, "tiktok");
	unlink(journal);
	arguments[5] = journal;
	snprintf(rate_limit, sizeof rate_limit, "rate_limit=%" PRId64, limit);
	snprintf(user_quota, sizeof user_quota, "QUOTA_USER_INFO=%" PRId64, limit);
	snprintf(video_quota, sizeof video_quota, "QUOTA_VIDEO_LIST=%" PRId64, limit);
	world_init(&fleet.world);
	fleet.world.videos_each = VIDEOS;
	test_fleet_create(&fleet, ACCOUNTS, arguments);
	crew_init(&crew, &harness, &fleet);
	for (int64_t i = 0; i < workers; i++)
		crew_add(&crew, "storesync-worker", NULL, END_NEVER, plain);
	crew_add(&crew, "storesync-logger", NULL, END_NEVER, NULL);
	crew_add(&crew, "storesync-producer", "--force", END_REPEAT, NULL);
	oracle_init(&oracle, &crew);
	if (!crew_wait_until_ready(&crew, TEST_WAIT_MS))
		fail_msg("the fleet is not ready after %d ms", TEST_WAIT_MS);
}

/* More work than the quota lets through before the next look. */
static void keep_busy(int64_t duration_ms)
{
	int64_t until_ms = clock_monotonic_ms() + duration_ms;

	do {
		int64_t unfinished = oracle_unfinished(&oracle);

		if (unfinished >= 0)
			crew.load_wanted = unfinished < ACCOUNTS / 2;
		crew_tend(&crew, 200);
	} while (clock_monotonic_ms() < until_ms);
}

/* From its next life on the first worker's clock is read from a file. */
static bool fake_first_clock(const char *path)
{
	static char preload[128], file[512];
	static const char *const faked[] = {user_quota, video_quota, preload, "FAKETIME_NO_CACHE=1",
		"FAKETIME_DONT_FAKE_MONOTONIC=1", "DONT_FAKE_MONOTONIC=1", file, NULL};

	if (access(LIBFAKETIME, R_OK) != 0)
		return false;
	snprintf(preload, sizeof preload, "LD_PRELOAD=%s", LIBFAKETIME);
	snprintf(file, sizeof file, "FAKETIME_TIMESTAMP_FILE=%s", path);
	test_write_file(path, "+0");
	crew.members[0].overrides = faked;
	crew_strike(&crew, 0, STRIKE_TERM, 0);
	return true;
}

static void disturb(const char *clock_path, bool has_clock)
{
	static const char *const offsets[] = {"+1h", "-1h", "+1d", "-1d", "+0"};
	int64_t began_ms = clock_monotonic_ms(), done = 0;

	while (clock_monotonic_ms() - began_ms < seconds * 1000) {
		int64_t passed_ms = clock_monotonic_ms() - began_ms;

		if (done < kills && passed_ms > (done + 1) * seconds * 1000 / (kills + 1)) {
			int place = (int)dice_between(&harness.dice, 0, workers - 1);

			if (has_clock)
				test_write_file(
					clock_path, offsets[dice_between(&harness.dice, 0, 4)]);
			crew_strike(&crew, place, ++done % 4 == 0 ? STRIKE_TERM : STRIKE_KILL, 0);
		}
		keep_busy(300);
	}
}

/* The sum of a metric of the workers that live: of all its lines that begin and go on like this. */
static double sum_metric(const char *name, const char *label)
{
	double sum = 0;

	for (int i = 0; i < workers; i++) {
		struct text page = {0};
		const char *at = NULL;

		if (crew_ask(&crew.members[i], "/metrics", &page) == 200)
			at = strstr(text_string(&page), name);
		for (; at; at = strstr(at + 1, name))
			if (at[-1] == '\n') {
				size_t length = strcspn(at, "\n");
				char *line = memory_copy_bytes(at, length);

				if (strstr(line, label))
					sum += strtod(strrchr(line, ' '), NULL);
				free(line);
			}
		text_finish(&page);
	}
	return sum;
}

/*
 * The most calls that any 60 seconds have seen, by the moments in the journal: not by the simulator's own
 * windows, which refuse.
 */
static int64_t most_in_60s(const char *endpoint)
{
	static int64_t moments_us[CALLS_MAX];
	size_t count = 0, first = 0, most = 0;
	struct text text = {0};

	test_read_file(journal, &text);
	for (const char *line = text_string(&text); *line; line += strcspn(line, "\n") + 1) {
		char *end;
		int64_t moment_us = strtoll(line, &end, 10);

		if (strncmp(end + 1, endpoint, strlen(endpoint)) != 0 ||
			end[1 + strlen(endpoint)] != '\t')
			continue;
		assert_true(count < CALLS_MAX);
		moments_us[count++] = moment_us;
		while (moment_us - moments_us[first] >= WINDOW_US)
			first++;
		if (count - first > most)
			most = count - first;
	}
	text_finish(&text);
	return (int64_t)most;
}

static void check_endpoint(const char *endpoint)
{
	char name[64];
	int64_t most = most_in_60s(endpoint);

	snprintf(name, sizeof name, "%s.most_in_60s", endpoint);
	harness_figure(&harness, name, (double)most);
	if (most > limit)
		harness_check(&harness, "I11",
			harness_sentence("%s: %" PRId64 " calls in 60 s, %" PRId64 " are allowed",
				endpoint, most, limit));
}

static void all_of_the_quota_is_used_and_not_one_call_more(void **state)
{
	char *path;
	bool has_clock;
	int64_t calls, refused, began_ms, took_ms;
	double used, leased;

	open_fleet();
	path = harness_path(&harness, "clock");
	has_clock = kills && workers > 1 && fake_first_clock(path);
	keep_busy(WARM_UP_MS);
	calls = test_fleet_stat(&fleet, "video_list.calls");
	began_ms = clock_monotonic_ms();
	disturb(path, has_clock);
	took_ms = clock_monotonic_ms() - began_ms;
	calls = test_fleet_stat(&fleet, "video_list.calls") - calls;
	used = 100.0 * (double)calls / ((double)limit * (double)took_ms / 60000);
	harness_figure(&harness, "workers", (double)workers);
	harness_figure(&harness, "kills", crew.kills);
	harness_figure(&harness, "stops", crew.terms);
	harness_figure(&harness, "calls", (double)calls);
	harness_figure(&harness, "used_percent", used);
	leased = sum_metric("storesync_quota_slots_total", "leased");
	harness_figure(
		&harness, "asks_per_slot", sum_metric("storesync_quota_asks_total", "") / leased);
	harness_figure(&harness, "lapsed_percent",
		100 * sum_metric("storesync_quota_slots_total", "lapsed") / leased);
	check_endpoint("user_info");
	check_endpoint("video_list");
	refused = test_fleet_stat(&fleet, "status_429");
	harness_figure(&harness, "status_429", (double)refused);
	if (refused)
		harness_check(&harness, "I11",
			harness_sentence("TikTok answered 429 %" PRId64 " times", refused));
	if (used < (double)percent)
		harness_check(&harness, "quota",
			harness_sentence(
				"%.1f %% of the allowed calls were made, wanted are %" PRId64, used,
				percent));
	free(path);
	free(journal);
	crew_stop(&crew);
	oracle_finish(&oracle);
	crew_finish(&crew);
	test_fleet_destroy(&fleet);
	harness_close(&harness);
}

int main(int argc, char **argv)
{
	const struct program_option options[] = {{"workers", &workers}, {"seconds", &seconds},
		{"limit", &limit}, {"kills", &kills}, {"percent", &percent}, {NULL, NULL}};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_the_quota_is_used_and_not_one_call_more)};

	if (!program_options(argc, argv, options, &seed, NULL))
		return 2;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
