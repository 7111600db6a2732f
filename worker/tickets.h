/* SPDX-License-Identifier: MIT */
/*
 * The intake's records of deliveries: a ticket for each that is at work, found by its account, and
 * what is parked behind it.
 * Threads: the intake's.
 */
#ifndef WORKER_TICKETS_H
#define WORKER_TICKETS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/broker.h"
#include "worker/job.h"

#define TICKET_BUCKETS 1024

/* How a job's message came. */
struct arrival {
	uint64_t epoch;
	uint64_t tag;
	bool express;
	int64_t deliveries; /* before this one, as RabbitMQ counts them */
};

/* A delivery that waits until its account is free. */
struct parked {
	struct parked *next;
	struct job_message message;
	struct arrival arrival;
};

struct ticket {
	struct ticket *next; /* of the bucket */
	int64_t account_id;  /* 0: of a message that is no job */
	struct job *job;     /* for job->recalled alone: its fields are its owner's */
	char job_id[UUID_TEXT_SIZE];
	int attempt;
	int slice;
	uint64_t epoch;
	uint64_t tag;
	bool returned; /* the delivery went back to its queue while the job did not come home */
	int64_t began_ms;
	struct parked *parked; /* oldest first */
};

/* Start from a zeroed struct. */
struct tickets {
	struct ticket *buckets[TICKET_BUCKETS];
};

/* The ticket of an account at work; NULL: it is free. */
struct ticket *tickets_find(struct tickets *tickets, int64_t account_id);
/* Enter a job that begins; its delivery is not in it yet. */
struct ticket *tickets_add(struct tickets *tickets, struct job *job);
/* Nothing may be parked behind it. */
void tickets_remove(struct tickets *tickets, struct ticket *ticket);

/* The message of the job that is at work, delivered again: its delivery was lost or went back. */
bool ticket_is_repeated(const struct ticket *ticket, const struct job_message *message,
	const struct broker_delivery *delivery);
/* Behind what is parked there already. */
void ticket_park(struct ticket *ticket, struct parked *parked);

#endif
