/* SPDX-License-Identifier: MIT */
/*
 * Programs that are struck and come back. The test thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/faults/crew.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "tests/bench/meter/service.h"
#include "tests/support/web.h"

#define TICK_NS         10000000
#define GRACE_MS        60000 /* DRAIN_TIMEOUT and what may follow it */
#define LOAD_PAUSE_MS   1000
#define ENVIRONMENT_MAX 40

void crew_init(struct crew *crew, struct harness *harness, struct test_fleet *fleet)
{
	*crew = (struct crew){.harness = harness, .fleet = fleet, .load_wanted = true};
}

struct crew_member *crew_add(struct crew *crew, const char *program, const char *argument,
	enum crew_end end, const char *const overrides[])
{
	struct crew_member *member = &crew->members[crew->count];

	assert_true(crew->count < CREW_MAX);
	crew->count++;
	*member = (struct crew_member){
		.program = program, .argument = argument, .overrides = overrides, .end = end};
	return member;
}

static void start(struct crew *crew, struct crew_member *member)
{
	const char *const argv[] = {member->program, member->argument, NULL};
	const char *environment[ENVIRONMENT_MAX] = {0};
	char listen[48];
	int count = 0;

	for (char **setting = crew->fleet->settings; *setting; setting++)
		environment[count++] = *setting;
	for (int i = 0; member->overrides && member->overrides[i]; i++)
		environment[count++] = member->overrides[i];
	assert_true(count < ENVIRONMENT_MAX - 1);
	if (member->end == END_NEVER) {
		/* Anew each time: the predecessor may still be leaving. */
		member->port = service_pick_port();
		snprintf(listen, sizeof listen, "HTTP_LISTEN=127.0.0.1:%d", member->port);
		environment[count++] = listen;
	}
	free(member->log_path);
	member->log_path = harness_sentence("%s/%s-%d.%d.log", crew->harness->directory,
		member->program, (int)(member - crew->members), ++member->lives);
	member->process = test_process_start(argv, environment, member->log_path);
}

static void count_failure(struct crew *crew, const char *program, const char *how, int code)
{
	if (crew->failures++ == 0)
		snprintf(crew->first_failure, sizeof crew->first_failure, "%s %s: exit code %d",
			program, how, code);
	harness_note(crew->harness, "FAILURE %s %s: exit code %d", program, how, code);
}

/* A member that ended by itself. */
static void bury(struct crew *crew, struct crew_member *member)
{
	int code = test_process_wait(member->process, 0);

	test_process_destroy(member->process);
	member->process = NULL;
	member->resume_at_ms = 0;
	if (member->end == END_NEVER)
		count_failure(crew, member->program, "ended by itself", code);
	member->done = member->end == END_DONE && code == 0;
	member->start_at_ms = member->end == END_NEVER && code == 128 + SIGKILL
				      ? 0
				      : clock_monotonic_ms() + LOAD_PAUSE_MS;
}

static void tend_member(struct crew *crew, struct crew_member *member)
{
	int64_t now_ms = clock_monotonic_ms();

	if (member->process && member->resume_at_ms && now_ms >= member->resume_at_ms) {
		test_process_signal(member->process, SIGCONT);
		member->resume_at_ms = 0;
	}
	if (member->process && !test_process_is_running(member->process))
		bury(crew, member);
	if (!member->process && !member->done && now_ms >= member->start_at_ms &&
		(member->end != END_REPEAT || crew->load_wanted))
		start(crew, member);
}

static void tend_leaver(struct crew *crew, struct crew_leaver *leaver)
{
	int code = test_process_wait(leaver->process, 0);

	if (code < 0 && clock_monotonic_ms() < leaver->deadline_ms)
		return;
	if (code != 0)
		count_failure(crew, leaver->program, "did not end well after SIGTERM", code);
	test_process_destroy(leaver->process);
	leaver->process = NULL;
}

static void tend_once(struct crew *crew)
{
	for (int i = 0; i < crew->count; i++)
		tend_member(crew, &crew->members[i]);
	for (int i = 0; i < CREW_LEAVING; i++)
		if (crew->leaving[i].process)
			tend_leaver(crew, &crew->leaving[i]);
}

