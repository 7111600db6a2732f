/* SPDX-License-Identifier: MIT */
/*
 * A RabbitMQ virtual host of the test's own, made through the management API, deleted when the test
 * program ends.
 */
#ifndef TESTS_SUPPORT_VHOST_H
#define TESTS_SUPPORT_VHOST_H

#include <stdint.h>

#include "common/text.h"

struct test_vhost {
	char *name;
	char *amqp_url; /* AMQP_URL for the programs under test */
};

void test_vhost_create(struct test_vhost *vhost); /* without any queue */
/* NULL or zeroed: nothing to do. */
void test_vhost_destroy(struct test_vhost *vhost);

/*
 * Call the management API: method "GET", path "/api/queues/<vhost>/sync.jobs", body NULL for none.
 * Returns the HTTP status; the reply's body is added to reply (NULL: not wanted). Fails the test
 * when nobody answers.
 */
int test_management_call(
	const char *method, const char *path, const char *body, struct text *reply);

#endif
