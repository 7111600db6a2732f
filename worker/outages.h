/* SPDX-License-Identifier: MIT */
/*
 * The fetcher's knowledge of whether TikTok works: a breaker for each endpoint, and the jobs whose
 * last call failed and is not judged yet. They are held here, through an outage however long, until
 * it is known whether the failure is theirs.
 * Threads: the fetcher's.
 */
#ifndef WORKER_OUTAGES_H
#define WORKER_OUTAGES_H

#include "common/http.h"
#include "worker/breaker.h"
#include "worker/job_list.h"

struct governor;
struct line;

/*
 * How an endpoint is asked whether it works, when no job's call tells: by a call for an account that
 * got through lately, or for want of one by a call for nobody, which counts against no quota and
 * which TikTok answers with a refusal as long as it works. The one to the token endpoint shows our
 * client secret, so that it tells whether that is accepted. One is under way at a time.
 */
struct probe {
	struct outages *outages; /* the probe is the owner of its call */
	enum metric_endpoint endpoint;
	char *scope;        /* of the account; NULL: there is none */
	char *access_token; /* secret */
	int64_t known_ms;   /* it got through then */
	bool waits;         /* for a slot of the quota */
	int64_t slot_ms;    /* that it has; INT64_MIN: it needs none */
	int64_t sent_ms;
	bool had_its_turn; /* in this outage, and failed: now a job tries, for the account may be ill */
};

struct outages {
	struct line *line;
	struct http *http;
	struct governor *governor; /* probes with a token count against the quota */
	struct breaker breakers[ENDPOINTS];
	struct health_need *needs[ENDPOINTS];
	char reasons[ENDPOINTS]
		    [sizeof(((struct error *)0)->text)]; /* of the failure that began it */
	struct probe probes[ENDPOINTS];
	struct job_list doubted;
	bool at_hand; /* the fetcher has jobs to call for */
};

/* Registers what readiness waits for: call it before the fetcher's thread starts. */
void outages_init(
	struct outages *outages, struct line *line, struct http *http, struct governor *governor);
void outages_finish(struct outages *outages);

/* One call at a time is made, to see whether it gets through. */
bool outages_is_open(const struct outages *outages, enum metric_endpoint endpoint);
/* A probe waits for a slot of the endpoint's quota. */
bool outages_wants_probe(const struct outages *outages, enum metric_endpoint endpoint);
/* When a call to the endpoint may go out: as breaker_next_ms(). */
int64_t outages_next_ms(const struct outages *outages, enum metric_endpoint endpoint);
void outages_note_sent(struct outages *outages, enum metric_endpoint endpoint);
void outages_note_dropped(struct outages *outages, enum metric_endpoint endpoint);
/* A call that was sent at sent_ms ended in an answer of a TikTok that works, be it a refusal. */
void outages_note_answer(struct outages *outages, enum metric_endpoint endpoint,
	const struct job *job, int64_t sent_ms);
/* A call failed as calls fail in an outage; the job comes to outages_hold() for it, sooner or later. */
void outages_note_failure(
	struct outages *outages, enum metric_endpoint endpoint, struct job *job, int64_t now_ms);

/* Hold a job, whose action is SYNC_DOUBT. */
void outages_hold(struct outages *outages, struct job *job);
/*
 * Judge what can be judged, and probe where no job's call tells. at_hand: the fetcher has jobs to
 * call for. Returns for how long nothing changes by itself.
 */
int64_t outages_turn(struct outages *outages, bool at_hand, int64_t now_ms);
/* Give back what is wanted back (line_wants_back()). */
void outages_give_back(struct outages *outages);

#endif
