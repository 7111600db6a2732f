/* SPDX-License-Identifier: MIT */
/*
 * Reads the file that STORESYNC_TEST_ENV names, and finds programs, files and names for tests. The
 * test thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/environment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"

struct setting {
	const char *name;
	char *value;
};

static struct setting settings[] = {
	{"DATABASE_URL", NULL},
	{"AMQP_URL", NULL},
	{"AMQP_MANAGEMENT_URL", NULL},
};

/* Take "export NAME='value'", quoted or not. */
static void read_line(char *line, struct setting *setting)
{
	size_t name_length = strlen(setting->name);
	char *value = line + strlen("export ");
	size_t length;

	if (strncmp(line, "export ", strlen("export ")) != 0 ||
		strncmp(value, setting->name, name_length) != 0 || value[name_length] != '=')
		return;
	value += name_length + 1;
	length = strcspn(value, "\r\n");
	if (length >= 2 && value[0] == '\'' && value[length - 1] == '\'') {
		value++;
		length -= 2;
	}
	free(setting->value);
	setting->value = memory_copy_bytes(value, length);
}

static void load(struct setting *setting)
{
	const char *path = getenv("STORESYNC_TEST_ENV");
	char *line = NULL;
	size_t size = 0;
	FILE *file;

	if (!path)
		fail_msg("STORESYNC_TEST_ENV is not set: run this test through tests/run, or start "
			 "servers with deploy/servers start DIR and set it to DIR/env");
	file = fopen(path, "re");
	if (!file)
		fail_msg("cannot read %s, which STORESYNC_TEST_ENV names", path);
	while (getline(&line, &size, file) >= 0)
		read_line(line, setting);
	free(line);
	fclose(file);
}

const char *test_setting(const char *name)
{
	for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
		if (strcmp(settings[i].name, name) != 0)
			continue;
		if (!settings[i].value)
			load(&settings[i]);
		if (!settings[i].value)
			fail_msg("%s does not stand in %s", name, getenv("STORESYNC_TEST_ENV"));
		return settings[i].value;
	}
	fail_msg("tests know no setting %s", name);
	return NULL;
}

char *test_binary(const char *program)
{
	const char *folder = getenv("STORESYNC_BIN_DIR");
	struct text path = {0};

	if (!folder)
		fail_msg("STORESYNC_BIN_DIR is not set: run this test through tests/run");
	text_append_format(&path, "%s/%s", folder, program);
	if (access(path.data, X_OK) != 0)
		fail_msg("%s is not there: build it first", path.data);
	return path.data;
}

char *test_unique_name(const char *stem)
{
	static int number;
	struct text name = {0};

	text_append_format(&name, "%s_%d_%d", stem, (int)getpid(), ++number);
	return name.data;
}

char *test_temporary_path(const char *stem)
{
	const char *folder = getenv("TMPDIR");
	char *name = test_unique_name(stem);
	struct text path = {0};

	text_append_format(&path, "%s/storesync_%s", folder ? folder : "/tmp", name);
	free(name);
	unlink(path.data); /* of an earlier process with our number */
	return path.data;
}

void test_read_file(const char *path, struct text *content)
{
	char part[4096];
	size_t got;
	FILE *file = fopen(path, "re");

	if (!file)
		fail_msg("cannot read %s", path);
	while ((got = fread(part, 1, sizeof part, file)) > 0)
		text_append_bytes(content, part, got);
	fclose(file);
}

void test_write_file(const char *path, const char *content)
{
	FILE *file = fopen(path, "we");

	if (!file || fputs(content, file) < 0 || fclose(file) != 0)
		fail_msg("cannot write %s", path);
}
