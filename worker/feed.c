/* SPDX-License-Identifier: MIT */
/*
 * What the intake knows of the quota. Run by its thread.
 */
#include "worker/feed.h"

#include "common/clock.h"
#include "worker/line.h"

#define LOOK_MS    500
#define BACKLOG_MS 10000 /* the queue is asked for its length this often */

void feed_init(struct feed *feed, const struct config *config)
{
	int64_t users = config->quota_user_info, videos = config->quota_video_list;

	*feed = (struct feed){.looked_ms = clock_monotonic_ms()};
	appetite_init(&feed->appetite, config->worker_concurrency + INT64_C(2) * LINE_BATCH_JOBS,
		users && (!videos || users < videos) ? users : videos);
}

bool feed_is_due(const struct feed *feed, int64_t now_ms)
{
	return now_ms - feed->looked_ms >= LOOK_MS;
}

/* Who does not get all the jobs that it would take knows that there are no more. */
bool feed_wants_backlog(struct feed *feed, int64_t at_hand)
{
	int64_t now_ms = clock_monotonic_ms();

	if (at_hand < feed->appetite.jobs) {
		feed->ready = 0;
		return false;
	}
	if (feed->backlog_ms && now_ms - feed->backlog_ms < BACKLOG_MS)
		return false;
	feed->backlog_ms = now_ms;
	return true;
}

static void fill_look(
	struct feed *feed, const struct line *line, int64_t at_hand, struct appetite_look *look)
{
	int64_t now_ms = clock_monotonic_ms();

	*look = (struct appetite_look){.passed_s = (double)(now_ms - feed->looked_ms) / 1000,
		.at_hand = at_hand,
		.waiting = atomic_load(&line->waiting_for_quota),
		.ended = feed->ended,
		.ready = feed->ready};
	for (int i = 0; i < ENDPOINTS; i++) {
		int64_t calls = metric_value(METRIC_API_SECONDS, i);

		look->calls[i] = calls - feed->calls[i];
		look->per_minute[i] = metric_value(METRIC_QUOTA_PER_MINUTE, i);
		feed->calls[i] = calls;
	}
	feed->ended = 0;
	feed->looked_ms = now_ms;
}

bool feed_look(struct feed *feed, const struct line *line, int64_t at_hand)
{
	struct appetite_look look;
	bool changed;

	fill_look(feed, line, at_hand, &look);
	changed = appetite_look(&feed->appetite, &look);
	metric_set(METRIC_PREFETCH, 0, feed->appetite.jobs);
	metric_set(METRIC_USEFUL_WORKERS, 0,
		appetite_useful_workers(&feed->appetite, &look, line->config->worker_concurrency));
	return changed;
}
