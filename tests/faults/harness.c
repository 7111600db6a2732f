/* SPDX-License-Identifier: MIT */
/*
 * One run of a fault program. The test thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/faults/harness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/text.h"
#include "tests/support/environment.h"

/* Of an earlier run, or of ours when nothing was wrong. */
static void empty_directory(const char *path)
{
	const struct dirent *entry;
	DIR *directory = opendir(path);

	if (!directory)
		return;
	while ((entry = readdir(directory)))
		if (entry->d_type == DT_REG)
			unlinkat(dirfd(directory), entry->d_name, 0);
	closedir(directory);
}

static char *make_directory(const char *name)
{
	const char *parent = getenv("STORESYNC_FAULTS_DIR");
	struct text path = {0};

	if (parent)
		text_append_format(&path, "%s/%s", parent, name);
	else
		path.data = test_temporary_path("faults");
	empty_directory(path.data);
	if (mkdir(path.data, 0700) != 0 && errno != EEXIST)
		fail_msg("cannot make the folder %s: %s", path.data, strerror(errno));
	return path.data;
}

char *harness_path(const struct harness *harness, const char *name)
{
	return harness_sentence("%s/%s", harness->directory, name);
}

void harness_open(struct harness *harness, const char *name, uint64_t seed)
{
	char *path;

	setvbuf(stdout, NULL, _IOLBF, 0);
	*harness = (struct harness){.name = name, .seed = seed ? seed : dice_pick_seed()};
	printf("seed=%" PRIu64 "\n", harness->seed);
	dice_init(&harness->dice, harness->seed);
	harness->directory = make_directory(name);
	harness->began_ms = clock_monotonic_ms();
	path = harness_path(harness, "journal");
	harness->journal = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (harness->journal < 0)
		fail_msg("cannot write %s: %s", path, strerror(errno));
	free(path);
	harness_note(harness, "%s begins with seed %" PRIu64, name, harness->seed);
}

void harness_note(struct harness *harness, const char *format, ...)
{
	int64_t ms = clock_monotonic_ms() - harness->began_ms;
	struct text line = {0};
	char event[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(event, sizeof event, format, arguments);
	va_end(arguments);
	text_append_format(&line, "%8" PRId64 ".%03d %s\n", ms / 1000, (int)(ms % 1000), event);
	if (write(harness->journal, line.data, line.length) != (ssize_t)line.length ||
		fsync(harness->journal) != 0)
		fail_msg("cannot write the journal: %s", strerror(errno));
	text_finish(&line);
}

void harness_figure_text(struct harness *harness, const char *name, const char *value)
{
	printf("%s=%s\n", name, value);
	harness_note(harness, "%s=%s", name, value);
}

void harness_figure(struct harness *harness, const char *name, double value)
{
	char text[32];

	snprintf(text, sizeof text, value == (double)(int64_t)value ? "%.0f" : "%.2f", value);
	harness_figure_text(harness, name, text);
}

char *harness_sentence(const char *format, ...)
{
	char part[4096];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(part, sizeof part, format, arguments);
	va_end(arguments);
	return memory_copy_text(part);
}

void harness_check(struct harness *harness, const char *invariant, char *sentence)
{
	if (!sentence)
		return;
	harness->broken++;
	harness_note(harness, "BROKEN %s: %s", invariant, sentence);
	printf("BROKEN %s: %s\n", invariant, sentence);
	free(sentence);
}

void harness_close(struct harness *harness)
{
	int broken = harness->broken;

	harness_figure(
		harness, "seconds", (double)(clock_monotonic_ms() - harness->began_ms) / 1000);
	harness_figure(harness, "broken", broken);
	close(harness->journal);
	if (!getenv("STORESYNC_FAULTS_DIR") && broken == 0) {
		empty_directory(harness->directory);
		rmdir(harness->directory);
	}
	if (broken > 0)
		print_error("journal and logs: %s\n", harness->directory);
	free(harness->directory);
	if (broken > 0)
		fail_msg("%d invariants are broken: repeat with --seed %" PRIu64, broken,
			harness->seed);
}
