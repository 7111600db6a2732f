/* SPDX-License-Identifier: MIT */
/*
 * What must be true after every fault. The test thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/faults/oracle.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/topology.h"
#include "tests/support/environment.h"

#define UNFINISHED                                                                                 \
	"SELECT count(*) FROM sync_jobs WHERE state NOT IN ('success', 'skipped', 'dead')"
/* Ended, but the logger has not stored it yet. */
#define UNLOGGED                                                                                   \
	"SELECT count(*) FROM sync_jobs j WHERE NOT EXISTS (SELECT FROM sync_logs l"               \
	" WHERE l.job_id = j.job_id AND l.attempt = j.attempt AND l.final)"
#define LOOK_MS          100
#define QUEUES_SETTLE_MS 30000 /* queue counters lag by seconds */

void oracle_init(struct oracle *oracle, struct crew *crew)
{
	*oracle = (struct oracle){.harness = crew->harness,
		.fleet = crew->fleet,
		.crew = crew,
		.observer = {.url = crew->fleet->database.url}};
}

void oracle_finish(struct oracle *oracle)
{
	observer_finish(&oracle->observer);
}

int64_t oracle_unfinished(struct oracle *oracle)
{
	int64_t count = -1;

	observer_number(&oracle->observer, UNFINISHED, &count);
	return count;
}

int64_t oracle_drain(struct oracle *oracle, int64_t timeout_ms)
{
	int64_t began_ms = clock_monotonic_ms(), open = 1;

	while (clock_monotonic_ms() - began_ms < timeout_ms) {
		crew_tend(oracle->crew, LOOK_MS);
		if (oracle_unfinished(oracle) == 0 &&
			observer_number(&oracle->observer, UNLOGGED, &open) && open == 0)
			return clock_monotonic_ms() - began_ms;
	}
	return -1;
}

/* The number that sql gives must be wanted; what says what it counts. */
static char *expect(struct oracle *oracle, const char *sql, int64_t wanted, const char *what)
{
	int64_t found = -1;

	if (!observer_number(&oracle->observer, sql, &found))
		return harness_sentence("the database does not answer: %s", sql);
	if (found == wanted)
		return NULL;
	return harness_sentence("%" PRId64 " %s, not %" PRId64, found, what, wanted);
}

/* ---- I1, I3, I4 ---- */

char *oracle_every_job_has_ended(struct oracle *oracle)
{
	char *wrong = expect(oracle, UNFINISHED, 0, "jobs have not ended");

	if (!wrong)
		wrong = expect(oracle, "SELECT count(*) FROM sync_jobs WHERE state = 'dead'",
			oracle->planted_dead, "jobs are dead");
	return wrong;
}

static int64_t messages_of(const struct json *queues, const char *name)
{
	for (size_t i = 0; i < json_array_length(queues); i++) {
		const struct json *queue = json_array_at(queues, i);
		const char *found = NULL;
		int64_t messages = -1;

		if (json_string(queue, "name", 255, &found) == JSON_FOUND &&
			strcmp(found, name) == 0 &&
			json_integer(queue, "messages", &messages) == JSON_FOUND)
			return messages;
	}
	return -1;
}

static const char *message_id(const struct json *list, size_t at)
{
	const char *id = "";

	json_string(json_object(json_array_at(list, at), "properties"), "message_id", 255, &id);
	return id;
}

/* A letter may be there twice, when its worker died between the broker's confirm and its own ack. */
static int64_t count_dead_jobs(struct oracle *oracle, int64_t letters)
{
	char *path = harness_sentence("/api/queues/%s/%s/get", oracle->fleet->vhost.name,
		topology_queue(QUEUE_JOBS_DEAD)->name);
	char *body = harness_sentence("{\"count\":%" PRId64
				      ",\"ackmode\":\"ack_requeue_true\",\"encoding\":\"auto\"}",
		letters);
	struct text reply = {0};
	struct json *list = NULL;
	int64_t different = 0;
	struct error err;

	if (test_management_call("POST", path, body, &reply) == 200 &&
		json_parse(reply.data, reply.length, &list, &err))
		for (size_t i = 0; i < json_array_length(list); i++) {
			size_t earlier = 0;

			while (earlier < i &&
				strcmp(message_id(list, earlier), message_id(list, i)) != 0)
				earlier++;
			different += earlier == i;
		}
	json_destroy(list);
	text_finish(&reply);
	free(body);
	free(path);
	return different;
}

