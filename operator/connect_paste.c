/* SPDX-License-Identifier: MIT */
/*
 * Reading a pasted redirect. One thread.
 */
#include "operator/connect_paste.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/process.h"
#include "common/text.h"

#define LINE_MAX_BYTES (REDIRECT_QUERY_MAX + REDIRECT_URI_SIZE)

/* More bytes of standard input; false: it has ended, it is time, or the process is to stop. */
static bool read_more(struct text *input, int64_t until_ms, struct error *err)
{
	int64_t left_ms = until_ms - clock_monotonic_ms();
	struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
		{.fd = process_stop_fd(), .events = POLLIN}};
	ssize_t got;

	if (left_ms > 0)
		poll(fds, 2, (int)left_ms);
	if (process_is_stopping()) {
		error_set(err, ERROR_STOPPING, "given up: nothing was changed");
		return false;
	}
	if (left_ms <= 0) {
		error_set(err, ERROR_SETTINGS,
			"no address was pasted in time: start again, or allow more by --timeout");
		return false;
	}
	if (!fds[0].revents)
		return true;
	got = read(STDIN_FILENO, text_reserve(input, LINE_MAX_BYTES), LINE_MAX_BYTES);
	if (got < 0 && errno == EINTR)
		return true;
	if (got <= 0) {
		error_set(err, ERROR_SETTINGS,
			"standard input has ended, and the address that TikTok redirected to did not come");
		return false;
	}
	input->length += (size_t)got;
	input->data[input->length] = '\0';
	return true;
}

/* True: the line is the answer. */
static bool read_line(
	char *line, const char *redirect_uri, const char *state, struct redirect *redirect)
{
	size_t length = strlen(redirect_uri);
	struct error err;

	line += strspn(line, " \t");
	line[strcspn(line, " \t\r")] = '\0';
	if (!*line)
		return false;
	if (strncmp(line, redirect_uri, length) == 0 && line[length] == '?')
		line += length;
	if (*line == '?')
		line++;
	line[strcspn(line, "#")] = '\0';
	if (!redirect_read(line, redirect, &err))
		fprintf(stderr, "this is not the address that TikTok redirected to: %s\n",
			err.text);
	else if (redirect_judge(redirect, state, &err) != REDIRECT_STRANGER)
		return true;
	else
		fprintf(stderr,
			"this is not the answer to this attempt (it must begin with %s? and hold its "
			"state): paste the whole address from the browser\n",
			redirect_uri);
	redirect_finish(redirect);
	return false;
}

bool connect_paste_wait(const char *redirect_uri, const char *state, int64_t timeout_ms,
	struct redirect *redirect, struct error *err)
{
	int64_t until_ms = clock_monotonic_ms() + timeout_ms;
	struct text input = {0};
	bool found = false, more = true;

	while (!found && more) {
		char *end = input.length > 0 ? strchr(input.data, '\n') : NULL;

		if (end) {
			size_t used = (size_t)(end - input.data) + 1;

			*end = '\0';
			found = read_line(input.data, redirect_uri, state, redirect);
			memmove(input.data, input.data + used, input.length - used + 1);
			input.length -= used;
		} else if (input.length > LINE_MAX_BYTES) {
			fprintf(stderr, "this line is too long for a redirect\n");
			text_clear(&input);
		} else {
			more = read_more(&input, until_ms, err);
			/* A last line without its end counts, too. */
			if (!more && input.length > 0)
				found = read_line(input.data, redirect_uri, state, redirect);
		}
	}
	text_finish_secret(&input);
	return found;
}
