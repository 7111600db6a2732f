/* SPDX-License-Identifier: MIT */
/*
 * The log: one event, one line on standard error, as JSON or (LOG_FORMAT=text) for people. A line
 * says what we did and what happens next. Whatever looks like a token is masked before it is
 * written, but callers do not count on that.
 * Threads: any; a line is written by one write(2) and has at most 4 KiB. errno is kept.
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_JSON, LOG_TEXT };

/* What a line is about; members that are NULL or 0 are left out. */
struct log_job {
	const char *job_id;
	const char *job_type;
	const char *store_code;
	int64_t account_id;
	int attempt;
};

/*
 * Once, before the threads start; until then lines are text of LOG_INFO and above. program is
 * borrowed for ever.
 */
void log_open(const char *program, enum log_level level, enum log_format format);

void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A line about a job. */
void log_about(enum log_level level, const struct log_job *job, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
bool log_enabled(enum log_level level);

#endif
