/* SPDX-License-Identifier: MIT */
/*
 * Compares RabbitMQ's management API with the table of topology.c. AMQP names only the first
 * argument that differs and knows nothing of bindings and policies; the management API shows all of
 * them.
 * Threads: any; nothing is kept between calls.
 */
#ifndef COMMON_TOPOLOGY_CHECK_H
#define COMMON_TOPOLOGY_CHECK_H

#include <stdbool.h>

#include "common/json.h"
#include "common/topology.h"

/* What to ask for, below /api: %s is the vhost, percent-encoded. */
#define TOPOLOGY_QUEUES_PATH                                                                       \
	"/api/queues/%s?columns=name,type,durable,auto_delete,exclusive,arguments,policy,"         \
	"operator_policy,effective_policy_definition"
#define TOPOLOGY_BINDINGS_PATH          "/api/exchanges/%s/" TOPOLOGY_EXCHANGE "/bindings/source"
#define TOPOLOGY_EXCHANGE_PATH          "/api/exchanges/%s/" TOPOLOGY_EXCHANGE
#define TOPOLOGY_POLICIES_PATH          "/api/policies/%s"
#define TOPOLOGY_OPERATOR_POLICIES_PATH "/api/operator-policies/%s"

/*
 * Compare everything over the management API at url (AMQP_MANAGEMENT_URL, with user and password)
 * and name each difference.
 *
 * Fails: broker - nobody answers, or not as a management API does; the text holds no password.
 */
bool topology_check_management(
	const char *url, const char *vhost, struct topology_report *report, struct error *err);

/* The comparisons themselves, of documents that were fetched. */
void topology_compare_exchange(const struct json *exchange, struct topology_report *report);
/* queues is the array of the vhost's queues; policies are topology_policy.h's matter. */
void topology_compare_queues(const struct json *queues, struct topology_report *report);
/* Bindings of queues that are missing are not named: the missing queue was. */
void topology_compare_bindings(
	const struct json *queues, const struct json *bindings, struct topology_report *report);

#endif
