/* SPDX-License-Identifier: MIT */
/*
 * The exchange, queues and bindings that the programs share; the table stands in topology.c.
 * `syncctl topology apply` declares them, every program checks them when it connects, and both use
 * the same words.
 * Threads: the table is constant; a report belongs to one thread.
 */
#ifndef COMMON_TOPOLOGY_H
#define COMMON_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/text.h"

#define TOPOLOGY_EXCHANGE      "sync"
#define TOPOLOGY_EXCHANGE_TYPE "direct"
#define TOPOLOGY_ARGUMENTS_MAX 7

enum topology_queue_id {
	QUEUE_JOBS,
	QUEUE_JOBS_EXPRESS,
	QUEUE_RETRY_10S,
	QUEUE_RETRY_1M,
	QUEUE_RETRY_5M,
	QUEUE_RETRY_30M,
	QUEUE_JOBS_DEAD,
	QUEUE_RESULTS,
	QUEUE_RESULTS_DEAD,
	QUEUES
};

struct topology_queue {
	const char *name;
	const char *key;             /* bound to TOPOLOGY_EXCHANGE with it */
	int64_t ttl_ms;              /* 0: none */
	const char *dead_letter_key; /* through TOPOLOGY_EXCHANGE; NULL: none */
	int64_t delivery_limit;
};

/* An argument of a queue's declaration. */
struct topology_argument {
	const char *name;
	const char *text; /* NULL: number counts */
	int64_t number;
};

const struct topology_queue *topology_queue(enum topology_queue_id id);
/* The queue of a rung of the retry ladder. */
const struct topology_queue *topology_rung(enum retry_rung rung);
/* How long a message stays on a rung. */
int64_t topology_rung_delay_ms(enum retry_rung rung);

/* What a queue is declared with. Returns how many there are. */
size_t topology_arguments(const struct topology_queue *queue,
	struct topology_argument arguments[TOPOLOGY_ARGUMENTS_MAX]);
/* The value of one argument as text, in a buffer of size bytes; NULL: the queue has no such argument. */
const char *topology_argument_text(
	const struct topology_queue *queue, const char *name, char *buffer, size_t size);

/*
 * What was found wanting, one sentence a line. Start from a zeroed struct.
 */
struct topology_report {
	struct text differences;
	size_t difference_count;
	bool something_missing; /* syncctl topology apply creates it */
	bool queue_differs;     /* RabbitMQ does not change what exists: it must be deleted first */
	bool exchange_differs;
	bool policy_overrides;
	struct text actions;     /* of apply: what was created and what was there, one a line */
	struct text not_checked; /* of check: what could not be looked at, one a line */
};

void topology_report_finish(struct topology_report *report);
/* Add what another report has found. */
void topology_report_add(struct topology_report *report, const struct topology_report *other);
void topology_report_missing_exchange(struct topology_report *report);
void topology_report_missing_queue(
	struct topology_report *report, const struct topology_queue *queue);
void topology_report_missing_binding(
	struct topology_report *report, const struct topology_queue *queue);
/* queue NULL: the exchange. found NULL: not set at all. */
void topology_report_argument(struct topology_report *report, const struct topology_queue *queue,
	const char *name, const char *found);
void topology_report_policy(struct topology_report *report, const struct topology_queue *queue,
	const char *policy, const char *key, const char *value);
/*
 * RabbitMQ refused a declaration (406) and says in reply_text which argument differs ("inequivalent
 * arg 'x' for queue 'q' in vhost 'v': received ... but current is ..."); it names the first one
 * only. queue NULL: the exchange.
 */
void topology_report_refusal(
	struct topology_report *report, const struct topology_queue *queue, const char *reply_text);
/* Add what to do about the differences: one or more sentences, joined by "; ". */
void topology_report_way_out(const struct topology_report *report, struct text *out);
/* Everything in one line for a log: the first difference, how many more, the way out. */
void topology_report_summarise(const struct topology_report *report, struct text *out);

#endif
