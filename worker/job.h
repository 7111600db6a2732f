/* SPDX-License-Identifier: MIT */
/*
 * A job while a worker has it: what its message said, what was claimed, what has been read, and how
 * it ends. It wanders from stage to stage and has exactly one owner at any time, so none of its
 * fields needs a lock.
 */
#ifndef WORKER_JOB_H
#define WORKER_JOB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "common/job_message.h"
#include "common/log.h"
#include "common/queue.h"
#include "common/result_message.h"
#include "worker/breaker.h"
#include "worker/paging.h"
#include "worker/sealed_pair.h"
#include "worker/snapshot.h"
#include "worker/spool.h"
#include "worker/tiktok.h"

/* What the claim brought of the account. */
struct account {
	bool exists;
	char store_code[STORE_CODE_SIZE];
	char open_id[OPEN_ID_SIZE];
	char status[20]; /* account_status */
	char *status_reason;
	char *scope;
	char *access_token;  /* secret */
	char *refresh_token; /* secret */
	int64_t access_expires_us;
	int64_t refresh_expires_us; /* 0: not known */
	int64_t token_version;
	bool refresh_interrupted; /* one never came to its end: a rotation may be lost */
	struct error token_fault; /* the cells could not be opened; ERROR_NONE: they could */
};

/* What the claim brought of the job's row in the manifest. */
struct claim {
	bool known;
	bool begun;   /* by this delivery */
	bool suspect; /* not begun: it has crashed too many workers to be begun beside others */
	/* Neither: the attempt or the slice has ended before, as told below. */
	int64_t account_id;
	char state[12];
	int attempt; /* the one that runs or will run next */
	int slice;   /* likewise */
	int64_t cursor;
	int crashes; /* begins whose end was never told */
	char message[RESULT_TEXT_SIZE];
	char error_class[51];
	char error_details[RESULT_TEXT_SIZE];
	int64_t records_processed;
	int64_t api_calls;
	int64_t started_at_us;
	int64_t finished_at_us;
};

/* Where the job's message goes when the attempt, or its slice, has ended. */
enum destination { TO_NOWHERE, TO_RETRY, TO_DEAD, TO_NEXT_SLICE, TO_SAME_QUEUE };

/* How the attempt, or its slice, ends. */
struct verdict {
	enum sync_status status;
	bool final; /* no further attempt follows */
	enum destination destination;
	enum retry_rung rung;         /* TO_RETRY */
	int next_attempt;             /* TO_RETRY */
	struct job_progress progress; /* TO_NEXT_SLICE */
	enum account_effect effect;
	enum error_class error_class; /* ERROR_NONE: it did not fail */
	char message[RESULT_TEXT_SIZE];
	char error_details[RESULT_TEXT_SIZE];
	int64_t completed_at_us;
};

/* Where the story of a job stands; sync.c alone cares. */
enum sync_step {
	STEP_NEW,
	STEP_CLAIM,
	STEP_LEASE,
	STEP_REFRESH,
	STEP_SAVE_TOKEN,
	STEP_USER,
	STEP_VIDEOS,
	STEP_RELEASE,
	STEP_DOUBT,
	STEP_ISOLATED,
	STEP_SAVE,
	STEP_REPORT,
	STEP_DONE,
};

/* For people: "user", "save rows". */
const char *sync_step_name(enum sync_step step);

/* What a stage is to do with a job; line.c knows which stage does what. */
enum sync_action {
	SYNC_CLAIM,      /* begin the attempt in the manifest; read the account */
	SYNC_LEASE,      /* become the one of the fleet who refreshes the account's token */
	SYNC_SAVE_TOKEN, /* commit job->new_tokens over the version that was refreshed */
	SYNC_RELEASE,    /* give the lease back; the refresh did not succeed */
	SYNC_CALL,       /* send job->call to TikTok */
	SYNC_DOUBT,   /* find out whether job->failure is the job's own or an outage of TikTok's */
	SYNC_ISOLATE, /* have the job carried out by a process of its own */
	SYNC_SAVE_ROWS, /* commit the snapshot's rows and the job's row */
	SYNC_REPORT,    /* publish the result, and the message to its next station */
	SYNC_RETURN,    /* note that the attempt was not begun after all; the delivery goes back */
	SYNC_DONE,      /* settle the delivery */
};

