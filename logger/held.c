/* SPDX-License-Identifier: MIT */
/*
 * Results between delivery and ack. Runs on the logger's main thread.
 */
#include "logger/held.h"

#include <stdlib.h>

#include "common/memory.h"

struct held *held_create(const struct broker_delivery *delivery)
{
	struct held *held = memory_allocate(1, sizeof *held);

	held->tag = delivery->tag;
	held->epoch = delivery->epoch;
	held->delivered_ms = clock_monotonic_ms();
	held->message_id = memory_copy_text(delivery->message_id);
	held->body = memory_copy_bytes(delivery->body, delivery->length);
	held->length = delivery->length;
	if (broker_delivery_is_whole(delivery, &held->reason))
		result_message_read(held->body, held->length, &held->result, &held->reason);
	return held;
}

void held_destroy(struct held *held)
{
	if (held == NULL)
		return;
	free(held->message_id);
	free(held->body);
	free(held);
}

void held_list_init(struct held_list *list)
{
	*list = (struct held_list){.last = &list->first};
}

void held_list_put(struct held_list *list, struct held *held)
{
	held->next = NULL;
	*list->last = held;
	list->last = &held->next;
	list->count++;
}

struct held *held_list_take(struct held_list *list)
{
	struct held *held = list->first;

	if (held == NULL)
		return NULL;
	list->first = held->next;
	if (list->first == NULL)
		list->last = &list->first;
	list->count--;
	return held;
}

void held_list_drop(struct held_list *list)
{
	struct held *held = NULL;

	while ((held = held_list_take(list)) != NULL)
		held_destroy(held);
}
