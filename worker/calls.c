/* SPDX-License-Identifier: MIT */
/*
 * The calls of one worker. Run by the fetcher's thread.
 */
#include "worker/calls.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/killpoint.h"
#include "common/log.h"
#include "common/memory.h"
#include "worker/governor.h"
#include "worker/line.h"
#include "worker/tokens.h"

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
struct flight {
	size_t place; /* among calls->flights */
	struct calls *calls;
	struct job *job;
	struct http_call *call;
	int64_t sent_ms;
	int64_t slot_ms;
};

bool calls_init(
	struct calls *calls, struct line *line, void (*wake)(void *context), struct error *err)
{
	struct http_options options = {
		.max_calls = (size_t)line->config->worker_concurrency + ENDPOINTS,
		.connect_timeout_ms = CONNECT_TIMEOUT_MS,
		.reply_max_bytes = REPLY_MAX_BYTES,
		.plain_allowed = true};

	*calls = (struct calls){.line = line};
	if (!http_create(&options, &calls->http, err))
		return false;
	calls->governor = governor_start(line, wake, calls->http);
	outages_init(&calls->outages, line, calls->http, calls->governor);
	calls->flights = memory_allocate(options.max_calls, sizeof *calls->flights);
	return true;
}

void calls_finish(struct calls *calls)
{
	governor_stop(calls->governor);
	http_destroy(calls->http);
	outages_finish(&calls->outages);
	free(calls->flights);
}

static void add_place(struct calls *calls, struct flight *flight)
{
	flight->place = calls->in_flight++;
	calls->flights[flight->place] = flight;
}

/* The last one moves into the gap. */
static void remove_place(struct calls *calls, struct flight *flight)
{
	struct flight *last = calls->flights[--calls->in_flight];

	last->place = flight->place;
	calls->flights[flight->place] = last;
	free(flight);
}

static void note_reply(
	struct calls *calls, const struct flight *flight, const struct http_reply *reply)
{
	enum metric_endpoint endpoint = flight->job->call.endpoint;

	metric_add(METRIC_API_CALLS, metric_api_slot(endpoint, reply->status), 1);
	metric_observe_ms(METRIC_API_SECONDS, (int)endpoint, reply->elapsed_ms);
	if (reply->status == 429)
		governor_note_limited(
			calls->governor, endpoint, flight->sent_ms, reply->retry_after_ms);
}

static void take_reply(void *owner, const struct http_reply *reply)
{
	struct flight *flight = owner;
	struct calls *calls = flight->calls;
	struct job *job = flight->job;
	enum metric_endpoint endpoint = job->call.endpoint;
	enum sync_action action;

	killpoint(KILL_WORKER_REPLY_TAKEN, job->message.account_id);
	note_reply(calls, flight, reply);
	action = line_advance_reply(calls->line, job, reply);
	if (action == SYNC_SAVE_TOKEN)
		tokens_keep(calls->line, job);
	if (job->failure.class != ERROR_NONE)
		outages_note_failure(&calls->outages, endpoint, job, clock_monotonic_ms());
	else
		outages_note_answer(&calls->outages, endpoint, job, flight->sent_ms);
	remove_place(calls, flight);
	line_hand_over(calls->line, job, action);
}

static void note_begun(void *owner)
{
	struct flight *flight = owner;

	governor_note_begun(flight->calls->governor, flight->job->call.endpoint, flight->slot_ms);
}

static void send_call(struct calls *calls, struct job *job, int64_t slot_ms, int64_t now_ms)
{
	enum metric_endpoint endpoint = job->call.endpoint;
	int64_t timeout_ms = calls->line->config->http_timeout_ms;
	struct flight *flight = memory_allocate(1, sizeof *flight);
	struct http_request request;

	if (endpoint == ENDPOINT_TOKEN && timeout_ms > REFRESH_TIMEOUT_MS)
		timeout_ms = REFRESH_TIMEOUT_MS;
	request = tiktok_request(&job->call, timeout_ms);
	request.began = note_begun;
	if (!job->fetching_ms)
		job->fetching_ms = now_ms;
	*flight =
		(struct flight){.calls = calls, .job = job, .sent_ms = now_ms, .slot_ms = slot_ms};
	add_place(calls, flight);
	outages_note_sent(&calls->outages, endpoint);
	flight->call = http_send(calls->http, &request, take_reply, flight);
	killpoint(KILL_WORKER_CALL_SENT, job->message.account_id);
}

void calls_add(struct calls *calls, struct job *job)
{
	ready_add(&calls->ready[job->call.endpoint], job);
}

/* Refreshes that had to wait for too long, their lease being as old as that. */
static void pass_aged_leases(struct calls *calls, int64_t now_ms)
{
	struct ready *ready = &calls->ready[ENDPOINT_TOKEN];

	for (int64_t left = ready->count; left > 0; left--) {
		struct job *job = ready_take(ready);

		if (now_ms - job->leased_ms > LEASE_YOUNG_MS)
			line_pass(calls->line, job, OUTCOME_LEASE_AGED);
		else
			ready_keep(ready, job);
	}
}

