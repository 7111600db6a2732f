/* SPDX-License-Identifier: MIT */
/*
 * What the queues prove: lost jobs, lost dead letters, results that never came. Named where the
 * members of the whole group are known; else a number is told, with those that have waited longest.
 * The main thread.
 */
#include <inttypes.h>

#include "common/text.h"
#include "operator/audit_list.h"

static const struct audit_kind lost_jobs = {.name = "lost_jobs",
	.severity = AUDIT_VIOLATION,
	.list = STATEMENT_AUDIT_OPEN_JOBS,
	.way_out = "storesync-producer --republish --job-type {type} --date {day} publishes every "
		   "open job of that type and day again (--account {account}: this one alone)",
	.because = ", and no queue holds a message of it"};
static const struct audit_kind lost_letters = {.name = "lost_dead_letters",
	.severity = AUDIT_VIOLATION,
	.list = STATEMENT_AUDIT_DEAD_JOBS,
	.way_out =
		"syncctl dead show {job} tells why it died; storesync-producer --force --account "
		"{account} --job-type {type} --date {day} repeats it; then, or if nothing is to be "
		"repeated, syncctl dead discard --job {job} --yes --reason TEXT settles it",
	.because = ", and sync.jobs.dead does not hold it"};
static const struct audit_kind missing_log = {.name = "missing_log",
	.severity = AUDIT_VIOLATION,
	.list = STATEMENT_AUDIT_MISSING_LOG,
	.way_out = "what became of the job stands in sync_jobs; the result may be in "
		   "sync.results.dead"};
static const struct audit_kind stuck_violation = {.name = "stuck",
	.severity = AUDIT_VIOLATION,
	.list = STATEMENT_AUDIT_STUCK,
	.way_out = "look at the workers; storesync-producer --republish --account {account} "
		   "--job-type {type} --date {day} publishes the job again"};
static const struct audit_kind stuck_warning = {.name = "stuck",
	.severity = AUDIT_WARNING,
	.list = STATEMENT_AUDIT_STUCK,
	.way_out = "its message waits in the queue: start workers"};

static int64_t messages_beyond_letters(const struct audit_look *look)
{
	const struct audit_queue *dead = &look->queues[QUEUE_JOBS_DEAD];

	return dead->ready + (dead->held > 0 ? dead->held : 0) - look->counts.dead;
}

/* The jobs that may be meant by a number. */
static bool tell_lost_jobs(struct db *db, const struct audit_look *look, int64_t count,
	bool waiting_too, struct audit_report *report, struct error *err)
{
	int64_t letters = messages_beyond_letters(look);
	struct db_params open = {0};
	struct text text = {0};
	bool ok;

	text_append_format(&text, "at least %" PRId64 " of %" PRId64 " open jobs have no message",
		count, look->counts.retrying + (waiting_too ? look->counts.waiting : 0));
	if (letters > 0)
		text_append_format(&text,
			"; sync.jobs.dead holds %" PRId64 " more messages than there are dead jobs",
			letters);
	db_param_boolean(&open, waiting_too);
	db_param_boolean(&open, true);
	ok = audit_tell_number(db, &lost_jobs, &open, count, text_string(&text), report, err);
	text_finish(&text);
	return ok;
}

static bool list_lost_jobs(struct db *db, const struct audit_look *look,
	struct audit_report *report, struct error *err)
{
	const struct audit_verdict *verdict = &look->verdict;
	bool all_waiting = verdict->lost_all_waiting && !look->at_work;
	bool all_retrying = verdict->lost_all_retrying && !look->at_work;
	int64_t unnamed = verdict->lost_jobs - (all_waiting ? look->counts.waiting : 0) -
			  (all_retrying ? look->counts.retrying : 0);
	struct db_params lost = {0};

