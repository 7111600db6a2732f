/* SPDX-License-Identifier: MIT */
/*
 * Fetcher: makes the calls to TikTok, WORKER_CONCURRENCY jobs at once, on one curl_multi. A call is
 * sent when its endpoint's pace allows; a job that waits for its turn holds no place. A call that
 * finds its job more than a second old is announced. One thread.
 */
#include <assert.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/http.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/metrics.h"
#include "common/process.h"
#include "worker/line.h"
#include "worker/pacer.h"

#define CONNECT_TIMEOUT_MS 10000
#define REPLY_MAX_BYTES    ((size_t)4 * 1024 * 1024)
#define ANNOUNCE_AFTER_MS  1000
/*
 * A refresh must be over while the lease (90 s, STATEMENT_LEASE_TOKEN) holds, or another worker
 * would use the same refresh token: it is sent only under a young lease, and given up before the
 * lease ends.
 */
#define LEASE_YOUNG_MS     20000
#define REFRESH_TIMEOUT_MS 60000
#define LOOK_EVERY_MS      250  /* for jobs to announce */
#define QUOTA_PAUSE_MS     1000 /* for the endpoint, after a 429 without Retry-After */

/* A job at TikTok: in flight, or between two calls. */
struct fetch {
	size_t place; /* in fetcher->places */
	struct fetcher *fetcher;
	struct job *job;
	struct http_call *call;
};

/* Jobs of the fetcher's own, linked by link.next. */
struct job_list {
	struct job *first, *last;
};

struct fetcher {
	struct line *line;
	struct queue queue;
	pthread_t thread;
	atomic_bool stopping;
	struct http *http;
	struct health_loop *loop;
	struct pacer pacers[ENDPOINTS];
	struct fetch **places; /* the calls in flight, in no order; room for worker_concurrency */
	size_t in_flight;
	int64_t looked_ms;       /* when announce_long() last looked */
	struct job_list ready;   /* taken but not sent, in order */
	struct job_list waiting; /* until due_ms, in order of arrival */
};

static void wake(void *context)
{
	http_wake(((struct fetcher *)context)->http);
}

static void add_place(struct fetcher *fetcher, struct fetch *fetch)
{
	fetch->place = fetcher->in_flight++;
	fetcher->places[fetch->place] = fetch;
}

/* The last one moves into the gap. */
static void remove_place(struct fetcher *fetcher, struct fetch *fetch)
{
	struct fetch *last = fetcher->places[--fetcher->in_flight];

	last->place = fetch->place;
	fetcher->places[fetch->place] = last;
	free(fetch);
}

static void note_reply(
	struct fetcher *fetcher, const struct job *job, const struct http_reply *reply)
{
	enum metric_endpoint endpoint = job->call.endpoint;
	int64_t pause_ms = reply->retry_after_ms > 0 ? reply->retry_after_ms : QUOTA_PAUSE_MS;

	metric_add(METRIC_API_CALLS, metric_api_slot(endpoint, reply->status), 1);
	metric_observe_ms(METRIC_API_SECONDS, (int)endpoint, reply->elapsed_ms);
	if (reply->status == 429)
		pacer_pause(&fetcher->pacers[endpoint], clock_monotonic_ms() + pause_ms);
}

static void take_reply(void *owner, const struct http_reply *reply)
{
	struct fetch *fetch = owner;
	struct fetcher *fetcher = fetch->fetcher;
	struct job *job = fetch->job;

	note_reply(fetcher, job, reply);
	remove_place(fetcher, fetch);
	line_pass_reply(fetcher->line, job, reply);
}

static void send_call(struct fetcher *fetcher, struct job *job, int64_t now_ms)
{
	bool is_form = job->call.endpoint == ENDPOINT_TOKEN;
	bool is_get = job->call.endpoint == ENDPOINT_USER_INFO;
	int64_t http_timeout_ms = fetcher->line->config->http_timeout_ms;
	int64_t timeout_ms = is_form && http_timeout_ms > REFRESH_TIMEOUT_MS ? REFRESH_TIMEOUT_MS
									     : http_timeout_ms;
	struct http_request request = {.method = is_get ? HTTP_GET : HTTP_POST,
		.url = text_string(&job->call.url),
		.bearer = job->call.bearer,
		.content_type = is_get    ? NULL
				: is_form ? "application/x-www-form-urlencoded"
					  : "application/json",
		.body = is_get ? NULL : text_string(&job->call.body),
		.body_length = job->call.body.length,
		.deadline_ms = timeout_ms,
		.send_once = is_form};
	struct fetch *fetch = memory_allocate(1, sizeof *fetch);

	if (!job->fetching_ms)
		job->fetching_ms = now_ms;
	*fetch = (struct fetch){.fetcher = fetcher, .job = job};
	add_place(fetcher, fetch);
	pacer_note_sent(&fetcher->pacers[job->call.endpoint], now_ms);
	fetch->call = http_send(fetcher->http, &request, take_reply, fetch);
}

static void list_add(struct job_list *list, struct job *job)
{
	job->link.next = NULL;
	if (list->last)
		list->last->link.next = &job->link;
	else
		list->first = job;
	list->last = job;
}

static struct job *list_take(struct job_list *list)
{
	struct job *job = list->first;

	if (job && !(list->first = (struct job *)job->link.next))
		list->last = NULL;
	return job;
}

static void take_queue(struct fetcher *fetcher)
{
	struct job *job;

	while ((job = (struct job *)queue_take(&fetcher->queue, 0))) {
		if (job->due_ms)
			list_add(&fetcher->waiting, job);
		else
			list_add(&fetcher->ready, job);
	}
}

