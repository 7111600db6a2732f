/* SPDX-License-Identifier: MIT */
/*
 * A program of the fleet that is started until it says that it is ready, at its own HTTP endpoint.
 * The test thread.
 */
#ifndef TESTS_BENCH_METER_SERVICE_H
#define TESTS_BENCH_METER_SERVICE_H

#include <stdint.h>
#include <sys/types.h>

#include "tests/support/fleet.h"

struct service {
	struct test_process *process;
	pid_t pid;
	int port;
	int64_t began_ms;
};

/* A port that is free now. Programs could pick one themselves, but would have to be asked which. */
int service_pick_port(void);
/*
 * Start program with its defaults, but for at most 8 settings ("NAME=value", ended by NULL; NULL:
 * none). Does not wait.
 */
void service_start(struct service *service, struct test_fleet *fleet, const char *program,
	const char *const settings[]);
/*
 * Wait until /readyz answers 200; returns how many ms have passed since the start. Ends the
 * benchmark after 30 s.
 */
int64_t service_wait_until_ready(struct service *service);

/* A metric without labels of its /metrics; ends the benchmark when there is none such. */
double service_metric(const struct service *service, const char *name);

#endif
