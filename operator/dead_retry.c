/* SPDX-License-Identifier: MIT */
/*
 * syncctl dead retry: a new job for each dead one. One thread.
 *
 *     look, compare -> plan -> enter the action -> canary: pass, wait -> the rest: pass -> done
 *
 * Each letter: make the job and give the letter its fate, in one transaction; publish the job, wait
 * for the confirm; mark it published; acknowledge the letter. Killed between any two, the letter is
 * still there, and the next retry goes on where this one stopped: the new job's id follows from the
 * old one's, so that there is never a second.
 */
#include <stdio.h>
#include <string.h>

#include "common/topology.h"
#include "operator/command.h"
#include "operator/dead_canary.h"
#include "operator/dead_run.h"

/* The letter of a message that this pass is to act on; NULL: there is none. */
static struct dead_letter *find_letter(struct dead_run *run, const struct dead_message *message)
{
	size_t place;

	if (!dead_index_find(&run->list.index, message->letter.dead_id, &place) ||
		!run->list.letters[place].in_round)
		return NULL;
	return &run->list.letters[place];
}

/* What was sent over a connection that is lost may not have arrived. */
static void begin_pass(void *context)
{
	struct dead_run *run = context;

	for (size_t i = 0; i < run->list.count; i++)
		run->list.letters[i].sent = false;
}

static void note_retried(struct dead_run *run, struct dead_letter *letter)
{
	if (!letter->acted)
		run->done++;
	letter->acted = true;
	letter->category = DEAD_ALREADY_RETRIED;
}

static enum dead_decision retry_letter(struct dead_run *run, struct dead_letter *letter,
	const struct dead_message *message, struct dead_issue *issue, struct error *err)
{
	struct dead_new_job made;

	if (!dead_action_retry(&run->action, message, &made, err))
		return DEAD_FAIL;
	memcpy(letter->new_job_id, made.job_id, sizeof letter->new_job_id);
	if (made.is_published) { /* by a command that was killed, or by a producer */
		note_retried(run, letter);
		return DEAD_TAKE;
	}
	issue->key = topology_queue(QUEUE_JOBS)->key;
	memcpy(issue->message_id, made.job_id, sizeof issue->message_id);
	dead_write_new_job(message->body, message->length, made.job_id, made.run_id, &issue->body);
	letter->sent = true;
	return DEAD_ISSUE;
}

static enum dead_decision decide(void *context, const struct dead_message *message,
	struct dead_issue *issue, struct error *err)
{
	struct dead_run *run = context;
	struct dead_letter *letter = find_letter(run, message);

	if (!letter)
		return DEAD_KEEP;
	if (dead_category_is_leftover(letter->category)) {
		run->removed += !letter->acted;
		return DEAD_TAKE;
	}
	if (letter->sent) /* a copy of one that is under way */
		return DEAD_KEEP;
	return retry_letter(run, letter, message, issue, err);
}

static bool mark_issued(void *context, const struct dead_message *message, struct error *err)
{
	struct dead_run *run = context;
	struct dead_letter *letter = find_letter(run, message);

	if (!dead_action_mark_published(&run->action, letter->new_job_id, err))
		return false;
	note_retried(run, letter);
	return true;
}

/* ---- Rounds ---- */

/* At most limit (0: all) retriable letters, and with the last round what is left of earlier commands. */
static size_t choose_round(struct dead_run *run, size_t limit)
{
	size_t count = 0;

	for (size_t i = 0; i < run->list.count; i++) {
		struct dead_letter *letter = &run->list.letters[i];
		bool is_retry = dead_category_is_retried(letter->category);
		bool is_leftover = dead_category_is_leftover(letter->category);

		letter->in_round = letter->chosen && !letter->acted &&
				   ((is_retry && (limit == 0 || count < limit)) ||
					   (is_leftover && limit == 0));
		count += letter->in_round;
	}
	return count;
}

static bool run_round(struct dead_run *run, struct error *err)
{
	const struct dead_visitor visitor = {
		.context = run,
		.doing = "retrying dead letters",
		.issues_per_s = run->options->issues_per_s,
		.begin = begin_pass,
		.decide = decide,
		.issued = mark_issued,
	};

	return dead_pass(run->session.config, &visitor, err);
}

