/* SPDX-License-Identifier: MIT */
/*
 * faults_partitions: 48 partitions of a fleet at work - 4 shapes, 4 kinds of harm, 3 durations - and
 * the proof after each that nothing was lost, doubled or charged, and how soon it was over.
 *
 *     faults_partitions --short
 *     faults_partitions --cells 'worker-broker.*.10,all-broker.drop.*' --seed 7
 *
 * Each cell runs in a process of its own, several side by side, for they mostly wait. One line of
 * name=value a cell goes to standard output, and the figures of all at the end, one a line. One thread.
 */
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/crypto.h"
#include "common/memory.h"
#include "common/process.h"
#include "common/text.h"
#include "tests/faults/partition/cell.h"

#define PARALLEL_DEFAULT                                                                           \
	12 /* each cell takes about 12 of the 200 connections of the test's PostgreSQL */
#define PARALLEL_MAX 16
#define SHORT                                                                                      \
	"worker-broker.drop.10,worker-database.one-way.10,logger-broker.reset.1,all-broker.slicer.1"

static const int durations_s[] = {45, 10, 1}; /* the longest begin first */
#define DURATIONS (sizeof durations_s / sizeof durations_s[0])
#define CELLS     (DURATIONS * HARMS * SHAPES)

/* A cell that is to run, runs, or has run. */
struct run {
	struct cell cell;
	pid_t pid;    /* 0: not yet */
	FILE *report; /* temporary files of the child's */
	FILE *errors;
};

static struct {
	const char *patterns;
	uint64_t seed;
	long parallel;
	enum link_means means;
} options = {.patterns = "*", .parallel = PARALLEL_DEFAULT};

/* ---- The command line ---- */

static void print_help(FILE *out)
{
	fputs("Usage: faults_partitions [OPTION]...\n\n"
	      "Cells are named SHAPE.HARM.SECONDS: worker-broker, worker-database, logger-broker or all-broker;\n"
	      "drop, reset, one-way or slicer; 1, 10 or 45.\n\n"
	      "  --cells LIST   patterns of names, separated by commas, as the shell's [*]\n"
	      "  --short        four cells of at most 10 s\n"
	      "  --list         print the names and end\n"
	      "  --seed N       of every chance; printed first [by chance]\n"
	      "  --proxy-only   lose packets in the proxy, as on a machine that allows no network namespaces\n"
	      "  --parallel N   cells at a time, at most 16 [12]\n"
	      "  --help, --version\n\n"
	      "STORESYNC_TEST_ENV and STORESYNC_BIN_DIR say where the servers and programs are.\n"
	      "Exit codes: 0 every cell holds; 1 not; 2 bad usage.\n",
		out);
}

/* Whether a name matches one of the patterns. */
static bool is_chosen(const char *name)
{
	char *copy = memory_copy_text(options.patterns), *rest = NULL;
	bool matches = false;

	for (char *pattern = strtok_r(copy, ",", &rest); pattern && !matches;
		pattern = strtok_r(NULL, ",", &rest))
		matches = fnmatch(pattern, name, 0) == 0;
	free(copy);
	return matches;
}

static bool read_number(const char *value, uint64_t maximum, uint64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoull(value, &end, 10);
	return errno == 0 && end != value && *end == '\0' && *value != '-' && *number <= maximum;
}

