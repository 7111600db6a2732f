/* SPDX-License-Identifier: MIT */
/*
 * Records of deliveries. Run by the intake's thread.
 */
#include "worker/tickets.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/memory.h"

static struct ticket **bucket_of(struct tickets *tickets, int64_t account_id)
{
	return &tickets->buckets[(uint64_t)account_id % TICKET_BUCKETS];
}

struct ticket *tickets_find(struct tickets *tickets, int64_t account_id)
{
	struct ticket *ticket = *bucket_of(tickets, account_id);

	while (ticket && ticket->account_id != account_id)
		ticket = ticket->next;
	return ticket;
}

struct ticket *tickets_add(struct tickets *tickets, struct job *job)
{
	struct ticket *ticket = memory_allocate(1, sizeof *ticket);
	const struct job_message *message = &job->message;
	struct ticket **bucket = bucket_of(tickets, message->account_id);

	ticket->account_id = message->account_id;
	ticket->job = job;
	memcpy(ticket->job_id, message->job_id, sizeof ticket->job_id);
	ticket->attempt = message->attempt;
	ticket->slice = message->progress.slice;
	ticket->began_ms = clock_monotonic_ms();
	ticket->next = *bucket;
	*bucket = ticket;
	job->ticket = ticket;
	return ticket;
}

void tickets_remove(struct tickets *tickets, struct ticket *ticket)
{
	struct ticket **at = bucket_of(tickets, ticket->account_id);

	while (*at != ticket)
		at = &(*at)->next;
	*at = ticket->next;
	assert(!ticket->parked);
	free(ticket);
}

bool ticket_is_repeated(const struct ticket *ticket, const struct job_message *message,
	const struct broker_delivery *delivery)
{
	return (ticket->returned || ticket->epoch != delivery->epoch) &&
	       ticket->attempt == message->attempt && ticket->slice == message->progress.slice &&
	       strcmp(ticket->job_id, message->job_id) == 0;
}

void ticket_park(struct ticket *ticket, struct parked *parked)
{
	struct parked **last = &ticket->parked;

	while (*last)
		last = &(*last)->next;
	parked->next = NULL;
	*last = parked;
}
