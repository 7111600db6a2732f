/* SPDX-License-Identifier: MIT */
/*
 * Publishing, see publish.h. Runs on the main thread, callbacks of the broker included.
 */
#include "producer/publish.h"

#include <stdlib.h>

#include "common/backoff.h"
#include "common/clock.h"
#include "common/crypto.h"
#include "common/killpoint.h"
#include "common/log.h"
#include "common/process.h"
#include "common/text.h"
#include "common/topology.h"
#include "producer/page.h"
#include "producer/progress.h"

/* A larger one is not faster, and the broker's alarms catch more of it half-way. */
#define WINDOW          256
#define TURN_POLL_MS    1000
#define IDLE_MS         1000
#define REFUSED_BASE_MS 200
#define REFUSED_CAP_MS  15000

struct publisher {
	struct session *session;
	struct page *page;
	struct progress progress;
	struct publish_tally *tally;
	struct text body;

	/* Of the page. */
	int next; /* no job before it is waiting */
	int stored;
	const char *unbound_key; /* a job came back: no queue is bound to this key */

	/* While the broker takes nothing. */
	struct backoff refused;
	int64_t pause_until_ms;
};

/* ---- What the broker makes of it ---- */

static const struct topology_queue *queue_of(const struct page_job *job)
{
	return topology_queue(job->express ? QUEUE_JOBS_EXPRESS : QUEUE_JOBS);
}

/* A refusal comes for every job that is in the window: the first one decides how long to pause. */
static void pause_publishing(struct publisher *publisher, const struct page_job *job)
{
	int64_t now_ms = clock_monotonic_ms();
	struct text reason = {0};

	if (now_ms < publisher->pause_until_ms)
		return;
	publisher->pause_until_ms = now_ms + backoff_next_ms(&publisher->refused, random_u64());
	progress_clear(&publisher->progress);
	text_append_format(&reason, "queue %s is full", queue_of(job)->name);
	health_set_need(publisher->session->room_need, reason.data);
	text_finish(&reason);
}

static void job_settled(void *context, void *publish_context, enum broker_fate fate)
{
	struct publisher *publisher = context;
	struct page_job *job = publish_context;

	if (fate == FATE_STORED) {
		job->state = PAGE_JOB_STORED;
		publisher->stored++;
		publisher->tally->published++;
		return;
	}
	job->state = PAGE_JOB_WAITING;
	if (job - publisher->page->jobs < publisher->next)
		publisher->next = (int)(job - publisher->page->jobs);
	if (fate == FATE_REFUSED)
		pause_publishing(publisher, job);
	if (fate == FATE_RETURNED)
		publisher->unbound_key = queue_of(job)->key;
}

/* ---- A page ---- */

static bool publish_job(struct publisher *publisher, struct page_job *job)
{
	struct broker_message message = {
		.exchange = TOPOLOGY_EXCHANGE,
		.key = queue_of(job)->key,
		.message_id = job->message.job_id,
	};

	job->message.enqueued_at_us = clock_unix_us();
	text_clear(&publisher->body);
	job_message_write(&job->message, &publisher->body);
	message.body = publisher->body.data;
	message.length = publisher->body.length;
	if (!broker_publish(publisher->session->broker, &message, job))
		return false;
	job->state = PAGE_JOB_OPEN;
	killpoint(KILL_PRODUCER_PAGE_SENT, job->message.account_id);
	return true;
}

static void publish_what_fits(struct publisher *publisher)
{
	if (clock_monotonic_ms() < publisher->pause_until_ms)
		return;
	for (; publisher->next < publisher->page->count; publisher->next++) {
		struct page_job *job = &publisher->page->jobs[publisher->next];

		if (job->state != PAGE_JOB_WAITING)
			continue;
		if (broker_room(publisher->session->broker) == 0 || !publish_job(publisher, job))
			return;
	}
}

/* How long there is nothing to do but to listen. */
static int64_t idle_ms(const struct publisher *publisher)
{
	int64_t pause_ms = publisher->pause_until_ms - clock_monotonic_ms();

	return pause_ms > 0 && pause_ms < IDLE_MS ? pause_ms : IDLE_MS;
}

