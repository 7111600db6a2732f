/* SPDX-License-Identifier: MIT */
/*
 * Whether policies in RabbitMQ override what our queues were declared with. A queue has at most one
 * policy and one operator policy: of those whose pattern matches its name, the one with the highest
 * priority (rabbitmq.com/docs/parameters).
 * Threads: any; nothing is kept between calls.
 */
#ifndef COMMON_TOPOLOGY_POLICY_H
#define COMMON_TOPOLOGY_POLICY_H

#include <stdbool.h>

#include "common/json.h"
#include "common/topology.h"

/*
 * Compare with a list of policies, as /api/policies/<vhost> and /api/operator-policies/<vhost> give
 * it: what was changed a moment ago counts. False, and nothing was compared: a pattern is beyond
 * POSIX regular expressions (RabbitMQ's are Perl's).
 */
bool topology_compare_policies(const struct json *policies, struct topology_report *report);
/*
 * Compare with effective_policy_definition of the vhost's queues: right whatever the patterns are,
 * but RabbitMQ needs some 10 s to show a change there.
 */
void topology_compare_effective_policies(const struct json *queues, struct topology_report *report);

/* A member as text, whatever its type; NULL: absent. */
const char *topology_member_text(
	const struct json *object, const char *name, char *buffer, size_t size);
/* The element of an array of objects whose member has the value; NULL: none. */
const struct json *topology_find_element(
	const struct json *array, const char *member, const char *value);

#endif
