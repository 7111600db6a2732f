/* SPDX-License-Identifier: MIT */
/*
 * storesync-logger: writes what the workers report to sync_logs. One thread does the work, because
 * it is little: 200 results are one statement. The threads of the pool (its keeper) and of the HTTP
 * endpoint are theirs.
 *
 *     start -> turn the logbook until SIGTERM -> write what is held -> stop
 */
#include <stdio.h>

#include "common/clock.h"
#include "common/config.h"
#include "common/db_pool.h"
#include "common/health.h"
#include "common/log.h"
#include "common/process.h"
#include "logger/logbook.h"

static void drain(struct logbook *logbook, struct health_loop *loop, int64_t timeout_ms)
{
	int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;

	log_info("stopping: writing %d results that are held", logbook_held(logbook));
	logbook_stop_taking(logbook);
	while (logbook_held(logbook) > 0 && clock_monotonic_ms() < deadline_ms) {
		health_beat(loop);
		logbook_turn(logbook, -1);
	}
	if (logbook_held(logbook) > 0)
		log_warn("%d results could not be written in time and go back to the queue",
			logbook_held(logbook));
}

static void work(struct logbook *logbook, struct health_loop *loop, int64_t drain_timeout_ms)
{
	while (!process_is_stopping()) {
		health_beat(loop);
		logbook_turn(logbook, process_stop_fd());
	}
	drain(logbook, loop, drain_timeout_ms);
	health_loop_end(loop);
}

static enum exit_code run(const struct config *config)
{
	struct db_pool_options pool_options = {
		.url = config->database_url,
		.program = PROGRAM_LOGGER,
		.size = (int)config->db_pool_size,
		.logging = config->db_logging,
	};
	struct health *health = NULL;
	struct db_pool *pool = NULL;
	struct logbook *logbook = NULL;
	struct error err = {0};
	bool ok = false;

	if (!health_start(config->http_listen, PROGRAM_LOGGER, &health, &err))
		goto out;
	pool = db_pool_create(&pool_options);
	if (!logbook_create(config, pool, health, &logbook, &err))
		goto out;
	log_info("started");
	work(logbook, health_add_loop(health, "logbook"), config->drain_timeout_ms);
	log_info("stopped");
	ok = true;
out:
	logbook_destroy(logbook);
	db_pool_destroy(pool);
	health_stop(health);
	if (ok)
		return EXIT_DONE;
	log_error("%s", err.text);
	return err.class == ERROR_SETTINGS ? EXIT_USAGE : EXIT_FAILED;
}

static void print_help(FILE *out)
{
	fputs("Usage: storesync-logger [--help | --version]\n"
	      "\n"
	      "Write the results in sync.results to the table sync_logs, until SIGTERM. What cannot be stored\n"
	      "goes to sync.results.dead with its reason.\n"
	      "\n"
	      "Exit codes: 0 told to stop; 1 failed; 2 bad usage or settings.\n"
	      "\n",
		out);
	config_print_help(out, PROGRAM_LOGGER);
}

int main(int argc, char *argv[])
{
	struct config config;
	struct text faults = {0};
	enum exit_code code = EXIT_USAGE;

	if (process_answer_options(argc, argv, "storesync-logger", print_help, &code))
		return (int)code;
	if (config_load(&config, PROGRAM_LOGGER, &faults)) {
		log_open("storesync-logger", config.log_level, config.log_format);
		process_prepare();
		code = run(&config);
	} else {
		fputs(text_string(&faults), stderr);
	}
	config_finish(&config);
	text_finish(&faults);
	return (int)code;
}
