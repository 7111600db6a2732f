/* SPDX-License-Identifier: MIT */
/*
 * The token and revoke endpoints (TikTok, OAuth user access token management): flat bodies, errors
 * under HTTP 200.
 *
 * Threads: the server thread.
 */
#ifndef TESTS_SIMULATOR_OAUTH_H
#define TESTS_SIMULATOR_OAUTH_H

struct call;
struct simulator;

void oauth_answer_token(struct simulator *simulator, struct call *call);
void oauth_answer_revoke(struct simulator *simulator, struct call *call);

#endif
