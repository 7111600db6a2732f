/* SPDX-License-Identifier: MIT */
/*
 * The command line of storesync-producer. Every fault is named in one go, so that nobody corrects
 * them one by one. Only main() comes here, before anything else runs.
 */
#include "producer/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"

/*
 * Beyond the characters, so that getopt_long() cannot confuse them with short options, of which
 * there are none.
 */
enum option_id {
	OPTION_STORE = 256,
	OPTION_ACCOUNT,
	OPTION_DATE,
	OPTION_JOB_TYPE,
	OPTION_EXPIRING_WITHIN,
	OPTION_EXPRESS,
	OPTION_DRY_RUN,
	OPTION_FORCE,
	OPTION_REPUBLISH,
	OPTION_HELP,
	OPTION_VERSION,
};

static const struct option long_options[] = {
	{"store", required_argument, NULL, OPTION_STORE},
	{"account", required_argument, NULL, OPTION_ACCOUNT},
	{"date", required_argument, NULL, OPTION_DATE},
	{"job-type", required_argument, NULL, OPTION_JOB_TYPE},
	{"expiring-within", required_argument, NULL, OPTION_EXPIRING_WITHIN},
	{"express", no_argument, NULL, OPTION_EXPRESS},
	{"dry-run", no_argument, NULL, OPTION_DRY_RUN},
	{"force", no_argument, NULL, OPTION_FORCE},
	{"republish", no_argument, NULL, OPTION_REPUBLISH},
	{"help", no_argument, NULL, OPTION_HELP},
	{"version", no_argument, NULL, OPTION_VERSION},
	{NULL, 0, NULL, 0},
};

void options_print_help(FILE *out)
{
	fputs("Usage: storesync-producer [OPTION]...\n"
	      "\n"
	      "Publish one job for each connected account, for today in SYNC_TIMEZONE. A second start on the\n"
	      "same day publishes only what is missing; an interrupted run is finished by the next start.\n"
	      "\n"
	      "  --store CODE         only the accounts of this store\n"
	      "  --account ID         only this account\n"
	      "  --date YYYY-MM-DD    the day that the snapshots belong to\n"
	      "  --job-type TYPE      daily_sync (default), user_stats, video_stats or token_refresh\n"
	      "  --expiring-within T  token_refresh: refresh what expires within 90s, 20m (default), 2h, ...\n"
	      "  --express            to the queue that workers serve first\n"
	      "  --republish          publish once more what is on its way: plan nothing, repeat nothing that is\n"
	      "                       finished. For when messages were lost; one that was not does no harm\n"
	      "  --force              repeat finished jobs, publish once more those on their way\n"
	      "  --dry-run            say what would be done, how many calls to TikTok that takes and when it is\n"
	      "                       finished at the quota (as syncctl forecast); write nothing\n"
	      "  --help               this text\n"
	      "  --version            the version\n"
	      "\n"
	      "token_refresh is for accounts whose token has lived most of its life (75 to 90 %, each account's\n"
	      "own share, so that they do not all come at once) or expires before the next run: give\n"
	      "--expiring-within twice the time between two runs. --store, --account and --force take every\n"
	      "account. Finished jobs are repeated, for a token is refreshed many times a day. With --republish\n"
	      "neither holds.\n"
	      "\n"
	      "Exit codes: 0 everything is published; 1 failed or interrupted; 2 bad usage or settings.\n"
	      "\n",
		out);
}

static void read_store(const char *value, struct options *options, struct text *faults)
{
	if (value[0] == '\0' || strlen(value) >= STORE_CODE_SIZE)
		text_append(faults, "--store: a store code has 1 to 50 characters\n");
	else
		options->store_code = value;
}

static void read_account(const char *value, struct options *options, struct text *faults)
{
	char *end = NULL;
	long long id;

	errno = 0;
	id = strtoll(value, &end, 10);
	if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0 || id < 1)
		text_append_format(
			faults, "--account: \"%s\" is not an account id (1, 2, ...)\n", value);
	else
		options->account_id = id;
}

