/* SPDX-License-Identifier: MIT */
/*
 * Virtual hosts through RabbitMQ's management API (https://www.rabbitmq.com/management.html, "HTTP API"). Besides
 * common/http the only user of libcurl: one blocking call at a time is all that tests need. The test thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/vhost.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"
#include "tests/support/environment.h"

/* What is left to delete when the program ends, however it ends. */
#define VHOSTS_MAX 16
static char *leftover[VHOSTS_MAX];
static pid_t owner;

static size_t collect(char *bytes, size_t size, size_t count, void *reply)
{
	if (reply)
		text_append_bytes(reply, bytes, size * count);
	return size * count;
}

/* 0: nobody answered. */
static int call(const char *method, const char *path, const char *body, struct text *reply)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
	struct text url = {0};
	long status = 0;
	CURL *curl = curl_easy_init();

	text_append_format(&url, "%s%s", test_setting("AMQP_MANAGEMENT_URL"), path);
	curl_easy_setopt(curl, CURLOPT_URL, url.data);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 30000L);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, reply);
	if (body)
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	if (curl_easy_perform(curl) == CURLE_OK)
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_cleanup(curl);
	curl_slist_free_all(headers);
	text_finish_secret(&url);
	return (int)status;
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