static size_t places(const struct calls *calls)
{
	return (size_t)calls->line->config->worker_concurrency;
}

/*
 * Tell the governor what waits for slots: what there are places for, so that no slot passes that
 * another worker could use; in an outage one call at a time.
 */
static void want_slots(struct calls *calls, enum metric_endpoint endpoint)
{
	const struct ready *ready = &calls->ready[endpoint];
	int64_t most = (int64_t)(places(calls) - calls->in_flight), wanted;

	if (outages_is_open(&calls->outages, endpoint) && most > 1)
		most = 1;
	wanted = ready->count < most ? ready->count : most;
	wanted += outages_wants_probe(&calls->outages, endpoint);
	governor_want(calls->governor, endpoint, wanted,
		ready->express < wanted ? ready->express : wanted);
}

/*
 * Send a call to the endpoint if one is ready and may go, by what is known of an outage and by the slots
 * that there are. *at_ms: when the next one may.
 */
static bool send_one(
	struct calls *calls, enum metric_endpoint endpoint, int64_t now_ms, int64_t *at_ms)
{
	struct ready *ready = &calls->ready[endpoint];

	ready->waits = false;
	if (!ready->count || calls->in_flight == places(calls))
		return false;
	*at_ms = outages_next_ms(&calls->outages, endpoint);
	if (*at_ms > now_ms)
		return false;
	ready->waits = !governor_take(calls->governor, endpoint, now_ms, at_ms);
	if (!ready->waits)
		send_call(calls, ready_take(ready), *at_ms, now_ms);
	return !ready->waits;
}

static void announce_long(struct calls *calls, int64_t now_ms)
{
	for (size_t i = 0; i < calls->in_flight; i++) {
		struct job *job = calls->flights[i]->job;

		if (!job->announced && now_ms - job->fetching_ms >= ANNOUNCE_AFTER_MS) {
			job->announced = true;
			outlet_announce(calls->line->outlet, job);
		}
	}
}

/*
 * The endpoints take turns, so that jobs which have begun come to their end beside others that begin.
 * Returns how long to sleep at most.
 */
int64_t calls_send(struct calls *calls, int64_t now_ms)
{
	bool is_time = now_ms - calls->looked_ms >= LOOK_EVERY_MS;
	int64_t at_ms[ENDPOINTS], sleep_ms = LINE_TURN_MS, waiting = 0;
	int idle = 0; /* endpoints in a row that had nothing to send */

	if (is_time)
		pass_aged_leases(calls, now_ms);
	for (int i = 0; i < ENDPOINTS; i++) {
		at_ms[i] = INT64_MAX;
		want_slots(calls, (enum metric_endpoint)i);
	}
	while (idle < ENDPOINTS) {
		int turn = calls->turn;

		calls->turn = (turn + 1) % ENDPOINTS;
		if (send_one(calls, (enum metric_endpoint)turn, now_ms, &at_ms[turn]))
			idle = 0;
		else
			idle++;
	}
	for (int i = 0; i < ENDPOINTS; i++) {
		if (calls->ready[i].waits)
			waiting += calls->ready[i].count;
		if (at_ms[i] > now_ms && at_ms[i] - now_ms < sleep_ms)
			sleep_ms = at_ms[i] - now_ms;
	}
	atomic_store(&calls->line->waiting_for_quota, waiting);
	if (is_time) {
		announce_long(calls, now_ms);
		calls->looked_ms = now_ms;
	}
	return calls->in_flight && sleep_ms > LOOK_EVERY_MS ? LOOK_EVERY_MS : sleep_ms;
}

static void give_back_ready(struct calls *calls, struct ready *ready)
{
	for (int64_t left = ready->count; left > 0; left--) {
		struct job *job = ready_take(ready);

		if (line_wants_back(calls->line, job))
			line_give_back(calls->line, job);
		else
			ready_keep(ready, job);
	}
}

void calls_give_back(struct calls *calls)
{
	for (int i = 0; i < ENDPOINTS; i++)
		give_back_ready(calls, &calls->ready[i]);
	outages_give_back(&calls->outages);
	for (size_t i = calls->in_flight; i-- > 0;) { /* backwards: the last one fills a gap */
		struct flight *flight = calls->flights[i];
		struct job *job = flight->job;

		if (line_wants_back(calls->line, job)) {
			http_cancel(calls->http, flight->call);
			outages_note_dropped(&calls->outages, job->call.endpoint);
			remove_place(calls, flight);
			line_give_back(calls->line, job);
		}
	}
}

bool calls_at_hand(const struct calls *calls)
{
	for (int i = 0; i < ENDPOINTS; i++)
		if (calls->ready[i].count)
			return true;
	return calls->in_flight > 0;
}
