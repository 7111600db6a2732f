/* SPDX-License-Identifier: MIT */
/*
 * Reads /proc. The test thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/faults/vitals.h"

#include <dirent.h>
#include <stdio.h>

#include "common/clock.h"
#include "tests/bench/meter/proc.h"

/* A connection pool that opens, a batch that is larger than those before. */
#define GROWTH_MB          24
#define GROWTH_DESCRIPTORS 12
#define GROWTH_THREADS     1

static int count_entries(pid_t pid, const char *folder)
{
	char path[64];
	DIR *directory;
	int count = 0;

	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, folder);
	directory = opendir(path);
	while (directory && readdir(directory))
		count++;
	if (directory)
		closedir(directory);
	return count - 2; /* "." and ".." */
}

void vitals_look(const struct crew *crew, struct vitals *vitals)
{
	*vitals = (struct vitals){.at_ms = clock_monotonic_ms()};
	for (int i = 0; i < crew->count; i++) {
		const struct crew_member *member = &crew->members[i];
		pid_t pid;

		if (member->end != END_NEVER || !member->process ||
			!test_process_is_running(member->process))
			continue;
		pid = test_process_pid(member->process);
		vitals->of[i].pid = pid;
		vitals->of[i].cpu_ms = proc_cpu_ms(pid);
		vitals->of[i].resident_mb = proc_resident_mb(pid);
		vitals->of[i].descriptors = count_entries(pid, "fd");
		vitals->of[i].threads = count_entries(pid, "task");
	}
}

double vitals_cpu_percent(const struct vitals *before, const struct vitals *after)
{
	double most = 0;

	for (int i = 0; i < CREW_MAX; i++) {
		double percent = (after->of[i].cpu_ms - before->of[i].cpu_ms) * 100 /
				 (double)(after->at_ms - before->at_ms);

		if (before->of[i].pid && before->of[i].pid == after->of[i].pid && percent > most)
			most = percent;
	}
	return most;
}

double vitals_peak_mb(const struct vitals *vitals)
{
	double most = 0;

	for (int i = 0; i < CREW_MAX; i++)
		most = vitals->of[i].resident_mb > most ? vitals->of[i].resident_mb : most;
	return most;
}

char *vitals_growth(const struct crew *crew, const struct vitals *first, const struct vitals *last)
{
	for (int i = 0; i < crew->count; i++) {
		double mb = last->of[i].resident_mb - first->of[i].resident_mb;
		int descriptors = last->of[i].descriptors - first->of[i].descriptors;
		int threads = last->of[i].threads - first->of[i].threads;

		if (!first->of[i].pid || first->of[i].pid != last->of[i].pid)
			continue;
		if (mb > GROWTH_MB || descriptors > GROWTH_DESCRIPTORS || threads > GROWTH_THREADS)
			return harness_sentence("%s grew by %.1f MB, %d descriptors, %d threads",
				crew->members[i].program, mb, descriptors, threads);
	}
	return NULL;
}
