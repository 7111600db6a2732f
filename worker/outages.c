/* SPDX-License-Identifier: MIT */
/*
 * Holding jobs while it is not known whether TikTok works. Run by the fetcher's thread.
 */
#include "worker/outages.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/crypto.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/metrics.h"
#include "worker/governor.h"
#include "worker/line.h"

#define PROBE_TIMEOUT_MS 10000
#define REMEMBER_MS      60000 /* for so long no other account is remembered for probes */
/*
 * So many outages may excuse an attempt. Some accounts that fail for good look like an outage when
 * they are among themselves; if others get through after that many, the failure is the account's.
 */
#define EXCUSES_MAX 2
#define LOOK_MS     250 /* while a job is held: witnesses come and go */

void outages_init(
	struct outages *outages, struct line *line, struct http *http, struct governor *governor)
{
	static const char *const names[ENDPOINTS] = {[ENDPOINT_USER_INFO] = "TikTok (user/info)",
		[ENDPOINT_VIDEO_LIST] = "TikTok (video/list)",
		[ENDPOINT_TOKEN] = "TikTok (oauth/token)"};

	*outages = (struct outages){.line = line, .http = http, .governor = governor};
	for (int i = 0; i < ENDPOINTS; i++) {
		breaker_init(&outages->breakers[i]);
		outages->probes[i].outages = outages;
		outages->probes[i].endpoint = (enum metric_endpoint)i;
		outages->needs[i] = health_add_need(line->health, names[i]);
		health_set_need(outages->needs[i], NULL);
	}
}

void outages_finish(struct outages *outages)
{
	for (int i = 0; i < ENDPOINTS; i++) {
		free(outages->probes[i].scope);
		memory_free_secret(outages->probes[i].access_token);
	}
}

static bool is_probes_turn(const struct probe *probe)
{
	return probe->access_token && !probe->had_its_turn;
}

int64_t outages_next_ms(const struct outages *outages, enum metric_endpoint endpoint)
{
	const struct breaker *breaker = &outages->breakers[endpoint];

	if (breaker->open && is_probes_turn(&outages->probes[endpoint]))
		return INT64_MAX;
	return breaker_next_ms(breaker);
}

bool outages_is_open(const struct outages *outages, enum metric_endpoint endpoint)
{
	return outages->breakers[endpoint].open;
}

bool outages_wants_probe(const struct outages *outages, enum metric_endpoint endpoint)
{
	return outages->probes[endpoint].waits;
}

void outages_note_sent(struct outages *outages, enum metric_endpoint endpoint)
{
	breaker_note_sent(&outages->breakers[endpoint]);
}

void outages_note_dropped(struct outages *outages, enum metric_endpoint endpoint)
{
	breaker_note_dropped(&outages->breakers[endpoint]);
}

/* An endpoint that fails for everybody is what readiness waits for. */
static void tell_readiness(struct outages *outages, enum metric_endpoint endpoint)
{
	bool refused = false;

	for (int i = 0; i < ENDPOINTS; i++)
		refused |= outages->breakers[i].refused;
	metric_set(METRIC_APP_REFUSED, 0, refused);
	health_set_need(outages->needs[endpoint],
		outages->breakers[endpoint].open ? outages->reasons[endpoint] : NULL);
}

/*
 * Keep what an outage begins with, for readiness; call it before the breaker hears of the failure. A
 * refusal of our app is told even if the outage began otherwise, for nothing ends it but a person.
 */
static void note_reason(
	struct outages *outages, enum metric_endpoint endpoint, const struct error *err)
{
	const struct breaker *breaker = &outages->breakers[endpoint];
	char *reason = outages->reasons[endpoint];

	if (error_rule(err->class)->blame != BLAME_APP) {
		if (!breaker->open)
			snprintf(reason, sizeof outages->reasons[endpoint], "%s", err->text);
	} else if (!breaker->refused) {
		snprintf(reason, sizeof outages->reasons[endpoint], "%s (%.200s)",
			error_rule(err->class)->advice, err->text);
		log_error("%s; jobs wait, no account is touched", reason);
	}
}