static void read_day(const char *value, struct options *options, struct text *faults)
{
	if (!clock_is_day(value))
		text_append_format(
			faults, "--date: \"%s\" is not a day, written YYYY-MM-DD\n", value);
	else
		memcpy(options->day, value, DAY_SIZE);
}

static void read_job_type(const char *value, struct options *options, struct text *faults)
{
	if (!job_type_named(value, &options->job_type))
		text_append_format(faults,
			"--job-type: \"%s\" is none of daily_sync, user_stats, video_stats, token_refresh\n",
			value);
}

static void read_expiring(const char *value, struct options *options, struct text *faults)
{
	if (!clock_parse_duration(value, &options->expiring_within_s))
		text_append_format(faults,
			"--expiring-within: \"%s\" is not a duration such as 90s, 20m or 2h\n",
			value);
}

static void name_option(int id, const char *fault, struct text *faults)
{
	for (const struct option *option = long_options; option->name != NULL; option++)
		if (option->val == id)
			text_append_format(faults, "--%s %s\n", option->name, fault);
}

/* getopt_long() has refused argument; id is the option, or the letter of a short one, or 0. */
static void name_refused(const char *argument, int id, struct text *faults)
{
	if (id >= OPTION_STORE)
		name_option(id, "takes no value", faults);
	else if (id > 0)
		text_append_format(faults, "-%c: no such option; see --help\n", id);
	else
		text_append_format(faults, "%s: no such option; see --help\n", argument);
}

enum options_answer options_read(
	int argc, char *const argv[], struct options *options, struct text *faults)
{
	enum options_answer answer = OPTIONS_RUN;
	int id;

	memset(options, 0, sizeof *options);
	optind = 0; /* glibc: begin anew, also when a test reads several command lines */
	while ((id = getopt_long(argc, argv, ":", long_options, NULL)) != -1)
		switch (id) {
		case OPTION_STORE:
			read_store(optarg, options, faults);
			break;
		case OPTION_ACCOUNT:
			read_account(optarg, options, faults);
			break;
		case OPTION_DATE:
			read_day(optarg, options, faults);
			break;
		case OPTION_JOB_TYPE:
			read_job_type(optarg, options, faults);
			break;
		case OPTION_EXPIRING_WITHIN:
			read_expiring(optarg, options, faults);
			break;
		case OPTION_EXPRESS:
			options->express = true;
			break;
		case OPTION_DRY_RUN:
			options->dry_run = true;
			break;
		case OPTION_FORCE:
			options->force = true;
			break;
		case OPTION_REPUBLISH:
			options->republish = true;
			break;
		case OPTION_HELP:
			answer = OPTIONS_HELP;
			break;
		case OPTION_VERSION:
			answer = OPTIONS_VERSION;
			break;
		case ':':
			name_option(optopt, "needs a value", faults);
			break;
		default:
			name_refused(argv[optind - 1], optopt, faults);
			break;
		}
	for (int i = optind; i < argc; i++)
		text_append_format(faults, "%s: unexpected argument; see --help\n", argv[i]);
	if (options->expiring_within_s && options->job_type != JOB_TOKEN_REFRESH)
		text_append(faults, "--expiring-within is for --job-type token_refresh only\n");
	if (!options->expiring_within_s)
		options->expiring_within_s = JOB_TOKEN_EXPIRES_WITHIN_S;
	if (options->force && options->republish)
		text_append(faults,
			"--force and --republish contradict each other: one repeats what is "
			"finished, the other does not\n");
	return faults->length > 0 ? OPTIONS_WRONG : answer;
}

void options_describe(const struct options *options, struct text *out)
{
	if (options->store_code != NULL)
		text_append_format(out, "store %s", options->store_code);
	if (options->store_code != NULL && options->account_id != 0)
		text_append(out, ", ");
	if (options->account_id != 0)
		text_append_format(out, "account %lld", (long long)options->account_id);
	if (options->store_code == NULL && options->account_id == 0)
		text_append(out, "every account");
	if (options->force)
		text_append(out, ", forced");
}