void crew_tend(struct crew *crew, int64_t duration_ms)
{
	const struct timespec tick = {.tv_nsec = TICK_NS};
	int64_t until_ms = clock_monotonic_ms() + duration_ms;

	tend_once(crew);
	while (clock_monotonic_ms() < until_ms) {
		nanosleep(&tick, NULL);
		tend_once(crew);
	}
}

static void let_leave(struct crew *crew, struct crew_member *member)
{
	int i = 0;

	while (i < CREW_LEAVING && crew->leaving[i].process)
		i++;
	assert_true(i < CREW_LEAVING);
	test_process_signal(member->process, SIGTERM);
	test_process_signal(member->process, SIGCONT);
	crew->leaving[i] = (struct crew_leaver){
		member->process, member->program, clock_monotonic_ms() + GRACE_MS};
	member->process = NULL;
	member->resume_at_ms = 0;
}

static struct crew_member *find_running(struct crew *crew, int place)
{
	for (int i = 0; i < crew->count; i++) {
		struct crew_member *member = &crew->members[(place + i) % crew->count];

		if (member->process && test_process_is_running(member->process))
			return member;
	}
	return NULL;
}

bool crew_strike(struct crew *crew, int place, enum crew_strike strike, int64_t pause_ms)
{
	static const char *const names[] = {"SIGKILL", "SIGSTOP", "SIGTERM"};
	struct crew_member *member = find_running(crew, place);

	if (!member)
		return false;
	/* A producer told to stop ends with 0 or 1, as far as it got: nothing to hold against it. */
	if (strike == STRIKE_TERM && member->end != END_NEVER)
		strike = STRIKE_STOP;
	harness_note(crew->harness, "%s %s-%d, life %d, pid %d", names[strike], member->program,
		(int)(member - crew->members), member->lives,
		(int)test_process_pid(member->process));
	switch (strike) {
	case STRIKE_KILL:
		crew->kills++;
		test_process_destroy(member->process); /* kills */
		member->process = NULL;
		member->resume_at_ms = 0;
		break;
	case STRIKE_STOP:
		crew->stops++;
		test_process_signal(member->process, SIGSTOP);
		member->resume_at_ms = clock_monotonic_ms() + pause_ms;
		break;
	case STRIKE_TERM:
		crew->terms++;
		let_leave(crew, member);
		break;
	}
	tend_member(crew, member);
	return true;
}

void crew_resume_all(struct crew *crew)
{
	for (int i = 0; i < crew->count; i++)
		if (crew->members[i].resume_at_ms)
			crew->members[i].resume_at_ms = 1;
	tend_once(crew);
}

int crew_ask(const struct crew_member *member, const char *path, struct text *reply)
{
	char url[64];

	snprintf(url, sizeof url, "http://127.0.0.1:%d%s", member->port, path);
	return test_web_call("GET", url, NULL, reply);
}

static bool all_ready(const struct crew *crew)
{
	for (int i = 0; i < crew->count; i++) {
		const struct crew_member *member = &crew->members[i];

		if (member->end == END_NEVER && crew_ask(member, "/readyz", NULL) != 200)
			return false;
	}
	return true;
}

bool crew_wait_until_ready(struct crew *crew, int64_t timeout_ms)
{
	int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;

	do {
		crew_tend(crew, 50);
		if (all_ready(crew))
			return true;
	} while (clock_monotonic_ms() < deadline_ms);
	return false;
}

void crew_stop(struct crew *crew)
{
	bool someone = true;

	for (int i = 0; i < crew->count; i++) {
		struct crew_member *member = &crew->members[i];

		member->done = true;
		if (member->process && test_process_is_running(member->process))
			let_leave(crew, member);
	}
	while (someone) {
		someone = false;
		crew_tend(crew, 20);
		for (int i = 0; i < CREW_LEAVING; i++)
			someone |= crew->leaving[i].process != NULL;
	}
}

void crew_finish(struct crew *crew)
{
	for (int i = 0; i < crew->count; i++) {
		test_process_destroy(crew->members[i].process);
		free(crew->members[i].log_path);
	}
	for (int i = 0; i < CREW_LEAVING; i++)
		test_process_destroy(crew->leaving[i].process);
	*crew = (struct crew){0};
}

char *crew_failures(const struct crew *crew)
{
	if (crew->failures == 0)
		return NULL;
	return harness_sentence("%d programs ended as they should not; the first: %s",
		crew->failures, crew->first_failure);
}