/* The account of a call that got through is the next probe's. Refresh tokens are used once only. */
static void remember(struct probe *probe, const struct job *job, int64_t now_ms)
{
	if (probe->endpoint == ENDPOINT_TOKEN || job->verdict.error_class != ERROR_NONE ||
		!job->account.access_token ||
		(probe->access_token && now_ms - probe->known_ms < REMEMBER_MS))
		return;
	free(probe->scope);
	memory_free_secret(probe->access_token);
	probe->scope = memory_copy_text(job->account.scope);
	probe->access_token = memory_copy_text(job->account.access_token);
	probe->known_ms = now_ms;
}

void outages_note_answer(struct outages *outages, enum metric_endpoint endpoint,
	const struct job *job, int64_t sent_ms)
{
	breaker_note_answer(&outages->breakers[endpoint], job->message.account_id, sent_ms);
	remember(&outages->probes[endpoint], job, sent_ms);
	tell_readiness(outages, endpoint);
}

void outages_note_failure(
	struct outages *outages, enum metric_endpoint endpoint, struct job *job, int64_t now_ms)
{
	struct breaker *breaker = &outages->breakers[endpoint];
	int64_t account_id = job->message.account_id;

	outages->probes[endpoint].had_its_turn = false;
	note_reason(outages, endpoint, &job->failure);
	if (error_rule(job->failure.class)->blame == BLAME_APP)
		breaker_note_refusal(breaker, account_id, now_ms, random_u64(), &job->doubt);
	else
		breaker_note_failure(breaker, account_id, now_ms, random_u64(), &job->doubt);
	tell_readiness(outages, endpoint);
}

void outages_hold(struct outages *outages, struct job *job)
{
	job_list_add(&outages->doubted, job);
}

static void take_probe_reply(void *owner, const struct http_reply *reply)
{
	struct probe *probe = owner;
	struct outages *outages = probe->outages;
	struct breaker *breaker = &outages->breakers[probe->endpoint];
	enum probe_end end = PROBE_ANSWERED;
	struct error err;

	if (reply->status == 429)
		governor_note_limited(
			outages->governor, probe->endpoint, probe->sent_ms, reply->retry_after_ms);
	if (!tiktok_answers(reply, probe->endpoint, &err)) {
		end = err.class == ERROR_APP_REFUSED ? PROBE_REFUSED : PROBE_FAILED;
		note_reason(outages, probe->endpoint, &err);
	}
	probe->had_its_turn = end != PROBE_ANSWERED;
	breaker_note_probe_end(breaker, end, clock_monotonic_ms(), random_u64());
	/* TikTok may refuse a call without a token and yet fail those with one: a job has to try. */
	if (end == PROBE_ANSWERED && breaker->open && (probe->access_token || !outages->at_hand))
		breaker_close(breaker);
	tell_readiness(outages, probe->endpoint);
}

/* A call with a token is one of the quota's, whatever it is made for. */
static bool take_slot(struct outages *outages, struct probe *probe, int64_t now_ms)
{
	probe->slot_ms = INT64_MIN;
	probe->waits = probe->access_token &&
		       !governor_take(outages->governor, probe->endpoint, now_ms, &probe->slot_ms);
	return !probe->waits;
}

static void note_begun(void *owner)
{
	const struct probe *probe = owner;

	if (probe->slot_ms != INT64_MIN)
		governor_note_begun(probe->outages->governor, probe->endpoint, probe->slot_ms);
}

