/* SPDX-License-Identifier: MIT */
/*
 * syncctl dead list: what is in sync.jobs.dead. One thread.
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/memory.h"
#include "operator/command.h"
#include "operator/dead_list.h"
#include "operator/dead_list_print.h"
#include "operator/dead_options.h"

static void print_json(const struct dead_letter **letters, size_t count, size_t total,
	const struct dead_options *options)
{
	struct text out = {0};
	struct dead_group *groups = NULL;
	size_t group_count;

	text_append_format(&out,
		"{\"v\":1,\"queue\":\"sync.jobs.dead\",\"total\":%zu,\"selected\":%zu", total,
		count);
	if (options->all) {
		text_append(&out, ",\"letters\":[");
		for (size_t i = 0; i < count; i++) {
			text_append(&out, i > 0 ? ",\n" : "\n");
			dead_write_letter(letters[i], &out);
		}
	} else {
		group_count = dead_group_letters(letters, count, &groups);
		text_append(&out, ",\"groups\":[");
		for (size_t i = 0; i < group_count; i++) {
			text_append(&out, i > 0 ? ",\n" : "\n");
			dead_write_group(&groups[i], &out);
		}
	}
	printf("%s]}\n", out.data);
	text_finish(&out);
	free(groups);
}

static void print_for_people(const struct dead_letter **letters, size_t count, size_t total,
	const struct dead_options *options)
{
	struct dead_group *groups = NULL;
	size_t group_count;

	if (count > 0 && options->all)
		dead_print_letters(letters, count);
	if (count > 0 && !options->all) {
		group_count = dead_group_letters(letters, count, &groups);
		dead_print_groups(groups, group_count);
	}
	if (total == 0)
		printf("there are no dead letters\n");
	else
		printf("%s%zu of %zu dead letters\n", count > 0 ? "\n" : "", count, total);
	free(groups);
}

static void print_list(const struct dead_list *list, const struct dead_options *options)
{
	const struct dead_letter **chosen = memory_allocate(list->count + 1, sizeof *chosen);
	int64_t now_us = clock_unix_us();
	size_t count = 0;

	for (size_t i = 0; i < list->count; i++)
		if (dead_filter_matches(&options->filter, &list->letters[i], now_us))
			chosen[count++] = &list->letters[i];
	if (options->json)
		print_json(chosen, count, list->count, options);
	else
		print_for_people(chosen, count, list->count, options);
	free(chosen);
}

static enum exit_code run_list(struct command_context *context, int argc, char **argv)
{
	struct dead_session session = {0};
	struct dead_list list = {0};
	struct dead_options options;
	struct text faults = {0};
	struct error err;
	enum exit_code result = EXIT_FAILED;

	if (!dead_options_read(
		    argc, argv, DEAD_OPTIONS_FILTER | DEAD_OPTIONS_LIST, &options, &faults)) {
		result = command_misused_so(context, &faults);
		goto out;
	}
	if (!dead_session_open(&session, &context->config, &err) ||
		!dead_list_read(&session, &list, &err)) {
		fprintf(stderr, "syncctl dead list: %s\n", err.text);
		goto out;
	}
	print_list(&list, &options);
	result = EXIT_DONE;
out:
	dead_list_finish(&list);
	dead_session_finish(&session);
	text_finish(&faults);
	return result;
}

const struct command command_dead_list = {
	.name = "dead list",
	.arguments = "[FILTER...] [--all] [--json]",
	.summary = "list dead letters, grouped by error class and error text",
	.help = "Shows what is in sync.jobs.dead: how many of each error class and text (numbers, ids and\n"
		"quoted values aside), the oldest and newest, and a job for an example. Looking changes\n"
		"nothing: each message is copied to the end of the queue as it is and its original then\n"
		"removed, so that no delivery is counted. One syncctl does this at a time.\n"
		"\n" DEAD_FILTER_HELP "  --all               one line a dead letter\n"
		"  --json              {\"v\":1,\"queue\",\"total\",\"selected\",\"groups\":[{\"count\",\"error_class\",\n"
		"                      \"fingerprint\",\"oldest\",\"newest\",\"example\"}]}; with --all instead of\n"
		"                      groups \"letters\":[{\"dead_id\",\"message_id\",\"category\",\"error_class\",\n"
		"                      \"error_text\",\"fingerprint\",\"died_at\",\"attempt\",\"delivery_count\",\n"
		"                      \"copies\",\"worker\", and of a readable job \"job_id\",\"run_id\",\n"
		"                      \"account_id\",\"store_code\",\"job_type\",\"snapshot_date\",\n"
		"                      \"of_earlier_day\",\"job_state\",\"account_status\",\"new_job_id\"}]\n",
	.needs = NEEDS_BOTH,
	.run = run_list,
};
