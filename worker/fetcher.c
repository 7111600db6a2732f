/* SPDX-License-Identifier: MIT */
/*
 * Fetcher: makes the calls to TikTok, WORKER_CONCURRENCY jobs at once, on one curl_multi. A call is
 * sent at a slot of the fleet's quota (governor.h); a job that waits for one holds neither a place nor
 * a connection. A call that finds its job more than a second old is announced. One thread.
 */
#include <assert.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/http.h"
#include "common/killpoint.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/metrics.h"
#include "common/process.h"
#include "worker/governor.h"
#include "worker/job_list.h"
#include "worker/line.h"
#include "worker/outages.h"
#include "worker/ready.h"

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
#define LOOK_EVERY_MS      250 /* for jobs to announce, and for leases that age */

/* A job whose call is in flight. */
struct fetch {
	size_t place; /* in fetcher->places */
	struct fetcher *fetcher;
	struct job *job;
	struct http_call *call;
	int64_t sent_ms;
	int64_t late_ms; /* after its slot */
};

struct fetcher {
	struct line *line;
	struct queue queue;
	pthread_t thread;
	atomic_bool stopping;
	struct http *http;
	struct health_loop *loop;
	struct governor *governor;
	struct outages outages;
	struct fetch **places; /* the calls in flight, in no order; room for worker_concurrency */
	size_t in_flight;
	int64_t looked_ms; /* for jobs to announce */
	int64_t leases_looked_ms;
	struct ready ready[ENDPOINTS];
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
	struct fetcher *fetcher, const struct fetch *fetch, const struct http_reply *reply)
{
	enum metric_endpoint endpoint = fetch->job->call.endpoint;

	metric_add(METRIC_API_CALLS, metric_api_slot(endpoint, reply->status), 1);
	metric_observe_ms(METRIC_API_SECONDS, (int)endpoint, reply->elapsed_ms);
	governor_note_begun(fetcher->governor, endpoint, fetch->late_ms + reply->began_ms);
	if (reply->status == 429)
		governor_note_limited(
			fetcher->governor, endpoint, fetch->sent_ms, reply->retry_after_ms);
}

static void take_reply(void *owner, const struct http_reply *reply)
{
	struct fetch *fetch = owner;
	struct fetcher *fetcher = fetch->fetcher;
	struct job *job = fetch->job;
	enum metric_endpoint endpoint = job->call.endpoint;
	enum sync_action action;

	killpoint(KILL_WORKER_REPLY_TAKEN, job->message.account_id);
	note_reply(fetcher, fetch, reply);
	action = line_advance_reply(fetcher->line, job, reply);
	if (job->failure.class != ERROR_NONE)
		outages_note_failure(&fetcher->outages, endpoint, job, clock_monotonic_ms());
	else
		outages_note_answer(&fetcher->outages, endpoint, job, fetch->sent_ms);
	remove_place(fetcher, fetch);
	line_hand_over(fetcher->line, job, action);
}

/* For a slot at slot_ms; INT64_MIN: there is no limit. */
static void send_call(struct fetcher *fetcher, struct job *job, int64_t slot_ms, int64_t now_ms)
{
	enum metric_endpoint endpoint = job->call.endpoint;
	int64_t timeout_ms = fetcher->line->config->http_timeout_ms;
	struct fetch *fetch = memory_allocate(1, sizeof *fetch);
	struct http_request request;

	if (endpoint == ENDPOINT_TOKEN && timeout_ms > REFRESH_TIMEOUT_MS)
		timeout_ms = REFRESH_TIMEOUT_MS;
	request = tiktok_request(&job->call, timeout_ms);
	if (!job->fetching_ms)
		job->fetching_ms = now_ms;
	*fetch = (struct fetch){.fetcher = fetcher,
		.job = job,
		.sent_ms = now_ms,
		.late_ms = slot_ms == INT64_MIN ? 0 : now_ms - slot_ms};
	add_place(fetcher, fetch);
	governor_take(fetcher->governor, endpoint);
	outages_note_sent(&fetcher->outages, endpoint);
	fetch->call = http_send(fetcher->http, &request, take_reply, fetch);
	killpoint(KILL_WORKER_CALL_SENT, job->message.account_id);
}

static void make_ready(struct fetcher *fetcher, struct job *job)
{
	ready_add(&fetcher->ready[job->call.endpoint], job);
}

static void take_queue(struct fetcher *fetcher)
{
	struct job *job;

	while ((job = (struct job *)queue_take(&fetcher->queue, 0))) {
		if (job->action == SYNC_DOUBT)
			outages_hold(&fetcher->outages, job);
		else if (job->due_ms)
			job_list_add(&fetcher->waiting, job);
		else
			make_ready(fetcher, job);
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
			make_ready(fetcher, job);
			continue;
		}
		if (job->due_ms - now_ms < next_ms)
			next_ms = job->due_ms - now_ms;
		job_list_add(&fetcher->waiting, job);
	}
	return next_ms;
}

/* Refreshes that had to wait for too long, their lease being as old as that. */
static void pass_aged_leases(struct fetcher *fetcher, int64_t now_ms)
{
	struct ready *ready = &fetcher->ready[ENDPOINT_TOKEN];

	if (now_ms - fetcher->leases_looked_ms < LOOK_EVERY_MS)
		return;
	fetcher->leases_looked_ms = now_ms;
	for (int64_t left = ready->count; left > 0; left--) {
		struct job *job = ready_take(ready);

		if (now_ms - job->leased_ms > LEASE_YOUNG_MS)
			line_pass(fetcher->line, job, OUTCOME_LEASE_AGED);
		else
			ready_keep(ready, job);
	}
}

