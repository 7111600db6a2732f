/* SPDX-License-Identifier: MIT */
/*
 * Planning: learn the day, check that what the caller names exists, write the manifest. Runs on the
 * main thread.
 */
#include "producer/plan.h"

#include <string.h>

#include "common/crypto.h"
#include "common/killpoint.h"
#include "common/text.h"

void plan_add_selection(const struct plan *plan, struct db_params *params)
{
	const struct options *options = plan->options;

	db_param_text(params, job_type_name(options->job_type));
	db_param_text(params, plan->day);
	db_param_text(params, options->store_code);
	if (options->account_id != 0)
		db_param_integer(params, options->account_id);
	else
		db_param_text(params, NULL);
}

/* 0: whenever the token expires. */
static int64_t expires_within_s(const struct options *options)
{
	bool everyone = options->store_code == NULL && options->account_id == 0;

	return options->job_type == JOB_TOKEN_REFRESH && everyone && !options->force &&
			       !options->republish
		       ? options->expiring_within_s
		       : 0;
}

static bool repeats(const struct options *options)
{
	return (options->job_type == JOB_TOKEN_REFRESH || options->force) && !options->republish;
}

/*
 * The parameters of the two statements that pick accounts: the selection, how soon the token
 * expires, repeat.
 */
static void add_picking(const struct plan *plan, struct db_params *params)
{
	int64_t within_s = expires_within_s(plan->options);

	plan_add_selection(plan, params);
	if (within_s > 0)
		db_param_integer(params, within_s);
	else
		db_param_text(params, NULL);
	db_param_boolean(params, repeats(plan->options));
}

static bool find_day(struct session *session, void *context, struct error *err)
{
	struct plan *plan = context;
	const char *zone = session->config->sync_timezone;
	struct db_params params = {0};
	struct db_result *result = NULL;

	db_param_text(&params, zone);
	if (!db_query(session->db, STATEMENT_TODAY, &params, &result, err)) {
		if (err->class == ERROR_INTERNAL)
			error_set(err, ERROR_SETTINGS,
				"SYNC_TIMEZONE \"%s\" is not a time zone that PostgreSQL knows",
				zone);
		return false;
	}
	memcpy(plan->day, db_text(result, 0, 0), DAY_SIZE);
	db_result_destroy(result);
	return true;
}

/* A misspelt store would otherwise look like one without work to do. */
static bool check_selection(struct session *session, void *context, struct error *err)
{
	const struct options *options = ((struct plan *)context)->options;
	struct db_params params = {0};
	struct db_result *result = NULL;
	bool ok = false;

	db_param_text(&params, options->store_code);
	db_param_integer(&params, options->account_id);
	if (!db_query(session->db, STATEMENT_CHECK_SELECTION, &params, &result, err))
		return false;
	if (options->store_code != NULL && !db_boolean(result, 0, 0))
		error_set(err, ERROR_BAD_REQUEST, "there is no store \"%s\"", options->store_code);
	else if (options->account_id != 0 && !db_boolean(result, 0, 1))
		error_set(err, ERROR_BAD_REQUEST, "there is no account %lld",
			(long long)options->account_id);
	else if (options->store_code != NULL && options->account_id != 0 &&
		 !db_boolean(result, 0, 2))
		error_set(err, ERROR_BAD_REQUEST, "account %lld does not belong to store \"%s\"",
			(long long)options->account_id, options->store_code);
	else
		ok = true;
	db_result_destroy(result);
	return ok;
}

static bool look_ahead(struct session *session, void *context, struct error *err)
{
	struct plan *plan = context;
	const struct options *options = plan->options;

	plan->selection = (struct forecast_selection){
		.job_type = options->job_type,
		.day = plan->day,
		.store_code = options->store_code,
		.account_id = options->account_id,
		.expires_within_s = expires_within_s(options),
		.repeats = repeats(options),
	};
	return forecast_read(session->db, session->config, &plan->selection, &plan->forecast, err);
}

