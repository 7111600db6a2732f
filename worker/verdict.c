/* SPDX-License-Identifier: MIT */
/*
 * Verdicts. Pure functions, called by the story in sync.c.
 */
#include "worker/verdict.h"

#include <stdio.h>
#include <string.h>

bool verdict_is_open(const struct job *job)
{
	/* A zeroed verdict: running, and going nowhere. */
	return job->verdict.status == STATUS_RUNNING && job->verdict.destination == TO_NOWHERE;
}

void verdict_succeed(struct job *job)
{
	struct verdict *verdict = &job->verdict;

	*verdict = (struct verdict){.status = STATUS_SUCCESS, .final = true};
	if (job->message.job_type == JOB_TOKEN_REFRESH)
		snprintf(verdict->message, sizeof verdict->message, "token refreshed");
	else
		snprintf(verdict->message, sizeof verdict->message, "%s%lld videos%s%s%s",
			job_has_profile(job) ? "profile and " : "", (long long)job_videos(job),
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

static void send_on(struct verdict *verdict, const struct job_progress *progress)
{
	*verdict = (struct verdict){
		.status = STATUS_RUNNING, .destination = TO_NEXT_SLICE, .progress = *progress};
	snprintf(verdict->message, sizeof verdict->message, "%lld videos so far; it goes on",
		(long long)progress->videos);
}

void verdict_continue(struct job *job)
{
	const struct job_progress progress = {.slice = job->message.progress.slice + 1,
		.cursor = job->paging.cursor,
		.videos = job_videos(job),
		.profile = job_has_profile(job),
		.api_calls = job_api_calls(job)};

	send_on(&job->verdict, &progress);
}

/*
 * Full jitter as far as the ladder allows: evenly one of the rungs from the class's first up to the
 * one that the failures so far have climbed to. Drawn from the attempt's id, so that an attempt
 * which is told again goes the same way.
 */
static enum retry_rung draw_rung(const struct error_rule *rule, const struct job *job)
{
	int climbed = (int)rule->first_rung + job->message.attempt - 1;
	int highest = climbed < RUNGS ? climbed : RUNGS - 1;
	uint32_t draw = 0;

	for (const char *at = job->attempt_id; *at; at++)
		draw = draw * 31 + (unsigned char)*at;
	return rule->first_rung + draw % (uint32_t)(highest - (int)rule->first_rung + 1);
}

static void send_to_retry(struct verdict *verdict, enum retry_rung rung, int next_attempt)
{
	verdict->final = false;
	verdict->destination = TO_RETRY;
	verdict->rung = rung;
	verdict->next_attempt = next_attempt;
}

void verdict_wait(struct job *job, enum retry_rung rung, const char *why)
{
	struct verdict *verdict = &job->verdict;

	*verdict = (struct verdict){.status = STATUS_RUNNING};
	send_to_retry(verdict, rung, job->message.attempt);
	snprintf(verdict->message, sizeof verdict->message, "%s", why);
}

void verdict_renew(struct job *job)
{
	job->verdict = (struct verdict){.status = STATUS_RUNNING, .destination = TO_SAME_QUEUE};
	snprintf(job->verdict.message, sizeof job->verdict.message,
		"its message was published anew");
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
		.effect = rule->effect};
	if (rule->remedy == REMEDY_WAIT) {
		verdict->status = STATUS_RUNNING;
		send_to_retry(verdict, rule->first_rung, attempt);
	} else if (rule->remedy == REMEDY_RETRY && attempt < rule->attempts) {
		send_to_retry(verdict, draw_rung(rule, job), attempt + 1);
	}
	if (verdict->destination != TO_DEAD)
		verdict->effect = EFFECT_NONE;
	snprintf(verdict->message, sizeof verdict->message, "%s: %s", rule->name,
		verdict->destination == TO_DEAD ? rule->advice : "tried again later");
	result_text_copy(verdict->error_details, sizeof verdict->error_details, err->text);
}

/* Only while its successor has not begun can it be that nobody has published it. */
static bool repeat_slice(struct job *job)
{
	const struct claim *claim = &job->claim;
	const char *scope = job->account.scope;
	bool has_profile = job->message.progress.profile ||
			   (job_wants_user(job) && scope && tiktok_can_read_user(scope));
	const struct job_progress progress = {.slice = claim->slice,
		.cursor = claim->cursor,
		.videos = claim->records_processed - has_profile,
		.profile = has_profile,
		.api_calls = claim->api_calls};

	if (strcmp(claim->state, "queued") != 0 || claim->attempt != job->message.attempt ||
		claim->slice != job->message.progress.slice + 1)
		return false;
	send_on(&job->verdict, &progress);
	return true;
}

bool verdict_repeat(struct job *job)
{
	const struct claim *claim = &job->claim;
	struct verdict *verdict = &job->verdict;
	bool is_retrying = strcmp(claim->state, "retrying") == 0;
	int told_of =
		is_retrying ? claim->attempt - 1 : claim->attempt; /* by the claim's columns */

	if (claim->slice > job->message.progress.slice)
		return repeat_slice(job);
	if (told_of !=
		job->message.attempt) /* a later one has begun; or it should not have been sent */
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
		send_to_retry(
			verdict, draw_rung(error_rule(verdict->error_class), job), claim->attempt);
	result_text_copy(verdict->message, sizeof verdict->message, claim->message);
	result_text_copy(
		verdict->error_details, sizeof verdict->error_details, claim->error_details);
	job->api_calls = (int)(claim->api_calls - job->message.progress.api_calls);
	if (claim->started_at_us)
		job->started_at_us = claim->started_at_us;
	return true;
}