/* Jobs whose wait is over become ready. Returns how long the shortest of the others lasts. */
static int64_t end_waits(struct fetcher *fetcher, int64_t now_ms)
{
	struct job_list waiting = fetcher->waiting;
	int64_t next_ms = LINE_TURN_MS;
	struct job *job;

	fetcher->waiting = (struct job_list){0};
	while ((job = list_take(&waiting))) {
		if (job->due_ms <= now_ms) {
			job->due_ms = 0;
			list_add(&fetcher->ready, job);
			continue;
		}
		if (job->due_ms - now_ms < next_ms)
			next_ms = job->due_ms - now_ms;
		list_add(&fetcher->waiting, job);
	}
	return next_ms;
}

/* Send what is ready and may go; what its endpoint's pace holds back waits. */
static void send_ready(struct fetcher *fetcher, int64_t now_ms)
{
	size_t places = (size_t)fetcher->line->config->worker_concurrency;

	while (fetcher->ready.first && fetcher->in_flight < places) {
		struct job *job = list_take(&fetcher->ready);
		int64_t at_ms = pacer_next_ms(&fetcher->pacers[job->call.endpoint]);

		if (at_ms > now_ms) {
			job->due_ms = at_ms;
			list_add(&fetcher->waiting, job);
		} else if (job->call.endpoint == ENDPOINT_TOKEN &&
			   now_ms - job->leased_ms > LEASE_YOUNG_MS) {
			line_pass(fetcher->line, job, OUTCOME_LEASE_AGED);
		} else {
			send_call(fetcher, job, now_ms);
		}
	}
}

static void announce_long(struct fetcher *fetcher, int64_t now_ms)
{
	if (now_ms - fetcher->looked_ms < LOOK_EVERY_MS)
		return;
	fetcher->looked_ms = now_ms;
	for (size_t i = 0; i < fetcher->in_flight; i++) {
		struct job *job = fetcher->places[i]->job;

		if (!job->announced && now_ms - job->fetching_ms >= ANNOUNCE_AFTER_MS) {
			job->announced = true;
			outlet_announce(fetcher->line->outlet, job);
		}
	}
}

static void give_back_list(struct fetcher *fetcher, struct job_list list)
{
	struct job *job;

	while ((job = list_take(&list))) {
		if (sync_may_stop_before(job, job->action))
			line_give_back(fetcher->line, job);
		else
			list_add(&fetcher->ready, job);
	}
}

/* The drain time is over: end every call but refreshes, whose answer must not be lost. */
static void give_back_rest(struct fetcher *fetcher)
{
	struct job_list ready = fetcher->ready, waiting = fetcher->waiting;

	fetcher->ready = fetcher->waiting = (struct job_list){0};
	give_back_list(fetcher, ready);
	give_back_list(fetcher, waiting);
	for (size_t i = fetcher->in_flight; i-- > 0;) { /* backwards: the last one fills a gap */
		struct fetch *fetch = fetcher->places[i];
		struct job *job = fetch->job;

		if (sync_may_stop_before(job, job->action)) {
			http_cancel(fetcher->http, fetch->call);
			remove_place(fetcher, fetch);
			line_give_back(fetcher->line, job);
		}
	}
}

static void *run(void *argument)
{
	struct fetcher *fetcher = argument;

	while (!atomic_load(&fetcher->stopping)) {
		int64_t now_ms = clock_monotonic_ms(), timeout_ms;

		take_queue(fetcher);
		timeout_ms = end_waits(fetcher, now_ms);
		if (atomic_load(&fetcher->line->giving_back))
			give_back_rest(fetcher);
		send_ready(fetcher, now_ms);
		announce_long(fetcher, now_ms);
		if (fetcher->in_flight && timeout_ms > LOOK_EVERY_MS)
			timeout_ms = LOOK_EVERY_MS;
		http_run(fetcher->http, timeout_ms);
		health_beat(fetcher->loop);
	}
	health_loop_end(fetcher->loop);
	return NULL;
}

bool fetcher_start(struct line *line)
{
	const struct config *config = line->config;
	const int64_t limits[ENDPOINTS] = {[ENDPOINT_USER_INFO] = config->quota_user_info,
		[ENDPOINT_VIDEO_LIST] = config->quota_video_list,
		[ENDPOINT_TOKEN] = config->quota_token};
	struct http_options options = {.max_calls = (size_t)config->worker_concurrency,
		.connect_timeout_ms = CONNECT_TIMEOUT_MS,
		.reply_max_bytes = REPLY_MAX_BYTES,
		.plain_allowed = true};
	struct fetcher *fetcher = memory_allocate(1, sizeof *fetcher);
	struct error err;

	fetcher->line = line;
	if (!http_create(&options, &fetcher->http, &err)) {
		log_error("%s", err.text);
		free(fetcher);
		return false;
	}
	for (int i = 0; i < ENDPOINTS; i++)
		pacer_init(&fetcher->pacers[i], (size_t)limits[i]);
	fetcher->places = memory_allocate(options.max_calls, sizeof *fetcher->places);
	fetcher->loop = health_add_loop(line->health, "fetcher");
	queue_init_waking(&fetcher->queue, wake, fetcher);
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
	http_wake(fetcher->http);
}

void fetcher_stop(struct fetcher *fetcher)
{
	if (!fetcher)
		return;
	atomic_store(&fetcher->stopping, true);
	http_wake(fetcher->http);
	pthread_join(fetcher->thread, NULL);
	http_destroy(fetcher->http);
	for (int i = 0; i < ENDPOINTS; i++)
		pacer_finish(&fetcher->pacers[i]);
	queue_finish(&fetcher->queue);
	free(fetcher->places);
	free(fetcher);
}