/* The ids of the jobs that this round made. Owns: the caller ends *ids. */
static void collect_new_jobs(const struct dead_run *run, struct db_array *ids)
{
	db_array_init(ids, DB_UUID);
	for (size_t i = 0; i < run->list.count; i++)
		if (run->list.letters[i].in_round && run->list.letters[i].acted)
			db_array_uuid(ids, run->list.letters[i].new_job_id);
}

static bool run_canary(struct dead_run *run, struct error *err)
{
	struct db_array ids;
	bool ok;

	choose_round(run, (size_t)run->options->canary);
	if (!run_round(run, err))
		return false;
	if (process_is_stopping())
		return true;
	collect_new_jobs(run, &ids);
	ok = dead_canary_wait(&run->session, &ids, run->options->canary_timeout_s * 1000, err);
	db_array_finish(&ids);
	return ok && dead_list_refresh(&run->session, &run->list, err);
}

static bool run_rounds(struct dead_run *run, struct error *err)
{
	if (run->options->canary > 0 && dead_plan_retries(&run->plan) > 0 && !run_canary(run, err))
		return false;
	return process_is_stopping() || choose_round(run, 0) == 0 || run_round(run, err);
}

static enum exit_code act(struct dead_run *run, struct error *err)
{
	if (!dead_action_begin(&run->action, &run->session, ACTION_RETRY, run->options,
		    dead_plan_retries(&run->plan), err))
		return EXIT_FAILED;
	return dead_run_end(
		run, "retried", dead_plan_retries(&run->plan), run_rounds(run, err), err);
}

/* ---- The command ---- */

static void print_plan(const struct dead_run *run)
{
	dead_plan_print_retry(&run->plan);
	dead_lost_print(&run->lost);
}

static enum exit_code run_with(struct dead_run *run, const struct config *config, struct error *err)
{
	if (!dead_run_look(run, config, err))
		return EXIT_FAILED;
	if (!run->options->yes) {
		print_plan(run);
		if (dead_plan_retries(&run->plan) > 0)
			printf("nothing was done; to go on repeat the command with --yes, at best with --canary 5 first\n");
		return EXIT_DONE;
	}
	if (dead_plan_retries(&run->plan) + dead_plan_leftovers(&run->plan) == 0) {
		print_plan(run);
		printf("nothing to do\n");
		return EXIT_DONE;
	}
	return act(run, err);
}

static enum exit_code run_retry(struct command_context *context, int argc, char **argv)
{
	struct dead_options options;
	struct dead_run run = {.options = &options};
	struct text faults = {0};
	struct error err = {0};
	enum exit_code result;

	if (dead_options_read(argc, argv,
		    DEAD_OPTIONS_FILTER | DEAD_OPTIONS_ACTION | DEAD_OPTIONS_CANARY, &options,
		    &faults))
		result = run_with(&run, &context->config, &err);
	else
		result = command_misused_so(context, &faults);
	if (result == EXIT_FAILED)
		fprintf(stderr, "syncctl dead retry: %s\n", err.text);
	dead_run_finish(&run);
	text_finish(&faults);
	return result;
}

const struct command command_dead_retry = {
	.name = "dead retry",
	.arguments =
		"[FILTER...] [--dry-run | --yes [--canary N [--canary-timeout D]] [--rate N] [--reason TEXT]]",
	.summary = "make and publish new jobs for dead ones",
	.help = "Without --yes: says what would be done and does nothing. With it, every dead letter that can\n"
		"be retried is repeated by a new job, which knows its origin (sync_jobs.origin_job_id) and\n"
		"begins at attempt 1; a dead job is repeated once, however often the command is interrupted\n"
		"and started again. What another job has brought meanwhile, or what cannot succeed (accounts\n"
		"to be reconnected, disabled or gone, unreadable messages), stays where it is, and the plan\n"
		"names the way out. Each command has a row in operator_actions, each letter that was retried\n"
		"one in dead_letter_fates.\n"
		"\n" DEAD_FILTER_HELP "  --dry-run           the plan, as without --yes\n"
		"  --yes               do it\n"
		"  --canary N          retry the N oldest first, wait for their outcome, and go on only if all\n"
		"                      succeeded; else exit with 1\n"
		"  --canary-timeout D  how long to wait for that (default 10m)\n"
		"  --rate N            jobs a second at most (default 50)\n"
		"  --reason TEXT       why, for the audit\n",
	.needs = NEEDS_BOTH,
	.run = run_retry,
};
