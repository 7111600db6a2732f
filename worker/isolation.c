/* SPDX-License-Identifier: MIT */
/*
 * Isolation: has the jobs that crash their worker carried out by a process of its own (isolated.h),
 * one at a time, so that each burns only its own count. Random deaths of whole workers never
 * condemn a job: only what this process sees, that its child died or stood still over the job, and
 * that again and again, sends it to the dead letters, with what is known.
 *
 * One thread, which starts the child when there is a job for it and ends it when there is none.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/metrics.h"
#include "common/process.h"
#include "worker/isolated.h"
#include "worker/job_list.h"

#define DEATHS_MAX     3     /* of the child over one job */
#define IDLE_MS        10000 /* then the child is ended */
#define START_AGAIN_MS 2000  /* after one that did not even become ready */
#define ANSWER_SIZE    128

struct isolation {
	struct line *line;
	struct queue queue;
	pthread_t thread;
	atomic_bool stopping;
	struct health_loop *loop;
	struct job_list waiting;
	struct job *job; /* the child has it; NULL: none */

	pid_t child; /* 0: none */
	int to_child, from_child;
	bool ready; /* it has said so */
	bool told_to_stop;
	bool killed; /* by us, for its silence */
	int64_t heard_ms;
	int64_t busy_ms; /* it last had a job then */
	int64_t start_again_ms;
	char answer[ANSWER_SIZE]; /* what has come of a line */
	size_t answer_length;
	char step[ANSWER_SIZE]; /* the last one it told of the job */
};

/* ---- The child's life ---- */

/* In the child: only what is safe between fork() and execv() in a program with threads. */
_Noreturn static void become(int input, int output)
{
	static char program[] = "storesync-worker", option[] = ISOLATED_OPTION;
	char *const argv[] = {program, option, NULL};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(input, STDIN_FILENO);
	dup2(output, STDOUT_FILENO);
	close_range(STDERR_FILENO + 1, ~0U, 0);
	execv("/proc/self/exe", argv);
	_exit(127);
}

static void start_child(struct isolation *isolation)
{
	int down[2], up[2];

	if (pipe2(down, O_CLOEXEC) != 0)
		return;
	if (pipe2(up, O_CLOEXEC) != 0) {
		close(down[0]);
		close(down[1]);
		return;
	}
	isolation->child = fork();
	if (isolation->child == 0)
		become(down[0], up[1]);
	close(down[0]);
	close(up[1]);
	isolation->to_child = down[1];
	isolation->from_child = up[0];
	isolation->ready = isolation->told_to_stop = isolation->killed = false;
	isolation->answer_length = 0;
	isolation->heard_ms = isolation->busy_ms = clock_monotonic_ms();
	if (isolation->child < 0) {
		log_warn("cannot start a process for a job by itself: %s", strerror(errno));
		close(down[1]);
		close(up[0]);
		isolation->child = 0;
	}
}

static void tell_child_to_stop(struct isolation *isolation)
{
	if (!isolation->child || isolation->told_to_stop)
		return;
	kill(isolation->child, SIGTERM);
	isolation->told_to_stop = true;
}

static void describe_death(
	const struct isolation *isolation, const struct job *job, int status, struct error *err)
{
	char how[64];

	if (isolation->killed)
		snprintf(how, sizeof how, "stood still for %lld s",
			(long long)isolation->line->config->stall_timeout_ms / 1000);
	else if (WIFSIGNALED(status))
		snprintf(how, sizeof how, "was ended by signal %d (%s)", WTERMSIG(status),
			strsignal(WTERMSIG(status)));
	else
		snprintf(how, sizeof how, "ended with code %d", WEXITSTATUS(status));
	error_set(err, ERROR_CRASH,
		"%d workers were lost over it, then %d times a process of its own; the last one %s at "
		"the step \"%s\"",
		job->claim.crashes, job->deaths, how, isolation->step);
}

/* The child died over the job, unless we had asked it to stop. */
static void blame_job(struct isolation *isolation, int status)
{
	struct job *job = isolation->job;
	struct log_job about = job_log(job);
	struct error err;

	isolation->job = NULL;
	if (isolation->told_to_stop && !isolation->killed) {
		line_give_back(isolation->line, job);
		return;
	}
	job->deaths++;
	metric_add(METRIC_ISOLATED_DEATHS, 0, 1);
	describe_death(isolation, job, status, &err);
	log_about(LOG_ERROR, &about, "%s", err.text);
	if (job->deaths >= DEATHS_MAX)
		line_pass_failure(isolation->line, job, &err);
	else
		job_list_add(&isolation->waiting, job);
}

static void bury_child(struct isolation *isolation)
{
	int status = 0;

	close(isolation->to_child);
	close(isolation->from_child);
	while (waitpid(isolation->child, &status, 0) < 0 && errno == EINTR)
		;
	isolation->child = 0;
	if (isolation->job && isolation->ready) {
		blame_job(isolation, status);
	} else if (isolation->job) {
		/* It did not come so far as to read the job. */
		job_list_add(&isolation->waiting, isolation->job);
		isolation->job = NULL;
		isolation->start_again_ms = clock_monotonic_ms() + START_AGAIN_MS;
		log_warn(
			"the process for a job by itself did not start (status %d); trying again in %d ms",
			status, START_AGAIN_MS);
	}
	isolation->told_to_stop = false;
}

/* ---- Talking with it ---- */

