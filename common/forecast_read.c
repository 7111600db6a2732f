/* SPDX-License-Identifier: MIT */
/*
 * Asking for the facts of a forecast. Runs on the caller's thread.
 */
#include "common/forecast_read.h"

#include <stdio.h>

static void add_integer_or_null(struct db_params *params, int64_t number)
{
	if (number != 0)
		db_param_integer(params, number);
	else
		db_param_text(params, NULL);
}

static void read_facts(const struct db_result *result, struct forecast_facts *facts)
{
	facts->accounts = db_integer(result, 0, 0);
	facts->left = db_integer(result, 0, 1);
	facts->guessed = db_integer(result, 0, 2);
	facts->average_videos = db_integer(result, 0, 3);
	facts->calls[FORECAST_USER_INFO] = db_integer(result, 0, 4);
	facts->calls_left[FORECAST_USER_INFO] = db_integer(result, 0, 5);
	facts->calls[FORECAST_VIDEO_LIST] = db_integer(result, 0, 6);
	facts->calls_left[FORECAST_VIDEO_LIST] = db_integer(result, 0, 7);
	facts->calls_left[FORECAST_TOKEN] = db_integer(result, 0, 8);
	facts->day_left_s = db_integer(result, 0, 9);
	facts->dead = db_integer(result, 0, 10);
	if (forecast_wants(facts->job_type, FORECAST_TOKEN)) {
		facts->calls[FORECAST_TOKEN] = facts->accounts;
		facts->calls_left[FORECAST_TOKEN] = facts->left;
	} else { /* those of accounts that are done are not known */
		facts->calls[FORECAST_TOKEN] = facts->calls_left[FORECAST_TOKEN];
	}
	if (!forecast_wants(facts->job_type, FORECAST_VIDEO_LIST))
		facts->guessed = 0;
}

static bool read_accounts(struct db *db, const struct forecast_selection *selection,
	const char *time_zone, struct forecast_facts *facts, struct error *err)
{
	struct db_params params = {0};
	struct db_result *result = NULL;

	db_param_text(&params, job_type_name(selection->job_type));
	db_param_text(&params, selection->day);
	db_param_text(&params, selection->store_code);
	add_integer_or_null(&params, selection->account_id);
	add_integer_or_null(&params, selection->expires_within_s);
	db_param_boolean(&params, selection->repeats);
	db_param_integer(&params, forecast_pace_us(facts->quota[FORECAST_USER_INFO]));
	db_param_integer(&params, forecast_pace_us(facts->quota[FORECAST_VIDEO_LIST]));
	db_param_text(&params, time_zone);
	db_param_integer(&params, FORECAST_PAGE_VIDEOS);
	db_param_boolean(&params, forecast_wants(selection->job_type, FORECAST_USER_INFO));
	db_param_boolean(&params, forecast_wants(selection->job_type, FORECAST_VIDEO_LIST));
	if (!db_query(db, STATEMENT_FORECAST, &params, &result, err))
		return false;
	read_facts(result, facts);
	db_result_destroy(result);
	return true;
}

static bool read_pace(struct db *db, struct forecast_facts *facts, struct error *err)
{
	struct db_params params = {0};
	struct db_result *result = NULL;

	db_param_text(&params, job_type_name(facts->job_type));
	if (!db_query(db, STATEMENT_FORECAST_PACE, &params, &result, err))
		return false;
	facts->call_us = db_integer(result, 0, 0);
	db_result_destroy(result);
	return true;
}

static bool read_end(struct db *db, struct forecast_report *report, struct error *err)
{
	struct db_params params = {0};
	struct db_result *result = NULL;

	db_param_integer(&params, report->forecast.left_s);
	db_param_text(&params, report->time_zone);
	if (!db_query(db, STATEMENT_FORECAST_MOMENT, &params, &result, err))
		return false;
	snprintf(report->ends_at, sizeof report->ends_at, "%s", db_text(result, 0, 0));
	db_result_destroy(result);
	return true;
}

bool forecast_read(struct db *db, const struct config *config,
	const struct forecast_selection *selection, struct forecast_report *report,
	struct error *err)
{
	*report = (struct forecast_report){
		.selection = selection,
		.time_zone = config->sync_timezone,
		.facts = {.job_type = selection->job_type,
			.quota = {[FORECAST_USER_INFO] = config->quota_user_info,
				[FORECAST_VIDEO_LIST] = config->quota_video_list,
				[FORECAST_TOKEN] = config->quota_token},
			.concurrency = config->worker_concurrency},
	};
	if (!read_accounts(db, selection, report->time_zone, &report->facts, err) ||
		!read_pace(db, &report->facts, err))
		return false;
	forecast_make(&report->facts, &report->forecast);
	return read_end(db, report, err);
}
