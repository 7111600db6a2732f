/* SPDX-License-Identifier: MIT */
/*
 * The topology over AMQP: declaring it, and comparing what is there with the table. AMQP shows
 * existence (passive declare) and the first argument that differs (406 to a declaration that is not
 * equivalent), no bindings and no policies.
 * Threads: that of the link.
 */
#ifndef COMMON_BROKER_TOPOLOGY_H
#define COMMON_BROKER_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "common/topology.h"

struct broker_link;

/*
 * Compare the exchange and these queues. What we may not look at (403) is listed in
 * report->not_checked. False: the link broke, err says how; the channel is usable after true.
 */
bool broker_topology_check(struct broker_link *link, const enum topology_queue_id *queues,
	size_t count, struct topology_report *report, struct error *err);
/*
 * Create what is missing, list it in report->actions, and name what differs. Returns as
 * broker_topology_check().
 */
bool broker_topology_apply(
	struct broker_link *link, struct topology_report *report, struct error *err);

#endif
