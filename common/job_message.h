/* SPDX-License-Identifier: MIT */
/*
 * The job message: what the producer puts into sync.jobs and the worker takes out, one per account
 * and day. Ids only: never a token, never personal data.
 *
 *     {"v":1,"job_id":"<uuid>","run_id":"<uuid>","account_id":1,"store_code":"s",
 *      "job_type":"daily_sync|user_stats|video_stats|token_refresh","snapshot_date":"YYYY-MM-DD",
 *      "attempt":1,"enqueued_at":"<RFC 3339>"}
 *
 * A big account is read in slices. From the second one on the message also says how far the job has
 * come, so that it goes on there, whichever worker takes it:
 *
 *     "slice":1,"cursor":<TikTok's, milliseconds>,"videos":200,"profile":true,"api_calls":11
 *
 * Unknown members are kept and passed on when the job goes back to a queue.
 */
#ifndef COMMON_JOB_MESSAGE_H
#define COMMON_JOB_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/crypto.h"
#include "common/error.h"
#include "common/text.h"

#define STORE_CODE_SIZE (50 * 4 + 1) /* varchar(50) in UTF-8 */
#define OPEN_ID_SIZE    (100 * 4 + 1)
#define DAY_SIZE        11 /* "YYYY-MM-DD" */
#define JOB_MESSAGE_MAX 16384
#define JOB_ATTEMPT_MAX 1000000
#define JOB_SLICE_MAX   100000

/* token_refresh jobs are for tokens that have less time left, unless the producer is told otherwise. */
#define JOB_TOKEN_EXPIRES_WITHIN_S (INT64_C(20) * 60)

enum job_type { JOB_DAILY_SYNC, JOB_USER_STATS, JOB_VIDEO_STATS, JOB_TOKEN_REFRESH, JOB_TYPES };

/* What earlier slices have read and saved; all zero in the first one. */
struct job_progress {
	int slice;      /* from 0 */
	int64_t cursor; /* where the list of videos goes on */
	int64_t videos;
	bool profile;
	int64_t api_calls;
};

struct job_message {
	char job_id[UUID_TEXT_SIZE]; /* lower case */
	char run_id[UUID_TEXT_SIZE];
	int64_t account_id;
	char store_code[STORE_CODE_SIZE];
	enum job_type job_type;
	char snapshot_date[DAY_SIZE];
	int attempt; /* from 1 */
	int64_t enqueued_at_us;
	struct job_progress progress;
	char *original; /* the body as it came, so that unknown members survive; NULL: made here */
};

const char *job_type_name(enum job_type type);
bool job_type_named(const char *name, enum job_type *type);

/*
 * Read a body of length bytes.
 *
 * Owns:  *message owns original; end it with job_message_finish().
 * Fails: bad_message - the text names the member and what is wrong with it.
 */
bool job_message_read(
	const char *body, size_t length, struct job_message *message, struct error *err);
/* Append the JSON text; a message that was read keeps its unknown members. */
void job_message_write(const struct job_message *message, struct text *out);
void job_message_finish(struct job_message *message);

/* The id of an attempt: the same for every delivery of the same attempt, so that its log row is one. */
void job_attempt_id(const char *job_id, int attempt, char attempt_id[UUID_TEXT_SIZE]);

#endif
