/* SPDX-License-Identifier: MIT */
/*
 * Reading the command line of `syncctl dead`, and applying its filters. Runs on the main thread.
 */
#include "operator/dead_options.h"

#include <ctype.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/utf8.h"

#define DEFAULT_RATE             50
#define RATE_MAX                 10000
#define CANARY_MAX               1000
#define DEFAULT_CANARY_TIMEOUT_S 600
#define REASON_MAX               1000

/* Beyond the characters, so that getopt_long() cannot confuse them with short options. */
enum option_id {
	OPTION_CLASS = 256,
	OPTION_STORE,
	OPTION_ACCOUNT,
	OPTION_OLDER_THAN,
	OPTION_NEWER_THAN,
	OPTION_TEXT,
	OPTION_JOB,
	OPTION_CATEGORY,
	OPTION_ALL,
	OPTION_JSON,
	OPTION_YES,
	OPTION_DRY_RUN,
	OPTION_REASON,
	OPTION_RATE,
	OPTION_CANARY,
	OPTION_CANARY_TIMEOUT,
};

static const struct option long_options[] = {
	{"class", required_argument, NULL, OPTION_CLASS},
	{"store", required_argument, NULL, OPTION_STORE},
	{"account", required_argument, NULL, OPTION_ACCOUNT},
	{"older-than", required_argument, NULL, OPTION_OLDER_THAN},
	{"newer-than", required_argument, NULL, OPTION_NEWER_THAN},
	{"text", required_argument, NULL, OPTION_TEXT},
	{"job", required_argument, NULL, OPTION_JOB},
	{"category", required_argument, NULL, OPTION_CATEGORY},
	{"all", no_argument, NULL, OPTION_ALL},
	{"json", no_argument, NULL, OPTION_JSON},
	{"yes", no_argument, NULL, OPTION_YES},
	{"dry-run", no_argument, NULL, OPTION_DRY_RUN},
	{"reason", required_argument, NULL, OPTION_REASON},
	{"rate", required_argument, NULL, OPTION_RATE},
	{"canary", required_argument, NULL, OPTION_CANARY},
	{"canary-timeout", required_argument, NULL, OPTION_CANARY_TIMEOUT},
	{NULL, 0, NULL, 0},
};

static int set_of(int id)
{
	if (id < OPTION_ALL)
		return DEAD_OPTIONS_FILTER;
	if (id < OPTION_YES)
		return DEAD_OPTIONS_LIST;
	return id < OPTION_RATE ? DEAD_OPTIONS_ACTION : DEAD_OPTIONS_CANARY;
}

/* ---- Values ---- */

/* Digits alone. */
static bool read_number(const char *text, int64_t max, int64_t *number)
{
	int64_t value = 0;

	for (const char *at = text; *at; at++) {
		if (!isdigit((unsigned char)*at) || at - text > 17)
			return false;
		value = value * 10 + (*at - '0');
	}
	if (value < 1 || value > max)
		return false;
	*number = value;
	return true;
}

/* RabbitMQ's reasons count as classes too (rabbitmq.com/docs/dlx). */
static bool is_class(const char *name)
{
	static const char *const reasons[] = {
		"delivery_limit", "expired", "maxlen", "rejected", "unknown"};

	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (strcmp(name, reasons[i]) == 0)
			return true;
	return error_class_named(name) != ERROR_NONE;
}

static void read_class(const char *value, struct dead_filter *filter, struct text *faults)
{
	filter->error_class = value;
	if (is_class(value))
		return;
	text_append_format(faults, "--class: there is no error class \"%s\"; there are", value);
	for (int class = ERROR_NONE + 1; class < ERROR_CLASSES; class ++)
		text_append_format(faults, " %s", error_rule((enum error_class) class)->name);
	text_append(faults, " delivery_limit expired maxlen rejected unknown\n");
}

static void read_category(const char *value, struct dead_filter *filter, struct text *faults)
{
	filter->has_category = dead_category_named(value, &filter->category);
	if (filter->has_category)
		return;
	text_append_format(faults, "--category: there is no category \"%s\"; there are", value);
	for (int category = 0; category < DEAD_CATEGORIES; category++)
		text_append_format(
			faults, " %s", dead_category_rule((enum dead_category)category)->name);
	text_append(faults, "\n");
}

static void read_count(
	const char *name, const char *value, int64_t max, int64_t *number, struct text *faults)
{
	if (!read_number(value, max, number))
		text_append_format(faults,
			"--%s: \"%s\" is not a whole number from 1 to %" PRId64 "\n", name, value,
			max);
}

static void read_age(const char *name, const char *value, int64_t *seconds, struct text *faults)
{
	if (!clock_parse_duration(value, seconds))
		text_append_format(faults,
			"--%s: \"%s\" is not a duration such as 90s, 15m, 2h or 3d\n", name, value);
}

static void read_id(const char *value, struct dead_filter *filter, struct text *faults)
{
	filter->job_id = value;
	if (!uuid_is_valid(value))
		text_append_format(faults,
			"--job: \"%s\" is not an id (36 characters, as syncctl dead list --all shows)\n",
			value);
}

static void read_reason(const char *value, struct dead_options *options, struct text *faults)
{
	options->reason = value;
	if (value[strspn(value, " \t")] == '\0' || strlen(value) > REASON_MAX)
		text_append_format(faults, "--reason: say in 1 to %d characters why\n", REASON_MAX);
}

static void read_text(const char *name, const char *value, const char **field, struct text *faults)
{
	*field = value;
	if (!*value)
		text_append_format(faults, "--%s needs a value\n", name);
}

/* ---- The command line ---- */

