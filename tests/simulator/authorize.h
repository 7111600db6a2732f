/* SPDX-License-Identifier: MIT */
/*
 * The page where a user consents (TikTok, Login Kit): Allow and Deny, or whatever the knob consent
 * decides at once. The further parameter account (a number or an open_id) says who the user is;
 * without it each consent is the next account's. A wrong client_key or redirect_uri gives a page,
 * not a redirect; everything else redirects with code, scopes, state or with error,
 * error_description, state.
 *
 * Threads: the server thread.
 */
#ifndef TESTS_SIMULATOR_AUTHORIZE_H
#define TESTS_SIMULATOR_AUTHORIZE_H

struct call;
struct simulator;

void authorize_show(struct simulator *simulator, struct call *call);
/* The form of the page comes back, with decision=allow or deny. */
void authorize_decide(struct simulator *simulator, struct call *call);

#endif