bool plan_forecast(struct session *session, struct plan *plan, struct error *err)
{
	return session_do(session, look_ahead, plan, err);
}

static void read_counts(struct plan *plan, const struct db_result *result)
{
	plan->planned = db_integer(result, 0, 0);
	plan->on_their_way = db_integer(result, 0, 1);
	plan->done = db_integer(result, 0, 2);
	plan->not_connected = db_integer(result, 0, 3);
}

static bool count_jobs(struct session *session, void *context, struct error *err)
{
	struct plan *plan = context;
	struct db_params params = {0};
	struct db_result *result = NULL;

	add_picking(plan, &params);
	if (!db_query(session->db, STATEMENT_COUNT_SELECTION, &params, &result, err))
		return false;
	read_counts(plan, result);
	if (plan->options->republish)
		plan->planned = 0;
	db_result_destroy(result);
	return true;
}

/*
 * A new run id at every try: when a try was stored although its connection broke, this one finds
 * its jobs on their way, and must not enter the same run again.
 */
static bool write_manifest(struct session *session, void *context, struct error *err)
{
	struct plan *plan = context;
	struct db_params params = {0};
	struct db_result *result = NULL;
	struct text selection = {0};
	char run_id[UUID_TEXT_SIZE];
	bool ok = false;

	uuid_random(run_id);
	options_describe(plan->options, &selection);
	add_picking(plan, &params);
	db_param_text(&params, run_id);
	db_param_boolean(&params, plan->options->express);
	db_param_text(&params, text_string(&selection));
	if (!db_query(session->db, STATEMENT_PLAN_RUN, &params, &result, err))
		goto out;
	read_counts(plan, result);
	ok = true;
out:
	db_result_destroy(result);
	text_finish(&selection);
	return ok;
}

static bool reopen_jobs(struct session *session, void *context, struct error *err)
{
	struct db_params params = {0};

	plan_add_selection(context, &params);
	return db_query(session->db, STATEMENT_REPUBLISH_OPEN, &params, NULL, err);
}

static bool reopens(const struct options *options)
{
	return options->force || options->republish;
}

bool plan_count_unpublished(struct session *session, void *context, struct error *err)
{
	struct plan *plan = context;
	struct db_params params = {0};
	struct db_result *result = NULL;

	plan_add_selection(plan, &params);
	if (!db_query(session->db, STATEMENT_COUNT_UNPUBLISHED, &params, &result, err))
		return false;
	plan->unpublished = db_integer(result, 0, 0);
	db_result_destroy(result);
	return true;
}

/*
 * Jobs that wait to be published, left by an interrupted run, are not on their way; with --force and
 * --republish, none is that is not published once more. A dry run has written nothing, so what it would write is
 * added.
 */
static void sort_counts(struct plan *plan)
{
	const struct options *options = plan->options;
	int64_t left_over = plan->unpublished - (options->dry_run ? 0 : plan->planned);

	if (options->dry_run)
		plan->unpublished += plan->planned;
	plan->on_their_way -= left_over < plan->on_their_way ? left_over : plan->on_their_way;
	if (options->dry_run && reopens(options)) {
		plan->unpublished += plan->on_their_way;
		plan->on_their_way = 0;
	}
}

bool plan_make(struct session *session, const struct options *options, struct plan *plan,
	struct error *err)
{
	bool only_counts = options->dry_run || options->republish;

	*plan = (struct plan){.options = options};
	memcpy(plan->day, options->day, DAY_SIZE);
	if (plan->day[0] == '\0' && !session_do(session, find_day, plan, err))
		return false;
	if (!session_do(session, check_selection, plan, err))
		return false;
	if (!session_do(session, only_counts ? count_jobs : write_manifest, plan, err))
		return false;
	killpoint(KILL_PRODUCER_PLANNED, 0);
	if (reopens(options) && !options->dry_run && !session_do(session, reopen_jobs, plan, err))
		return false;
	if (!session_do(session, plan_count_unpublished, plan, err))
		return false;
	sort_counts(plan);
	return true;
}