/* Owns: the caller frees the sentence about the first queue that holds what it should not. */
static char *look_at_queues(struct oracle *oracle)
{
	char *path =
		harness_sentence("/api/queues/%s?columns=name,messages", oracle->fleet->vhost.name);
	struct text reply = {0};
	struct json *queues = NULL;
	char *wrong = NULL;
	struct error err;

	if (test_management_call("GET", path, NULL, &reply) != 200 ||
		!json_parse(reply.data, reply.length, &queues, &err))
		wrong = harness_sentence("the management API does not list the queues");
	for (int id = 0; id < QUEUES && !wrong; id++) {
		const char *name = topology_queue((enum topology_queue_id)id)->name;
		int64_t wanted = id == QUEUE_JOBS_DEAD ? oracle->planted_dead : 0;
		int64_t found = messages_of(queues, name);

		if (id == QUEUE_JOBS_DEAD && wanted > 0 && found > wanted)
			found = count_dead_jobs(oracle, found);
		if (found != wanted)
			wrong = harness_sentence(
				"%s holds %" PRId64 " messages, not %" PRId64, name, found, wanted);
	}
	json_destroy(queues);
	text_finish(&reply);
	free(path);
	return wrong;
}

char *oracle_queues_are_empty(struct oracle *oracle)
{
	int64_t deadline_ms = clock_monotonic_ms() + QUEUES_SETTLE_MS;
	char *wrong;

	while ((wrong = look_at_queues(oracle)) && clock_monotonic_ms() < deadline_ms) {
		free(wrong);
		crew_tend(oracle->crew, 500);
	}
	return wrong;
}

/* The story of one job whose log rows are wrong, for the journal. */
static void tell_odd_story(struct oracle *oracle)
{
	char *story = NULL;

	if (observer_string(&oracle->observer,
		    "SELECT coalesce(string_agg(j::text || ' LOGS ' || l.logs, E'\n'), '') FROM ("
		    "SELECT job_id, string_agg(format('(attempt %s %s final=%s class=%s %s)', attempt, status,"
		    " final, error_class, completed_at), ' ' ORDER BY attempt) AS logs FROM sync_logs"
		    " GROUP BY job_id HAVING count(*) FILTER (WHERE final) <> 1 LIMIT 3) l"
		    " JOIN sync_jobs j USING (job_id)",
		    &story) &&
		*story)
		harness_note(oracle->harness, "odd: %s", story);
	free(story);
}

char *oracle_logs_are_complete(struct oracle *oracle)
{
	char *wrong = expect(oracle, UNLOGGED, 0, "jobs have no final log row");

	if (!wrong)
		wrong = expect(oracle,
			"SELECT count(*) - count(DISTINCT (job_id, attempt)) FROM sync_logs", 0,
			"log rows are of an attempt that has another one");
	if (!wrong)
		wrong = expect(oracle,
			"SELECT (SELECT count(*) FROM sync_logs WHERE final) - (SELECT count(*) FROM sync_jobs)",
			0, "more final log rows than jobs");
	if (!wrong)
		wrong = expect(oracle, "SELECT count(*) FROM sync_logs WHERE status = 'RUNNING'", 0,
			"log rows still say RUNNING");
	if (!wrong)
		wrong = expect(oracle,
			"SELECT (SELECT count(*) FROM sync_logs) - (SELECT sum(attempt) FROM sync_jobs)",
			0, "more log rows than attempts");
	if (wrong)
		tell_odd_story(oracle);
	return wrong;
}

char *oracle_confirmed_was_seen(struct oracle *oracle)
{
	char *wrong = expect(oracle, "SELECT count(*) FROM sync_jobs WHERE published_at IS NULL", 0,
		"planned jobs were never published");

	if (!wrong)
		wrong = expect(oracle,
			"SELECT count(*) FROM sync_jobs WHERE published_at IS NOT NULL AND starts = 0",
			0, "confirmed jobs were never seen by a worker");
	return wrong;
}

char *oracle_no_attempt_was_charged(struct oracle *oracle)
{
	char *wrong = expect(oracle, "SELECT count(*) FROM sync_jobs WHERE attempt <> 1", 0,
		"jobs were charged an attempt");

	if (!wrong)
		wrong = expect(oracle, "SELECT count(*) FROM sync_jobs WHERE state = 'dead'", 0,
			"jobs are dead");
	return wrong;
}

