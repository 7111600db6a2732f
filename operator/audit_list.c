/* SPDX-License-Identifier: MIT */
/*
 * Naming what is wrong: each kind of exception that the database alone shows is a row of a table
 * here, with a list of its own that is read page by page. The main thread.
 */
#include "operator/audit_list.h"

#include <stddef.h>

#include "common/text.h"

#define SHOWN_MAX 20 /* of a kind in text, and of the candidates of a number */

/* ---- Lists ---- */

/* false: enough rows were seen. */
typedef bool take_row(void *context, const struct db_result *page, int row);

static bool read_list(struct db *db, enum statement list, struct db_params *params, take_row *take,
	void *context, struct error *err)
{
	struct db_result *page = NULL;
	bool more = true;
	int rows;

	if (!db_query(db, list, params, NULL, err))
		return false;
	do {
		if (!db_query(db, STATEMENT_AUDIT_FETCH, NULL, &page, err))
			return false;
		rows = db_row_count(page);
		for (int row = 0; row < rows && more; row++)
			more = take(context, page, row);
		db_result_destroy(page);
	} while (rows > 0 && more);
	return db_query(db, STATEMENT_AUDIT_CLOSE, NULL, NULL, err);
}

static const char *cell(const struct db_result *page, int row, int column)
{
	return db_is_null(page, row, column) ? NULL : db_text(page, row, column);
}

/* ---- Runs ---- */

struct lines {
	struct audit_report *report;
	struct audit_line totals;
};

static bool take_line(void *context, const struct db_result *page, int row)
{
	struct lines *lines = context;
	struct audit_line *totals = &lines->totals;
	struct audit_line line = {.kind = db_text(page, row, 0),
		.run_id = cell(page, row, 1),
		.job_type = cell(page, row, 2),
		.day = cell(page, row, 3),
		.started_at = cell(page, row, 4),
		.planned = db_integer(page, row, 5),
		.jobs = db_integer(page, row, 6),
		.succeeded = db_integer(page, row, 7),
		.failed = db_integer(page, row, 8),
		.skipped = db_integer(page, row, 9),
		.waiting = db_integer(page, row, 10),
		.retrying = db_integer(page, row, 11),
		.dead = db_integer(page, row, 12),
		.unpublished = db_integer(page, row, 13)};

	totals->planned += line.planned;
	totals->jobs += line.jobs;
	totals->succeeded += line.succeeded;
	totals->failed += line.failed;
	totals->skipped += line.skipped;
	totals->waiting += line.waiting;
	totals->retrying += line.retrying;
	totals->dead += line.dead;
	totals->unpublished += line.unpublished;
	audit_report_line(lines->report, &line);
	return true;
}

bool audit_list_runs(struct db *db, const struct audit_selection *selection,
	struct audit_report *report, struct error *err)
{
	struct lines lines = {.report = report, .totals = {.kind = "total"}};
	struct db_params params = {0};

	audit_add_selection(selection, &params);
	if (!read_list(db, STATEMENT_AUDIT_RUNS, &params, take_line, &lines, err))
		return false;
	audit_report_totals(report, &lines.totals);
	return true;
}

/* ---- Findings ---- */

/* What the database alone tells. */
static const struct audit_kind kinds[] = {
	{.name = "run_count",
		.severity = AUDIT_VIOLATION,
		.list = STATEMENT_AUDIT_RUN_COUNT,
		.way_out = "rows of sync_jobs were deleted or added by hand; storesync-producer "
			   "plans again what an account lacks"},
	{.name = "odd_state",
		.severity = AUDIT_VIOLATION,
		.list = STATEMENT_AUDIT_ODD_STATE,
		.way_out =
			"sync_jobs was changed by hand; storesync-producer --republish --account "
			"{account} --job-type {type} --date {day} publishes the job again"},
	{.name = "double_final",
		.severity = AUDIT_VIOLATION,
		.list = STATEMENT_AUDIT_DOUBLE_FINAL,
		.way_out = "compare the rows with the manifest, and delete those that are wrong"},
	{.name = "wrong_final",
		.severity = AUDIT_VIOLATION,
		.list = STATEMENT_AUDIT_WRONG_FINAL,
		.way_out = "compare both with the snapshots of that day"},
	{.name = "records_differ",
		.severity = AUDIT_VIOLATION,
		.list = STATEMENT_AUDIT_RECORDS_DIFFER,
		.way_out = "compare both with the snapshots of that day"},
	{.name = "missing_snapshot",
		.severity = AUDIT_VIOLATION,
		.list = STATEMENT_AUDIT_MISSING_SNAPSHOT,
		.way_out = "while its day is not over, storesync-producer --force --account "
			   "{account} --job-type {type} --date {day} repeats the job"},
	{.name = "double_job",
		.severity = AUDIT_WARNING,
		.list = STATEMENT_AUDIT_DOUBLE_JOB,
		.way_out = "harmless: both are done, the later figures stay"},
	{.name = "open_intent",
		.severity = AUDIT_WARNING,
		.list = STATEMENT_AUDIT_OPEN_INTENT,
		.way_out = "the new token may be lost: the next sync finds out; then the merchant "
			   "must connect again"},
};

