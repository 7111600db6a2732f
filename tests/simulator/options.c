/* SPDX-License-Identifier: MIT */
/*
 * Options: one table, read from left to right. Main thread.
 */
#include "tests/simulator/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool read_number(const char *text, uint64_t maximum, uint64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoull(text, &end, 10);
	return errno == 0 && end != text && *end == '\0' && *text != '-' && *number <= maximum;
}

static bool read_count(const char *text, uint32_t *count)
{
	uint64_t number;

	if (!read_number(text, 10000000, &number))
		return false;
	*count = (uint32_t)number;
	return true;
}

static bool set_listen(struct options *options, const char *value, struct error *err)
{
	options->listen = value;
	return true;
}

static bool set_accounts(struct options *options, const char *value, struct error *err)
{
	return read_count(value, &options->setup.world.accounts) &&
	       options->setup.world.accounts > 0;
}

static bool set_videos_average(struct options *options, const char *value, struct error *err)
{
	return read_count(value, &options->setup.world.videos_average);
}

static bool set_videos_each(struct options *options, const char *value, struct error *err)
{
	return read_count(value, &options->setup.world.videos_each);
}

static bool set_videos_first(struct options *options, const char *value, struct error *err)
{
	return read_count(value, &options->setup.world.videos_first);
}

static bool set_seed(struct options *options, const char *value, struct error *err)
{
	return read_number(value, UINT64_MAX, &options->setup.world.seed);
}

static bool set_ties(struct options *options, const char *value, struct error *err)
{
	static const char *const names[] = {
		[WORLD_TIES_INSIDE_PAGES] = "inside-pages",
		[WORLD_TIES_ON_PAGE_EDGES] = "page-edges",
		[WORLD_TIES_NONE] = "none",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i], value) == 0) {
			options->setup.world.ties = (enum world_ties)i;
			return true;
		}
	}
	return false;
}

static bool set_client_key(struct options *options, const char *value, struct error *err)
{
	world_set_client_key(&options->setup.world, value);
	return value[0] != '\0';
}

static bool set_client_secret(struct options *options, const char *value, struct error *err)
{
	options->setup.client_secret = value;
	return true;
}

/* Arguments can be read by every user of the machine, files need not be. */
static bool read_client_secret(struct options *options, const char *value, struct error *err)
{
	FILE *file = fopen(value, "re");
	bool ok = file && fgets(options->secret, sizeof(options->secret), file);

	if (file)
		fclose(file);
	options->secret[strcspn(options->secret, "\n")] = '\0';
	options->setup.client_secret = options->secret;
	if (!ok)
		error_set(err, ERROR_SETTINGS, "cannot read the secret in %s", value);
	return ok;
}

static bool add_redirect(struct options *options, const char *value, struct error *err)
{
	if (options->setup.redirect_count == SIMULATOR_REDIRECTS)
		return false;
	options->setup.redirects[options->setup.redirect_count++] = value;
	return true;
}

static bool set_knob(struct options *options, const char *value, struct error *err)
{
	const char *equals = strchr(value, '=');
	char name[64];

	if (!equals || (size_t)(equals - value) >= sizeof(name))
		return false;
	memcpy(name, value, (size_t)(equals - value));
	name[equals - value] = '\0';
	return knobs_set(&options->setup.knobs, name, equals + 1, err);
}

static bool set_latency(struct options *options, const char *value, struct error *err)
{
	return knobs_set(&options->setup.knobs, "latency_ms", value, err);
}

static bool set_journal(struct options *options, const char *value, struct error *err)
{
	options->journal = value;
	return value[0] != '\0';
}

static bool add_fault(struct options *options, const char *value, struct error *err)
{
	if (options->fault_count == OPTIONS_FAULTS)
		return false;
	options->faults[options->fault_count++] = value;
	return true;
}

static bool set_print(struct options *options, const char *value, struct error *err)
{
	char *end;

	options->errand = ERRAND_PRINT_ACCOUNTS;
	options->print_from = (uint32_t)strtoul(value, &end, 10);
	return *end == ':' && read_count(end + 1, &options->print_count);
}

