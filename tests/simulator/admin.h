/* SPDX-License-Identifier: MIT */
/*
 * The operator's side of the simulator, under /admin/: counters, knobs, faults, the clock, the fate
 * of accounts. The README lists the paths. Not limited, not delayed, not counted, and without a
 * password: it listens where tests run.
 *
 * Threads: the server thread.
 */
#ifndef TESTS_SIMULATOR_ADMIN_H
#define TESTS_SIMULATOR_ADMIN_H

#include <stdint.h>

struct call;
struct simulator;

void admin_answer(struct simulator *simulator, struct call *call);

/* GET and POST /admin/account/<open_id> (admin_account.c). */
void admin_show_account(struct simulator *simulator, struct call *call, uint32_t number);
void admin_change_account(struct simulator *simulator, struct call *call, uint32_t number);

/* 400 with a sentence. */
void admin_refuse(struct call *call, const char *why);

#endif
