/* SPDX-License-Identifier: MIT */
/*
 * Something that the fleet depends on is away for a long time, under load. While it is: next to no CPU, at most one
 * reconnect a second and process, /readyz names what is waited for, the log does too, without filling
 * the disk. Afterwards everything is finished, and no attempt was charged.
 *
 *     faults_outage [--seed N] [--seconds N] WHAT       WHAT is one of the table below; 60 seconds
 *
 * Reconnects are counted by listening, in the server's place, at its port: whoever connects is hung up
 * on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/faults/program.h"
#include "tests/faults/scene.h"
#include "tests/support/environment.h"
#include "tests/support/wait.h"

#define SERVICES           3 /* two workers, a logger */
#define WORKERS            2
#define SETTLE_MS          5000 /* what was at hand is finished, then the waiting begins */
#define LOG_LINES_A_MINUTE 30
#define MESSAGES_A_MINUTE                                                                          \
	10 /* "waiting for ..." of one service: several needs, and reasons that change */
#define READY_WITHIN_MS 60000

struct outage {
	const char *name;
	const char *servers; /* of its own; NULL: the shared ones do */
	int waiting;         /* how many services must say that they wait: SERVICES or WORKERS */
	const char *word;    /* names what is waited for */
	void (*begin)(void);
	void (*end)(void);
};

static struct scene scene;
static uint64_t seed;
static int64_t seconds = 60;
static const struct outage *outage;
static int listener = -1;
static int64_t connects;

static void servers(const char *command, const char *word)
{
	harness_note(&scene.harness, "%s %s", command, word ? word : "");
	private_servers_do(&scene.servers, command, word);
}

/* ---- In a server's place ---- */

static bool address_is_taken(void *address)
{
	return bind(listener, address, sizeof(struct sockaddr_in)) == 0 &&
	       listen(listener, 64) == 0;
}

/* What the killed server forked may hold its address for a moment longer than itself. */
static void listen_in_place_of(const char *setting)
{
	const char *at = strchr(test_setting(setting), '@');
	struct sockaddr_in address = {.sin_family = AF_INET};
	const char *colon = at ? strchr(at, ':') : NULL;
	int on = 1;

	assert_non_null(colon);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons((uint16_t)strtol(colon + 1, NULL, 10));
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (!test_wait_until(address_is_taken, &address))
		fail_msg("cannot listen in the place of %s: %s", setting, strerror(errno));
	connects = 0;
}

static void hang_up(void)
{
	int client;

	while (listener >= 0 && (client = accept(listener, NULL, NULL)) >= 0) {
		connects++;
		close(client);
	}
}

static void leave_the_place(void)
{
	hang_up();
	close(listener);
	listener = -1;
}

/* ---- What goes away ---- */

static void kill_simulator(void)
{
	test_fleet_kill_simulator(&scene.fleet);
}

static void start_simulator(void)
{
	test_fleet_start_simulator(&scene.fleet);
}

static void answer_500(void)
{
	test_fleet_tell_simulator(
		&scene.fleet, "/admin/faults", "{\"fault\":\"error_500\",\"count\":-1}");
}

static void answer_html(void)
{
	test_fleet_tell_simulator(
		&scene.fleet, "/admin/faults", "{\"fault\":\"html_502\",\"count\":-1}");
}

static void answer_well(void)
{
	test_fleet_tell_simulator(&scene.fleet, "/admin/faults/clear", "{}");
}

static void take_database_away(void)
{
	servers("kill-database", NULL);
	listen_in_place_of("DATABASE_URL");
}

static void take_broker_away(void)
{
	servers("kill-broker", NULL);
	listen_in_place_of("AMQP_URL");
}

static void bring_server_back(void)
{
	leave_the_place();
	servers("start", NULL);
}

static void make_read_only(void)
{
	servers("read-only", "on");
}

static void make_writable(void)
{
	servers("read-only", "off");
}

static void raise_alarm(void)
{
	servers("alarm", "on");
}

static void end_alarm(void)
{
	servers("alarm", "off");
}

static const struct outage outages[] = {
	{"tiktok_gone", NULL, WORKERS, "TikTok", kill_simulator, start_simulator},
	{"tiktok_500", NULL, WORKERS, "TikTok", answer_500, answer_well},
	{"tiktok_html", NULL, WORKERS, "TikTok", answer_html, answer_well},
	{"database_away", "away_database", SERVICES, "PostgreSQL", take_database_away,
		bring_server_back},
	{"database_read_only", "read_only", SERVICES, "PostgreSQL", make_read_only, make_writable},
	{"broker_away", "away_broker", SERVICES, "RabbitMQ", take_broker_away, bring_server_back},
	/* The logger only consumes, which an alarm does not hinder. */
	{"broker_alarm", "alarm", WORKERS, "RabbitMQ", raise_alarm, end_alarm},
};

/* ---- While it is away ---- */

static int count_lines(const char *log, const char *with)
{
	int count = 0;

	for (const char *end; (end = strchr(log, '\n')); log = end + 1) {
		const char *found = strstr(log, with);

		count += found && found < end;
	}
	return count;
}

static size_t log_length(int service)
{
	return strlen(test_process_output(scene.crew.members[service].process));
}

