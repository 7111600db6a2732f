/* SPDX-License-Identifier: MIT */
/*
 * `syncctl audit`: audit.c reads the command line, audit_look.c asks broker and database until what
 * they say can be judged, audit_judge.c judges, audit_list.c names the exceptions that the database
 * alone shows and audit_queues.c those that the queues prove, audit_report.c writes all of it as text
 * or JSON.
 * Threads: the main thread alone.
 */
#ifndef OPERATOR_AUDIT_H
#define OPERATOR_AUDIT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/config.h"
#include "common/db.h"
#include "common/error.h"
#include "operator/audit_judge.h"

/* What is asked for; NULL, 0: not by this. */
struct audit_selection {
	const char *run_id;
	const char *day;
	int days;
};

/* What was seen, and what follows from it. */
struct audit_look {
	char moment[32]; /* UTC, "2026-11-22 19:05:55" */
	struct audit_counts counts;
	struct audit_queue queues[QUEUES];
	struct audit_verdict verdict;
	bool at_work;  /* figures moved while we looked: they are of that moment */
	bool in_doubt; /* messages are short unless somebody holds them, which nobody can tell */
	bool has_management;
};

/*
 * Ask broker and database, again and again while they contradict each other, because what is on its
 * way is seen in neither or in both: 7 s of rest prove a contradiction (3 s where nothing can be
 * held by anybody), and 20 s are the limit. What agrees at once is accepted at once.
 *
 * On success the transaction of the last look is open on db, for the lists to see what it saw.
 * Fails: database, broker.
 */
bool audit_look(const struct config *config, struct db *db, const struct audit_selection *selection,
	struct audit_look *look, struct error *err);
void audit_add_selection(const struct audit_selection *selection, struct db_params *params);

/* Where the report is written to, and what was written so far. */
struct audit_report {
	FILE *out;
	bool json;
	int64_t violations, warnings;
	bool has_member, has_candidate; /* JSON: the array that is open has a member */
};

enum audit_severity { AUDIT_VIOLATION, AUDIT_WARNING };

/* What a row of a list is about; NULL, 0: does not apply. */
struct audit_subject {
	const char *run_id;
	const char *job_id;
	int64_t account_id;
	const char *store_code;
	const char *job_type;
	const char *day;
};

/* One violation or warning. count: how many it stands for. */
struct audit_finding {
	const char *name;
	enum audit_severity severity;
	int64_t count;
	struct audit_subject subject;
	const char *text;
	const char *way_out; /* {job}, {account}, {type} and {day} stand for the subject's */
};

/* Columns of STATEMENT_AUDIT_RUNS. */
struct audit_line {
	const char *kind; /* run, adopted, repeats */
	const char *run_id, *job_type, *day, *started_at;
	int64_t planned, jobs;
	int64_t succeeded, failed, skipped, waiting, retrying, dead, unpublished;
};

void audit_report_begin(struct audit_report *report, const struct audit_selection *selection,
	const struct audit_look *look);
void audit_report_line(struct audit_report *report, const struct audit_line *line);
void audit_report_totals(struct audit_report *report, const struct audit_line *totals);
void audit_report_queues(struct audit_report *report, const struct audit_look *look);
void audit_report_begin_findings(struct audit_report *report, enum audit_severity severity);
void audit_report_finding(struct audit_report *report, const struct audit_finding *finding);
/* A job that the finding before may mean. */
void audit_report_candidate(
	struct audit_report *report, const struct audit_subject *subject, const char *text);
void audit_report_end_finding(struct audit_report *report);
/* Text only: a finding is counted and not shown; and later how many of a kind were not. */
void audit_report_count(struct audit_report *report, enum audit_severity severity);
void audit_report_more(struct audit_report *report, const char *name, int64_t count);
void audit_report_end_findings(struct audit_report *report);
void audit_report_end(struct audit_report *report, const struct audit_look *look);

/* Write runs and findings into the report. Fails: database. */
bool audit_list_runs(struct db *db, const struct audit_selection *selection,
	struct audit_report *report, struct error *err);
bool audit_list_findings(struct db *db, const struct audit_selection *selection,
	const struct audit_look *look, struct audit_report *report, struct error *err);

#endif
