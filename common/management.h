/* SPDX-License-Identifier: MIT */
/*
 * RabbitMQ's management API: one document at a time, as the operator's commands need it
 * (https://www.rabbitmq.com/management.html, "HTTP API").
 * Threads: one at a time.
 */
#ifndef COMMON_MANAGEMENT_H
#define COMMON_MANAGEMENT_H

#include <stdbool.h>

#include "common/error.h"
#include "common/json.h"

struct management;

/*
 * url is AMQP_MANAGEMENT_URL, with user and password; borrowed. Nothing is asked yet.
 *
 * Owns: the caller ends *management with management_destroy().
 */
bool management_create(const char *url, struct management **management, struct error *err);
void management_destroy(struct management *management); /* NULL: nothing to do */

/*
 * GET one document; "%s" in path is where the vhost goes, percent-encoded.
 *
 * Owns:  *document is the caller's, json_destroy(); NULL after 404.
 * Fails: broker - nobody answers, or not as a management API does; the text holds no password.
 */
bool management_get(struct management *management, const char *path, const char *vhost,
	struct json **document, struct error *err);

#endif
