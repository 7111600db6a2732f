/* SPDX-License-Identifier: MIT */
/*
 * syncctl dead show: everything that is known of one dead letter or job. One thread.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/utf8.h"
#include "operator/command.h"
#include "operator/dead_list.h"
#include "operator/dead_list_print.h"

#define SHOWN_BODY_MAX 4096

/* A message that is asked for, as it came. */
struct found {
	struct found *next;
	char dead_id[UUID_TEXT_SIZE];
	struct text properties; /* JSON */
	struct text body;
};

struct show {
	const char *id; /* of a dead letter or a job */
	struct dead_session session;
	struct dead_list list;
	struct found *found;
};

static bool is_wanted(const struct show *show, const struct dead_letter *letter)
{
	return strcasecmp(show->id, letter->dead_id) == 0 ||
	       strcasecmp(show->id, letter->job.job_id) == 0;
}

/* Copies look alike: one of them is enough; so is one time, if the pass begins anew. */
static bool is_known(const struct show *show, const char *dead_id)
{
	for (const struct found *found = show->found; found; found = found->next)
		if (strcmp(found->dead_id, dead_id) == 0)
			return true;
	return false;
}

static void visit(void *context, const struct dead_message *message)
{
	struct show *show = context;
	size_t shown = message->length < SHOWN_BODY_MAX ? message->length : SHOWN_BODY_MAX;
	struct found *found;

	if (!is_wanted(show, &message->letter) || is_known(show, message->letter.dead_id))
		return;
	found = memory_allocate(1, sizeof *found);
	memcpy(found->dead_id, message->letter.dead_id, sizeof found->dead_id);
	broker_properties_write(message->properties, &found->properties);
	utf8_append_clean(message->body, shown, &found->body);
	if (shown < message->length)
		text_append_format(&found->body, "... (%zu bytes in all)", message->length);
	found->next = show->found;
	show->found = found;
}

static void forget_found(struct show *show)
{
	while (show->found) {
		struct found *next = show->found->next;

		text_finish(&show->found->properties);
		text_finish(&show->found->body);
		free(show->found);
		show->found = next;
	}
}

/* ---- What the message tells ---- */

static void print_prospect(const struct dead_letter *letter)
{
	const struct dead_category_rule *rule = dead_category_rule(letter->category);

	switch (letter->category) {
	case DEAD_RETRIABLE:
		printf("  a retry would    make a new job of it%s\n",
			letter->of_earlier_day
				? ", which stores what TikTok says now under its earlier day"
				: "");
		break;
	case DEAD_HALF_RETRIED:
		printf("  a retry would    publish job %s, which was made and not published\n",
			letter->new_job_id);
		break;
	case DEAD_ALREADY_RETRIED:
	case DEAD_ALREADY_DISCARDED:
		printf("  a retry would    remove it: %s\n", rule->meaning);
		break;
	case DEAD_SUPERSEDED:
	case DEAD_NEEDS_RECONNECT:
	case DEAD_DISABLED:
	case DEAD_ACCOUNT_GONE:
	case DEAD_UNREADABLE:
	case DEAD_CATEGORIES:
		printf("  a retry would    leave it: %s; %s\n", rule->meaning, rule->way_out);
		break;
	}
	if (letter->new_job_id[0])
		printf("  repeated by      job %s (%s)\n", letter->new_job_id,
			letter->new_job_state[0] ? letter->new_job_state : "not in the manifest");
}

static void print_letter(const struct dead_letter *letter, const struct found *found)
{
	enum error_class class = error_class_named(letter->error_class);
	char died_at[DEAD_MOMENT_SIZE];

	dead_format_moment(letter->died_at_us, died_at);
	printf("dead letter %s\n", letter->dead_id);
	printf("  died             %s UTC, attempt %" PRId64 "%s%s\n", died_at, letter->attempt,
		*letter->worker ? ", worker " : "", letter->worker);
	printf("  error            %s: %s\n", letter->error_class, letter->error_text);
	if (class != ERROR_NONE)
		printf("  advice           %s\n", error_rule(class)->advice);
	if (letter->readable) {
		printf("  job              %s: %s of account %" PRId64 " (%s), %s\n",
			letter->job.job_id, job_type_name(letter->job.job_type),
			letter->job.account_id, letter->job.store_code, letter->job.snapshot_date);
		printf("  account          %s%s%s\n",
			letter->account_status[0] ? letter->account_status : "gone",
			letter->account_reason[0] ? ", " : "", letter->account_reason);
	}
	printf("  category         %s\n", dead_category_rule(letter->category)->name);
	print_prospect(letter);
	printf("  deliveries       %" PRId64 " came back, %zu messages alike\n",
		letter->delivery_count, letter->copies);
	if (found) {
		printf("  properties       %s\n", text_string(&found->properties));
		printf("  body             %s\n", text_string(&found->body));
	}
}

