/* SPDX-License-Identifier: MIT */
/*
 * How an attempt ends, in words and in where the job's message goes next. Pure; each fills
 * job->verdict.
 * Threads: the owner of the job.
 */
#ifndef WORKER_VERDICT_H
#define WORKER_VERDICT_H

#include <stdbool.h>

#include "common/error.h"
#include "worker/job.h"

/* No end has been found for the attempt yet. */
bool verdict_is_open(const struct job *job);
void verdict_succeed(struct job *job);
/* The account's status does not allow a sync. */
void verdict_skip(struct job *job);
/* The account has more videos than one delivery may read: its job goes on in another message. */
void verdict_continue(struct job *job);
/* Somebody else works at what the job needs: it is looked at again later, which costs no attempt. */
void verdict_wait(struct job *job, enum retry_rung rung, const char *why);
/* RabbitMQ has delivered the message so often that it will soon take it for a danger: a new one. */
void verdict_renew(struct job *job);
/* The rule of the error's class (error.c) decides: another attempt, a wait, or the dead letters. */
void verdict_fail(struct job *job, const struct error *err);
/*
 * The attempt, or its slice, had ended before this delivery: the same verdict once more, from
 * job->claim. False: a later one has begun since, so that everything about this one was told
 * before.
 */
bool verdict_repeat(struct job *job);

#endif