struct listing {
	struct audit_report *report;
	const struct audit_kind *kind;
	int64_t count;
};

static struct audit_subject read_subject(const struct db_result *page, int row)
{
	return (struct audit_subject){.run_id = cell(page, row, 0),
		.job_id = cell(page, row, 1),
		.account_id = db_integer(page, row, 2),
		.store_code = cell(page, row, 3),
		.job_type = cell(page, row, 4),
		.day = cell(page, row, 5)};
}

static bool take_candidate(void *context, const struct db_result *page, int row)
{
	struct listing *listing = context;
	struct audit_subject subject = read_subject(page, row);

	audit_report_candidate(listing->report, &subject, db_text(page, row, 6));
	return ++listing->count < SHOWN_MAX;
}

static bool take_finding(void *context, const struct db_result *page, int row)
{
	struct listing *listing = context;
	const struct audit_kind *kind = listing->kind;
	struct text text = {0};
	struct audit_finding finding = {.name = kind->name,
		.severity = kind->severity,
		.count = 1,
		.subject = read_subject(page, row),
		.way_out = kind->way_out};

	listing->count++;
	if (!listing->report->json && listing->count > SHOWN_MAX) {
		audit_report_count(listing->report, kind->severity);
		return true;
	}
	text_append_format(
		&text, "%s%s", db_text(page, row, 6), kind->because ? kind->because : "");
	finding.text = text_string(&text);
	audit_report_finding(listing->report, &finding);
	audit_report_end_finding(listing->report);
	text_finish(&text);
	return true;
}

bool audit_name_all(struct db *db, const struct audit_kind *kind, struct db_params *params,
	struct audit_report *report, struct error *err)
{
	struct listing listing = {.report = report, .kind = kind};

	if (!read_list(db, kind->list, params, take_finding, &listing, err))
		return false;
	if (!report->json && listing.count > SHOWN_MAX)
		audit_report_more(report, kind->name, listing.count - SHOWN_MAX);
	return true;
}

bool audit_tell_number(struct db *db, const struct audit_kind *kind, struct db_params *params,
	int64_t count, const char *text, struct audit_report *report, struct error *err)
{
	struct listing listing = {.report = report, .kind = kind};
	const struct audit_finding finding = {.name = kind->name,
		.severity = kind->severity,
		.count = count,
		.text = text,
		.way_out = kind->way_out};
	bool ok;

	audit_report_finding(report, &finding);
	ok = read_list(db, kind->list, params, take_candidate, &listing, err);
	audit_report_end_finding(report);
	return ok;
}

bool audit_name_selected(struct db *db, const struct audit_kind *kind,
	const struct audit_selection *selection, struct audit_report *report, struct error *err)
{
	struct db_params params = {0};

	audit_add_selection(selection, &params);
	return audit_name_all(db, kind, &params, report, err);
}

/* ---- All of them ---- */

bool audit_list_findings(struct db *db, const struct audit_selection *selection,
	const struct audit_look *look, struct audit_report *report, struct error *err)
{
	bool ok = true;

	for (enum audit_severity s = AUDIT_VIOLATION; ok && s <= AUDIT_WARNING; s++) {
		audit_report_begin_findings(report, s);
		for (size_t i = 0; ok && i < sizeof kinds / sizeof *kinds; i++)
			if (kinds[i].severity == s)
				ok = audit_name_selected(db, &kinds[i], selection, report, err);
		if (s == AUDIT_VIOLATION)
			ok = ok && audit_list_queues(db, selection, look, report, err);
		else
			audit_warn_of_broker(look, report);
		ok = ok && audit_list_stuck(db, selection, look, s, report, err);
		audit_report_end_findings(report);
	}
	if (!ok)
		error_wrap(err, "cannot ask the database");
	return ok;
}
