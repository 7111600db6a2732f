/* SPDX-License-Identifier: MIT */
/*
 * I7: no secret in logs, command lines, queues and tables. What is looked for: the passwords, the
 * client secret and the key among the fleet's settings, and anything that looks like a token of the
 * simulator ("act." or "rft." and 24 hex digits). The test thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/faults/oracle.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/topology.h"
#include "tests/support/environment.h"

#define SECRETS_MAX  8
#define TOKEN_DIGITS 24
#define TOKEN_SQL    "'(act|rft)\\.[0-9a-f]{24}'"

struct secrets {
	char *list[SECRETS_MAX];
	int count;
};

/* The password in "scheme://user:password@host". */
static void add_password(struct secrets *secrets, const char *url)
{
	const char *user = strstr(url, "://");
	const char *at = strchr(url, '@');
	const char *colon = user ? strchr(user + 3, ':') : NULL;

	if (colon && at && colon < at)
		secrets->list[secrets->count++] =
			memory_copy_bytes(colon + 1, (size_t)(at - colon) - 1);
}

static void gather(const struct oracle *oracle, struct secrets *secrets)
{
	static const char *const plain[] = {"TIKTOK_CLIENT_SECRET=", "TOKEN_ENC_KEY="};
	static const char *const urls[] = {"DATABASE_URL=", "AMQP_URL="};

	for (char **setting = oracle->fleet->settings; *setting; setting++)
		for (size_t i = 0; i < 2; i++) {
			if (strncmp(*setting, plain[i], strlen(plain[i])) == 0)
				secrets->list[secrets->count++] =
					memory_copy_text(*setting + strlen(plain[i]));
			if (strncmp(*setting, urls[i], strlen(urls[i])) == 0)
				add_password(secrets, *setting);
		}
	assert_true(secrets->count > 0 && secrets->count <= SECRETS_MAX);
}

static void forget(struct secrets *secrets)
{
	while (secrets->count > 0)
		free(secrets->list[--secrets->count]);
}

static bool holds_token(const char *text, const char *prefix)
{
	for (const char *at = text; (at = strstr(at, prefix)); at++) {
		size_t digits = 0;

		while (isxdigit((unsigned char)at[strlen(prefix) + digits]))
			digits++;
		if (digits >= TOKEN_DIGITS)
			return true;
	}
	return false;
}

static bool holds_secret(const struct secrets *secrets, const char *text)
{
	for (int i = 0; i < secrets->count; i++)
		if (strstr(text, secrets->list[i]))
			return true;
	return holds_token(text, "act.") || holds_token(text, "rft.");
}

static char *look_into_logs(const struct oracle *oracle, const struct secrets *secrets)
{
	DIR *directory = opendir(oracle->harness->directory);
	const struct dirent *entry;
	char *wrong = NULL;

	while (directory && !wrong && (entry = readdir(directory))) {
		struct text content = {0};
		char *path = harness_path(oracle->harness, entry->d_name);

		if (entry->d_type == DT_REG) {
			test_read_file(path, &content);
			if (holds_secret(secrets, text_string(&content)))
				wrong = harness_sentence("a secret stands in %s", path);
		}
		text_finish(&content);
		free(path);
	}
	if (directory)
		closedir(directory);
	return wrong;
}

static char *look_at_command_lines(const struct oracle *oracle, const struct secrets *secrets)
{
	for (int i = 0; i < oracle->crew->count; i++) {
		const struct crew_member *member = &oracle->crew->members[i];
		char path[64], line[4096];
		FILE *file;
		size_t length;

		if (!member->process)
			continue;
		snprintf(path, sizeof path, "/proc/%d/cmdline",
			(int)test_process_pid(member->process));
		file = fopen(path, "re");
		if (!file)
			continue;
		length = fread(line, 1, sizeof line - 1, file);
		fclose(file);
		for (size_t at = 0; at < length; at++)
			if (line[at] == '\0')
				line[at] = ' ';
		line[length] = '\0';
		if (holds_secret(secrets, line))
			return harness_sentence(
				"a secret stands in the command line of %s", member->program);
	}
	return NULL;
}

static char *look_into_tables(struct oracle *oracle)
{
	int64_t count = -1;

	if (!observer_number(&oracle->observer,
		    "SELECT (SELECT count(*) FROM sync_logs l WHERE l::text ~ " TOKEN_SQL
		    ") + (SELECT count(*) FROM sync_jobs j WHERE j::text ~ " TOKEN_SQL ")",
		    &count))
		return harness_sentence("the database does not answer");
	return count == 0 ? NULL
			  : harness_sentence("tokens stand in rows of sync_logs or sync_jobs");
}

char *oracle_no_secret_got_out(struct oracle *oracle)
{
	struct secrets secrets = {0};
	char *wrong;

	gather(oracle, &secrets);
	wrong = look_into_logs(oracle, &secrets);
	if (!wrong)
		wrong = look_at_command_lines(oracle, &secrets);
	if (!wrong)
		wrong = look_into_tables(oracle);
	forget(&secrets);
	return wrong;
}

/* Each look counts as a delivery of those few messages, of the 50 that a message has. */
void oracle_peek_into_queues(struct oracle *oracle)
{
	struct secrets secrets = {0};

	gather(oracle, &secrets);
	for (int id = 0; id < QUEUES; id++) {
		const char *name = topology_queue((enum topology_queue_id)id)->name;
		char *path =
			harness_sentence("/api/queues/%s/%s/get", oracle->fleet->vhost.name, name);
		struct text reply = {0};

		test_management_call("POST", path,
			"{\"count\":20,\"ackmode\":\"ack_requeue_true\",\"encoding\":\"auto\"}",
			&reply);
		if (holds_secret(&secrets, text_string(&reply)))
			harness_check(oracle->harness, "I7",
				harness_sentence("a secret stands in a message of %s", name));
		text_finish(&reply);
		free(path);
	}
	forget(&secrets);
}
