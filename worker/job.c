/* SPDX-License-Identifier: MIT */
/*
 * Making and ending jobs, and saying what became of them. Runs on whichever thread owns the job.
 */
#include "worker/job.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/memory.h"

const char *sync_step_name(enum sync_step step)
{
	static const char *const names[] = {[STEP_NEW] = "start",
		[STEP_CLAIM] = "claim",
		[STEP_LEASE] = "token lease",
		[STEP_REFRESH] = "token refresh",
		[STEP_SAVE_TOKEN] = "saving the token",
		[STEP_USER] = "user",
		[STEP_VIDEOS] = "videos",
		[STEP_RELEASE] = "releasing the lease",
		[STEP_DOUBT] = "judging a failure",
		[STEP_ISOLATED] = "isolation",
		[STEP_SAVE] = "saving the rows",
		[STEP_REPORT] = "report",
		[STEP_DONE] = "end"};

	return names[step];
}

struct job *job_create(struct job_message *message)
{
	struct job *job = memory_allocate(1, sizeof *job);

	job->message = *message;
	*message = (struct job_message){0};
	job_attempt_id(job->message.job_id, job->message.attempt, job->attempt_id);
	return job;
}

struct job *job_create_unreadable(
	const char *message_id, const char *body, size_t length, const struct error *reason)
{
	struct job *job = memory_allocate(1, sizeof *job);

	job->raw_body = memory_copy_bytes(body, length);
	job->raw_length = length;
	job->raw_id = memory_copy_text(message_id);
	job->step = STEP_REPORT;
	job->verdict = (struct verdict){.status = STATUS_FAILED,
		.final = true,
		.destination = TO_DEAD,
		.error_class = reason->class};
	result_text_copy(
		job->verdict.error_details, sizeof job->verdict.error_details, reason->text);
	return job;
}

void account_finish(struct account *account)
{
	free(account->status_reason);
	free(account->scope);
	memory_free_secret(account->access_token);
	memory_free_secret(account->refresh_token);
	*account = (struct account){0};
}

void job_destroy(struct job *job)
{
	if (!job)
		return;
	job_message_finish(&job->message);
	free(job->raw_body);
	free(job->raw_id);
	account_finish(&job->account);
	snapshot_finish(&job->snapshot);
	tiktok_call_finish(&job->call);
	tiktok_tokens_finish(&job->new_tokens);
	sealed_pair_finish(&job->sealed);
	spool_let_go(&job->spooled);
	free(job);
}

struct log_job job_log(const struct job *job)
{
	return (struct log_job){.job_id = job->message.job_id,
		.job_type = job_type_name(job->message.job_type),
		.store_code = job->message.store_code,
		.account_id = job->message.account_id,
		.attempt = job->message.attempt};
}

bool job_wants_user(const struct job *job)
{
	return (job->message.job_type == JOB_DAILY_SYNC ||
		       job->message.job_type == JOB_USER_STATS) &&
	       job->message.progress.slice == 0;
}

bool job_wants_videos(const struct job *job)
{
	return job->message.job_type == JOB_DAILY_SYNC || job->message.job_type == JOB_VIDEO_STATS;
}

int64_t job_videos(const struct job *job)
{
	return job->message.progress.videos + (int64_t)job->snapshot.video_count;
}

bool job_has_profile(const struct job *job)
{
	return job->message.progress.profile || job->snapshot.profile.read;
}

int64_t job_records(const struct job *job)
{
	return job_videos(job) + job_has_profile(job);
}

int job_api_calls(const struct job *job)
{
	return (int)job->message.progress.api_calls + job->api_calls;
}

void job_result(const struct job *job, const char *worker, struct result_message *result)
{
	const struct job_message *message = &job->message;
	const struct verdict *verdict = &job->verdict;
	bool failed = verdict->error_class != ERROR_NONE;

	*result = (struct result_message){.attempt = message->attempt,
		.account_id = message->account_id,
		.status = verdict->status,
		.final = verdict->final,
		.records_processed = verdict->status == STATUS_SUCCESS ? job_records(job) : 0,
		.api_calls = job_api_calls(job),
		.started_at_us = job->started_at_us,
		.completed_at_us = verdict->completed_at_us};
	snprintf(result->job_id, sizeof result->job_id, "%s", message->job_id);
	snprintf(result->run_id, sizeof result->run_id, "%s", message->run_id);
	snprintf(result->attempt_id, sizeof result->attempt_id, "%s", job->attempt_id);
	snprintf(result->store_code, sizeof result->store_code, "%s", message->store_code);
	snprintf(result->job_type, sizeof result->job_type, "%s", job_type_name(message->job_type));
	snprintf(result->snapshot_date, sizeof result->snapshot_date, "%s", message->snapshot_date);
	result_text_copy(result->worker, sizeof result->worker, worker);
	result_text_copy(result->message, sizeof result->message, verdict->message);
	result_text_copy(result->error_class, sizeof result->error_class,
		failed ? error_rule(verdict->error_class)->name : "");
	result_text_copy(
		result->error_details, sizeof result->error_details, verdict->error_details);
	if (!job->claim.begun && job->claim.known)
		result->records_processed = job->claim.records_processed;
}
