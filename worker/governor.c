/* SPDX-License-Identifier: MIT */
/*
 * The governor of one worker. Its thread runs what asks PostgreSQL, the fetcher's the rest.
 */
#include "worker/governor.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/condition.h"
#include "common/crypto.h"
#include "common/db_session.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/process.h"
#include "worker/far_clock.h"
#include "worker/line.h"
#include "worker/slots.h"

/*
 * So far ahead slots are leased, but for those of express jobs' reserve. All workers together have no
 * more than this, so it is what is lost when they all die; and PostgreSQL may be as slow before a slot
 * is lost.
 */
#define LEASE_AHEAD_MS 1000
/* Who got all that it wanted asks again at once, but not more often than this... */
#define ASK_AGAIN_MS 5
/*
 * ... and for as many more as it used since it asked, no more than come in this time: where the quota
 * is large a call need not wait for an answer, where it is small nobody takes what others may need.
 */
#define SPARE_MS 20
/* Who did not, after half of what is leased ahead, give or take a half of that. */
#define ASK_LATER_MS 500
#define PAUSE_MS     1000 /* after a 429 without Retry-After, here; PostgreSQL knows better */

/* A 429 that PostgreSQL is to be told of. */
struct refusal {
	bool untold;
	int64_t sent_ms;
	int64_t retry_after_ms; /* -1: TikTok did not say */
};

struct quota {
	int64_t limit;   /* calls a minute; 0: none */
	int64_t step_us; /* of the limit; 0: none */
	int64_t wanted, express;
	struct slots slots;
	int64_t taken;  /* since slots were last asked for */
	int64_t lapsed; /* of slots.lapsed, what the metrics know */
	int64_t paused_until_ms;
	int64_t ask_ms; /* not before */
	struct refusal refusal;
};

struct governor {
	struct line *line;
	void (*wake)(void *context);
	void *wake_context;
	pthread_t thread;
	struct db_session *session; /* NULL: no endpoint has a limit, and there is no thread */
	struct health_loop *loop;
	struct far_clock clock; /* of PostgreSQL */
	pthread_mutex_t lock;   /* guards what follows */
	pthread_cond_t changed;
	struct quota quotas[ENDPOINTS];
	bool has_news; /* the thread is to look at the endpoints */
	bool stopping;
};

/* Holds the lock. */
static void bring_news(struct governor *governor)
{
	governor->has_news = true;
	pthread_cond_signal(&governor->changed);
}

/* ---- For the fetcher ---- */

/* True if slots are to be asked for, sooner or later. Holds the lock. */
static bool needs_slots(const struct quota *quota)
{
	return quota->limit && quota->wanted > slots_left(&quota->slots);
}

void governor_want(
	struct governor *governor, enum metric_endpoint endpoint, int64_t calls, int64_t express)
{
	struct quota *quota = &governor->quotas[endpoint];
	bool news;

	pthread_mutex_lock(&governor->lock);
	news = calls > quota->wanted;
	quota->wanted = calls;
	quota->express = express;
	if (news && needs_slots(quota))
		bring_news(governor);
	pthread_mutex_unlock(&governor->lock);
	metric_set(METRIC_QUOTA_WAITING, (int)endpoint, quota->limit ? calls : 0);
}

/* Holds the lock. */
static void count_lapsed(struct quota *quota, enum metric_endpoint endpoint)
{
	metric_add(METRIC_QUOTA_SLOTS, metric_quota_slot(endpoint, QUOTA_LAPSED),
		quota->slots.lapsed - quota->lapsed);
	quota->lapsed = quota->slots.lapsed;
}

/* Holds the lock. When the next call may be sent; INT64_MIN: at any time. */
static int64_t next_ms(struct quota *quota, enum metric_endpoint endpoint, int64_t now_ms)
{
	int64_t slot_us;

	if (quota->paused_until_ms > now_ms)
		return quota->paused_until_ms;
	if (!quota->limit)
		return INT64_MIN;
	slot_us = slots_next_us(&quota->slots, now_ms * 1000);
	count_lapsed(quota, endpoint);
	return slot_us == INT64_MAX ? INT64_MAX : (slot_us + 999) / 1000;
}

bool governor_take(
	struct governor *governor, enum metric_endpoint endpoint, int64_t now_ms, int64_t *at_ms)
{
	struct quota *quota = &governor->quotas[endpoint];
	bool taken;

	pthread_mutex_lock(&governor->lock);
	*at_ms = next_ms(quota, endpoint, now_ms);
	taken = *at_ms <= now_ms;
	if (taken && quota->limit) {
		slots_take(&quota->slots);
		quota->taken++;
	}
	if (taken && quota->wanted > 0)
		quota->wanted--;
	pthread_mutex_unlock(&governor->lock);
	return taken;
}

void governor_note_begun(struct governor *governor, enum metric_endpoint endpoint, int64_t slot_ms)
{
	struct quota *quota = &governor->quotas[endpoint];
	int64_t now_ms = clock_monotonic_ms();

	if (!quota->limit || now_ms - slot_ms <= SLOT_LATE_MS)
		return;
	pthread_mutex_lock(&governor->lock);
	slots_owe(&quota->slots, now_ms * 1000);
	pthread_mutex_unlock(&governor->lock);
}