/* Every service that must wait says so, and for what. */
static void check_ready_page(int service)
{
	const struct crew_member *member = &scene.crew.members[service];
	struct text page = {0};
	int status = crew_ask(member, "/readyz", &page);

	if (status != 503 || !strstr(text_string(&page), outage->word))
		harness_check(&scene.harness, "readyz",
			harness_sentence("/readyz of %s answers %d and does not name %s: %.500s",
				member->program, status, outage->word, text_string(&page)));
	text_finish(&page);
}

/* Words are counted from the beginning of the outage, lines from when it has settled. */
static void check_log(int service, size_t begin, size_t settled, double minutes)
{
	const struct crew_member *member = &scene.crew.members[service];
	const char *log = test_process_output(member->process);
	int lines = count_lines(log + settled, "");
	int words = count_lines(log + begin, "waiting for ");
	double most = minutes < 1 ? 1 : minutes;

	harness_note(&scene.harness, "%s-%d: %d log lines, %d of them \"waiting for\"",
		member->program, service, lines, words);
	if (words < (int)minutes || words == 0)
		harness_check(&scene.harness, "log",
			harness_sentence("%s says %d times in %.1f minutes what it waits for",
				member->program, words, minutes));
	if (lines > LOG_LINES_A_MINUTE * most || words > MESSAGES_A_MINUTE * most)
		harness_check(&scene.harness, "log",
			harness_sentence(
				"%s logs %d lines in %.1f minutes, %d of them \"waiting for\"",
				member->program, lines, minutes, words));
}

static void check_cost(const struct vitals *before, const struct vitals *after)
{
	double percent = vitals_cpu_percent(before, after);
	double waited_s = (double)(after->at_ms - before->at_ms) / 1000;
	double rate = (double)connects / waited_s / SERVICES;

	scene_figure(&scene, outage->name, "seconds", waited_s);
	scene_figure(&scene, outage->name, "cpu_percent", percent);
	if (percent >= SCENE_CPU_PERCENT)
		harness_check(&scene.harness, "I12",
			harness_sentence("a program used %.1f %% CPU", percent));
	if (listener < 0)
		return;
	scene_figure(&scene, outage->name, "connects_per_s_each", rate);
	if (rate > 1)
		harness_check(&scene.harness, "I12",
			harness_sentence("each program connected %.1f times a second", rate));
}

static void wait_while_hanging_up(int64_t duration_ms)
{
	int64_t until_ms = clock_monotonic_ms() + duration_ms;

	while (clock_monotonic_ms() < until_ms) {
		crew_tend(&scene.crew, 50);
		hang_up();
	}
}

/* Begin the outage, and watch what the waiting costs and what is said about it. */
static void sit_it_out(void)
{
	struct vitals before, after;
	size_t begin[SERVICES] = {0}, settled[SERVICES] = {0};

	for (int i = 0; i < SERVICES; i++)
		begin[i] = log_length(i);
	outage->begin();
	wait_while_hanging_up(SETTLE_MS);
	connects = 0;
	for (int i = 0; i < SERVICES; i++)
		settled[i] = log_length(i);
	vitals_look(&scene.crew, &before);
	wait_while_hanging_up(seconds * 1000);
	vitals_look(&scene.crew, &after);
	check_cost(&before, &after);
	for (int i = 0; i < outage->waiting; i++) {
		check_ready_page(i);
		check_log(i, begin[i], settled[i], (double)(after.at_ms - before.at_ms) / 60000);
	}
	harness_check(&scene.harness, "I8", vitals_growth(&scene.crew, &before, &after));
}

static void an_outage_costs_time_and_nothing_else(void **state)
{
	char *name = harness_sentence("outage_%s", outage->name);
	static char kept[64];

	snprintf(kept, sizeof kept, "%s", name);
	free(name);
	scene_open(&scene, kept, seed, outage->servers, NULL);
	scene_wait_for_load(&scene);
	scene_wait_for_progress(&scene, "load");
	scene.crew.load_wanted = false; /* a producer that fails would be started again and again */
	sit_it_out();
	outage->end();
	if (!crew_wait_until_ready(&scene.crew, READY_WITHIN_MS))
		harness_check(&scene.harness, "I9",
			harness_sentence("not all are ready after %d ms", READY_WITHIN_MS));
	scene_figure(&scene, outage->name, "recovery_ms",
		(double)scene_wait_for_progress(&scene, outage->name));
	scene_settle(&scene, outage->name);
	scene_close(&scene);
}

int main(int argc, char **argv)
{
	const struct program_option options[] = {{"seconds", &seconds}, {NULL, NULL}};
	const struct CMUnitTest tests[] = {cmocka_unit_test(an_outage_costs_time_and_nothing_else)};
	const char *word = NULL;

	if (!program_options(argc, argv, options, &seed, &word))
		return 2;
	for (size_t i = 0; word && i < sizeof outages / sizeof outages[0]; i++)
		if (strcmp(outages[i].name, word) == 0)
			outage = &outages[i];
	if (!outage) {
		fprintf(stderr, "faults_outage: an outage of what? Known are:");
		for (size_t i = 0; i < sizeof outages / sizeof outages[0]; i++)
			fprintf(stderr, " %s", outages[i].name);
		fputc('\n', stderr);
		return 2;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
