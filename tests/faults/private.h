/* SPDX-License-Identifier: MIT */
/*
 * A RabbitMQ and a PostgreSQL of a fault program's own, so that what it does to them hurts nobody
 * else: beside the servers of the other tests, in "<their directory>.<name>" (tests/run ends those
 * that a killed program leaves). From private_servers_start() on, tests/support works with them.
 * Threads: the test thread.
 */
#ifndef TESTS_FAULTS_PRIVATE_H
#define TESTS_FAULTS_PRIVATE_H

#include <stdbool.h>

struct private_servers {
	char *directory;
	char *environment; /* what STORESYNC_TEST_ENV was */
};

/* Before the first use of test_setting(). */
void private_servers_start(struct private_servers *servers, const char *name);
/*
 * deploy/servers COMMAND DIR [WORD] (word NULL: none). Returns its exit code after 300 s at most.
 */
int private_servers_try(struct private_servers *servers, const char *command, const char *word);
/* The same; fails the test, showing the output, when it fails. */
void private_servers_do(struct private_servers *servers, const char *command, const char *word);
/* Ends them and removes their directory. Zeroed: nothing to do. */
void private_servers_stop(struct private_servers *servers);

#endif
