/* SPDX-License-Identifier: MIT */
/*
 * What the files of common/db share: the connection itself, types by name, the making of errors.
 * Nobody else includes this, but for their tests.
 */
#ifndef COMMON_DB_INTERNAL_H
#define COMMON_DB_INTERNAL_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/db.h"

#define DB_ARRAY_HEADER_SIZE 20

struct db {
	PGconn *connection;
	enum program program;
	bool logging;
	bool lost;                 /* of no use any more, whatever PQstatus() says */
	bool prepared[STATEMENTS]; /* the others are sent as text */
	int64_t answer_limit_ms;   /* how long one answer may take; 0: for ever */
	int64_t deadline_ms;       /* of the answer that is awaited */
	/* Why the connection is lost, above all the FATAL message that came unasked. */
	char farewell[200];
};

struct db_result {
	PGresult *rows;
};

/* db_connect.c: a connection without prepared statements. Fails as db_open(). */
bool db_connect(const char *url, enum program program, struct db *db, struct error *err);

/* db_wait.c */
/* The time for the next answer begins. */
void db_expect_answer(struct db *db);
/* Send what libpq holds. False: the connection is lost. */
bool db_flush(struct db *db);
/* As PQgetResult(); also NULL when the connection was lost, or is now for want of an answer. */
PGresult *db_next_result(struct db *db);

/* db_type.c */
Oid db_type_oid(enum db_type type); /* of an element */
/* The types of a list "int8,text[]". Returns their number. */
int db_types_parse(const char *list, Oid types[DB_PARAMS_MAX]);
/* Append a type's name, after a comma unless it is the first. */
void db_type_append(struct text *list, Oid type);

/* db_values.c: takes over rows. */
struct db_result *db_result_create(PGresult *rows);

/* db_array.c: fill in the header. */
void db_array_complete(struct db_array *array);

/* db.c */
bool db_is_failure(const PGresult *result);
/* Read the results of one statement up to the NULL that ends them. Owns: the last good or first bad one. */
PGresult *db_read_results(struct db *db);

/*
 * db_fault.c: what a failed result (NULL: none came) says about what. Marks the connection as lost
 * when it is.
 */
enum db_detail { DB_HIDE_VALUES, DB_SHOW_MESSAGE };
void db_fault(struct db *db, const PGresult *result, const char *what, enum db_detail detail,
	struct error *err);

#endif
