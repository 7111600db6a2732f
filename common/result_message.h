/* SPDX-License-Identifier: MIT */
/*
 * The result message: what a worker tells the logger about an attempt, through sync.results.
 *
 *     {"v":1,"job_id","run_id","attempt","attempt_id":"<uuid>","account_id","store_code","job_type","snapshot_date",
 *      "status":"RUNNING|SUCCESS|FAILED|SKIPPED","final":true,"message","records_processed","error_class",
 *      "error_details","api_calls","worker","started_at","completed_at"}
 *
 * final says that no further attempt of the job follows. completed_at is absent while RUNNING;
 * error_class and error_details are absent unless something failed.
 */
#ifndef COMMON_RESULT_MESSAGE_H
#define COMMON_RESULT_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "common/job_message.h"
#include "common/text.h"

#define RESULT_MESSAGE_MAX 65536
#define RESULT_TEXT_SIZE   1024 /* message, error_details: longer ones are cut at a character */
#define WORKER_NAME_SIZE   101

enum sync_status { STATUS_RUNNING, STATUS_SUCCESS, STATUS_FAILED, STATUS_SKIPPED, STATUSES };

struct result_message {
	char job_id[UUID_TEXT_SIZE];
	char run_id[UUID_TEXT_SIZE];
	char attempt_id[UUID_TEXT_SIZE];
	int attempt;
	int64_t account_id;
	char store_code[STORE_CODE_SIZE];
	char job_type[51];
	char snapshot_date[DAY_SIZE];
	enum sync_status status;
	bool final;
	char message[RESULT_TEXT_SIZE];
	int64_t records_processed;
	char error_class[51]; /* empty: none */
	char error_details[RESULT_TEXT_SIZE];
	int64_t api_calls;
	char worker[WORKER_NAME_SIZE];
	int64_t started_at_us;
	int64_t completed_at_us; /* 0: not yet */
};

const char *sync_status_name(enum sync_status status);
bool sync_status_named(const char *name, enum sync_status *status);

/* Fails: bad_message - the text names the member. job_type is any name of at most 50 bytes. */
bool result_message_read(
	const char *body, size_t length, struct result_message *result, struct error *err);
void result_message_write(const struct result_message *result, struct text *out);
/* Copy text into a field of size_bytes, cutting at a character. NULL gives "". */
void result_text_copy(char *field, size_t size_bytes, const char *text);

#endif