static void send_probe(struct outages *outages, struct probe *probe, int64_t now_ms)
{
	const struct tiktok_app *app = &outages->line->settings.app;
	struct tiktok_call call = {0};
	struct http_request request;

	if (!take_slot(outages, probe, now_ms))
		return; /* asked for again at the next turn */
	if (!probe->access_token)
		tiktok_write_bare_call(app, probe->endpoint, &call);
	else if (probe->endpoint == ENDPOINT_USER_INFO)
		tiktok_write_user_call(app, probe->scope, probe->access_token, &call);
	else
		tiktok_write_videos_call(app, 0, probe->access_token, &call);
	request = tiktok_request(&call, PROBE_TIMEOUT_MS);
	request.began = note_begun;
	probe->sent_ms = now_ms;
	breaker_note_probe(&outages->breakers[probe->endpoint], now_ms);
	http_send(outages->http, &request, take_probe_reply, probe);
	tiktok_call_finish(&call);
}

/* The endpoint of the call that failed. */
static enum metric_endpoint endpoint_of(const struct job *job)
{
	return job->failed_step == STEP_REFRESH ? ENDPOINT_TOKEN
	       : job->failed_step == STEP_USER  ? ENDPOINT_USER_INFO
						: ENDPOINT_VIDEO_LIST;
}

static void judge(struct outages *outages, struct job *job, int64_t now_ms)
{
	enum metric_endpoint endpoint = endpoint_of(job);
	struct breaker *breaker = &outages->breakers[endpoint];

	if (job->excuses >= EXCUSES_MAX && !breaker->open)
		job->doubt.outages = breaker->outages; /* now by what others do */
	switch (breaker_judge(breaker, &job->doubt, now_ms)) {
	case JUDGED_OWN:
		line_pass(outages->line, job, OUTCOME_BLAMED);
		return;
	case JUDGED_OUTAGE:
		job->excuses++;
		line_pass(outages->line, job, OUTCOME_EXCUSED);
		return;
	case JUDGED_PROBE:
		send_probe(outages, &outages->probes[endpoint], now_ms);
		break;
	case JUDGED_LATER:
		break;
	}
	outages_hold(outages, job);
}

/* A held job whose call is to be tried, though the outage may last. NULL: there is none. */
static struct job *take_doubted(struct outages *outages, enum metric_endpoint endpoint)
{
	struct job_list doubted = outages->doubted;
	struct job *job, *found = NULL;

	outages->doubted = (struct job_list){0};
	while ((job = job_list_take(&doubted))) {
		if (!found && endpoint_of(job) == endpoint)
			found = job;
		else
			outages_hold(outages, job);
	}
	return found;
}

/* The outage is asked about: by a probe and a job in turn, or by what there is of the two. */
static void ask(struct outages *outages, enum metric_endpoint endpoint, int64_t now_ms)
{
	struct probe *probe = &outages->probes[endpoint];
	struct job *job = is_probes_turn(probe) ? NULL : take_doubted(outages, endpoint);

	if (!job) {
		send_probe(outages, probe, now_ms);
		return;
	}
	/* It comes back to the fetcher, mostly before another one is let go. */
	outages->breakers[endpoint].try_ms = now_ms + LOOK_MS;
	line_pass(outages->line, job, OUTCOME_EXCUSED);
}

int64_t outages_turn(struct outages *outages, bool at_hand, int64_t now_ms)
{
	struct job_list doubted = outages->doubted;
	struct job *job;

	outages->at_hand = at_hand || doubted.first;
	outages->doubted = (struct job_list){0};
	while ((job = job_list_take(&doubted)))
		judge(outages, job, now_ms);
	for (int i = 0; i < ENDPOINTS; i++) {
		if (breaker_is_due(&outages->breakers[i], now_ms))
			ask(outages, (enum metric_endpoint)i, now_ms);
		if (outages->breakers[i].open)
			tell_readiness(
				outages, (enum metric_endpoint)i); /* the minute's reminder */
	}
	return outages->doubted.first ? LOOK_MS : LINE_TURN_MS;
}

void outages_give_back(struct outages *outages)
{
	struct job_list doubted = outages->doubted;
	struct job *job;

	outages->doubted = (struct job_list){0};
	while ((job = job_list_take(&doubted))) {
		if (line_wants_back(outages->line, job))
			line_give_back(outages->line, job);
		else
			outages_hold(outages, job);
	}
}
