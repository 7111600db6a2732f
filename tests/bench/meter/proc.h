/* SPDX-License-Identifier: MIT */
/*
 * What programs use of the machine, as the kernel counts it in /proc (proc(5)): CPU time in ms,
 * user and system together, and memory in MB. A program that does not run on this machine, or has
 * ended, ends the benchmark. Any thread.
 */
#ifndef TESTS_BENCH_METER_PROC_H
#define TESTS_BENCH_METER_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

double proc_cpu_ms(pid_t pid);
/* Of a process, its living children but without_child, and those children that have ended. */
double proc_family_cpu_ms(pid_t pid, pid_t without_child);
pid_t proc_parent(pid_t pid);

double proc_resident_mb(pid_t pid);
double proc_peak_mb(pid_t pid); /* the most that was ever resident */
int64_t proc_sleeps(pid_t pid); /* how often its threads have gone to sleep by themselves */

/* All processors together, since the machine started. */
struct proc_machine {
	double busy_ms;
	double stolen_ms; /* the hypervisor gave the processor to somebody else */
	double total_ms;
};

void proc_machine(struct proc_machine *machine);

/* Of this process, and of its children that have ended: in milliseconds. */
double proc_own_cpu_ms(void);

#endif
