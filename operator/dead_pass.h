/* SPDX-License-Identifier: MIT */
/*
 * Passing through the dead letters: every message that is in sync.jobs.dead at the beginning is
 * taken out once, and a visitor decides what becomes of it. Looking at a message without giving it
 * back is what keeps its delivery count as it is:
 *
 *     delivered -> decide --> KEEP:  an identical copy goes to the end of the queue -\
 *                        |                                     confirmed              +-> ack
 *                        |-> ISSUE: another message is published ---- confirmed, told |
 *                        \-> TAKE:  the visitor has committed what matters ----------/
 *
 * A message is acknowledged last. Killed at any point, syncctl leaves a message, or a copy beside
 * its original, which later passes tell by their dead_id and clear away; at most DEAD_PREFETCH messages are at
 * hand and go back to the queue as delivered once more. When a connection is lost the pass begins
 * anew; the visitor is told and forgets what it had gathered.
 *
 * One at a time: whoever passes holds the lock of dead_session.h, and sees to it that nobody else
 * consumes.
 * Threads: the main thread alone.
 */
#ifndef OPERATOR_DEAD_PASS_H
#define OPERATOR_DEAD_PASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/config.h"
#include "common/error.h"
#include "common/text.h"
#include "operator/dead_letter.h"

#define DEAD_PREFETCH 64

enum dead_decision {
	DEAD_KEEP,
	DEAD_TAKE,
	DEAD_ISSUE,
	DEAD_FAIL, /* err says why: the message and all after it are kept, and the pass fails */
};

/* A message at hand. */
struct dead_message {
	struct dead_letter letter;
	const char *body;
	size_t length;
	const struct broker_properties *properties;
};

/* What to publish in its place. */
struct dead_issue {
	const char *key;
	char message_id[UUID_TEXT_SIZE];
	struct text body; /* empty at first; reused */
};

struct dead_visitor {
	void *context;
	const char *doing;    /* "retrying": for the progress on standard error */
	int64_t issues_per_s; /* at most; 0: no limit */

	/* The pass begins, or begins anew: what was gathered so far does not count. */
	void (*begin)(void *context);
	enum dead_decision (*decide)(void *context, const struct dead_message *message,
		struct dead_issue *issue, struct error *err);
	/* The broker has what was issued for the message. False: as DEAD_FAIL. NULL: nothing is issued. */
	bool (*issued)(void *context, const struct dead_message *message, struct error *err);
};

/*
 * Make a pass. A process that is asked to stop (process_is_stopping()) ends it early and well:
 * what is at hand is kept.
 *
 * Fails: settings - AMQP_URL; broker - RabbitMQ is away, refuses messages, or another program consumes the
 *        queue; or as the visitor.
 */
bool dead_pass(const struct config *config, const struct dead_visitor *visitor, struct error *err);

#endif
