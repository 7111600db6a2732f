/* SPDX-License-Identifier: MIT */
/*
 * When the next call to an endpoint may be sent: at most limit calls in any sliding 60 seconds,
 * which is how TikTok counts ("Rate Limits": one-minute sliding window, each endpoint separately),
 * and none while a 429 is being waited out. Pure: time is passed in. One owner, no locks.
 */
#ifndef WORKER_PACER_H
#define WORKER_PACER_H

#include <stddef.h>
#include <stdint.h>

struct pacer {
	size_t limit;     /* calls in the window; 0: no limit */
	int64_t *sent_ms; /* ring of the last limit calls */
	size_t next;      /* the oldest of them, and the place of the next */
	int64_t paused_until_ms;
};

void pacer_init(struct pacer *pacer, size_t limit);
void pacer_finish(struct pacer *pacer);
/* The earliest moment for the next call; now_ms or before: at once. */
int64_t pacer_next_ms(const struct pacer *pacer);
void pacer_note_sent(struct pacer *pacer, int64_t now_ms);
/* TikTok answered 429: nothing is sent to this endpoint before then. */
void pacer_pause(struct pacer *pacer, int64_t until_ms);

#endif