void governor_note_limited(struct governor *governor, enum metric_endpoint endpoint,
	int64_t sent_ms, int64_t retry_after_ms)
{
	struct quota *quota = &governor->quotas[endpoint];
	struct refusal *refusal = &quota->refusal;
	int64_t until_ms = clock_monotonic_ms() + (retry_after_ms > 0 ? retry_after_ms : PAUSE_MS);

	pthread_mutex_lock(&governor->lock);
	if (until_ms > quota->paused_until_ms)
		quota->paused_until_ms = until_ms;
	slots_drop_before(&quota->slots, until_ms * 1000);
	if (quota->limit) {
		/* Of several, the one that was sent last says most. */
		refusal->untold = true;
		refusal->sent_ms = sent_ms;
		if (retry_after_ms > refusal->retry_after_ms)
			refusal->retry_after_ms = retry_after_ms;
		bring_news(governor);
	}
	pthread_mutex_unlock(&governor->lock);
}

/* ---- What asks PostgreSQL ---- */

/* Of a delay, half to one and a half. */
static int64_t spread_ms(int64_t delay_ms)
{
	return delay_ms / 2 + (int64_t)(random_u64() % (uint64_t)(delay_ms + 1));
}

static void take_slots(struct governor *governor, enum metric_endpoint endpoint,
	const struct db_result *result, int64_t asked_ms)
{
	struct quota *quota = &governor->quotas[endpoint];
	int64_t now_ms = clock_monotonic_ms();
	int64_t granted = db_integer(result, 0, 0), paused_us = db_integer(result, 0, 3);
	struct slot_run run = {.step_us = db_integer(result, 0, 2), .count = granted};

	far_clock_note(
		&governor->clock, asked_ms * 1000, now_ms * 1000 + 999, db_integer(result, 0, 4));
	run.first_us = far_clock_latest_us(&governor->clock, db_integer(result, 0, 1));
	metric_add(METRIC_QUOTA_ASKS, 0, 1);
	metric_add(METRIC_QUOTA_SLOTS, metric_quota_slot(endpoint, QUOTA_LEASED), granted);
	metric_set(METRIC_QUOTA_PER_MINUTE, (int)endpoint,
		INT64_C(1000) * (QUOTA_WINDOW_MS + QUOTA_GUARD_MS) / run.step_us);
	pthread_mutex_lock(&governor->lock);
	if (far_clock_doubt_us(&governor->clock) <= SLOT_DOUBT_MS * INT64_C(1000))
		slots_add(&quota->slots, &run);
	else
		quota->slots.lapsed += granted;
	if (paused_us)
		quota->paused_until_ms = far_clock_latest_us(&governor->clock, paused_us) / 1000;
	slots_drop_before(&quota->slots, quota->paused_until_ms * 1000);
	quota->taken = 0;
	quota->ask_ms = now_ms + (needs_slots(quota) ? spread_ms(ASK_LATER_MS) : ASK_AGAIN_MS);
	pthread_mutex_unlock(&governor->lock);
	if (granted)
		governor->wake(governor->wake_context);
}

static void ask_later(struct governor *governor, enum metric_endpoint endpoint)
{
	pthread_mutex_lock(&governor->lock);
	governor->quotas[endpoint].ask_ms = clock_monotonic_ms() + spread_ms(ASK_LATER_MS);
	pthread_mutex_unlock(&governor->lock);
}

static void ask(
	struct governor *governor, enum metric_endpoint endpoint, int64_t wanted, int64_t express)
{
	const struct quota *quota = &governor->quotas[endpoint];
	int64_t asked_ms = clock_monotonic_ms();
	struct db_params params = {0};
	struct db_result *result = NULL;
	struct error err;

	db_param_text(&params, governor->line->config->tiktok_client_key);
	db_param_text(&params, metric_endpoint_name(endpoint));
	db_param_integer(&params, quota->step_us);
	db_param_integer(&params, LEASE_AHEAD_MS * INT64_C(1000));
	db_param_integer(&params, wanted);
	db_param_integer(&params, express);
	if (!db_session_query(governor->session, STATEMENT_LEASE_QUOTA, &params, &result, &err)) {
		ask_later(governor, endpoint);
		if (err.class == ERROR_INTERNAL) /* else the session has told */
			log_error("no slots for %s can be leased, trying again: %s",
				metric_endpoint_name(endpoint), err.text);
		return;
	}
	take_slots(governor, endpoint, result, asked_ms);
	db_result_destroy(result);
}

/* Tell PostgreSQL of a 429; the other workers learn of it when they ask for slots. */
static void tell(
	struct governor *governor, enum metric_endpoint endpoint, const struct refusal *refusal)
{
	struct db_params params = {0};
	struct db_result *result = NULL;
	struct error err;

