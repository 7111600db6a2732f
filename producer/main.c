/* SPDX-License-Identifier: MIT */
/*
 * storesync-producer: publishes the jobs of a day, one per connected account, and ends. Everything
 * runs on the main thread:
 *
 *     plan the run -> take the turn to publish -> publish page by page -> say what was done
 */
#include <stdio.h>

#include "common/clock.h"
#include "common/config.h"
#include "common/forecast_text.h"
#include "common/log.h"
#include "common/process.h"
#include "producer/options.h"
#include "producer/plan.h"
#include "producer/publish.h"
#include "producer/session.h"

static void print_dry_run(const struct plan *plan)
{
	printf("dry run: would plan %lld, publish %lld; already on their way %lld, already done %lld, not connected %lld (%s of %s); nothing was written\n",
		(long long)plan->planned, (long long)plan->unpublished,
		(long long)plan->on_their_way, (long long)plan->done,
		(long long)plan->not_connected, job_type_name(plan->options->job_type), plan->day);
}

/* What is published once more needs calls that nobody can foresee: it may be on its way still. */
static bool print_forecast(struct session *session, struct plan *plan, struct error *err)
{
	struct text out = {0};

	if (plan->options->republish)
		return true;
	if (!plan_forecast(session, plan, err))
		return false;
	forecast_append_text(&plan->forecast, &out);
	fputs(text_string(&out), stdout);
	text_finish(&out);
	return true;
}

static void print_summary(
	const struct plan *plan, const struct publish_tally *tally, int64_t elapsed_ms)
{
	printf("planned %lld, published %lld, already on their way %lld, already done %lld, not connected %lld, %lld.%01lld s (%s of %s)\n",
		(long long)plan->planned, (long long)tally->published,
		(long long)plan->on_their_way, (long long)plan->done,
		(long long)plan->not_connected, (long long)elapsed_ms / 1000,
		(long long)elapsed_ms % 1000 / 100, job_type_name(plan->options->job_type),
		plan->day);
}

static enum exit_code fail(const struct error *err)
{
	log_error("%s", err->text);
	return err->class == ERROR_SETTINGS ? EXIT_USAGE : EXIT_FAILED;
}

static enum exit_code produce(struct session *session, const struct options *options)
{
	int64_t started_ms = clock_monotonic_ms();
	struct publish_tally tally = {0};
	struct plan plan;
	struct error err;
	bool ok = false;

	if (!plan_make(session, options, &plan, &err))
		return fail(&err);
	if (options->dry_run) {
		print_dry_run(&plan);
		return print_forecast(session, &plan, &err) ? EXIT_DONE : fail(&err);
	}
	ok = publish_jobs(session, &plan, &tally, &err);
	print_summary(&plan, &tally, clock_monotonic_ms() - started_ms);
	if (ok)
		return EXIT_DONE;
	error_wrap(&err, "%lld jobs are left for the next start", (long long)tally.left);
	return fail(&err);
}

static enum exit_code run(const struct options *options)
{
	struct config config;
	struct session session;
	struct text faults = {0};
	enum exit_code code = EXIT_USAGE;

	if (!config_load(&config, PROGRAM_PRODUCER, &faults)) {
		fputs(text_string(&faults), stderr);
		goto out;
	}
	log_open("storesync-producer", config.log_level, config.log_format);
	process_prepare();
	session_init(&session, &config);
	code = produce(&session, options);
	session_finish(&session);
out:
	config_finish(&config);
	text_finish(&faults);
	return code;
}

int main(int argc, char *argv[])
{
	struct options options;
	struct text faults = {0};
	enum exit_code code = EXIT_DONE;

	switch (options_read(argc, argv, &options, &faults)) {
	case OPTIONS_RUN:
		code = run(&options);
		break;
	case OPTIONS_HELP:
		options_print_help(stdout);
		config_print_help(stdout, PROGRAM_PRODUCER);
		break;
	case OPTIONS_VERSION:
		puts("storesync-producer " STORESYNC_VERSION);
		break;
	case OPTIONS_WRONG:
		fputs(text_string(&faults), stderr);
		code = EXIT_USAGE;
		break;
	}
	text_finish(&faults);
	return (int)code;
}
