/* SPDX-License-Identifier: MIT */
/*
 * What the two halves of a job's story need of each other: sync.c has its beginning, its reading and
 * its end, sync_token.c the renewal of the token in between. For these two files alone. Each
 * function returns the next action, or is told what the last one brought.
 * Threads: the owner of the job.
 */
#ifndef WORKER_SYNC_STEPS_H
#define WORKER_SYNC_STEPS_H

#include "worker/sync.h"

enum sync_action step_go(struct job *job, enum sync_step step, enum sync_action action);

/* The ends of an attempt. */
enum sync_action step_succeed(struct job *job);
enum sync_action step_skip(struct job *job);
enum sync_action step_fail(struct job *job, const struct error *err);
enum sync_action step_fail_with(struct job *job, enum error_class class, const char *text);
/* A call failed: it is judged first whether that is the job's failure or an outage of TikTok's. */
enum sync_action step_doubt(struct job *job, const struct error *err);

bool step_account_is_off(const struct account *account);
enum sync_action step_read_statistics(struct job *job, const struct sync_settings *settings);

enum sync_action step_lease_token(struct job *job);
enum sync_action step_lease_token_later(struct job *job);
enum sync_action step_after_lease(
	struct job *job, const struct sync_settings *settings, const struct outcome *outcome);
enum sync_action step_after_refresh(struct job *job, const struct outcome *outcome);
enum sync_action step_after_token_saved(
	struct job *job, const struct sync_settings *settings, const struct outcome *outcome);

#endif
