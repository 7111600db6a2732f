/* SPDX-License-Identifier: MIT */
/*
 * storesync-worker: takes sync jobs from RabbitMQ and carries each to its end. Runs on the main
 * thread: start the line, wait for a signal, drain, stop.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/process.h"
#include "worker/isolated.h"

#define DRAIN_LOOK_MS 50
/* After the drain time, for what cannot be given back to be committed and confirmed. */
#define GIVE_BACK_MS 10000
#define LOOK_MS      1000
#define STUCK_LOOKS  3 /* in a row that find a stage stuck */
/* Where the quota is small, what was read is saved long before the job would be recalled. */
#define SLICES_PER_HOLD 4
/* Longer still while a token refresh is on its way: its answer exists nowhere else. */
#define REFRESH_LEFT_S 120

static void print_help(FILE *out)
{
	fputs("Usage: storesync-worker [--help] [--version]\n"
	      "\n"
	      "Takes sync jobs from RabbitMQ, reads the accounts' statistics from TikTok and saves them as the\n"
	      "day's snapshot in PostgreSQL. Start as many as you like. SIGTERM drains: no new jobs are taken,\n"
	      "those at hand are finished within DRAIN_TIMEOUT, the rest goes back to the queue.\n"
	      "\n"
	      "Exit codes: 0 told to stop; 1 failed; 2 bad usage or settings.\n"
	      "\n",
		out);
	config_print_help(out, PROGRAM_WORKER);
}

enum line_kind { LINE_WHOLE, LINE_ISOLATED };

static bool start_line(
	struct line *line, enum line_kind kind, const struct config *config, struct error *err)
{
	struct db_pool_options pool = {.url = config->database_url,
		.program = PROGRAM_WORKER,
		.size = (int)config->db_pool_size,
		.logging = config->db_logging};

	line->config = config;
	line->settings =
		(struct sync_settings){.app = {config->tiktok_api_url, config->tiktok_client_key,
					       config->tiktok_client_secret},
			.slice_us = config->hold_timeout_ms * 1000 / SLICES_PER_HOLD,
			.refresh_margin_us = SYNC_REFRESH_MARGIN_US};
	process_worker_name(line->worker_name, sizeof line->worker_name);
	/* A process for one job has no endpoint: the worker that started it has the port. */
	if (!token_cipher_create(
		    config->token_enc_key, config->token_enc_old_keys, &line->cipher, err) ||
		!health_start(kind == LINE_WHOLE ? config->http_listen : NULL, PROGRAM_WORKER,
			&line->health, err))
		return false;
	if (!spool_open(config->token_spool_dir, &line->spool, err))
		log_warn(
			"%s. Work goes on, but a worker that is killed before PostgreSQL has taken a new "
			"token pair loses it, and the merchant must connect the account again",
			err->text);
	line->pool = db_pool_create(&pool);
	error_set(err, ERROR_SETTINGS, "a stage could not start");
	if (!outlet_start(line))
		return false;
	for (int i = 0; i < LINE_WRITERS; i++)
		if (!writer_start(line, i))
			return false;
	if (!fetcher_start(line))
		return false;
	if (kind == LINE_ISOLATED)
		return claims_start(line);
	return isolation_start(line) && claims_start(line) && intake_start(line);
}

static void stop_line(struct line *line)
{
	intake_stop(line->intake);
	claims_stop(line->claims);
	isolation_stop(line->isolation);
	fetcher_stop(line->fetcher);
	for (int i = LINE_WRITERS; i-- > 0;)
		writer_stop(line->writers[i]);
	outlet_stop(line->outlet);
	db_pool_stop(line->pool);
	db_pool_destroy(line->pool);
	health_stop(line->health);
	spool_close(line->spool);
	token_cipher_destroy(line->cipher);
}

static bool wait_until_empty(struct line *line, int64_t timeout_ms)
{
	int64_t until_ms = clock_monotonic_ms() + timeout_ms;

	while (!intake_is_empty(line->intake) && clock_monotonic_ms() < until_ms)
		usleep(DRAIN_LOOK_MS * 1000);
	return intake_is_empty(line->intake);
}