/*
 * Hear what became of everything that was sent; a run that is told to stop waits no longer than
 * DRAIN_TIMEOUT.
 */
static void settle_window(struct publisher *publisher)
{
	int64_t limit_ms = clock_monotonic_ms() + publisher->session->config->drain_timeout_ms;

	while (broker_unconfirmed(publisher->session->broker) > 0 &&
		clock_monotonic_ms() < limit_ms)
		broker_run(publisher->session->broker, -1, limit_ms - clock_monotonic_ms());
}

static bool publish_page(struct publisher *publisher, struct error *err)
{
	struct session *session = publisher->session;
	int64_t left = publisher->page->left;

	publisher->next = 0;
	publisher->stored = 0;
	while (publisher->stored < publisher->page->count && publisher->unbound_key == NULL &&
		!process_is_stopping()) {
		publish_what_fits(publisher);
		session_run_broker(session, idle_ms(publisher));
		progress_show(&publisher->progress, publisher->tally->published,
			publisher->tally->published + left - publisher->stored);
	}
	settle_window(publisher);
	if (publisher->unbound_key != NULL) {
		error_set(err, ERROR_BROKER,
			"no queue is bound to exchange \"%s\" with key \"%s\": run: syncctl topology apply",
			TOPOLOGY_EXCHANGE, publisher->unbound_key);
		return false;
	}
	if (publisher->stored < publisher->page->count) {
		error_set(err, ERROR_STOPPING, "told to stop");
		return false;
	}
	if (publisher->refused.failures > 0)
		health_set_need(session->room_need, NULL);
	backoff_reset(&publisher->refused);
	return true;
}

/* ---- All pages ---- */

static bool next_page(struct publisher *publisher, struct error *err)
{
	struct session *session = publisher->session;
	struct page *page = publisher->page;

	for (bool waiting = false; !process_is_stopping(); waiting = true) {
		if (!session_do(session, page_read, page, err))
			return false;
		if (page->has_turn)
			return true;
		if (!waiting)
			log_info("another producer publishes %s of %s: waiting for it to end",
				job_type_name(page->plan->options->job_type), page->plan->day);
		session_wait(session, TURN_POLL_MS);
	}
	error_set(err, ERROR_STOPPING, "told to stop");
	return false;
}

static bool publish_pages(struct publisher *publisher, struct error *err)
{
	struct page *page = publisher->page;
	bool ok = false;

	do {
		struct error mark_err;

		if (!next_page(publisher, err))
			return false;
		ok = publish_page(publisher, err);
		killpoint(KILL_PRODUCER_PAGE_CONFIRMED, 0);
		/* What is confirmed is marked even when the page was not finished. */
		if (!session_do(publisher->session, page_mark, page, &mark_err)) {
			*err = mark_err;
			return false;
		}
		killpoint(KILL_PRODUCER_PAGE_MARKED, 0);
	} while (ok && page->count > 0);
	return ok;
}

static bool open_broker(struct publisher *publisher, struct error *err)
{
	static const enum topology_queue_id needs[] = {QUEUE_JOBS, QUEUE_JOBS_EXPRESS};
	struct broker_options options = {
		.url = publisher->session->config->amqp_url,
		.name = "storesync-producer",
		.needs = needs,
		.need_count = sizeof needs / sizeof needs[0],
		.window = WINDOW,
		.context = publisher,
		.settled = job_settled,
	};

	return broker_create(&options, &publisher->session->broker, err);
}

bool publish_jobs(
	struct session *session, struct plan *plan, struct publish_tally *tally, struct error *err)
{
	struct publisher publisher = {
		.session = session,
		.page = page_create(plan),
		.tally = tally,
		.refused = {.base_ms = REFUSED_BASE_MS, .cap_ms = REFUSED_CAP_MS},
	};
	bool ok = false;

	*tally = (struct publish_tally){0};
	progress_start(&publisher.progress);
	ok = open_broker(&publisher, err) && publish_pages(&publisher, err);
	progress_clear(&publisher.progress);
	/* Settles what is open, into the page. */
	broker_destroy(session->broker);
	session->broker = NULL;
	tally->left = publisher.page->left;
	text_finish(&publisher.body);
	free(publisher.page);
	return ok;
}
