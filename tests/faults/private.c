/* SPDX-License-Identifier: MIT */
/*
 * Servers of a fault program's own, through deploy/servers. The test thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/faults/private.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/memory.h"
#include "tests/faults/harness.h"
#include "tests/support/process.h"

#define PATIENCE_MS 300000

/* Beside the directory of the shared servers, or of its own when there are none. */
static char *name_directory(const char *shared, const char *name)
{
	const char *temporary = getenv("TMPDIR");
	char *copy, *directory;

	if (!shared)
		return harness_sentence(
			"%s/storesync-faults.%s", temporary ? temporary : "/tmp", name);
	copy = memory_copy_text(shared);
	directory = harness_sentence("%s.%s", dirname(copy), name);
	free(copy);
	return directory;
}

static int run(
	struct private_servers *servers, const char *command, const char *word, struct text *output)
{
	const char *script = getenv("STORESYNC_SERVERS");
	const char *const argv[] = {script, command, servers->directory, word, NULL};
	struct test_process *process;
	int code;

	if (!script)
		fail_msg("STORESYNC_SERVERS is not set: run this test through tests/run");
	process = test_process_start(argv, NULL, NULL);
	code = test_process_wait(process, PATIENCE_MS);
	text_append(output, test_process_output(process));
	test_process_destroy(process);
	return code;
}

int private_servers_try(struct private_servers *servers, const char *command, const char *word)
{
	struct text output = {0};
	int code = run(servers, command, word, &output);

	text_finish(&output);
	return code;
}

void private_servers_do(struct private_servers *servers, const char *command, const char *word)
{
	struct text output = {0};

	if (run(servers, command, word, &output) != 0)
		fail_msg("deploy/servers %s failed:\n%s", command, text_string(&output));
	text_finish(&output);
}

/* Runs after what tests/support has registered since, so that databases are dropped first. */
static struct private_servers *started;

static void stop_started(void)
{
	if (!started || !started->directory)
		return;
	private_servers_try(started, "freeze-database", "off");
	private_servers_try(started, "stop", NULL);
}

void private_servers_start(struct private_servers *servers, const char *name)
{
	const char *shared = getenv("STORESYNC_TEST_ENV");
	char *environment;

	servers->environment = shared ? memory_copy_text(shared) : NULL;
	servers->directory = name_directory(shared, name);
	private_servers_try(servers, "stop", NULL); /* of an earlier run */
	if (!started)
		atexit(stop_started);
	started = servers;
	private_servers_do(servers, "start", NULL);
	environment = harness_sentence("%s/env", servers->directory);
	setenv("STORESYNC_TEST_ENV", environment, 1);
	free(environment);
}

void private_servers_stop(struct private_servers *servers)
{
	if (!servers->directory)
		return;
	private_servers_do(servers, "stop", NULL);
	if (servers->environment)
		setenv("STORESYNC_TEST_ENV", servers->environment, 1);
	free(servers->environment);
	free(servers->directory);
	*servers = (struct private_servers){0};
}
