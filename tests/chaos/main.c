/* SPDX-License-Identifier: MIT */
/*
 * chaos-proxy: the proxy as a program, told by lines on standard input. The main thread reads them;
 * the proxy's thread does the rest.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/process.h"
#include "common/text.h"
#include "tests/chaos/chaos.h"

static void print_help(FILE *out)
{
	struct text commands = {0};

	fputs("chaos-proxy: a TCP proxy that does harm on purpose, for tests\n\n"
	      "Usage: chaos-proxy --target HOST:PORT [--listen HOST:PORT] [--seed N]\n\n"
	      "  --target HOST:PORT   where connections go\n"
	      "  --listen HOST:PORT   where it listens; port 0 picks a free one [127.0.0.1:0]\n"
	      "  --seed N             of every chance [1]\n"
	      "  --help, --version\n\n"
	      "It prints \"listening on HOST:PORT\", obeys lines on standard input, answers each with \"ok\" or\n"
	      "\"error: ...\", and ends on SIGTERM or \"quit\"; the end of its input does not end it.\n\n"
	      "Commands:\n",
		out);
	chaos_print_commands(&commands);
	fputs(text_string(&commands), out);
	text_finish(&commands);
}

static bool read_option(const char *name, const char *value, struct chaos_options *options)
{
	char *end = NULL;

	if (!value)
		return false;
	if (strcmp(name, "--target") == 0)
		options->target = value;
	else if (strcmp(name, "--listen") == 0)
		options->listen = value;
	else if (strcmp(name, "--seed") == 0)
		options->seed = strtoull(value, &end, 10);
	else
		return false;
	return !end || (end != value && *end == '\0');
}

/* False: to be ended, with *code. */
static bool read_options(int argc, char **argv, struct chaos_options *options, enum exit_code *code)
{
	for (int i = 1; i < argc; i += 2) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "--version") == 0)
			return !process_answer_options(
				argc - i + 1, argv + i - 1, "chaos-proxy", print_help, code);
		if (!read_option(argv[i], argv[i + 1], options)) {
			fprintf(stderr, "chaos-proxy: I do not understand %s; see --help\n",
				argv[i]);
			*code = EXIT_USAGE;
			return false;
		}
	}
	if (options->target)
		return true;
	fprintf(stderr, "chaos-proxy: --target is missing; see --help\n");
	*code = EXIT_USAGE;
	return false;
}

/* Obey the whole lines of input and keep the rest. False: quit. */
static bool obey_lines(struct chaos *chaos, struct text *input)
{
	char *line = input->data;
	char *end = line ? strchr(line, '\n') : NULL;
	bool goes_on = true;
	struct text reply = {0}, rest = {0};

	for (; goes_on && end; line = end + 1, end = strchr(line, '\n')) {
		*end = '\0';
		goes_on = strcmp(line, "quit") != 0;
		if (goes_on)
			chaos_command(chaos, line, &reply);
	}
	fputs(text_string(&reply), stdout);
	fflush(stdout);
	text_append(&rest, line ? line : "");
	text_finish(&reply);
	text_finish(input);
	*input = rest;
	return goes_on;
}

/* Until a signal or "quit"; at the end of the input, only a signal is left. */
static void serve(struct chaos *chaos)
{
	struct pollfd fds[] = {{.fd = process_stop_fd(), .events = POLLIN},
		{.fd = STDIN_FILENO, .events = POLLIN}};
	struct text input = {0};
	char part[4096];
	ssize_t got;

	while (!process_is_stopping()) {
		poll(fds, 2, -1);
		if (!fds[1].revents)
			continue;
		got = read(STDIN_FILENO, part, sizeof part);
		if (got <= 0) {
			fds[1].fd = -1;
			continue;
		}
		text_append_bytes(&input, part, (size_t)got);
		if (!obey_lines(chaos, &input))
			break;
	}
	text_finish(&input);
}

int main(int argc, char **argv)
{
	struct chaos_options options = {.listen = "127.0.0.1:0", .seed = 1};
	enum exit_code code = EXIT_DONE;
	struct chaos *chaos = NULL;
	struct error err;

	if (!read_options(argc, argv, &options, &code))
		return (int)code;
	process_prepare();
	if (!chaos_start(&options, &chaos, &err)) {
		fprintf(stderr, "chaos-proxy: %s\n", err.text);
		return EXIT_USAGE;
	}
	printf("listening on %.*s:%d\n", (int)(strrchr(options.listen, ':') - options.listen),
		options.listen, chaos_port(chaos));
	fflush(stdout);
	serve(chaos);
	chaos_stop(chaos);
	return EXIT_DONE;
}