	db_param_boolean(&lost, all_waiting);
	db_param_boolean(&lost, all_retrying);
	if ((all_waiting || all_retrying) && !audit_name_all(db, &lost_jobs, &lost, report, err))
		return false;
	return unnamed <= 0 || tell_lost_jobs(db, look, unnamed, !all_waiting, report, err);
}

static bool list_lost_letters(struct db *db, const struct audit_look *look,
	struct audit_report *report, struct error *err)
{
	const struct audit_verdict *verdict = &look->verdict;
	struct text text = {0};
	bool ok;

	if (verdict->lost_letters == 0)
		return true;
	if (verdict->lost_all_letters && !look->at_work)
		return audit_name_all(db, &lost_letters, NULL, report, err);
	text_append_format(&text,
		"at least %" PRId64 " of %" PRId64
		" dead jobs have no message in sync.jobs.dead, and nobody has decided on them",
		verdict->lost_letters, look->counts.dead);
	ok = audit_tell_number(
		db, &lost_letters, NULL, verdict->lost_letters, text_string(&text), report, err);
	text_finish(&text);
	return ok;
}

static bool list_missing_logs(struct db *db, const struct audit_selection *selection,
	const struct audit_look *look, struct audit_report *report, struct error *err)
{
	const struct audit_verdict *verdict = &look->verdict;
	struct db_params params = {0};
	struct text text = {0};
	bool ok;

	if (verdict->missing_logs == 0)
		return true;
	if (verdict->missing_all_logs && !look->at_work)
		return audit_name_selected(db, &missing_log, selection, report, err);
	text_append_format(&text,
		"at least %" PRId64 " of %" PRId64
		" attempts that ended without a row in sync_logs have no result on its way",
		verdict->missing_logs, look->counts.unlogged);
	audit_add_selection(selection, &params);
	ok = audit_tell_number(
		db, &missing_log, &params, verdict->missing_logs, text_string(&text), report, err);
	text_finish(&text);
	return ok;
}

bool audit_list_queues(struct db *db, const struct audit_selection *selection,
	const struct audit_look *look, struct audit_report *report, struct error *err)
{
	return list_lost_jobs(db, look, report, err) && list_lost_letters(db, look, report, err) &&
	       list_missing_logs(db, selection, look, report, err);
}

bool audit_list_stuck(struct db *db, const struct audit_selection *selection,
	const struct audit_look *look, enum audit_severity severity, struct audit_report *report,
	struct error *err)
{
	const struct audit_queue *jobs = &look->queues[QUEUE_JOBS];
	const struct audit_queue *express = &look->queues[QUEUE_JOBS_EXPRESS];
	/* Those that are lost are named already. */
	bool is_manned = jobs->consumers + express->consumers > 0;
	const struct audit_kind *kind = is_manned ? &stuck_violation : &stuck_warning;

	if (look->at_work || jobs->held != 0 || express->held != 0 ||
		look->verdict.lost_all_waiting || kind->severity != severity)
		return true;
	return audit_name_selected(db, kind, selection, report, err);
}

/* ---- Warnings of ours ---- */

static void warn(
	struct audit_report *report, const char *name, const char *text, const char *way_out)
{
	const struct audit_finding finding = {.name = name,
		.severity = AUDIT_WARNING,
		.count = 1,
		.text = text,
		.way_out = way_out};

	audit_report_finding(report, &finding);
	audit_report_end_finding(report);
}

void audit_warn_of_broker(const struct audit_look *look, struct audit_report *report)
{
	for (int id = 0; id < QUEUES; id++) {
		struct text text = {0};

		if (look->queues[id].exists)
			continue;
		text_append_format(&text, "queue %s is missing",
			topology_queue((enum topology_queue_id)id)->name);
		warn(report, "missing_queue", text_string(&text), "syncctl topology apply");
		text_finish(&text);
	}
	if (look->in_doubt)
		warn(report, "cannot_tell",
			"there are fewer messages than there should be, unless workers or loggers "
			"hold them: AMQP does not tell",
			"set AMQP_MANAGEMENT_URL, or stop them");
}
