/* SPDX-License-Identifier: MIT */
/*
 * What a worker and a logger cost that have nothing to do: the time from start to readiness, then,
 * over SECONDS, resident memory, CPU time and how often their threads go to sleep (an idle program
 * that sleeps often wakes often). Prints one figure a line, "storesync-worker.ready_ms 31". One
 * thread.
 *
 *     bench_idle [SECONDS]      default: 10
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/bench/meter/proc.h"
#include "tests/bench/meter/service.h"
#include "tests/support/fleet.h"

static void measure(struct test_fleet *fleet, const char *program, unsigned int seconds)
{
	struct service service;
	int64_t sleeps;
	double cpu_ms;

	service_start(&service, fleet, program, NULL);
	printf("%s.ready_ms %lld\n", program, (long long)service_wait_until_ready(&service));
	sleep(1); /* what a start still has to do */
	sleeps = proc_sleeps(service.pid);
	cpu_ms = proc_cpu_ms(service.pid);
	sleep(seconds);
	printf("%s.cpu_ms_per_s %.2f\n", program, (proc_cpu_ms(service.pid) - cpu_ms) / seconds);
	printf("%s.sleeps_per_s %.1f\n", program,
		(double)(proc_sleeps(service.pid) - sleeps) / seconds);
	printf("%s.resident_mb %.2f\n", program, proc_resident_mb(service.pid));
	test_process_stop(service.process);
}

int main(int argc, char **argv)
{
	static struct test_fleet fleet;
	long seconds = argc > 1 ? strtol(argv[1], NULL, 10) : 10;

	if (argc > 2 || seconds < 1 || seconds > 3600) {
		fprintf(stderr, "usage: bench_idle [SECONDS]\n");
		return 2;
	}
	test_fleet_create(&fleet, 1, NULL);
	measure(&fleet, "storesync-worker", (unsigned int)seconds);
	measure(&fleet, "storesync-logger", (unsigned int)seconds);
	test_fleet_destroy(&fleet);
	return 0;
}