static void send_job(struct isolation *isolation)
{
	const struct job *job = isolation->job;
	struct text message = {0}, frame = {0};
	const char *bytes;
	size_t left;

	job_message_write(&job->message, &message);
	text_append_format(&frame, "job %d %zu\n", job->express, message.length);
	text_append_bytes(&frame, message.data, message.length);
	bytes = text_string(&frame);
	left = frame.length;
	while (left) { /* a pipe takes it all; if not, the child is dead, which is noticed */
		ssize_t written = write(isolation->to_child, bytes, left);

		if (written <= 0)
			break;
		bytes += written;
		left -= (size_t)written;
	}
	snprintf(isolation->step, sizeof isolation->step, "start");
	text_finish(&message);
	text_finish(&frame);
}

static void take_answer(struct isolation *isolation, const char *answer)
{
	struct job *job = isolation->job;

	if (strcmp(answer, "ready") == 0) {
		isolation->ready = true;
		if (job)
			send_job(isolation);
	} else if (strncmp(answer, "at ", 3) == 0) {
		snprintf(isolation->step, sizeof isolation->step, "%s", answer + 3);
	} else if (job && strcmp(answer, "done") == 0) {
		isolation->job = NULL;
		line_pass(isolation->line, job, OUTCOME_ISOLATED);
	} else if (job && strcmp(answer, "back") == 0) {
		isolation->job = NULL;
		line_give_back(isolation->line, job);
	}
}

static void read_answers(struct isolation *isolation)
{
	char bytes[512];
	ssize_t got = read(isolation->from_child, bytes, sizeof bytes);

	if (got <= 0) {
		bury_child(isolation);
		return;
	}
	isolation->heard_ms = clock_monotonic_ms();
	for (ssize_t i = 0; i < got; i++) {
		if (bytes[i] == '\n') {
			isolation->answer[isolation->answer_length] = '\0';
			isolation->answer_length = 0;
			take_answer(isolation, isolation->answer);
		} else if (isolation->answer_length < ANSWER_SIZE - 1) {
			isolation->answer[isolation->answer_length++] = bytes[i];
		}
	}
}

/* ---- The loop ---- */

static void give_back(struct isolation *isolation)
{
	struct job_list waiting = isolation->waiting;
	bool all = atomic_load(&isolation->line->giving_back);
	struct job *job;

	isolation->waiting = (struct job_list){0};
	while ((job = job_list_take(&waiting))) {
		if (all || atomic_load(&job->recalled))
			line_give_back(isolation->line, job);
		else
			job_list_add(&isolation->waiting, job);
	}
	if (isolation->job && (all || atomic_load(&isolation->job->recalled)))
		tell_child_to_stop(isolation);
}

static void begin_next(struct isolation *isolation, int64_t now_ms)
{
	if (isolation->job || !isolation->waiting.first || isolation->told_to_stop ||
		now_ms < isolation->start_again_ms)
		return;
	if (!isolation->child)
		start_child(isolation);
	if (!isolation->child) {
		isolation->start_again_ms = now_ms + START_AGAIN_MS;
		return;
	}
	isolation->job = job_list_take(&isolation->waiting);
	if (isolation->ready)
		send_job(isolation);
}

static void watch_child(struct isolation *isolation, int64_t now_ms)
{
	int64_t silence_ms = now_ms - isolation->heard_ms;

	if (!isolation->child)
		return;
	if (silence_ms >= isolation->line->config->stall_timeout_ms && !isolation->killed) {
		isolation->killed = true;
		kill(isolation->child, SIGKILL);
	}
	if (isolation->job || isolation->waiting.first)
		isolation->busy_ms = now_ms;
	else if (now_ms - isolation->busy_ms >= IDLE_MS)
		tell_child_to_stop(isolation);
}

static void turn(struct isolation *isolation)
{
	struct pollfd fds[] = {
		{.fd = isolation->queue.event_fd, .events = POLLIN},
		{.fd = isolation->child ? isolation->from_child : -1, .events = POLLIN},
	};
	struct queue_item *item;
	int64_t now_ms;

	poll(fds, sizeof fds / sizeof *fds, LINE_TURN_MS);
	now_ms = clock_monotonic_ms();
	queue_acknowledge(&isolation->queue);
	while ((item = queue_take(&isolation->queue, 0)))
		job_list_add(&isolation->waiting, (struct job *)item);
	if (fds[1].revents)
		read_answers(isolation);
	if (line_gives_back(isolation->line))
		give_back(isolation);
	begin_next(isolation, now_ms);
	watch_child(isolation, now_ms);
}

static void *run(void *argument)
{
	struct isolation *isolation = argument;

	while (!atomic_load(&isolation->stopping)) {
		turn(isolation);
		health_beat(isolation->loop);
	}
	if (isolation->child) {
		tell_child_to_stop(isolation);
		bury_child(isolation);
	}
	health_loop_end(isolation->loop);
	return NULL;
}

bool isolation_start(struct line *line)
{
	struct isolation *isolation = memory_allocate(1, sizeof *isolation);

	isolation->line = line;
	isolation->loop = health_add_loop(line->health, "isolation");
	queue_init_polled(&isolation->queue);
	line->isolation = isolation;
	process_start_thread("isolation", &isolation->thread, run, isolation);
	return true;
}

void isolation_put(struct isolation *isolation, struct job *job)
{
	queue_put(&isolation->queue, &job->link);
}

void isolation_wake(struct isolation *isolation)
{
	if (isolation)
		queue_wake(&isolation->queue);
}

void isolation_stop(struct isolation *isolation)
{
	if (!isolation)
		return;
	atomic_store(&isolation->stopping, true);
	queue_wake(&isolation->queue);
	pthread_join(isolation->thread, NULL);
	queue_finish(&isolation->queue);
	free(isolation);
}