/* Tell the governor what waits for slots. In an outage one call at a time is made. */
static void want_slots(struct fetcher *fetcher, enum metric_endpoint endpoint)
{
	const struct ready *ready = &fetcher->ready[endpoint];
	int64_t probes = outages_wants_probe(&fetcher->outages, endpoint);

	if (outages_is_open(&fetcher->outages, endpoint))
		governor_want(fetcher->governor, endpoint, ready->count || probes, 0);
	else
		governor_want(fetcher->governor, endpoint, ready->count + probes, ready->express);
}

/*
 * Send what is ready and may go, by the slots that there are and by what is known of an outage.
 * Returns how long to sleep at most.
 */
static int64_t send_ready(struct fetcher *fetcher, int64_t now_ms)
{
	size_t places = (size_t)fetcher->line->config->worker_concurrency;
	int64_t sleep_ms = LINE_TURN_MS, waiting = 0;

	pass_aged_leases(fetcher, now_ms);
	for (int i = 0; i < ENDPOINTS; i++) {
		enum metric_endpoint endpoint = (enum metric_endpoint)i;
		struct ready *ready = &fetcher->ready[i];
		int64_t slot_ms = INT64_MIN, at_ms = INT64_MIN;

		want_slots(fetcher, endpoint);
		while (ready->count && fetcher->in_flight < places) {
			int64_t outage_ms = outages_next_ms(&fetcher->outages, endpoint);

			slot_ms = governor_next_ms(fetcher->governor, endpoint, now_ms);
			at_ms = slot_ms > outage_ms ? slot_ms : outage_ms;
			if (at_ms > now_ms)
				break;
			send_call(fetcher, ready_take(ready), slot_ms, now_ms);
		}
		if (slot_ms > now_ms)
			waiting += ready->count;
		if (ready->count && at_ms > now_ms && at_ms - now_ms < sleep_ms)
			sleep_ms = at_ms - now_ms;
	}
	atomic_store(&fetcher->line->waiting_for_quota, waiting);
	return sleep_ms;
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

static void give_back_list(struct fetcher *fetcher, struct job_list *list)
{
	struct job_list all = *list;
	struct job *job;

	*list = (struct job_list){0};
	while ((job = job_list_take(&all))) {
		if (line_wants_back(fetcher->line, job))
			line_give_back(fetcher->line, job);
		else
			job_list_add(list, job);
	}
}

static void give_back_ready(struct fetcher *fetcher, struct ready *ready)
{
	for (int64_t left = ready->count; left > 0; left--) {
		struct job *job = ready_take(ready);

		if (line_wants_back(fetcher->line, job))
			line_give_back(fetcher->line, job);
		else
			ready_keep(ready, job);
	}
}

/*
 * What the line wants back: jobs held for too long, or, when the drain time is over, every one but
 * refreshes, whose answer must not be lost.
 */
static void give_back(struct fetcher *fetcher)
{
	for (int i = 0; i < ENDPOINTS; i++)
		give_back_ready(fetcher, &fetcher->ready[i]);
	give_back_list(fetcher, &fetcher->waiting);
	outages_give_back(&fetcher->outages);
	for (size_t i = fetcher->in_flight; i-- > 0;) { /* backwards: the last one fills a gap */
		struct fetch *fetch = fetcher->places[i];
		struct job *job = fetch->job;

		if (line_wants_back(fetcher->line, job)) {
			http_cancel(fetcher->http, fetch->call);
			outages_note_dropped(&fetcher->outages, job->call.endpoint);
			remove_place(fetcher, fetch);
			line_give_back(fetcher->line, job);
		}
	}
}

static bool has_work(const struct fetcher *fetcher)
{
	for (int i = 0; i < ENDPOINTS; i++)
		if (fetcher->ready[i].count)
			return true;
	return fetcher->waiting.first || fetcher->in_flight;
}

static void *run(void *argument)
{
	struct fetcher *fetcher = argument;

	while (!atomic_load(&fetcher->stopping)) {
		int64_t now_ms = clock_monotonic_ms(), timeout_ms, slots_ms, doubts_ms;

		take_queue(fetcher);
		timeout_ms = end_waits(fetcher, now_ms);
		if (line_gives_back(fetcher->line))
			give_back(fetcher);
		slots_ms = send_ready(fetcher, now_ms);
		if (slots_ms < timeout_ms)
			timeout_ms = slots_ms;
		doubts_ms = outages_turn(&fetcher->outages, has_work(fetcher), now_ms);
		if (doubts_ms < timeout_ms)
			timeout_ms = doubts_ms;
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
	struct http_options options = {.max_calls = (size_t)config->worker_concurrency + ENDPOINTS,
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
	fetcher->governor = governor_start(line, wake, fetcher);
	outages_init(&fetcher->outages, line, fetcher->http, fetcher->governor);
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
	governor_stop(fetcher->governor);
	http_destroy(fetcher->http);
	outages_finish(&fetcher->outages);
	queue_finish(&fetcher->queue);
	free(fetcher->places);
	free(fetcher);
}
