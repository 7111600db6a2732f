/* SPDX-License-Identifier: MIT */
/*
 * Showing dead letters. Runs on the main thread.
 */
#include "operator/dead_list_print.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/memory.h"

void dead_format_moment(int64_t unix_us, char text[DEAD_MOMENT_SIZE])
{
	char full[CLOCK_TEXT_SIZE];

	if (unix_us == 0) {
		memcpy(text, "-", 2);
		return;
	}
	clock_format(unix_us, full);
	memcpy(text, full, DEAD_MOMENT_SIZE - 1);
	text[10] = ' ';
	text[DEAD_MOMENT_SIZE - 1] = '\0';
}

/* ---- Groups ---- */

static int compare_causes(const struct dead_letter *one, const struct dead_letter *other)
{
	int order = strcmp(one->error_class, other->error_class);

	return order != 0 ? order : strcmp(one->fingerprint, other->fingerprint);
}

static int order_by_cause(const void *a, const void *b)
{
	return compare_causes(
		*(const struct dead_letter *const *)a, *(const struct dead_letter *const *)b);
}

static int order_by_count(const void *a, const void *b)
{
	const struct dead_group *one = a, *other = b;

	if (one->count != other->count)
		return one->count > other->count ? -1 : 1;
	return compare_causes(one->example, other->example);
}

static void add_to_group(struct dead_group *group, const struct dead_letter *letter)
{
	int64_t died_at_us = letter->died_at_us;

	group->count++;
	if (!group->example || died_at_us >= group->example->died_at_us)
		group->example = letter;
	if (died_at_us == 0)
		return;
	if (group->oldest_us == 0 || died_at_us < group->oldest_us)
		group->oldest_us = died_at_us;
	if (died_at_us > group->newest_us)
		group->newest_us = died_at_us;
}

size_t dead_group_letters(
	const struct dead_letter **letters, size_t count, struct dead_group **groups)
{
	struct dead_group *made = memory_allocate(count + 1, sizeof *made);
	size_t group_count = 0;

	if (count > 0)
		qsort(letters, count, sizeof *letters, order_by_cause);
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || compare_causes(letters[i - 1], letters[i]) != 0)
			group_count++;
		add_to_group(&made[group_count - 1], letters[i]);
	}
	if (group_count > 0)
		qsort(made, group_count, sizeof *made, order_by_count);
	*groups = made;
	return group_count;
}

/* What names a letter: its job, or itself when it is no job. */
static const char *example_id(const struct dead_letter *letter)
{
	return letter->readable ? letter->job.job_id : letter->dead_id;
}

void dead_print_groups(const struct dead_group *groups, size_t count)
{
	printf("%7s  %-14s  %-19s  %-19s  %-36s  %s\n", "COUNT", "CLASS", "OLDEST (UTC)",
		"NEWEST (UTC)", "EXAMPLE", "ERROR");
	for (size_t i = 0; i < count; i++) {
		char oldest[DEAD_MOMENT_SIZE], newest[DEAD_MOMENT_SIZE];

		dead_format_moment(groups[i].oldest_us, oldest);
		dead_format_moment(groups[i].newest_us, newest);
		printf("%7zu  %-14s  %-19s  %-19s  %-36s  %s\n", groups[i].count,
			groups[i].example->error_class, oldest, newest,
			example_id(groups[i].example), groups[i].example->fingerprint);
	}
}

/* ---- Letters ---- */

void dead_print_letters(const struct dead_letter *const *letters, size_t count)
{
	printf("%-36s  %-36s  %-19s  %8s  %-20s  %-17s  %-14s  %s\n", "DEAD LETTER", "JOB",
		"DIED (UTC)", "ACCOUNT", "STORE", "CATEGORY", "CLASS", "ERROR");
	for (size_t i = 0; i < count; i++) {
		const struct dead_letter *letter = letters[i];
		char died_at[DEAD_MOMENT_SIZE];

		dead_format_moment(letter->died_at_us, died_at);
		printf("%-36s  %-36s  %-19s  %8" PRId64 "  %-20s  %-17s  %-14s  %s\n",
			letter->dead_id, letter->readable ? letter->job.job_id : "-", died_at,
			letter->job.account_id, letter->readable ? letter->job.store_code : "-",
			dead_category_rule(letter->category)->name, letter->error_class,
			letter->error_text);
	}
}

/* ---- JSON ---- */

static void write_text(const char *name, const char *value, struct text *out)
{
	text_append_format(out, ",\"%s\":\"", name);
	text_append_json(out, value);
	text_append_char(out, '"');
}

/* null for what is not known. */
static void write_moment(const char *name, int64_t unix_us, struct text *out)
{
	char moment[CLOCK_TEXT_SIZE];

	if (unix_us == 0) {
		text_append_format(out, ",\"%s\":null", name);
		return;
	}
	clock_format(unix_us, moment);
	write_text(name, moment, out);
}

static void write_job(const struct dead_letter *letter, struct text *out)
{
	const struct job_message *job = &letter->job;

	write_text("job_id", job->job_id, out);
	write_text("run_id", job->run_id, out);
	text_append_format(out, ",\"account_id\":%" PRId64, job->account_id);
	write_text("store_code", job->store_code, out);
	write_text("job_type", job_type_name(job->job_type), out);
	write_text("snapshot_date", job->snapshot_date, out);
	text_append_format(
		out, ",\"of_earlier_day\":%s", letter->of_earlier_day ? "true" : "false");
	write_text("job_state", letter->job_state, out);
	write_text("account_status", letter->account_status, out);
	if (letter->new_job_id[0])
		write_text("new_job_id", letter->new_job_id, out);
}

void dead_write_letter(const struct dead_letter *letter, struct text *out)
{
	text_append_format(out, "{\"dead_id\":\"%s\"", letter->dead_id);
	write_text("message_id", letter->message_id, out);
	write_text("category", dead_category_rule(letter->category)->name, out);
	write_text("error_class", letter->error_class, out);
	write_text("error_text", letter->error_text, out);
	write_text("fingerprint", letter->fingerprint, out);
	write_moment("died_at", letter->died_at_us, out);
	text_append_format(out,
		",\"attempt\":%" PRId64 ",\"delivery_count\":%" PRId64 ",\"copies\":%zu",
		letter->attempt, letter->delivery_count, letter->copies);
	write_text("worker", letter->worker, out);
	if (letter->readable)
		write_job(letter, out);
	text_append_char(out, '}');
}

void dead_write_group(const struct dead_group *group, struct text *out)
{
	text_append_format(out, "{\"count\":%zu", group->count);
	write_text("error_class", group->example->error_class, out);
	write_text("fingerprint", group->example->fingerprint, out);
	write_moment("oldest", group->oldest_us, out);
	write_moment("newest", group->newest_us, out);
	write_text("example", example_id(group->example), out);
	text_append_char(out, '}');
}