/* ---- I2 ---- */

char *oracle_snapshots_are_the_worlds(struct oracle *oracle)
{
	struct test_database *database = &oracle->fleet->database;
	struct text differences = {0};
	char *wrong = NULL;

	db_close(database->db); /* the server may have been restarted */
	database->db = test_database_connect(database, (enum program)0);
	test_fleet_compare_snapshots(oracle->fleet, oracle->is_left_out, &differences);
	if (differences.length > 0)
		wrong = harness_sentence("%s", differences.data);
	text_finish(&differences);
	return wrong;
}

/* ---- I6, I11 ---- */

char *oracle_tokens_are_sound(struct oracle *oracle)
{
	int64_t granted = test_fleet_stat(oracle->fleet, "refreshes_granted");
	int64_t superseded = test_fleet_stat(oracle->fleet, "superseded_refresh_attempts");
	int64_t versions = 0;
	char *wrong =
		expect(oracle, "SELECT count(*) FROM store_accounts WHERE status <> 'CONNECTED'", 0,
			"accounts are no longer connected");

	if (!wrong && superseded > 0)
		wrong = harness_sentence("%" PRId64
					 " refreshes were tried with a token that was replaced",
			superseded);
	if (!wrong && (!observer_number(&oracle->observer,
			       "SELECT sum(token_version) FROM store_accounts", &versions) ||
			      versions > granted))
		wrong = harness_sentence("%" PRId64 " token versions, but %" PRId64
					 " refreshes were granted",
			versions, granted);
	if (!wrong)
		wrong = expect(oracle,
			"SELECT count(*) FROM store_accounts WHERE refresh_lease_until > now()", 0,
			"accounts are still under a lease");
	return wrong;
}

char *oracle_limit_was_kept(struct oracle *oracle)
{
	int64_t refused = oracle->has_limit ? test_fleet_stat(oracle->fleet, "status_429") : 0;

	return refused == 0
		       ? NULL
		       : harness_sentence("the simulator refused %" PRId64 " calls above its limit",
				 refused);
}

/* ---- The product's own audit ---- */

/* A syncctl without this command has nothing to say. */
static bool audit_is_known(struct oracle *oracle)
{
	static const char *const argv[] = {"syncctl", "audit", "--help", NULL};
	static bool warned;
	bool known = test_fleet_run(oracle->fleet, argv, NULL) == 0;

	if (!known && !warned)
		harness_figure_text(oracle->harness, "audit", "unknown to this syncctl");
	warned = true;
	return known;
}

char *oracle_audit_is_clean(struct oracle *oracle)
{
	static const char *const argv[] = {"syncctl", "audit", "--all", "--json", NULL};
	const char *environment[24] = {0};
	struct text output = {0};
	char *management, *wrong = NULL;
	int count = 0, code;

	if (!audit_is_known(oracle))
		return NULL;
	for (char **setting = oracle->fleet->settings; *setting; setting++)
		environment[count++] = *setting;
	management =
		harness_sentence("AMQP_MANAGEMENT_URL=%s", test_setting("AMQP_MANAGEMENT_URL"));
	environment[count] = management;
	code = test_run(argv, environment, &output);
	if (code != 0)
		wrong = harness_sentence(
			"syncctl audit exits with %d: %.3000s", code, text_string(&output));
	free(management);
	text_finish(&output);
	return wrong;
}

/* ---- All of them ---- */

void oracle_ask_all(struct oracle *oracle)
{
	static const struct {
		const char *invariant;
		char *(*ask)(struct oracle *oracle);
	} questions[] = {
		{"I1", oracle_every_job_has_ended},
		{"I1", oracle_queues_are_empty},
		{"I2", oracle_snapshots_are_the_worlds},
		{"I3", oracle_logs_are_complete},
		{"I4", oracle_confirmed_was_seen},
		{"I6", oracle_tokens_are_sound},
		{"I7", oracle_no_secret_got_out},
		{"I11", oracle_limit_was_kept},
		{"audit", oracle_audit_is_clean},
	};

	for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++)
		harness_check(oracle->harness, questions[i].invariant, questions[i].ask(oracle));
	harness_check(oracle->harness, "I10", crew_failures(oracle->crew));
}
