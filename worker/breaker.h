/* SPDX-License-Identifier: MIT */
/*
 * Whose failure a failed call is: one account's, or TikTok's for everybody. An outage is no failed
 * attempt, so nothing is held against a job before it is known. One breaker an endpoint:
 *
 *           three accounts in a row fail, or a probe does, or our app is refused
 *        CLOSED ---------------------------------------------------> OPEN
 *          ^      calls go out as ever                  one call at a time, with back-off
 *          +------------------ a call gets through ----------------+
 *
 * A failure while it is closed is the account's own once calls that were sent later, for other
 * accounts, have got through. Where nobody else calls, a probe is made (outages.c). What failed while
 * it was open, or just before it opened, is excused.
 *
 * Pure: time and chance are passed in. One owner, no locks.
 */
#ifndef WORKER_BREAKER_H
#define WORKER_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/backoff.h"

#define BREAKER_ACCOUNTS 3 /* failing in a row: then it opens */
#define BREAKER_WITNESSES                                                                          \
	3 /* that got through later: then a failure is the account's own at once */
#define BREAKER_WAIT_MS 1000 /* with fewer of them after this long; with none, a probe is made */
#define BREAKER_KEPT    8

/* A call that got through. */
struct breaker_witness {
	int64_t account_id;
	int64_t sent_ms;
};

/* Start from breaker_init(). Moments are of the monotonic clock. */
struct breaker {
	bool open;
	bool refused;     /* while open: TikTok refuses our app, whoever calls */
	bool trying;      /* the one call is under way */
	int64_t try_ms;   /* while open: the next call goes out then */
	uint64_t outages; /* how often it has opened */
	struct backoff backoff;
	int64_t failing[BREAKER_ACCOUNTS]; /* since a call got through */
	int failing_count;
	struct breaker_witness witnesses[BREAKER_KEPT]; /* the latest, in a ring */
	unsigned witness_count;
	bool probing;
	int64_t probe_sent_ms;     /* the last one */
	int64_t probe_answered_ms; /* when the last one that was answered had been sent */
};

/* What is kept of a failed call until it is judged. */
struct doubt {
	int64_t account_id;
	int64_t failed_ms;
	uint64_t outages; /* had begun before it */
};

enum judgement {
	JUDGED_LATER,  /* not known yet */
	JUDGED_OWN,    /* others got through: the account's own failure */
	JUDGED_OUTAGE, /* excused: make the call again */
	JUDGED_PROBE,  /* not known, and nobody calls: make a probe */
};

enum probe_end { PROBE_ANSWERED, PROBE_FAILED, PROBE_REFUSED /* our app was */ };

void breaker_init(struct breaker *breaker);
/* The moment from which on a call may be sent; INT64_MIN: at once, INT64_MAX: not now. */
int64_t breaker_next_ms(const struct breaker *breaker);

void breaker_note_sent(struct breaker *breaker);
/* The call was dropped: nobody will know how it would have ended. */
void breaker_note_dropped(struct breaker *breaker);
/* TikTok answered as it answers when it works, be it with a refusal. */
void breaker_note_answer(struct breaker *breaker, int64_t account_id, int64_t sent_ms);
/* Fills *doubt; random as backoff_next_ms(). */
void breaker_note_failure(struct breaker *breaker, int64_t account_id, int64_t now_ms,
	uint64_t random, struct doubt *doubt);
/* The same; but our app was refused, which opens it at once: no account's call would end better. */
void breaker_note_refusal(struct breaker *breaker, int64_t account_id, int64_t now_ms,
	uint64_t random, struct doubt *doubt);
/* While it is open: it is time for a call, and none is under way. */
bool breaker_is_due(const struct breaker *breaker, int64_t now_ms);
void breaker_note_probe(struct breaker *breaker, int64_t now_ms);
void breaker_note_probe_end(
	struct breaker *breaker, enum probe_end end, int64_t now_ms, uint64_t random);
/* Calls may go out again: a probe says so. */
void breaker_close(struct breaker *breaker);

enum judgement breaker_judge(
	const struct breaker *breaker, const struct doubt *doubt, int64_t now_ms);

#endif
