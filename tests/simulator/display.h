/* SPDX-License-Identifier: MIT */
/*
 * The Display API: user info, video list, video query (TikTok, API v2). See simulator.h for the
 * order of checks.
 *
 * Threads: the server thread.
 */
#ifndef TESTS_SIMULATOR_DISPLAY_H
#define TESTS_SIMULATOR_DISPLAY_H

struct call;
struct simulator;

void display_answer_user_info(struct simulator *simulator, struct call *call);
void display_answer_video_list(struct simulator *simulator, struct call *call);
void display_answer_video_query(struct simulator *simulator, struct call *call);

#endif
