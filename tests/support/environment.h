/* SPDX-License-Identifier: MIT */
/*
 * Where the private servers and the programs under test are: STORESYNC_TEST_ENV names a shell file
 * of export NAME='value' lines (deploy/servers env), STORESYNC_BIN_DIR the folder of the programs.
 * tests/run and ctest set both; a test that misses one fails and says so.
 * Threads: the test thread alone, as everything in tests/support.
 */
#ifndef TESTS_SUPPORT_ENVIRONMENT_H
#define TESTS_SUPPORT_ENVIRONMENT_H

#include "common/text.h"

/*
 * DATABASE_URL, AMQP_URL or AMQP_MANAGEMENT_URL of the private servers; fails the test when there
 * is none. Static.
 */
const char *test_setting(const char *name);
/* The path of a program under test. Owns: the caller frees. */
char *test_binary(const char *program);
/* A new path under the temporary directory, of a file that does not exist. Owns: the caller frees. */
char *test_temporary_path(const char *stem);
/* A name that no other test uses: "stem_<process id>_<number>". Owns: the caller frees. */
char *test_unique_name(const char *stem);
/* Add the bytes of a file; fails the test when it cannot be read. */
void test_read_file(const char *path, struct text *content);
/* Fails the test when it cannot be written. */
void test_write_file(const char *path, const char *content);

#endif
