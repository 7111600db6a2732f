/* SPDX-License-Identifier: MIT */
/*
 * syncctl dead discard: take dead letters out of the queue for good. Each is first copied into
 * dead_letter_fates, body and error, so that a mistaken discard loses nothing. One thread.
 */
#include <stdio.h>

#include "common/process.h"
#include "operator/command.h"
#include "operator/dead_action.h"
#include "operator/dead_list.h"
#include "operator/dead_lost.h"
#include "operator/dead_options.h"
#include "operator/dead_plan.h"

struct discard {
	const struct dead_options *options;
	struct dead_session session;
	struct dead_list list;
	struct dead_lost lost;
	struct dead_plan plan;
	struct dead_action action;
	size_t discarded; /* by this command */
	size_t removed;   /* retried or discarded before */
};

static void begin_pass(void *context)
{
	/* What was discarded stays so. */
}

static enum dead_decision decide(void *context, const struct dead_message *message,
	struct dead_issue *issue, struct error *err)
{
	struct discard *discard = context;
	struct dead_letter *letter;
	size_t place;

	if (!dead_index_find(&discard->list.index, message->letter.dead_id, &place))
		return DEAD_KEEP;
	letter = &discard->list.letters[place];
	/* Half retried: its new job would be lost; a retry finishes it. */
	if (!letter->chosen || letter->category == DEAD_HALF_RETRIED)
		return DEAD_KEEP;
	if (letter->acted)
		return DEAD_TAKE;
	if (letter->category == DEAD_ALREADY_RETRIED ||
		letter->category == DEAD_ALREADY_DISCARDED) {
		discard->removed++;
		return DEAD_TAKE;
	}
	if (!dead_action_discard(&discard->action, message, err))
		return DEAD_FAIL;
	letter->acted = true;
	discard->discarded++;
	return DEAD_TAKE;
}

/* There is no letter to pass by, and --job has chosen no other. */
static bool discard_lost(struct discard *discard, struct error *err)
{
	if (!dead_action_discard(&discard->action, &discard->lost.message, err))
		return false;
	discard->discarded++;
	return true;
}

static enum exit_code act(struct discard *discard, struct error *err)
{
	const struct dead_visitor visitor = {
		.context = discard,
		.doing = "discarding dead letters",
		.begin = begin_pass,
		.decide = decide,
	};
	struct error end_err;
	bool ok;

	if (!dead_action_begin(&discard->action, &discard->session, ACTION_DISCARD,
		    discard->options, dead_plan_discards(&discard->plan), err))
		return EXIT_FAILED;
	ok = discard->lost.found ? discard_lost(discard, err)
				 : dead_pass(discard->session.config, &visitor, err);
	printf("discarded %zu of %zu", discard->discarded, dead_plan_discards(&discard->plan));
	if (discard->removed > 0)
		printf("; removed %zu that had been retried or discarded before", discard->removed);
	printf(" (action %s)\n", discard->action.action_id);
	if (ok && process_is_stopping()) {
		error_set(err, ERROR_STOPPING,
			"told to stop; the same command goes on where this one stopped");
		ok = false;
	}
	if (!dead_action_end(&discard->action, &end_err) && ok) {
		*err = end_err;
		ok = false;
	}
	return ok ? EXIT_DONE : EXIT_FAILED;
}

static enum exit_code run_with(
	struct discard *discard, const struct config *config, struct error *err)
{
	if (!dead_session_open(&discard->session, config, err) ||
		!dead_list_read(&discard->session, &discard->list, err) ||
		!dead_lost_find(&discard->session, &discard->list, &discard->options->filter,
			&discard->lost, err))
		return EXIT_FAILED;
	dead_plan_make(&discard->list, &discard->options->filter, &discard->plan);
	discard->plan.lost = discard->lost.found;
	if (!discard->options->yes) {
		dead_plan_print_discard(&discard->plan);
		dead_lost_print(&discard->lost);
		if (discard->plan.selected + discard->plan.lost > 0)
			printf("nothing was done; to go on repeat the command with --yes --reason TEXT\n");
		return EXIT_DONE;
	}
	if (dead_plan_discards(&discard->plan) + dead_plan_leftovers(&discard->plan) == 0) {
		dead_plan_print_discard(&discard->plan);
		printf("nothing to do\n");
		return EXIT_DONE;
	}
	return act(discard, err);
}

static enum exit_code run_discard(struct command_context *context, int argc, char **argv)
{
	struct dead_options options;
	struct discard discard = {.options = &options};
	struct text faults = {0};
	struct error err = {0};
	enum exit_code result;

	dead_options_read(argc, argv, DEAD_OPTIONS_FILTER | DEAD_OPTIONS_ACTION, &options, &faults);
	if (options.yes && !options.reason)
		text_append(&faults, "--yes needs --reason TEXT: say why, for the audit\n");
	if (faults.length == 0)
		result = run_with(&discard, &context->config, &err);
	else
		result = command_misused_so(context, &faults);
	if (result == EXIT_FAILED)
		fprintf(stderr, "syncctl dead discard: %s\n", err.text);
	dead_action_finish(&discard.action);
	dead_lost_finish(&discard.lost);
	dead_list_finish(&discard.list);
	dead_session_finish(&discard.session);
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
