/* SPDX-License-Identifier: MIT */
/*
 * The exchange, queues and bindings that the programs share; the table stands in topology.c.
 * `syncctl topology apply` declares them, every program checks them when it connects, and both use the same words.
 */
#ifndef COMMON_TOPOLOGY_H
#define COMMON_TOPOLOGY_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

#define TOPOLOGY_EXCHANGE "sync"

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

const struct topology_queue *topology_queue(enum topology_queue_id id);
/* The queue of a rung of the retry ladder. */
const struct topology_queue *topology_rung(enum retry_rung rung);
/* How long a message stays on a rung. */
int64_t topology_rung_delay_ms(enum retry_rung rung);

#endif
