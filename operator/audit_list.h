/* SPDX-License-Identifier: MIT */
/*
 * Lists of exceptions, read page by page: what audit_list.c and audit_queues.c have in common.
 * Threads: the main thread alone.
 */
#ifndef OPERATOR_AUDIT_LIST_H
#define OPERATOR_AUDIT_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include "operator/audit.h"

/* A kind of exception. */
struct audit_kind {
	const char *name; /* stable: programs read it */
	enum audit_severity severity;
	enum statement list;
	const char *way_out;
	const char *
		because; /* follows the row's text where the row itself is the finding; NULL: nothing */
};

/* Every row of the list is a finding. Fails: database. */
bool audit_name_all(struct db *db, const struct audit_kind *kind, struct db_params *params,
	struct audit_report *report, struct error *err);
/* As audit_name_all(), of a list whose parameters are the selection. */
bool audit_name_selected(struct db *db, const struct audit_kind *kind,
	const struct audit_selection *selection, struct audit_report *report, struct error *err);
/* The finding is a number; the first rows of the list may be what it counts. Fails: database. */
bool audit_tell_number(struct db *db, const struct audit_kind *kind, struct db_params *params,
	int64_t count, const char *text, struct audit_report *report, struct error *err);

/* Lost jobs, lost letters, missing rows of the log: as the verdict has them. Fails: database. */
bool audit_list_queues(struct db *db, const struct audit_selection *selection,
	const struct audit_look *look, struct audit_report *report, struct error *err);
/* Jobs whose message nobody holds: violations where somebody could, else warnings. Fails: database. */
bool audit_list_stuck(struct db *db, const struct audit_selection *selection,
	const struct audit_look *look, enum audit_severity severity, struct audit_report *report,
	struct error *err);
/* What is wrong with the broker itself. */
void audit_warn_of_broker(const struct audit_look *look, struct audit_report *report);

#endif
