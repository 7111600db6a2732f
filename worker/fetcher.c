/* SPDX-License-Identifier: MIT */
/*
 * Fetcher: makes the calls to TikTok on one curl_multi (calls.h), and holds the jobs that wait or are
 * in doubt. A job that waits holds neither a place nor a connection. One thread.
 */
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/process.h"
#include "worker/calls.h"
#include "worker/line.h"

struct fetcher {
	struct line *line;
	struct queue queue;
	pthread_t thread;
	atomic_bool stopping;
	struct health_loop *loop;
	struct calls calls;
	struct job_list waiting; /* until due_ms, in order of arrival */
};

static void wake(void *http)
{
	http_wake(http);
}

static void take_queue(struct fetcher *fetcher)
{
	struct job *job;

	while ((job = (struct job *)queue_take(&fetcher->queue, 0))) {
		if (job->action == SYNC_DOUBT)
			outages_hold(&fetcher->calls.outages, job);
		else if (job->due_ms)
			job_list_add(&fetcher->waiting, job);
		else
			calls_add(&fetcher->calls, job);
	}
}

/* Jobs whose wait is over become ready. Returns how long the shortest of the others lasts. */
static int64_t end_waits(struct fetcher *fetcher, int64_t now_ms)
{
	struct job_list waiting = fetcher->waiting;
	int64_t next_ms = LINE_TURN_MS;
	struct job *job;

	fetcher->waiting = (struct job_list){0};
	while ((job = job_list_take(&waiting))) {
		if (job->due_ms <= now_ms) {
			job->due_ms = 0;
			calls_add(&fetcher->calls, job);
			continue;
		}
		if (job->due_ms - now_ms < next_ms)
			next_ms = job->due_ms - now_ms;
		job_list_add(&fetcher->waiting, job);
	}
	return next_ms;
}

static void give_back(struct fetcher *fetcher)
{
	struct job_list waiting = fetcher->waiting;
	struct job *job;

	calls_give_back(&fetcher->calls);
	fetcher->waiting = (struct job_list){0};
	while ((job = job_list_take(&waiting))) {
		if (line_wants_back(fetcher->line, job))
			line_give_back(fetcher->line, job);
		else
			job_list_add(&fetcher->waiting, job);
	}
}

static void *run(void *argument)
{
	struct fetcher *fetcher = argument;
	struct calls *calls = &fetcher->calls;

	while (!atomic_load(&fetcher->stopping)) {
		int64_t now_ms = clock_monotonic_ms(), timeout_ms, calls_ms, doubts_ms;
		bool at_hand;

		take_queue(fetcher);
		timeout_ms = end_waits(fetcher, now_ms);
		if (line_gives_back(fetcher->line))
			give_back(fetcher);
		calls_ms = calls_send(calls, now_ms);
		if (calls_ms < timeout_ms)
			timeout_ms = calls_ms;
		at_hand = calls_at_hand(calls) || fetcher->waiting.first;
		doubts_ms = outages_turn(&calls->outages, at_hand, now_ms);
		if (doubts_ms < timeout_ms)
			timeout_ms = doubts_ms;
		http_run(calls->http, timeout_ms);
		health_beat(fetcher->loop);
	}
	health_loop_end(fetcher->loop);
	return NULL;
}

bool fetcher_start(struct line *line)
{
	struct fetcher *fetcher = memory_allocate(1, sizeof *fetcher);
	struct error err;

	fetcher->line = line;
	if (!calls_init(&fetcher->calls, line, wake, &err)) {
		log_error("%s", err.text);
		free(fetcher);
		return false;
	}
	fetcher->loop = health_add_loop(line->health, "fetcher");
	queue_init_waking(&fetcher->queue, wake, fetcher->calls.http);
	line->fetcher = fetcher; /* before anybody can look for it */
	process_start_thread("fetcher", &fetcher->thread, run, fetcher);
	return true;
}

void fetcher_put(struct fetcher *fetcher, struct job *job)
{
	if (job->express)
		queue_put_first(&fetcher->queue, &job->link);
	else
		queue_put(&fetcher->queue, &job->link);
}

void fetcher_wake(struct fetcher *fetcher)
{
	http_wake(fetcher->calls.http);
}

void fetcher_stop(struct fetcher *fetcher)
{
	if (!fetcher)
		return;
	atomic_store(&fetcher->stopping, true);
	http_wake(fetcher->calls.http);
	pthread_join(fetcher->thread, NULL);
	calls_finish(&fetcher->calls);
	queue_finish(&fetcher->queue);
	free(fetcher);
}