	db_param_text(&params, governor->line->config->tiktok_client_key);
	db_param_text(&params, metric_endpoint_name(endpoint));
	db_param_integer(&params, clock_monotonic_ms() - refusal->sent_ms);
	if (refusal->retry_after_ms >= 0)
		db_param_integer(&params, refusal->retry_after_ms);
	else
		db_param_text(&params, NULL);
	if (!db_session_query(governor->session, STATEMENT_LIMIT_QUOTA, &params, &result, &err)) {
		log_warn("TikTok's 429 for %s is not told to the other workers: %s",
			metric_endpoint_name(endpoint), err.text);
		return;
	}
	if (db_boolean(result, 0, 0))
		log_warn(
			"TikTok answered 429 for %s although the fleet keeps to its quota: somebody "
			"else uses the client key, or TikTok allows less than QUOTA_*; the whole fleet "
			"goes slower there",
			metric_endpoint_name(endpoint));
	db_result_destroy(result);
}

/* What there is to do for an endpoint; returns when there is something else, at the latest. */
static int64_t serve(struct governor *governor, enum metric_endpoint endpoint)
{
	struct quota *quota = &governor->quotas[endpoint];
	int64_t now_ms = clock_monotonic_ms();
	struct refusal refusal;
	int64_t wanted, spare, express, ask_ms;

	pthread_mutex_lock(&governor->lock);
	refusal = quota->refusal;
	quota->refusal = (struct refusal){.retry_after_ms = -1};
	wanted = needs_slots(quota) ? quota->wanted - slots_left(&quota->slots) : 0;
	spare = quota->limit ? SPARE_MS * INT64_C(1000) / quota->step_us : 0;
	spare = quota->taken < spare ? quota->taken : spare;
	express = quota->express - slots_left(&quota->slots);
	ask_ms = quota->ask_ms;
	pthread_mutex_unlock(&governor->lock);
	if (refusal.untold)
		tell(governor, endpoint, &refusal);
	if (!wanted)
		return now_ms + LINE_TURN_MS;
	if (ask_ms > now_ms)
		return ask_ms;
	ask(governor, endpoint, wanted + spare, express > 0 ? express : 0);
	return now_ms;
}

/* Sleep until then, or until the fetcher has news. False: it is time to stop. */
static bool sleep_until(struct governor *governor, int64_t until_ms)
{
	bool goes_on;

	pthread_mutex_lock(&governor->lock);
	while (!governor->stopping && !governor->has_news &&
		condition_wait_until(&governor->changed, &governor->lock, until_ms))
		;
	governor->has_news = false;
	goes_on = !governor->stopping;
	pthread_mutex_unlock(&governor->lock);
	return goes_on;
}

static void *run(void *argument)
{
	struct governor *governor = argument;
	int64_t until_ms = 0;
	struct error err;

	while (sleep_until(governor, until_ms)) {
		int64_t now_ms = clock_monotonic_ms();
		int64_t pause_ms = db_session_pause_ms(governor->session);
		bool asked = false;

		until_ms = now_ms + (pause_ms && pause_ms < LINE_TURN_MS ? pause_ms : LINE_TURN_MS);
		for (int i = 0; i < ENDPOINTS && !pause_ms; i++) {
			int64_t next_ms = serve(governor, (enum metric_endpoint)i);

			asked |= next_ms <= now_ms;
			if (next_ms < until_ms)
				until_ms = next_ms;
		}
		if (!pause_ms && !asked && db_session_is_away(governor->session))
			db_session_probe(governor->session, &err);
		health_beat(governor->loop);
	}
	health_loop_end(governor->loop);
	return NULL;
}

struct governor *governor_start(struct line *line, void (*wake)(void *context), void *context)
{
	const struct config *config = line->config;
	const int64_t limits[ENDPOINTS] = {[ENDPOINT_USER_INFO] = config->quota_user_info,
		[ENDPOINT_VIDEO_LIST] = config->quota_video_list,
		[ENDPOINT_TOKEN] = config->quota_token};
	struct governor *governor = memory_allocate(1, sizeof *governor);
	bool has_limit = false;

	governor->line = line;
	governor->wake = wake;
	governor->wake_context = context;
	pthread_mutex_init(&governor->lock, NULL);
	condition_init(&governor->changed);
	for (int i = 0; i < ENDPOINTS; i++) {
		struct quota *quota = &governor->quotas[i];

		quota->limit = limits[i];
		quota->step_us = limits[i] ? quota_step_us(limits[i]) : 0;
		quota->refusal.retry_after_ms = -1;
		has_limit |= limits[i] > 0;
	}
	if (!has_limit)
		return governor;
	governor->loop = health_add_loop(line->health, "governor");
	governor->session =
		db_session_create(line->pool, health_add_need(line->health, "PostgreSQL (quota)"));
	process_start_thread("governor", &governor->thread, run, governor);
	return governor;
}

void governor_stop(struct governor *governor)
{
	if (!governor)
		return;
	if (governor->session) {
		pthread_mutex_lock(&governor->lock);
		governor->stopping = true;
		pthread_cond_signal(&governor->changed);
		pthread_mutex_unlock(&governor->lock);
		pthread_join(governor->thread, NULL);
		db_session_destroy(governor->session);
	}
	pthread_cond_destroy(&governor->changed);
	pthread_mutex_destroy(&governor->lock);
	free(governor);
}
