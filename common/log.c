/* SPDX-License-Identifier: MIT */
/*
 * Log lines: the message is formatted, what looks like a secret is masked, and the line leaves by
 * one write(2), so that lines of several threads do not mix. Used by every thread; nothing here
 * changes after log_open().
 */
#include "common/log.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log_mask.h"

/*
 * A line has room for its head (160), the message, three values with their names (660), two numbers
 * (80).
 */
#define LINE_SIZE    4096
#define MESSAGE_SIZE 3072
#define VALUE_SIZE   200
#define CUT_MARK     "[cut]"

struct line {
	char bytes[LINE_SIZE];
	size_t length;
};

static const char *const level_names[] = {"debug", "info", "warn", "error"};

static const char *log_program = "storesync";
static enum log_level log_level = LOG_INFO;
static enum log_format log_format = LOG_TEXT;

void log_open(const char *program, enum log_level level, enum log_format format)
{
	log_program = program;
	log_level = level;
	log_format = format;
}

bool log_enabled(enum log_level level)
{
	return level >= log_level;
}

static void line_append(struct line *line, const char *bytes, size_t length)
{
	assert(length < sizeof line->bytes - line->length);
	memcpy(line->bytes + line->length, bytes, length);
	line->length += length;
}

static void line_append_format(struct line *line, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void line_append_format(struct line *line, const char *format, ...)
{
	char part[128];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(part, sizeof part, format, arguments);
	va_end(arguments);
	line_append(line, part, strlen(part));
}

/* At most size_bytes, the mark of a cut included. */
static void line_append_escaped(struct line *line, const char *string, size_t size_bytes)
{
	size_t limit = line->length + size_bytes - sizeof CUT_MARK;

	while (*string) {
		char escaped[LOG_ESCAPED_SIZE];
		size_t length;

		string = log_escape(string, log_format == LOG_JSON, escaped);
		length = strlen(escaped);
		if (line->length + length > limit) {
			line_append(line, CUT_MARK, strlen(CUT_MARK));
			return;
		}
		line_append(line, escaped, length);
	}
}

/* ,"name":"value" for a machine, name value for people; nothing for an empty value. */
static void line_append_member(
	struct line *line, const char *name, const char *value, size_t size_bytes)
{
	if (!value || !*value)
		return;
	line_append_format(line, log_format == LOG_JSON ? ",\"%s\":\"" : " %s ", name);
	line_append_escaped(line, value, size_bytes);
	if (log_format == LOG_JSON)
		line_append(line, "\"", 1);
}

static void line_append_number(struct line *line, const char *name, int64_t value)
{
	if (value)
		line_append_format(line, log_format == LOG_JSON ? ",\"%s\":%lld" : " %s %lld", name,
			(long long)value);
}

static void line_append_job(struct line *line, const struct log_job *job)
{
	line_append_member(line, "job_id", job->job_id, VALUE_SIZE);
	line_append_member(line, "job_type", job->job_type, VALUE_SIZE);
	line_append_member(line, "store_code", job->store_code, VALUE_SIZE);
	line_append_number(line, "account_id", job->account_id);
	line_append_number(line, "attempt", job->attempt);
}

static void compose_json(
	struct line *line, enum log_level level, const struct log_job *job, const char *message)
{
	char now[CLOCK_TEXT_SIZE];

	clock_format(clock_unix_us(), now);
	line_append_format(line, "{\"ts\":\"%s\",\"level\":\"%s\",\"program\":\"%s\"", now,
		level_names[level], log_program);
	line_append_member(line, "message", message, MESSAGE_SIZE);
	if (job)
		line_append_job(line, job);
	line_append(line, "}", 1);
}

static void compose_text(
	struct line *line, enum log_level level, const struct log_job *job, const char *message)
{
	int64_t now_us = clock_unix_us();
	time_t now = (time_t)(now_us / 1000000);
	char when[32];
	struct tm local;

	localtime_r(&now, &local);
	strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &local);
	line_append_format(line, "%s.%03d %-5s %s: ", when, (int)(now_us / 1000 % 1000),
		level_names[level], log_program);
	line_append_escaped(line, message, MESSAGE_SIZE);
	if (job) {
		line_append(line, " (about", 7);
		line_append_job(line, job);
		line_append(line, ")", 1);
	}
}

static void write_line(const struct line *line)
{
	size_t written = 0;

	while (written < line->length) {
		ssize_t step = write(STDERR_FILENO, line->bytes + written, line->length - written);

		if (step < 0 && errno == EINTR)
			continue;
		if (step <= 0)
			return; /* nobody is left to tell */
		written += (size_t)step;
	}
}

static void log_line(enum log_level level, const struct log_job *job, const char *format,
	va_list arguments) __attribute__((format(printf, 3, 0)));

static void log_line(
	enum log_level level, const struct log_job *job, const char *format, va_list arguments)
{
	char message[MESSAGE_SIZE], masked[MESSAGE_SIZE];
	int saved_errno = errno;
	struct line line;
	int length;

	if (!log_enabled(level))
		return;
	line.length = 0;
	length = vsnprintf(message, sizeof message, format, arguments);
	if (length < 0)
		return;
	if ((size_t)length >= sizeof message)
		memcpy(message + sizeof message - sizeof CUT_MARK, CUT_MARK, sizeof CUT_MARK);
	log_mask(message, masked, sizeof masked);
	if (log_format == LOG_JSON)
		compose_json(&line, level, job, masked);
	else
		compose_text(&line, level, job, masked);
	line_append(&line, "\n", 1);
	write_line(&line);
	errno = saved_errno;
}

void log_debug(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_line(LOG_DEBUG, NULL, format, arguments);
	va_end(arguments);
}

void log_info(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_line(LOG_INFO, NULL, format, arguments);
	va_end(arguments);
}

void log_warn(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_line(LOG_WARN, NULL, format, arguments);
	va_end(arguments);
}

void log_error(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_line(LOG_ERROR, NULL, format, arguments);
	va_end(arguments);
}

void log_about(enum log_level level, const struct log_job *job, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_line(level, job, format, arguments);
	va_end(arguments);
}