static const struct {
	const char *name;
	const char *value; /* what stands for it in the help */
	const char *help;
	bool (*set)(struct options *options, const char *value, struct error *err);
} table[] = {
	{"--listen", "HOST:PORT", "where to listen; port 0 picks a free one [127.0.0.1:8787]",
		set_listen},
	{"--accounts", "N", "how many accounts there are [1000]", set_accounts},
	{"--videos-average", "N", "videos of an account on average, 0 to 2.4 times as many [50]",
		set_videos_average},
	{"--videos-each", "N",
		"exactly so many videos in every account; 0: as --videos-average [0]",
		set_videos_each},
	{"--videos-first", "N",
		"exactly so many videos in the first account; 0: as in the others [0]",
		set_videos_first},
	{"--seed", "N", "another world [1]", set_seed},
	{"--ties", "inside-pages|page-edges|none",
		"where videos of the same second stand [inside-pages]", set_ties},
	{"--client-key", "KEY", "the app's key [sbsimclientkey]", set_client_key},
	{"--client-secret", "SECRET", "the app's secret [simclientsecret]", set_client_secret},
	{"--client-secret-file", "PATH", "a file that holds the app's secret", read_client_secret},
	{"--redirect-uri", "URI", "register a redirect URI, up to 10; \"*\" for any port [any URI]",
		add_redirect},
	{"--latency-ms", "N", "as --knob latency_ms=N", set_latency},
	{"--knob", "NAME=VALUE", "turn a knob of the table below", set_knob},
	{"--set", "NAME=VALUE", "as --knob", set_knob},
	{"--journal", "FILE", "append a line for every call to this file [none]", set_journal},
	{"--fault", "JSON", "add a fault, as POST /admin/faults takes it", add_fault},
	{"--print-accounts", "FROM:COUNT",
		"print open_id, username, video count and first tokens, tab-separated, and end",
		set_print},
};
#define OPTIONS (sizeof(table) / sizeof(table[0]))

void options_print_help(FILE *out)
{
	struct text knobs = {0};

	fputs("tiktok-sim: a fake of TikTok's OAuth and Display API, for tests and demonstrations\n\n"
	      "Usage: tiktok-sim [OPTION VALUE]...\n\nOptions:\n",
		out);
	for (size_t i = 0; i < OPTIONS; i++)
		fprintf(out, "  %s %s\n      %s\n", table[i].name, table[i].value, table[i].help);
	fputs("  --help, --version\n\nKnobs (--knob NAME=VALUE, POST /admin/knobs) [at the start]:\n",
		out);
	knobs_write_help(&knobs);
	fputs(text_string(&knobs), out);
	text_finish(&knobs);
	fputs("\nFaults (--fault JSON, POST /admin/faults):\n", out);
	for (int kind = 0; kind < FAULTS; kind++)
		fprintf(out, "  %s\n      %s\n", fault_rule((enum fault_kind)kind)->name,
			fault_rule((enum fault_kind)kind)->help);
}

static bool read_option(
	struct options *options, const char *name, const char *value, struct error *err)
{
	for (size_t i = 0; i < OPTIONS; i++) {
		if (strcmp(table[i].name, name) != 0)
			continue;
		error_set(err, ERROR_SETTINGS, "%s takes %s", name, table[i].value);
		return value && table[i].set(options, value, err);
	}
	error_set(err, ERROR_SETTINGS, "there is no option %s", name);
	return false;
}

bool options_read(struct options *options, int argc, char **argv, struct error *err)
{
	*options = (struct options){.listen = "127.0.0.1:8787"};
	simulator_setup_init(&options->setup);
	for (int i = 1; i < argc; i += 2) {
		if (strcmp(argv[i], "--help") == 0) {
			options->errand = ERRAND_HELP;
			return true;
		}
		if (strcmp(argv[i], "--version") == 0) {
			options->errand = ERRAND_VERSION;
			return true;
		}
		if (!read_option(options, argv[i], argv[i + 1], err))
			return false;
	}
	return true;
}
