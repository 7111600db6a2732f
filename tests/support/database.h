/* SPDX-License-Identifier: MIT */
/*
 * A database of the test's own on the private server, dropped when the test program ends, whatever
 * happens in it.
 */
#ifndef TESTS_SUPPORT_DATABASE_H
#define TESTS_SUPPORT_DATABASE_H

#include <stdint.h>

#include "common/db.h"

struct test_database {
	char *name;
	char *url; /* DATABASE_URL for the programs under test */
	/* A connection without prepared statements, for test_execute() and the like. */
	struct db *db;
};

/* A fresh database with every migration, applied by the real syncctl. */
void test_database_create(struct test_database *database);
/* A fresh database without any table. */
void test_database_create_empty(struct test_database *database);
/* NULL or zeroed: nothing to do. */
void test_database_destroy(struct test_database *database);

/* A connection with the statements of program prepared; the caller ends it with db_close(). */
struct db *test_database_connect(const struct test_database *database, enum program program);

/* Any SQL; each fails the test when PostgreSQL refuses it. */
void test_execute(struct db *db, const char *sql);
/* The first cell of the result; NULL reads as 0 and "". */
int64_t test_query_integer(struct db *db, const char *sql);
char *test_query_string(struct db *db, const char *sql); /* the caller frees */

/*
 * count stores "store-1"..., each with one CONNECTED account (id and open_id "open-<n>") and
 * invented token cells.
 */
void test_insert_accounts(struct db *db, int count);

#endif
