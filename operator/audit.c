/* SPDX-License-Identifier: MIT */
/*
 * `syncctl audit`: proves from database and broker what became of every planned job. One thread.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/crypto.h"
#include "common/db.h"
#include "operator/audit.h"
#include "operator/command.h"

#define DAYS_BY_DEFAULT 7

enum option_id { OPTION_RUN = 256, OPTION_DATE, OPTION_ALL, OPTION_JSON };

struct options {
	struct audit_selection selection;
	bool all;
	bool json;
};

/* EXIT_USAGE: the arguments are wrong, and that was said. */
static enum exit_code read_options(
	const struct command_context *context, int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{"run", required_argument, NULL, OPTION_RUN},
		{"date", required_argument, NULL, OPTION_DATE},
		{"all", no_argument, NULL, OPTION_ALL},
		{"json", no_argument, NULL, OPTION_JSON},
		{NULL, 0, NULL, 0},
	};
	struct audit_selection *selection = &options->selection;
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option == OPTION_RUN)
			selection->run_id = optarg;
		else if (option == OPTION_DATE)
			selection->day = optarg;
		else if (option == OPTION_ALL)
			options->all = true;
		else if (option == OPTION_JSON)
			options->json = true;
		else
			return command_misused(
				context, "unknown or incomplete option %s", argv[optind - 1]);
	}
	if (optind < argc)
		return command_misused(context, "unexpected argument %s", argv[optind]);
	if ((selection->run_id != NULL) + (selection->day != NULL) + options->all > 1)
		return command_misused(context, "give one of --run, --date and --all");
	if (selection->run_id && !uuid_is_valid(selection->run_id))
		return command_misused(context, "--run: %s is no run id", selection->run_id);
	if (selection->day && !clock_is_day(selection->day))
		return command_misused(
			context, "--date: %s is no day (YYYY-MM-DD)", selection->day);
	if (!selection->run_id && !selection->day && !options->all)
		selection->days = DAYS_BY_DEFAULT;
	return EXIT_DONE;
}

static bool run_exists(struct db *db, const char *run_id, struct error *err)
{
	struct db_params params = {0};
	struct db_result *result = NULL;
	bool exists;

	if (!run_id)
		return true;
	db_param_text(&params, run_id);
	if (!db_query(db, STATEMENT_AUDIT_RUN_EXISTS, &params, &result, err))
		return false;
	exists = db_boolean(result, 0, 0);
	db_result_destroy(result);
	if (!exists)
		error_set(err, ERROR_SETTINGS, "there is no run %s", run_id);
	return exists;
}

static bool audit(const struct config *config, const struct audit_selection *selection,
	struct audit_report *report, struct error *err)
{
	struct audit_look look = {0};
	struct db *db = NULL;
	bool ok = false;

	if (!db_open(config->database_url, PROGRAM_OPERATOR, config->db_logging, &db, err)) {
		error_wrap(err, "cannot ask the database");
		goto out;
	}
	if (!run_exists(db, selection->run_id, err) ||
		!audit_look(config, db, selection, &look, err))
		goto out;
	audit_report_begin(report, selection, &look);
	if (!audit_list_runs(db, selection, report, err))
		goto out;
	audit_report_queues(report, &look);
	if (!audit_list_findings(db, selection, &look, report, err))
		goto out;
	audit_report_end(report, &look);
	ok = true;
out:
	db_close(db); /* and its transaction, which has only read */
	return ok;
}

/* Half a report is none: it is shown when it is whole. */
static bool show(FILE *report)
{
	char buffer[65536];
	size_t length;

	rewind(report);
	while ((length = fread(buffer, 1, sizeof buffer, report)) > 0)
		if (fwrite(buffer, 1, length, stdout) != length)
			return false;
	return !ferror(report) && fflush(stdout) == 0;
}