static void read_filter(int id, struct dead_filter *filter, struct text *faults)
{
	if (id == OPTION_CLASS)
		read_class(optarg, filter, faults);
	else if (id == OPTION_STORE)
		read_text("store", optarg, &filter->store_code, faults);
	else if (id == OPTION_ACCOUNT)
		read_count(
			"account", optarg, INT64_C(999999999999999), &filter->account_id, faults);
	else if (id == OPTION_OLDER_THAN)
		read_age("older-than", optarg, &filter->older_than_s, faults);
	else if (id == OPTION_NEWER_THAN)
		read_age("newer-than", optarg, &filter->newer_than_s, faults);
	else if (id == OPTION_TEXT)
		read_text("text", optarg, &filter->text, faults);
	else if (id == OPTION_JOB)
		read_id(optarg, filter, faults);
	else
		read_category(optarg, filter, faults);
}

static void read_option(int id, struct dead_options *options, struct text *faults)
{
	if (id == OPTION_ALL)
		options->all = true;
	else if (id == OPTION_JSON)
		options->json = true;
	else if (id == OPTION_YES)
		options->yes = true;
	else if (id == OPTION_DRY_RUN)
		options->dry_run = true;
	else if (id == OPTION_REASON)
		read_reason(optarg, options, faults);
	else if (id == OPTION_RATE)
		read_count("rate", optarg, RATE_MAX, &options->issues_per_s, faults);
	else if (id == OPTION_CANARY)
		read_count("canary", optarg, CANARY_MAX, &options->canary, faults);
	else if (id == OPTION_CANARY_TIMEOUT)
		read_age("canary-timeout", optarg, &options->canary_timeout_s, faults);
	else
		read_filter(id, &options->filter, faults);
}

static const char *option_name(int id)
{
	for (const struct option *option = long_options; option->name; option++)
		if (option->val == id)
			return option->name;
	return "?";
}

/* getopt_long() refused it, or it belongs to another command. */
static void refuse(int id, char **argv, struct text *faults)
{
	if (id == ':')
		text_append_format(faults, "--%s needs a value\n", option_name(optopt));
	else if (optopt >= OPTION_CLASS)
		text_append_format(faults, "--%s takes no value\n", option_name(optopt));
	else
		text_append_format(faults, "unknown option %s\n", argv[optind - 1]);
}

bool dead_options_read(
	int argc, char **argv, int sets, struct dead_options *options, struct text *faults)
{
	size_t before = faults->length;
	int id;

	*options = (struct dead_options){
		.issues_per_s = DEFAULT_RATE, .canary_timeout_s = DEFAULT_CANARY_TIMEOUT_S};
	optind = 0; /* glibc: begin anew, also when a test reads several command lines */
	while ((id = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
		if (id < OPTION_CLASS)
			refuse(id, argv, faults);
		else if (set_of(id) & sets)
			read_option(id, options, faults);
		else
			text_append_format(
				faults, "--%s is not for this command\n", option_name(id));
	}
	for (int i = optind; i < argc; i++)
		text_append_format(faults, "unexpected argument %s\n", argv[i]);
	if (options->yes && options->dry_run)
		text_append(faults, "--yes and --dry-run contradict each other\n");
	return faults->length == before;
}

/* ---- The filters ---- */

static bool age_matches(
	const struct dead_filter *filter, const struct dead_letter *letter, int64_t now_us)
{
	int64_t age_us = now_us - letter->died_at_us;

	if (filter->older_than_s == 0 && filter->newer_than_s == 0)
		return true;
	if (letter->died_at_us == 0)
		return false;
	return (filter->older_than_s == 0 || age_us > filter->older_than_s * 1000000) &&
	       (filter->newer_than_s == 0 || age_us <= filter->newer_than_s * 1000000);
}

bool dead_filter_matches(
	const struct dead_filter *filter, const struct dead_letter *letter, int64_t now_us)
{
	if (filter->error_class && strcmp(filter->error_class, letter->error_class) != 0)
		return false;
	if (filter->store_code && strcmp(filter->store_code, letter->job.store_code) != 0)
		return false;
	if (filter->account_id && filter->account_id != letter->job.account_id)
		return false;
	if (filter->text && !strcasestr(letter->error_text, filter->text))
		return false;
	if (filter->job_id && strcasecmp(filter->job_id, letter->job.job_id) != 0 &&
		strcasecmp(filter->job_id, letter->dead_id) != 0)
		return false;
	if (filter->has_category && filter->category != letter->category)
		return false;
	return age_matches(filter, letter, now_us);
}

static void describe(const char *name, const char *value, size_t begin, struct text *out)
{
	if (!value)
		return;
	text_append_format(out, "%s%s ", out->length > begin ? ", " : "", name);
	utf8_append_clean(value, strlen(value), out);
}

static void describe_number(
	const char *name, int64_t value, const char *unit, size_t begin, struct text *out)
{
	if (value != 0)
		text_append_format(out, "%s%s %" PRId64 "%s", out->length > begin ? ", " : "", name,
			value, unit);
}

void dead_filter_describe(const struct dead_filter *filter, struct text *out)
{
	size_t begin = out->length;

	describe("class", filter->error_class, begin, out);
	describe("store", filter->store_code, begin, out);
	describe_number("account", filter->account_id, "", begin, out);
	describe_number("older than", filter->older_than_s, " s", begin, out);
	describe_number("newer than", filter->newer_than_s, " s", begin, out);
	describe("text", filter->text, begin, out);
	describe("job", filter->job_id, begin, out);
	if (filter->has_category)
		describe("category", dead_category_rule(filter->category)->name, begin, out);
	if (out->length == begin)
		text_append(out, "all");
}
