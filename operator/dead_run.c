/* SPDX-License-Identifier: MIT */
/*
 * The frame of dead retry and dead discard. One thread.
 */
#include "operator/dead_run.h"

#include <stdio.h>

bool dead_run_look(struct dead_run *run, const struct config *config, struct error *err)
{
	if (!dead_session_open(&run->session, config, err) ||
		!dead_list_read(&run->session, &run->list, err) ||
		!dead_lost_find(&run->session, &run->list, &run->options->filter, &run->lost, err))
		return false;
	dead_plan_make(&run->list, &run->options->filter, &run->plan);
	run->plan.lost = run->lost.found;
	return true;
}

enum exit_code dead_run_end(
	struct dead_run *run, const char *did, size_t planned, bool ok, struct error *err)
{
	struct error end_err;

	printf("%s %zu of %zu", did, run->done, planned);
	if (run->removed > 0)
		printf("; removed %zu that had been retried or discarded before", run->removed);
	printf(" (action %s)\n", run->action.action_id);
	if (ok && process_is_stopping()) {
		error_set(err, ERROR_STOPPING,
			"told to stop; the same command goes on where this one stopped");
		ok = false;
	}
	if (!dead_action_end(&run->action, &end_err) && ok) {
		*err = end_err;
		ok = false;
	}
	return ok ? EXIT_DONE : EXIT_FAILED;
}

void dead_run_finish(struct dead_run *run)
{
	dead_action_finish(&run->action);
	dead_lost_finish(&run->lost);
	dead_list_finish(&run->list);
	dead_session_finish(&run->session);
}
