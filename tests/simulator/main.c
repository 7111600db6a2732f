/* SPDX-License-Identifier: MIT */
/*
 * tiktok-sim: a fake of TikTok. The main thread reads the command line, starts the server and waits
 * for the signal to stop; the server's thread does the rest.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/simulator/options.h"
#include "tests/simulator/server.h"
#include "tests/simulator/simulator.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static void print_accounts(const struct options *options)
{
	const struct world *world = &options->setup.world;

	for (uint32_t i = options->print_from;
		i < world->accounts && i - options->print_from < options->print_count; i++) {
		char access[WORLD_TOKEN_SIZE], refresh[WORLD_TOKEN_SIZE];
		struct world_account account;

		world_account(world, i, &account);
		world_token(world, WORLD_TOKEN_ACCESS, i, 1, access);
		world_token(world, WORLD_TOKEN_REFRESH, i, 1, refresh);
		printf("%s\t%s\t%u\t%s\t%s\n", account.open_id, account.username,
			account.video_count, access, refresh);
	}
}

/* Every thread that is started after this leaves these signals to wait_for_signal(). */
static void block_signals(sigset_t *signals)
{
	sigemptyset(signals);
	sigaddset(signals, SIGTERM);
	sigaddset(signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, signals, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void wait_for_signal(const sigset_t *signals)
{
	int signal_number;

	sigwait(signals, &signal_number);
}

static bool add_faults(
	const struct options *options, struct simulator *simulator, struct error *err)
{
	for (size_t i = 0; i < options->fault_count; i++) {
		if (!faults_read(
			    &simulator->faults, &options->setup.world, options->faults[i], err))
			return false;
	}
	return true;
}

static int serve(const struct options *options)
{
	struct simulator *simulator = simulator_create(&options->setup);
	struct server *server = NULL;
	int status = EXIT_USAGE;
	struct error err;
	sigset_t signals;

	block_signals(&signals);
	if (!add_faults(options, simulator, &err) ||
		(options->journal && !journal_open(&simulator->journal, options->journal, &err)) ||
		!server_start(options->listen, simulator, &server, &err)) {
		fprintf(stderr, "tiktok-sim: %s\n", err.text);
		goto out;
	}
	printf("listening on http://%.*s:%u\n", (int)strcspn(options->listen, ":"), options->listen,
		server_port(server));
	fflush(stdout);
	wait_for_signal(&signals);
	status = EXIT_DONE;
out:
	server_stop(server);
	simulator_destroy(simulator);
	return status;
}

int main(int argc, char **argv)
{
	struct options options;
	struct error err;

	if (!options_read(&options, argc, argv, &err)) {
		fprintf(stderr, "tiktok-sim: %s (--help lists the options)\n", err.text);
		return EXIT_USAGE;
	}
	switch (options.errand) {
	case ERRAND_HELP:
		options_print_help(stdout);
		return EXIT_DONE;
	case ERRAND_VERSION:
		puts("tiktok-sim " STORESYNC_VERSION);
		return EXIT_DONE;
	case ERRAND_PRINT_ACCOUNTS:
		print_accounts(&options);
		return EXIT_DONE;
	case ERRAND_SERVE:
		return serve(&options);
	}
	return EXIT_FAILED;
}
