/* SPDX-License-Identifier: MIT */
/*
 * What the files of common/db share: the connection itself, types by name, the making of errors.
 * Nobody else includes this, but for their tests.
 */
#ifndef COMMON_DB_INTERNAL_H
#define COMMON_DB_INTERNAL_H

#include <libpq-fe.h>
#include <stdbool.h>

#include "common/db.h"

#define DB_ARRAY_HEADER_SIZE 20

struct db {
	PGconn *connection;
	enum program program;
	bool logging;
	bool lost;                 /* of no use any more, whatever PQstatus() says */
	bool prepared[STATEMENTS]; /* the others are sent as text */
	char farewell[200]; /* the last FATAL message that came unasked: why the server hung up */
};

struct db_result {
	PGresult *rows;
};

/* db_connect.c: a connection without prepared statements. Fails as db_open(). */
bool db_connect(const char *url, enum program program, struct db *db, struct error *err);

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

/*
 * db_fault.c: what a failed result (NULL: none came) says about what. Marks the connection as lost
 * when it is.
 */
enum db_detail { DB_HIDE_VALUES, DB_SHOW_MESSAGE };
void db_fault(struct db *db, const PGresult *result, const char *what, enum db_detail detail,
	struct error *err);

#endif
