/* SPDX-License-Identifier: MIT */
/*
 * Verdicts. Pure functions, called by the story in sync.c.
 */
#include "worker/verdict.h"

#include <stdio.h>
#include <string.h>

void verdict_succeed(struct job *job)
{
	struct verdict *verdict = &job->verdict;

	*verdict = (struct verdict){.status = STATUS_SUCCESS, .final = true};
	if (job->message.job_type == JOB_TOKEN_REFRESH)
		snprintf(verdict->message, sizeof verdict->message, "token refreshed");
	else
		snprintf(verdict->message, sizeof verdict->message, "%s%zu videos%s%s%s",
			job->snapshot.profile.read ? "profile and " : "", job->snapshot.video_count,
			job->profile_left_out ? "; profile left out: user.info.* is not granted"
					      : "",
			job->videos_left_out ? "; videos left out: video.list is not granted" : "",
			job->paging.cut
				? "; the list may be longer: its pages did not come to an end"
				: "");
}

void verdict_skip(struct job *job)
{
	const struct account *account = &job->account;
	struct verdict *verdict = &job->verdict;

	*verdict = (struct verdict){.status = STATUS_SKIPPED, .final = true};
	snprintf(verdict->message, sizeof verdict->message, "account is %s%s%.500s",
		account->status, account->status_reason ? ": " : "",
		account->status_reason ? account->status_reason : "");
}

/* The rung after the attempt's number of failures. */
static enum retry_rung rung_after(const struct error_rule *rule, int attempt)
{
	int rung = (int)rule->first_rung + attempt - 1;

	return rung < RUNGS ? (enum retry_rung)rung : RUNGS - 1;
}

static void send_to_retry(struct verdict *verdict, enum retry_rung rung, int next_attempt)
{
	verdict->final = false;
	verdict->destination = TO_RETRY;
	verdict->rung = rung;
	verdict->next_attempt = next_attempt;
}

void verdict_fail(struct job *job, const struct error *err)
{
	bool of_jobs = error_rule(err->class)->remedy != REMEDY_NONE;
	enum error_class class = of_jobs ? err->class : ERROR_INTERNAL;
	const struct error_rule *rule = error_rule(class);
	struct verdict *verdict = &job->verdict;
	int attempt = job->message.attempt;

	*verdict = (struct verdict){.status = STATUS_FAILED,
		.final = true,
		.destination = TO_DEAD,
		.error_class = class,
		.needs_reconnect = rule->needs_reconnect};
	if (rule->remedy == REMEDY_WAIT) {
		verdict->status = STATUS_RUNNING;
		send_to_retry(verdict, rule->first_rung, attempt);
	} else if (rule->remedy == REMEDY_RETRY && attempt < rule->attempts) {
		send_to_retry(verdict, rung_after(rule, attempt), attempt + 1);
	}
	snprintf(verdict->message, sizeof verdict->message, "%s: %s", rule->name,
		verdict->destination == TO_DEAD ? rule->advice : "tried again later");
	result_text_copy(verdict->error_details, sizeof verdict->error_details, err->text);
}

bool verdict_repeat(struct job *job)
{
	const struct claim *claim = &job->claim;
	struct verdict *verdict = &job->verdict;
	bool is_retrying = strcmp(claim->state, "retrying") == 0;
	int told_of =
		is_retrying ? claim->attempt - 1 : claim->attempt; /* by the claim's columns */

	if (told_of > job->message.attempt)
		return false;
	*verdict = (struct verdict){.status = STATUS_FAILED,
		.final = true,
		.error_class = error_class_named(claim->error_class),
		.completed_at_us = claim->finished_at_us};
	if (strcmp(claim->state, "success") == 0)
		verdict->status = STATUS_SUCCESS;
	else if (strcmp(claim->state, "skipped") == 0)
		verdict->status = STATUS_SKIPPED;
	else if (strcmp(claim->state, "dead") == 0)
		verdict->destination = TO_DEAD;
	else /* a later attempt is due; its message may not have been published */
		send_to_retry(verdict,
			rung_after(error_rule(verdict->error_class), job->message.attempt),
			claim->attempt);
	result_text_copy(verdict->message, sizeof verdict->message, claim->message);
	result_text_copy(
		verdict->error_details, sizeof verdict->error_details, claim->error_details);
	job->api_calls = (int)claim->api_calls;
	if (claim->started_at_us)
		job->started_at_us = claim->started_at_us;
	return true;
}
