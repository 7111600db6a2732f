/* SPDX-License-Identifier: MIT */
/*
 * A TCP relay between a program under test and a server, which can be told to fall silent or to cut
 * every connection: a frozen server and a lost connection at a chosen moment, without harm to other
 * tests.
 * Threads: the functions are for the test thread; the relay itself runs in a thread that asserts
 *          nothing.
 */
#ifndef TESTS_SUPPORT_RELAY_H
#define TESTS_SUPPORT_RELAY_H

#include <stdint.h>

struct test_relay;

enum test_relay_mode {
	RELAY_PASS,
	RELAY_HOLD_REPLIES, /* the server hears us and is not heard */
	RELAY_HOLD,         /* nothing passes; connections stay open, new ones are accepted */
};

/* Listens on a free port of 127.0.0.1. */
struct test_relay *test_relay_start(const char *server_host, int server_port);
int test_relay_port(const struct test_relay *relay);
void test_relay_set_mode(struct test_relay *relay, enum test_relay_mode mode);
/* Close every connection; what is on its way is lost. New ones are accepted. */
void test_relay_cut(struct test_relay *relay);
/* NULL: nothing to do. */
void test_relay_stop(struct test_relay *relay);

#endif
