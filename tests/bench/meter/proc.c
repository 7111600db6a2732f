/* SPDX-License-Identifier: MIT */
/*
 * Reads /proc. Any thread.
 */
#include "tests/bench/meter/proc.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

/* Fields of /proc/PID/stat, as proc(5) numbers them; the first two are the pid and the name. */
enum stat_field {
	STAT_PARENT = 4,
	STAT_USER = 14,
	STAT_SYSTEM,
	STAT_CHILD_USER,
	STAT_CHILD_SYSTEM
};

_Noreturn static void give_up(const char *path)
{
	fprintf(stderr, "cannot read %s: what is measured must run on this machine\n", path);
	exit(1);
}

static double ticks_to_ms(int64_t ticks)
{
	return (double)ticks * 1000 / (double)sysconf(_SC_CLK_TCK);
}

/* False: there is no such process. */
static bool read_stat(pid_t pid, int64_t fields[STAT_CHILD_SYSTEM + 1])
{
	char path[64], line[1024];
	char *next = NULL;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (fgets(line, sizeof line, file))
		next = strrchr(line, ')'); /* the name in parentheses may hold blanks */
	fclose(file);
	if (!next)
		return false;
	next += strlen(") S"); /* past the third field, a letter */
	for (int field = STAT_PARENT; field <= STAT_CHILD_SYSTEM; field++)
		fields[field] = strtoll(next, &next, 10);
	return true;
}

static void read_stat_or_give_up(pid_t pid, int64_t fields[STAT_CHILD_SYSTEM + 1])
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	if (!read_stat(pid, fields))
		give_up(path);
}

double proc_cpu_ms(pid_t pid)
{
	int64_t fields[STAT_CHILD_SYSTEM + 1];

	read_stat_or_give_up(pid, fields);
	return ticks_to_ms(fields[STAT_USER] + fields[STAT_SYSTEM]);
}

pid_t proc_parent(pid_t pid)
{
	int64_t fields[STAT_CHILD_SYSTEM + 1];

	read_stat_or_give_up(pid, fields);
	return (pid_t)fields[STAT_PARENT];
}

double proc_family_cpu_ms(pid_t pid, pid_t without_child)
{
	int64_t fields[STAT_CHILD_SYSTEM + 1];
	const struct dirent *entry;
	DIR *directory = opendir("/proc");
	int64_t ticks = 0;

	if (!directory)
		give_up("/proc");
	while ((entry = readdir(directory))) {
		pid_t child = (pid_t)strtol(entry->d_name, NULL, 10);

		if (child > 0 && child != without_child && read_stat(child, fields) &&
			fields[STAT_PARENT] == pid)
			ticks += fields[STAT_USER] + fields[STAT_SYSTEM];
	}
	closedir(directory);
	read_stat_or_give_up(pid, fields);
	for (int field = STAT_USER; field <= STAT_CHILD_SYSTEM; field++)
		ticks += fields[field];
	return ticks_to_ms(ticks);
}

/* A number of a status file, "VmHWM:   1234 kB"; 0: it has none such. */
static int64_t read_status(const char *path, const char *name)
{
	char line[256];
	int64_t number = 0;
	FILE *file = fopen(path, "re");

	if (!file)
		give_up(path);
	while (fgets(line, sizeof line, file))
		if (strncmp(line, name, strlen(name)) == 0)
			number = strtoll(line + strlen(name), NULL, 10);
	fclose(file);
	return number;
}

static double status_mb(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	return (double)read_status(path, name) / 1024;
}

double proc_resident_mb(pid_t pid)
{
	return status_mb(pid, "VmRSS:");
}

double proc_peak_mb(pid_t pid)
{
	return status_mb(pid, "VmHWM:");
}

int64_t proc_sleeps(pid_t pid)
{
	char path[64 + sizeof(((struct dirent *)0)->d_name)];
	const struct dirent *entry;
	DIR *directory;
	int64_t sleeps = 0;

	snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	directory = opendir(path);
	if (!directory)
		give_up(path);
	while ((entry = readdir(directory))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(path, sizeof path, "/proc/%d/task/%s/status", (int)pid, entry->d_name);
		sleeps += read_status(path, "voluntary_ctxt_switches:");
	}
	closedir(directory);
	return sleeps;
}

void proc_machine(struct proc_machine *machine)
{
	/* user, nice, system, idle, iowait, irq, softirq, steal */
	double ms[8] = {0};
	char line[512] = "";
	char *next = line + strlen("cpu ");
	FILE *file = fopen("/proc/stat", "re");

	if (!file || !fgets(line, sizeof line, file))
		give_up("/proc/stat");
	fclose(file);
	*machine = (struct proc_machine){0};
	for (int i = 0; i < 8; i++) {
		ms[i] = ticks_to_ms(strtoll(next, &next, 10));
		machine->total_ms += ms[i];
	}
	machine->busy_ms = ms[0] + ms[1] + ms[2] + ms[5] + ms[6];
	machine->stolen_ms = ms[7];
}

double proc_own_cpu_ms(void)
{
	struct rusage own, children;

	getrusage(RUSAGE_SELF, &own);
	getrusage(RUSAGE_CHILDREN, &children);
	timeradd(&own.ru_utime, &own.ru_stime, &own.ru_utime);
	timeradd(&children.ru_utime, &children.ru_stime, &children.ru_utime);
	timeradd(&own.ru_utime, &children.ru_utime, &own.ru_utime);
	return (double)own.ru_utime.tv_sec * 1000 + (double)own.ru_utime.tv_usec / 1000;
}
