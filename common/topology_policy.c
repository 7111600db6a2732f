/* SPDX-License-Identifier: MIT */
/*
 * Policies against the table of topology.c. Runs in syncctl's one thread.
 */
#include "common/topology_policy.h"

#include <ctype.h>
#include <inttypes.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_MAX 255 /* an AMQP short string, as names and keys are */

/*
 * How a policy and an argument of the same name combine in a quorum queue (rabbit_quorum_queue.erl,
 * ra_machine_config). Limits on the length are not ours to forbid: with reject-publish a full queue
 * slows the publisher down and loses nothing.
 */
enum policy_rule {
	POLICY_WINS,     /* always */
	SMALLER_WINS,    /* the smaller of both counts */
	ARGUMENT_WINS,   /* counts where there is no argument */
	POLICY_FORBIDDEN /* there never is an argument, and the policy is harmful */
};

static const struct {
	const char *key;
	const char *argument;
	enum policy_rule rule;
} policy_keys[] = {
	{"overflow", "x-overflow", POLICY_WINS},
	{"delivery-limit", "x-delivery-limit", SMALLER_WINS},
	{"message-ttl", "x-message-ttl", SMALLER_WINS},
	{"dead-letter-exchange", "x-dead-letter-exchange", ARGUMENT_WINS},
	{"expires", "x-expires", POLICY_FORBIDDEN},
};

const char *topology_member_text(
	const struct json *object, const char *name, char *buffer, size_t size)
{
	const char *string;
	int64_t number;
	bool truth;

	if (!object)
		return NULL;
	if (json_string(object, name, VALUE_MAX, &string) == JSON_FOUND)
		snprintf(buffer, size, "%s", string);
	else if (json_integer(object, name, &number) == JSON_FOUND)
		snprintf(buffer, size, "%" PRId64, number);
	else if (json_boolean(object, name, &truth) == JSON_FOUND)
		snprintf(buffer, size, "%s", truth ? "true" : "false");
	else if (json_string(object, name, VALUE_MAX, &string) == JSON_WRONG)
		snprintf(buffer, size, "something else");
	else
		return NULL;
	return buffer;
}

const struct json *topology_find_element(
	const struct json *array, const char *member, const char *value)
{
	for (size_t i = 0; i < json_array_length(array); i++) {
		const struct json *element = json_array_at(array, i);
		const char *found;

		if (json_string(element, member, VALUE_MAX, &found) == JSON_FOUND &&
			strcmp(found, value) == 0)
			return element;
	}
	return NULL;
}

static bool policy_overrides(enum policy_rule rule, const char *wanted, const char *found)
{
	switch (rule) {
	case POLICY_WINS:
		return !wanted || strcmp(wanted, found) != 0;
	case SMALLER_WINS:
		return !wanted || strtoll(found, NULL, 10) < strtoll(wanted, NULL, 10);
	case ARGUMENT_WINS:
		return !wanted;
	case POLICY_FORBIDDEN:
		return true;
	}
	return true;
}

static void compare_definition(const struct json *definition, const struct topology_queue *queue,
	const char *policy, struct topology_report *report)
{
	char found_buffer[VALUE_MAX + 1], wanted_buffer[VALUE_MAX + 1];

	for (size_t i = 0; i < sizeof policy_keys / sizeof policy_keys[0]; i++) {
		const char *key = policy_keys[i].key;
		const char *wanted = topology_argument_text(
			queue, policy_keys[i].argument, wanted_buffer, sizeof wanted_buffer);
		const char *found =
			topology_member_text(definition, key, found_buffer, sizeof found_buffer);

		if (found && policy_overrides(policy_keys[i].rule, wanted, found))
			topology_report_policy(report, queue, policy, key, found);
	}
}

/*
 * Perl's (?...) and \d mean other things in POSIX, or nothing; an escaped dot or dollar means the
 * same.
 */
static bool is_posix(const char *pattern)
{
	regex_t expression;

	if (strstr(pattern, "(?"))
		return false;
	for (const char *c = pattern; *c; c++)
		if (*c == '\\' && (isalnum((unsigned char)c[1]) || *++c == '\0'))
			return false;
	if (regcomp(&expression, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	regfree(&expression);
	return true;
}

static const char *pattern_of(const struct json *policy)
{
	const char *pattern = "";

	json_string(policy, "pattern", VALUE_MAX, &pattern);
	return pattern;
}

/* Ours are quorum queues. "queues" is every kind; exchanges and the other kinds are not meant. */
static bool applies_to(const struct json *policy, const struct topology_queue *queue)
{
	const char *kind = "all";
	regex_t expression;
	bool matches;

	json_string(policy, "apply-to", VALUE_MAX, &kind);
	if (strcmp(kind, "all") != 0 && strcmp(kind, "queues") != 0 &&
		strcmp(kind, "quorum_queues") != 0)
		return false;
	if (regcomp(&expression, pattern_of(policy), REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	matches = regexec(&expression, queue->name, 0, NULL, 0) == 0;
	regfree(&expression);
	return matches;
}

static const struct json *policy_of_queue(
	const struct json *policies, const struct topology_queue *queue)
{
	const struct json *chosen = NULL;
	int64_t highest = INT64_MIN;

	for (size_t i = 0; i < json_array_length(policies); i++) {
		const struct json *policy = json_array_at(policies, i);
		int64_t priority = 0;

		json_integer(policy, "priority", &priority);
		if (priority > highest && applies_to(policy, queue)) {
			chosen = policy;
			highest = priority;
		}
	}
	return chosen;
}

bool topology_compare_policies(const struct json *policies, struct topology_report *report)
{
	for (size_t i = 0; i < json_array_length(policies); i++)
		if (!is_posix(pattern_of(json_array_at(policies, i))))
			return false;
	for (int id = 0; id < QUEUES; id++) {
		const struct topology_queue *queue = topology_queue((enum topology_queue_id)id);
		const struct json *policy = policy_of_queue(policies, queue);
		const char *name = "unnamed";

		if (!policy)
			continue;
		json_string(policy, "name", VALUE_MAX, &name);
		compare_definition(json_object(policy, "definition"), queue, name, report);
	}
	return true;
}

/*
 * "lazy", or, with an operator's policy beside it, "lazy" and "limits"; the quotes at both ends are
 * the report's.
 */
static void name_policies(const struct json *object, char *buffer, size_t size)
{
	const char *policy = NULL, *operator_policy = NULL;
	bool has_policy = json_string(object, "policy", VALUE_MAX, &policy) == JSON_FOUND;
	bool has_operator_policy =
		json_string(object, "operator_policy", VALUE_MAX, &operator_policy) == JSON_FOUND;

	if (has_policy && has_operator_policy)
		snprintf(buffer, size, "%s\" and \"%s", policy, operator_policy);
	else
		snprintf(buffer, size, "%s",
			has_policy            ? policy
			: has_operator_policy ? operator_policy
					      : "unknown");
}

void topology_compare_effective_policies(const struct json *queues, struct topology_report *report)
{
	for (int id = 0; id < QUEUES; id++) {
		const struct topology_queue *queue = topology_queue((enum topology_queue_id)id);
		const struct json *found = topology_find_element(queues, "name", queue->name);
		const struct json *definition =
			found ? json_object(found, "effective_policy_definition") : NULL;
		char name[2 * VALUE_MAX + 16];

		if (!definition)
			continue;
		name_policies(found, name, sizeof name);
		compare_definition(definition, queue, name, report);
	}
}
