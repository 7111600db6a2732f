/* SPDX-License-Identifier: MIT */
/*
 * The properties of a delivered message, headers of any type and depth included: to read a few of
 * them, to show all of them, and to publish the message again just as it came
 * (broker_message.copy_of).
 * Threads: one at a time.
 */
#ifndef COMMON_BROKER_PROPERTIES_H
#define COMMON_BROKER_PROPERTIES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/text.h"

struct broker_properties;

/* Owns: the caller ends the copy with broker_properties_destroy(). */
struct broker_properties *broker_properties_copy(const struct broker_properties *properties);
void broker_properties_destroy(struct broker_properties *properties); /* NULL: nothing to do */

/* Append the bytes of a header that is text. False: there is none, or it is something else. */
bool broker_properties_text(
	const struct broker_properties *properties, const char *header, struct text *out);
/* A header that is a whole number. False: as above. */
bool broker_properties_number(
	const struct broker_properties *properties, const char *header, int64_t *number);

/*
 * Why RabbitMQ itself last dead-lettered the message: the first entry of its header x-death
 * (rabbitmq.com/docs/dlx#effects).
 */
struct broker_death {
	char reason[32]; /* delivery_limit, expired, maxlen, rejected */
	char queue[256];
	int64_t count;
	int64_t time_s; /* since 1970 */
};

/* False: it never did. */
bool broker_properties_death(
	const struct broker_properties *properties, struct broker_death *death);

/*
 * Append everything as a JSON object: the properties that are set by their names in AMQP, and
 * "headers". Bytes that are not UTF-8 become U+FFFD, an unknown type null; what is nested deeper
 * than 16 tables or arrays is cut off as "...".
 */
void broker_properties_write(const struct broker_properties *properties, struct text *out);

#endif