static enum exit_code run_audit(struct command_context *context, int argc, char **argv)
{
	struct options options = {0};
	struct audit_report report = {0};
	struct error err = {0};
	enum exit_code result = EXIT_FAILED;

	if (read_options(context, argc, argv, &options) != EXIT_DONE)
		return EXIT_USAGE;
	report.json = options.json;
	report.out = tmpfile();
	if (!report.out)
		error_set(&err, ERROR_INTERNAL, "cannot create a temporary file for the report");
	else if (audit(&context->config, &options.selection, &report, &err)) {
		if (show(report.out))
			result = report.violations > 0 ? EXIT_WANTING : EXIT_DONE;
		else
			error_set(&err, ERROR_INTERNAL, "cannot write the report");
	}
	if (result == EXIT_FAILED)
		fprintf(stderr, "syncctl audit: %s\n", err.text);
	if (report.out)
		fclose(report.out);
	return result;
}

const struct command command_audit = {
	.name = "audit",
	.arguments = "[--run RUN_ID | --date YYYY-MM-DD | --all] [--json]",
	.summary = "prove what became of every planned job",
	.help = "Proves for every run, from database and broker, that\n"
		"\n"
		"  planned = succeeded + failed + skipped + waiting + retrying + dead + unpublished\n"
		"\n"
		"and that each of these jobs has what it must have: open ones a message, dead ones a dead\n"
		"letter, ended attempts their row in sync_logs, successes their snapshot. Without a selection:\n"
		"the runs of the last 7 days, and older ones with open jobs. Messages are always compared with\n"
		"all jobs, since queues do not tell runs apart.\n"
		"\n"
		"  --run RUN_ID        this run only\n"
		"  --date YYYY-MM-DD   the runs for this snapshot day\n"
		"  --all               every run there is\n"
		"  --json              one JSON object, see below\n"
		"\n"
		"failed: dead, and an operator has retried or discarded the letter; dead: nobody has. Changes\n"
		"nothing and may run at any time: while workers work, figures are those of the moment, and what\n"
		"is on its way is not taken for lost. Missing messages are proved by 3 to 20 s of waiting. With\n"
		"AMQP_MANAGEMENT_URL set it sees what workers hold; without, it is sure only where nobody\n"
		"consumes, and says so.\n"
		"\n"
		"Exit codes: 0 every job is accounted for; 3 one is not, each such violation is listed; 1 the\n"
		"database or the broker could not be asked; 2 wrong arguments. Warnings leave the exit code 0.\n"
		"\n"
		"JSON: {\"v\":1, \"at\":TIME, \"at_work\":BOOL, \"selection\":{..}, \"runs\":[RUN..], \"totals\":{..},\n"
		"\"queues\":[QUEUE..], \"violations\":[FINDING..], \"warnings\":[FINDING..], \"unlogged\":N,\n"
		"\"accounted\":BOOL}\n"
		"  RUN      kind (run, adopted: jobs of other programs, repeats: of dead jobs), run_id, job_type,\n"
		"           snapshot_date, started_at, planned, jobs (rows of the manifest), succeeded, failed,\n"
		"           skipped, waiting, retrying, dead, unpublished\n"
		"  QUEUE    name, exists, ready, held (absent: unknown), held_source (management, amqp), consumers\n"
		"  FINDING  name, count, text, way_out; where known run_id, job_id, account_id, store_code,\n"
		"           job_type, snapshot_date; candidates: jobs that a mere number may mean (at most 20)\n"
		"  at_work: figures moved; unlogged: ended attempts whose result is not in sync_logs yet\n"
		"Violations: run_count, odd_state, double_final, wrong_final, records_differ, missing_snapshot,\n"
		"lost_jobs, lost_dead_letters, missing_log, stuck. Warnings: double_job, open_intent, stuck (no\n"
		"worker is there), missing_queue, cannot_tell.\n",
	.needs = NEEDS_BOTH,
	.run = run_audit,
};