/*
 * Finish what is at hand; after DRAIN_TIMEOUT give back what may stop. False: something could not
 * be brought to its end.
 */
static bool drain(struct line *line)
{
	struct health_need *need = health_add_need(line->health, "the drain");

	metric_set(METRIC_DRAINING, 0, 1);
	health_set_need(need, "the worker was asked to stop");
	intake_close(line->intake);
	log_info("draining: %zu jobs at hand, at most %lld s", intake_in_flight(line->intake),
		(long long)line->config->drain_timeout_ms / 1000);
	if (wait_until_empty(line, line->config->drain_timeout_ms))
		return true;
	log_warn("drain time is over: giving back what is left of %zu jobs",
		intake_in_flight(line->intake));
	line_give_back_rest(line);
	if (wait_until_empty(line, GIVE_BACK_MS))
		return true;
	for (int i = 0; i < REFRESH_LEFT_S && atomic_load(&line->refreshes); i++)
		if (wait_until_empty(line, 1000))
			return true;
	return intake_is_empty(line->intake);
}

/*
 * Sleep until the worker is asked to stop. False: a stage is stuck; its thread cannot be ended, but
 * the worker can. Several looks have to find it so: while the whole process stood still, nobody
 * turned, and nobody looked.
 */
static bool wait_stop(struct line *line)
{
	struct pollfd watched = {.fd = process_stop_fd(), .events = POLLIN};
	int looks = 0;

	while (!process_is_stopping()) {
		const char *stuck = health_stuck_loop(line->health, line->config->stall_timeout_ms);

		looks = stuck ? looks + 1 : 0;
		if (looks >= STUCK_LOOKS) {
			log_error(
				"%s does not move any more: the worker gives up, and its jobs are "
				"delivered again",
				stuck);
			return false;
		}
		poll(&watched, 1, LOOK_MS);
	}
	return true;
}

static enum exit_code work(struct line *line, const struct config *config)
{
	log_info("started: %s, %lld jobs at once", line->worker_name,
		(long long)config->worker_concurrency);
	if (!wait_stop(line))
		_exit(EXIT_FAILED);
	if (!drain(line)) {
		log_error("%zu jobs could not be ended; RabbitMQ delivers them again",
			intake_in_flight(line->intake));
		_exit(EXIT_FAILED); /* without the orderly stop, which would wait for them */
	}
	stop_line(line);
	log_info("stopped");
	return EXIT_DONE;
}

static enum exit_code work_isolated(struct line *line)
{
	log_info("started for jobs that are carried out by themselves: %s", line->worker_name);
	isolated_serve(line);
	stop_line(line);
	return EXIT_DONE;
}

/* Load the settings, run the line until it is asked to stop. */
static enum exit_code run(struct line *line, enum line_kind kind, struct config *config)
{
	struct text faults = {0};
	struct error err;

	process_prepare();
	if (!config_load(config, PROGRAM_WORKER, &faults)) {
		fputs(text_string(&faults), stderr);
		text_finish(&faults);
		return EXIT_USAGE;
	}
	log_open("storesync-worker", config->log_level, config->log_format);
	if (kind == LINE_WHOLE)
		config_warn_of_misspelt();
	else
		isolated_prepare(line);
	if (!start_line(line, kind, config, &err)) {
		log_error("%s", err.text);
		_exit(err.class == ERROR_SETTINGS ? EXIT_USAGE : EXIT_FAILED); /* stages may run */
	}
	return kind == LINE_WHOLE ? work(line, config) : work_isolated(line);
}

int main(int argc, char **argv)
{
	static struct line
		line; /* static: stages may still run when main returns after a failed start */
	static struct config config;
	enum line_kind kind = LINE_WHOLE;
	enum exit_code code;

	if (argc == 2 && strcmp(argv[1], ISOLATED_OPTION) == 0)
		kind = LINE_ISOLATED;
	else if (process_answer_options(argc, argv, "storesync-worker", print_help, &code))
		return (int)code;
	code = run(&line, kind, &config);
	config_finish(&config);
	return (int)code;
}
