/* SPDX-License-Identifier: MIT */
/*
 * The isolated process: takes jobs from its parent, hands them to the line, answers. What it says is
 * a single write of a short line, so that threads need no lock to say it. Serving is the main
 * thread's; telling is any stage's.
 */
#include "worker/isolated.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/memory.h"
#include "common/process.h"

#define HEADER_SIZE 64

static struct queue settled;
static bool is_busy; /* the main thread's */

static void tell(const char *line)
{
	size_t length = strlen(line);

	/* A parent that does not read any more is gone, and so are we in a moment. */
	if (write(STDOUT_FILENO, line, length) != (ssize_t)length)
		log_warn("the worker that started this process does not listen");
}

static void settle(struct line *line, struct job *job)
{
	queue_put(&settled, &job->link);
}

static void tell_step(const struct job *job)
{
	char line[HEADER_SIZE];

	snprintf(line, sizeof line, "at %s\n", sync_step_name(job->step));
	tell(line);
}

/* False: the input has ended. */
static bool read_bytes(char *bytes, size_t length)
{
	while (length) {
		ssize_t got = read(STDIN_FILENO, bytes, length);

		if (got <= 0)
			return false;
		bytes += got;
		length -= (size_t)got;
	}
	return true;
}

static bool read_header(bool *express, size_t *length)
{
	char header[HEADER_SIZE];
	size_t used = 0;
	char *end;

	do {
		if (used == sizeof header - 1 || !read_bytes(header + used, 1))
			return false;
	} while (header[used++] != '\n');
	header[used] = '\0';
	if (strncmp(header, "job ", 4) != 0)
		return false;
	*express = strtoul(header + 4, &end, 10) != 0;
	*length = strtoul(end, &end, 10);
	return *end == '\n' && *length <= JOB_MESSAGE_MAX;
}

/* False: there is no more. */
static bool take_job(struct line *line)
{
	struct job_message message;
	struct error err;
	struct job *job;
	char *body = NULL;
	size_t length;
	bool express, ok = false;

	if (!read_header(&express, &length))
		return false;
	body = memory_allocate(length + 1, 1);
	if (!read_bytes(body, length) || !job_message_read(body, length, &message, &err))
		goto out;
	job = job_create(&message);
	job->express = express;
	is_busy = true;
	line_pass(line, job, OUTCOME_STARTED);
	ok = true;
out:
	free(body);
	return ok;
}

static void answer(struct line *line)
{
	struct queue_item *item;

	queue_acknowledge(&settled);
	while ((item = queue_take(&settled, 0))) {
		struct job *job = (struct job *)item;
		bool back = job->give_back;

		job_destroy(job);
		is_busy = false;
		tell(back ? "back\n" : "done\n");
	}
}

void isolated_prepare(struct line *line)
{
	queue_init_polled(&settled);
	line->settle = settle;
	line->advanced = tell_step;
}

void isolated_serve(struct line *line)
{
	bool open = true, asked_back = false;

	tell("ready\n");
	while (open || is_busy) {
		struct pollfd fds[] = {
			{.fd = open && !is_busy ? STDIN_FILENO : -1, .events = POLLIN},
			{.fd = settled.event_fd, .events = POLLIN},
			{.fd = asked_back ? -1 : process_stop_fd(), .events = POLLIN},
		};

		poll(fds, sizeof fds / sizeof *fds, LINE_TURN_MS);
		answer(line);
		if (process_is_stopping() && !asked_back) {
			open = false;
			asked_back = true;
			line_give_back_rest(line);
		} else if (fds[0].revents && !is_busy) {
			open = take_job(line);
		}
		if (!health_stuck_loop(line->health, line->config->stall_timeout_ms / 2))
			tell("alive\n");
	}
}