/* False: the program ends, with *code. */
static bool read_options(int argc, char **argv, bool *only_list, enum exit_code *code)
{
	static const struct option known[] = {{"cells", required_argument, NULL, 'c'},
		{"short", no_argument, NULL, 'S'}, {"proxy-only", no_argument, NULL, 'P'},
		{"list", no_argument, NULL, 'l'}, {"seed", required_argument, NULL, 's'},
		{"parallel", required_argument, NULL, 'p'}, {"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'v'}, {NULL, 0, NULL, 0}};
	uint64_t number = 0;
	int option;
	bool ok = true;

	*code = EXIT_DONE;
	options.seed = random_u64() % 1000000000;
	while ((option = getopt_long(argc, argv, "", known, NULL)) >= 0) {
		if (option == 'h' || option == 'v') {
			if (option == 'h')
				print_help(stdout);
			else
				puts("faults_partitions " STORESYNC_VERSION);
			return false;
		}
		if (option == 'c')
			options.patterns = optarg;
		else if (option == 'S')
			options.patterns = SHORT;
		else if (option == 'P')
			options.means = MEANS_PROXY;
		else if (option == 'l')
			*only_list = true;
		else if (option == 's')
			ok = ok && read_number(optarg, UINT64_MAX, &options.seed);
		else if (option == 'p') {
			ok = ok && read_number(optarg, PARALLEL_MAX, &number) && number > 0;
			options.parallel = (long)number;
		} else
			ok = false;
	}
	if (ok && optind == argc)
		return true;
	fprintf(stderr, "faults_partitions: see --help\n");
	*code = EXIT_USAGE;
	return false;
}

/* Returns how many; a cell's seed does not depend on which others are chosen. */
static size_t choose_cells(struct run runs[CELLS])
{
	size_t count = 0;

	for (size_t i = 0; i < CELLS; i++) {
		const struct cell cell = {.seconds = durations_s[i / (size_t)(HARMS * SHAPES)],
			.harm = (enum link_harm)(i % HARMS),
			.shape = (enum cell_shape)(i / HARMS % SHAPES),
			.means = options.means,
			.seed = options.seed + i};
		char name[CELL_NAME_SIZE];

		cell_name(&cell, name);
		if (is_chosen(name))
			runs[count++] = (struct run){.cell = cell};
	}
	return count;
}

/* ---- Running ---- */

static void start(struct run *run)
{
	run->report = tmpfile();
	run->errors = tmpfile();
	if (!run->report || !run->errors) {
		perror("faults_partitions: cannot make a temporary file");
		exit(EXIT_FAILED);
	}
	fflush(stdout);
	run->pid = fork();
	if (run->pid != 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(fileno(run->errors), STDOUT_FILENO);
	dup2(fileno(run->errors), STDERR_FILENO);
	exit(cell_run(&run->cell, run->report) == 0 ? EXIT_DONE : EXIT_FAILED);
}

static void copy(FILE *from, FILE *to)
{
	char part[4096];
	size_t got;

	rewind(from);
	while ((got = fread(part, 1, sizeof part, from)) > 0)
		fwrite(part, 1, got, to);
	fflush(to);
}

/* Wait for any cell to end, and print its line. Returns its number. */
static size_t finish_one(struct run runs[], size_t count, bool *holds)
{
	int status = 0;
	pid_t pid = waitpid(-1, &status, 0);

	for (size_t i = 0; i < count; i++) {
		char name[CELL_NAME_SIZE];

		if (pid <= 0 || runs[i].pid != pid)
			continue;
		*holds = WIFEXITED(status) && WEXITSTATUS(status) == 0;
		cell_name(&runs[i].cell, name);
		copy(runs[i].report, stdout);
		if (!*holds) {
			fprintf(stderr, "==== %s:\n", name);
			copy(runs[i].errors, stderr);
		}
		fclose(runs[i].errors);
		return i;
	}
	perror("faults_partitions: cannot wait for a cell");
	exit(EXIT_FAILED);
}

static size_t run_all(struct run runs[], size_t count)
{
	size_t started = 0, ended = 0, failed = 0;

	while (ended < count) {
		bool holds = false;

		while (started < count && started - ended < (size_t)options.parallel)
			start(&runs[started++]);
		finish_one(runs, count, &holds);
		ended++;
		failed += holds ? 0 : 1;
	}
	return failed;
}

/* ---- The summary ---- */

/* A number of a cell's line; below 0: it has none such. */
static double figure(FILE *report, const char *name)
{
	char line[2048] = "", *place = NULL, *end;
	double value;

	rewind(report);
	if (fgets(line, sizeof line, report))
		place = strstr(line, name);
	if (!place)
		return -1;
	value = strtod(place + strlen(name), &end);
	return end == place + strlen(name) ? -1 : value;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void summarise(const struct run runs[], size_t count, size_t failed, int64_t began_ms)
{
	double recoveries[CELLS], connects = 0, cpu = 0;
	size_t known = 0;

	for (size_t i = 0; i < count; i++) {
		double recovery = figure(runs[i].report, " recovery_ms=");
		double rate = figure(runs[i].report, " connects_per_s=");
		double used = figure(runs[i].report, " cpu_percent=");

		if (recovery >= 0)
			recoveries[known++] = recovery;
		if (runs[i].cell.seconds < 10) /* too short for rates */
			continue;
		connects = rate > connects ? rate : connects;
		cpu = used > cpu ? used : cpu;
	}
	qsort(recoveries, known, sizeof recoveries[0], compare);
	printf("cells=%zu\nfailed=%zu\nrecovery_median_ms=%.0f\nrecovery_p99_ms=%.0f\n"
	       "connects_per_s_max=%.2f\ncpu_percent_max=%.1f\nseconds=%" PRId64 "\n",
		count, failed, known ? recoveries[known / 2] : -1.0,
		known ? recoveries[known - 1 - known / 100] : -1.0, connects, cpu,
		(clock_monotonic_ms() - began_ms) / 1000);
}

int main(int argc, char **argv)
{
	static struct run runs[CELLS];
	int64_t began_ms = clock_monotonic_ms();
	enum exit_code code;
	bool only_list = false;
	size_t count, failed;

	if (!read_options(argc, argv, &only_list, &code))
		return (int)code;
	count = choose_cells(runs);
	if (count == 0) {
		fprintf(stderr, "faults_partitions: no cell is named %s; see --list\n",
			options.patterns);
		return EXIT_USAGE;
	}
	for (size_t i = 0; i < count && only_list; i++) {
		char name[CELL_NAME_SIZE];

		cell_name(&runs[i].cell, name);
		puts(name);
	}
	if (only_list)
		return EXIT_DONE;
	printf("seed=%" PRIu64 "\n", options.seed);
	failed = run_all(runs, count);
	summarise(runs, count, failed, began_ms);
	return failed == 0 ? EXIT_DONE : EXIT_FAILED;
}
