/* SPDX-License-Identifier: MIT */
/*
 * syncctl forecast: how many calls a day's run needs, and when it is finished at the quota. One thread.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/forecast_text.h"
#include "operator/command.h"
#include "operator/today.h"

enum option_id { OPTION_JOB_TYPE = 256, OPTION_DATE, OPTION_STORE, OPTION_JSON };

struct options {
	struct forecast_selection selection;
	char day[DAY_SIZE];
	bool json;
};

/* EXIT_USAGE: the arguments are wrong, and that was said. */
static enum exit_code read_options(
	const struct command_context *context, int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{"job-type", required_argument, NULL, OPTION_JOB_TYPE},
		{"date", required_argument, NULL, OPTION_DATE},
		{"store", required_argument, NULL, OPTION_STORE},
		{"json", no_argument, NULL, OPTION_JSON},
		{NULL, 0, NULL, 0},
	};
	struct forecast_selection *selection = &options->selection;
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option == OPTION_JOB_TYPE && !job_type_named(optarg, &selection->job_type))
			return command_misused(context,
				"--job-type: \"%s\" is none of daily_sync, user_stats, video_stats, token_refresh",
				optarg);
		if (option == OPTION_DATE && !clock_is_day(optarg))
			return command_misused(
				context, "--date: \"%s\" is not a day, written YYYY-MM-DD", optarg);
		if (option == OPTION_DATE)
			memcpy(options->day, optarg, DAY_SIZE);
		else if (option == OPTION_STORE)
			selection->store_code = optarg;
		else if (option == OPTION_JSON)
			options->json = true;
		else if (option != OPTION_JOB_TYPE)
			return command_misused(
				context, "unknown or incomplete option %s", argv[optind - 1]);
	}
	if (optind < argc)
		return command_misused(context, "unexpected argument %s", argv[optind]);
	/* As the producer does by itself: see its --help. */
	if (selection->job_type == JOB_TOKEN_REFRESH) {
		selection->repeats = true;
		selection->expires_within_s =
			selection->store_code ? 0 : JOB_TOKEN_EXPIRES_WITHIN_S;
	}
	return EXIT_DONE;
}

/* A misspelt store would otherwise look like one without work to do. */
static bool check_store(struct db *db, const char *store_code, struct error *err)
{
	struct db_params params = {0};
	struct db_result *result = NULL;
	bool exists;

	db_param_text(&params, store_code);
	db_param_text(&params, NULL);
	if (!db_query(db, STATEMENT_CHECK_SELECTION, &params, &result, err))
		return false;
	exists = db_boolean(result, 0, 0);
	db_result_destroy(result);
	if (!exists)
		error_set(err, ERROR_BAD_REQUEST, "there is no store \"%s\"", store_code);
	return exists;
}

static bool look(struct db *db, const struct config *config, struct options *options,
	struct forecast_report *report, struct error *err)
{
	if (!options->day[0] && !today_find(db, config->sync_timezone, options->day, err))
		return false;
	options->selection.day = options->day;
	return check_store(db, options->selection.store_code, err) &&
	       forecast_read(db, config, &options->selection, report, err);
}

static void print_report(const struct forecast_report *report, const struct options *options)
{
	struct text out = {0};

	if (options->json) {
		forecast_append_json(report, &out);
		text_append_char(&out, '\n');
	} else {
		forecast_append_text(report, &out);
	}
	fputs(text_string(&out), stdout);
	text_finish(&out);
}

static enum exit_code run_forecast(struct command_context *context, int argc, char **argv)
{
	const struct config *config = &context->config;
	struct options options = {0};
	struct forecast_report report;
	struct db *db = NULL;
	struct error err;
	enum exit_code result = read_options(context, argc, argv, &options);

	if (result != EXIT_DONE)
		return result;
	if (!db_open(config->database_url, PROGRAM_OPERATOR, config->db_logging, &db, &err) ||
		!look(db, config, &options, &report, &err)) {
		fprintf(stderr, "syncctl forecast: %s\n", err.text);
		result = err.class == ERROR_SETTINGS ? EXIT_USAGE : EXIT_FAILED;
		goto out;
	}
	print_report(&report, &options);
	if (!report.forecast.day_suffices || !report.forecast.ends_in_time)
		result = EXIT_WANTING;
out:
	db_close(db);
	return result;
}

const struct command command_forecast = {
	.name = "forecast",
	.arguments = "[--job-type TYPE] [--date YYYY-MM-DD] [--store CODE] [--json]",
	.summary = "how many calls a day's run needs, and when it ends",
	.help = "Says for each of TikTok's endpoints how many calls the day's run needs, what of them is done,\n"
		"and how long the rest takes at QUOTA_USER_INFO, QUOTA_VIDEO_LIST and QUOTA_TOKEN, which are\n"
		"calls a minute of the whole fleet; when the run will be finished; and how many workers are of\n"
		"use: the lesser of what the backlog and what the quota keeps busy. The number of an account's\n"
		"videos is that of its last successful sync, else of its latest profile, else the average. Calls\n"
		"that are repeated, and 429s, are not foreseen: it is the best case. Exits with 3 when a day does not suffice, or when the run\n"
		"will not be finished before midnight in SYNC_TIMEZONE.\n"
		"\n"
		"  --job-type TYPE     daily_sync (default), user_stats, video_stats or token_refresh\n"
		"  --date YYYY-MM-DD   the run of another day than today\n"
		"  --store CODE        the accounts of one store\n"
		"  --json              {\"v\":1,\"job_type\",\"date\",\"accounts\",\"left\",\"dead\",\"guessed\",\n"
		"                      \"average_videos\",\"endpoints\":[{\"endpoint\",\"calls\",\"left\",\n"
		"                      \"per_minute\" (0: no limit),\"takes_s\"}],\"bottleneck\",\"left_s\",\"ends_at\",\n"
		"                      \"time_zone\",\"day_suffices\",\"ends_in_time\",\"workers_by_backlog\",\n"
		"                      \"workers_by_quota\",\"call_us\",\"useful_workers\"}; null: not known, no limit\n",
	.needs = NEEDS_DATABASE,
	.run = run_forecast,
};