static size_t print_letters(const struct show *show)
{
	size_t count = 0;

	for (size_t i = 0; i < show->list.count; i++) {
		const struct dead_letter *letter = &show->list.letters[i];
		const struct found *found = show->found;

		if (!is_wanted(show, letter))
			continue;
		while (found && strcmp(found->dead_id, letter->dead_id) != 0)
			found = found->next;
		print_letter(letter, found);
		count++;
	}
	return count;
}

/* ---- What the database tells ---- */

static void print_clean(const char *text)
{
	struct text clean = {0};

	utf8_append_clean(text, strlen(text), &clean);
	printf("%s", text_string(&clean));
	text_finish(&clean);
}

/* Print the rows of a statement about an id, its cells side by side. Returns how many there are, -1: failed. */
static int print_rows(struct show *show, const char *title, enum statement statement,
	const char *id, int columns, struct error *err)
{
	struct db_params params = {0};
	struct db_result *rows = NULL;
	int count;

	db_param_text(&params, id);
	if (!db_query(show->session.db, statement, &params, &rows, err))
		return -1;
	count = db_row_count(rows);
	if (count > 0)
		printf("%s\n", title);
	for (int row = 0; row < count; row++) {
		for (int column = 0; column < columns; column++) {
			printf("%s", column == 0 ? "  " : "  | ");
			print_clean(db_text(rows, row, column));
		}
		printf("\n");
	}
	db_result_destroy(rows);
	return count;
}

/* The job that the id is about: of the letter, or the id itself. */
static const char *job_of(const struct show *show)
{
	for (size_t i = 0; i < show->list.count; i++)
		if (is_wanted(show, &show->list.letters[i]) && show->list.letters[i].readable)
			return show->list.letters[i].job.job_id;
	return show->id;
}

static enum exit_code print_all(struct show *show, struct error *err)
{
	const char *job_id = job_of(show);
	size_t letters = print_letters(show);
	int jobs = print_rows(
		show, "in the manifest (sync_jobs)", STATEMENT_DEAD_SHOW_JOB, job_id, 2, err);
	int attempts =
		jobs < 0 ? -1
			 : print_rows(show, "attempts (sync_logs): began, status, error, worker",
				   STATEMENT_DEAD_SHOW_ATTEMPTS, job_id, 6, err);
	int fates =
		attempts < 0
			? -1
			: print_rows(show,
				  "decided by operators: dead letter, fate, when, who, why, job, new job, error, body",
				  STATEMENT_DEAD_SHOW_FATES, letters > 0 ? job_id : show->id, 10,
				  err);

	if (fates < 0)
		return EXIT_FAILED;
	if (letters > 0 || jobs > 0 || fates > 0)
		return EXIT_DONE;
	error_set(err, ERROR_SETTINGS,
		"there is no dead letter and no job %s; syncctl dead list --all shows what there is",
		show->id);
	return EXIT_FAILED;
}

static enum exit_code run_show(struct command_context *context, int argc, char **argv)
{
	struct show show = {0};
	struct error err = {0};
	enum exit_code result = EXIT_FAILED;

	if (argc != 2)
		return command_misused(context, "%s",
			argc < 2 ? "which one? Give the id of a dead letter or a job"
				 : "takes one id");
	if (!uuid_is_valid(argv[1]))
		return command_misused(context,
			"\"%s\" is not an id (36 characters, as syncctl dead list --all shows)",
			argv[1]);
	show.id = argv[1];
	show.list.visit = visit;
	show.list.visit_context = &show;
	if (dead_session_open(&show.session, &context->config, &err) &&
		dead_list_read(&show.session, &show.list, &err))
		result = print_all(&show, &err);
	if (result == EXIT_FAILED)
		fprintf(stderr, "syncctl dead show: %s\n", err.text);
	forget_found(&show);
	dead_list_finish(&show.list);
	dead_session_finish(&show.session);
	return result;
}

const struct command command_dead_show = {
	.name = "dead show",
	.arguments = "ID",
	.summary = "show everything that is known of a dead letter or job",
	.help = "Shows the message with all its properties and headers, why it died and what to do about it,\n"
		"what a retry would do and why, the account's status, the job's row in the manifest, its\n"
		"attempts, and what operators decided about it. ID is that of a dead letter or of a job;\n"
		"letters that were retried or discarded are found too.\n",
	.needs = NEEDS_BOTH,
	.run = run_show,
};
