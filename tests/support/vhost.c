/* SPDX-License-Identifier: MIT */
/*
 * Virtual hosts through RabbitMQ's management API (https://www.rabbitmq.com/management.html, "HTTP
 * API"). The test thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/vhost.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"
#include "tests/support/environment.h"
#include "tests/support/web.h"

/* What is left to delete when the program ends, however it ends. */
#define VHOSTS_MAX 16
static char *leftover[VHOSTS_MAX];
static pid_t owner;

/* 0: nobody answered. */
static int call(const char *method, const char *path, const char *body, struct text *reply)
{
	struct text url = {0};
	int status;

	text_append_format(&url, "%s%s", test_setting("AMQP_MANAGEMENT_URL"), path);
	status = test_web_call(method, url.data, body, reply);
	text_finish_secret(&url);
	return status;
}

int test_management_call(const char *method, const char *path, const char *body, struct text *reply)
{
	int status = call(method, path, body, reply);

	if (status == 0)
		fail_msg("the management API of the private broker does not answer %s %s", method,
			path);
	return status;
}

/* The user name of AMQP_URL, "amqp://user:password@host:port/vhost". Owns: the caller frees. */
static char *broker_user(void)
{
	const char *user = strstr(test_setting("AMQP_URL"), "://") + 3;

	return memory_copy_bytes(user, strcspn(user, ":@/"));
}

/* AMQP_URL with another virtual host. Owns: the caller frees. */
static char *url_of_vhost(const char *name)
{
	const char *url = test_setting("AMQP_URL");
	const char *authority = strstr(url, "://") + 3;
	int length = (int)(authority - url) + (int)strcspn(authority, "/?");
	struct text with_name = {0};

	text_append_format(&with_name, "%.*s/%s", length, url, name);
	return with_name.data;
}

static void delete_vhost(const char *name)
{
	struct text path = {0};

	text_append_format(&path, "/api/vhosts/%s", name);
	call("DELETE", path.data, NULL, NULL);
	text_finish(&path);
}

static void delete_leftover(void)
{
	for (size_t i = 0; i < VHOSTS_MAX && getpid() == owner; i++) {
		if (leftover[i])
			delete_vhost(leftover[i]);
		free(leftover[i]);
		leftover[i] = NULL;
	}
}

static void remember(const char *name)
{
	if (owner == 0) {
		owner = getpid();
		atexit(delete_leftover);
	}
	for (size_t i = 0; i < VHOSTS_MAX; i++) {
		if (leftover[i])
			continue;
		leftover[i] = memory_copy_text(name);
		return;
	}
	fail_msg("a test program has at most %d virtual hosts", VHOSTS_MAX);
}

static void forget(const char *name)
{
	for (size_t i = 0; i < VHOSTS_MAX; i++) {
		if (!leftover[i] || strcmp(leftover[i], name) != 0)
			continue;
		free(leftover[i]);
		leftover[i] = NULL;
	}
}

void test_vhost_create(struct test_vhost *vhost)
{
	char *user = broker_user();
	char *name = test_unique_name("test");
	struct text path = {0};
	int status;

	remember(name);
	text_append_format(&path, "/api/vhosts/%s", name);
	status = test_management_call("PUT", path.data, "{}", NULL);
	if (status != 201)
		fail_msg("cannot create the virtual host %s: HTTP status %d", name, status);
	text_clear(&path);
	text_append_format(&path, "/api/permissions/%s/%s", name, user);
	status = test_management_call(
		"PUT", path.data, "{\"configure\":\".*\",\"write\":\".*\",\"read\":\".*\"}", NULL);
	if (status != 201 && status != 204)
		fail_msg("cannot give %s permissions: HTTP status %d", user, status);
	vhost->name = name;
	vhost->amqp_url = url_of_vhost(name);
	text_finish(&path);
	free(user);
}

void test_vhost_destroy(struct test_vhost *vhost)
{
	if (!vhost || !vhost->name)
		return;
	delete_vhost(vhost->name);
	forget(vhost->name);
	free(vhost->name);
	free(vhost->amqp_url);
	*vhost = (struct test_vhost){0};
}
