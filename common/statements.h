/* SPDX-License-Identifier: MIT */
/*
 * Every SQL statement of the programs, in one table (statements.c), with the types of its
 * parameters and columns. A connection prepares those of its program when it opens; a test prepares
 * all of them against the migrated schema and compares the types.
 */
#ifndef COMMON_STATEMENTS_H
#define COMMON_STATEMENTS_H

enum statement {
	/* worker, logger: db_session.c */
	STATEMENT_PROBE,
	/* worker: claims */
	STATEMENT_CLAIM_JOBS,
	STATEMENT_RETURN_JOBS,
	STATEMENT_ADOPT_JOBS,
	STATEMENT_READ_ACCOUNT,
	STATEMENT_LEASE_TOKEN,
	STATEMENT_SAVE_TOKEN,
	STATEMENT_RELEASE_TOKEN,
	/* worker: writer */
	STATEMENT_SAVE_USERS,
	STATEMENT_SAVE_VIDEOS,
	STATEMENT_FINISH_JOBS,
	STATEMENT_TOUCH_ACCOUNTS,
	STATEMENT_MARK_RECONNECT,
	/* logger */
	STATEMENT_SAVE_LOGS,
	/* producer */
	STATEMENT_TODAY,
	STATEMENT_CHECK_SELECTION,
	STATEMENT_COUNT_SELECTION,
	STATEMENT_PLAN_RUN,
	STATEMENT_REPUBLISH_OPEN,
	STATEMENT_LOCK_PUBLISHING,
	STATEMENT_UNLOCK_PUBLISHING,
	STATEMENT_COUNT_UNPUBLISHED,
	STATEMENT_NEXT_UNPUBLISHED,
	STATEMENT_MARK_PUBLISHED,
	/* operator: migrations */
	STATEMENT_JOURNAL_EXISTS,
	STATEMENT_JOURNAL_CREATE,
	STATEMENT_JOURNAL_LOCK,
	STATEMENT_JOURNAL_UNLOCK,
	STATEMENT_JOURNAL_READ,
	STATEMENT_JOURNAL_ADD,
	STATEMENT_CATALOG,
	/* operator: audit; statements_audit.c */
	STATEMENT_AUDIT_SNAPSHOT,
	STATEMENT_AUDIT_LOOK,
	STATEMENT_AUDIT_COUNT_UNLOGGED,
	STATEMENT_AUDIT_RUN_EXISTS,
	STATEMENT_AUDIT_FETCH,
	STATEMENT_AUDIT_CLOSE,
	STATEMENT_AUDIT_RUNS,
	STATEMENT_AUDIT_RUN_COUNT,
	STATEMENT_AUDIT_ODD_STATE,
	STATEMENT_AUDIT_MISSING_LOG,
	STATEMENT_AUDIT_DOUBLE_FINAL,
	STATEMENT_AUDIT_WRONG_FINAL,
	STATEMENT_AUDIT_RECORDS_DIFFER,
	STATEMENT_AUDIT_MISSING_SNAPSHOT,
	STATEMENT_AUDIT_STUCK,
	STATEMENT_AUDIT_DOUBLE_JOB,
	STATEMENT_AUDIT_OPEN_INTENT,
	STATEMENT_AUDIT_OPEN_JOBS,
	STATEMENT_AUDIT_DEAD_JOBS,
	STATEMENTS
};

struct statement_definition {
	const char *name; /* of the prepared statement, and in the log */
	unsigned users;   /* set of enum program; 0: unprepared, its tables may not be there */
	const char *sql;
	const char *params;  /* types in order, "int8,text[]"; "" for none */
	const char *columns; /* types of the result, "" for none */
};

const struct statement_definition *statement_definition(enum statement statement);

#endif
