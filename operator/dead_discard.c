/* SPDX-License-Identifier: MIT */
/*
 * syncctl dead discard: take dead letters out of the queue for good. Each is first copied into
 * dead_letter_fates, body and error, so that a mistaken discard loses nothing. One thread.
 */
#include <stdio.h>

#include "operator/command.h"
#include "operator/dead_run.h"

static void begin_pass(void *context)
{
	/* What was discarded stays so. */
}

static enum dead_decision decide(void *context, const struct dead_message *message,
	struct dead_issue *issue, struct error *err)
{
	struct dead_run *run = context;
	struct dead_letter *letter;
	size_t place;

	if (!dead_index_find(&run->list.index, message->letter.dead_id, &place))
		return DEAD_KEEP;
	letter = &run->list.letters[place];
	/* Half retried: its new job would be lost; a retry finishes it. */
	if (!letter->chosen || letter->category == DEAD_HALF_RETRIED)
		return DEAD_KEEP;
	if (letter->acted)
		return DEAD_TAKE;
	if (dead_category_is_leftover(letter->category)) {
		run->removed++;
		return DEAD_TAKE;
	}
	if (!dead_action_discard(&run->action, message, err))
		return DEAD_FAIL;
	letter->acted = true;
	run->done++;
	return DEAD_TAKE;
}

/* There is no letter to pass by, and --job has chosen no other. */
static bool discard_lost(struct dead_run *run, struct error *err)
{
	if (!dead_action_discard(&run->action, &run->lost.message, err))
		return false;
	run->done++;
	return true;
}

static enum exit_code act(struct dead_run *run, struct error *err)
{
	const struct dead_visitor visitor = {
		.context = run,
		.doing = "discarding dead letters",
		.begin = begin_pass,
		.decide = decide,
	};
	bool ok;

	if (!dead_action_begin(&run->action, &run->session, ACTION_DISCARD, run->options,
		    dead_plan_discards(&run->plan), err))
		return EXIT_FAILED;
	ok = run->lost.found ? discard_lost(run, err)
			     : dead_pass(run->session.config, &visitor, err);
	return dead_run_end(run, "discarded", dead_plan_discards(&run->plan), ok, err);
}

static enum exit_code run_with(struct dead_run *run, const struct config *config, struct error *err)
{
	if (!dead_run_look(run, config, err))
		return EXIT_FAILED;
	if (!run->options->yes) {
		dead_plan_print_discard(&run->plan);
		dead_lost_print(&run->lost);
		if (run->plan.selected + run->plan.lost > 0)
			printf("nothing was done; to go on repeat the command with --yes --reason TEXT\n");
		return EXIT_DONE;
	}
	if (dead_plan_discards(&run->plan) + dead_plan_leftovers(&run->plan) == 0) {
		dead_plan_print_discard(&run->plan);
		printf("nothing to do\n");
		return EXIT_DONE;
	}
	return act(run, err);
}

static enum exit_code run_discard(struct command_context *context, int argc, char **argv)
{
	struct dead_options options;
	struct dead_run run = {.options = &options};
	struct text faults = {0};
	struct error err = {0};
	enum exit_code result;

	dead_options_read(argc, argv, DEAD_OPTIONS_FILTER | DEAD_OPTIONS_ACTION, &options, &faults);
	if (options.yes && !options.reason)
		text_append(&faults, "--yes needs --reason TEXT: say why, for the audit\n");
	if (faults.length == 0)
		result = run_with(&run, &context->config, &err);
	else
		result = command_misused_so(context, &faults);
	if (result == EXIT_FAILED)
		fprintf(stderr, "syncctl dead discard: %s\n", err.text);
	dead_run_finish(&run);
	text_finish(&faults);
	return result;
}

const struct command command_dead_discard = {
	.name = "dead discard",
	.arguments = "[FILTER...] [--dry-run | --yes --reason TEXT]",
	.summary = "take dead letters out of the queue for good",
	.help = "Without --yes: says what would be done and does nothing. With it, every dead letter that the\n"
		"filters select leaves the queue, of whatever category; message and error are kept in the\n"
		"table dead_letter_fates, and the command with its reason in operator_actions. Only those\n"
		"that a retry has begun and not finished stay: syncctl dead retry finishes them.\n"
		"\n"
		"A job that is dead in the manifest and whose letter was lost is discarded by --job ID, which\n"
		"settles the audit.\n"
		"\n" DEAD_FILTER_HELP "  --dry-run           the plan, as without --yes\n"
		"  --yes               do it\n"
		"  --reason TEXT       why, for the audit; needed with --yes\n",
	.needs = NEEDS_BOTH,
	.run = run_discard,
};