struct ticket; /* intake's record of the delivery */

struct job {
	struct queue_item link;
	struct ticket *ticket; /* only intake looks inside */
	bool express;
	int64_t deliveries; /* before this one, as RabbitMQ counts them */

	struct job_message message;
	char *raw_body; /* of a message that is not a job; then nothing else of the job is set */
	size_t raw_length;
	char *raw_id; /* its message_id */

	struct account account;
	struct claim claim;
	struct snapshot snapshot;
	struct verdict verdict;
	char attempt_id[UUID_TEXT_SIZE];
	int64_t started_at_us;
	int api_calls;

	enum sync_step step;
	enum sync_action action;         /* what the stage that owns the job is to do */
	int64_t wait_ms;                 /* but not before this long */
	struct tiktok_call call;         /* of the action CALL */
	struct tiktok_tokens new_tokens; /* of the action SAVE_TOKEN */
	struct sealed_pair sealed;       /* the same, as it is saved; tokens.c alone cares */
	struct spool_file spooled;       /* where it lies until then; zeroed: nowhere */
	bool holds_lease;
	bool refreshed;        /* once a job is enough */
	bool rotation_unknown; /* the refresh may have replaced the token, and we do not know */
	bool grant_refused;    /* TikTok said invalid_grant; being looked at again */
	bool profile_left_out; /* the account granted neither user.info.basic nor .stats */
	bool videos_left_out;  /* the account did not grant video.list */
	int lease_waits;
	int quota_waits;
	struct error failure; /* of the last call, not judged yet; ERROR_NONE: there is none */
	enum sync_step failed_step;
	int excuses;        /* of failures, for an outage; the fetcher's */
	struct doubt doubt; /* the fetcher's, with failure */
	struct paging paging;
	int failed_saves;

	bool impostor;       /* its job_id is another account's: it has no result of its own */
	bool message_stored; /* by the broker, on the ladder or as a dead letter; the outlet's */
	bool result_stored;  /* by the broker; the outlet's */
	bool announced;      /* RUNNING was published */
	int64_t fetching_ms; /* when the fetcher first had it; the fetcher's */
	int64_t due_ms;      /* when wait_ms is over; the stage's that waits */
	int64_t leased_ms; /* when the lease was last taken, by the monotonic clock; set by claims */
	int deaths;        /* of processes that were to carry it out by themselves; isolation's */
	bool give_back;    /* to the queue, undone */
	atomic_bool recalled; /* set by the intake: give it back as soon as nothing is lost by it */
};

/* Takes over message (zeroes it). */
struct job *job_create(struct job_message *message);
/* Of a delivery that is no job message: it goes to the dead letters with reason. Copies body. */
struct job *job_create_unreadable(
	const char *message_id, const char *body, size_t length, const struct error *reason);
void job_destroy(struct job *job); /* wipes the tokens; NULL: nothing to do */

void account_finish(struct account *account);
/* What the job is to read, if its account grants it. The profile is read in the first slice. */
bool job_wants_user(const struct job *job);
bool job_wants_videos(const struct job *job);
/* What the job has read so far, earlier slices included. */
int64_t job_videos(const struct job *job);
bool job_has_profile(const struct job *job);
int64_t job_records(const struct job *job); /* snapshot rows: the profile's and one a video */
int job_api_calls(const struct job *job);
/* For log_about(); borrows from the job. */
struct log_job job_log(const struct job *job);
/* The result message of the attempt: RUNNING, or how it ended. */
void job_result(const struct job *job, const char *worker, struct result_message *result);

#endif
