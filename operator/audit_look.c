/* SPDX-License-Identifier: MIT */
/*
 * Asking broker and database until what they say can be judged. The main thread.
 *
 * The broker is asked before and after the database. Over AMQP it tells what is ready, at once;
 * what is held only the management API tells, and that up to 5 s late (quorum queues count
 * themselves every 5 s). So: when the ready messages alone are enough, all is well, whatever is
 * held. When they are not, and somebody works, the late figures decide that all seems well for
 * now. Only when nothing has moved for longer than the figures are late do they prove that
 * something is missing; and when something moves all the time, only what did not change for long is
 * compared with the highest figures of that while.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/broker.h"
#include "common/broker_url.h"
#include "common/clock.h"
#include "common/management.h"
#include "operator/audit.h"

#define QUEUES_PATH    "/api/queues/%s?disable_stats=true&enable_queue_totals=true"
#define REST_MS        7000 /* longer than the management API is late */
#define REST_LIVE_MS   3000 /* a leader that is not there yet is shown as an empty queue */
#define LIMIT_MS       20000
#define PAUSE_MS       1000
#define MOVEMENT_SIZE  400
#define TIMESTAMP_SIZE 64

/* One reading of everything. */
struct sample {
	struct broker_count before[QUEUES], after[QUEUES];
	int64_t held[QUEUES]; /* by the management API; AUDIT_UNKNOWN */
	struct audit_counts counts;
	char movement[MOVEMENT_SIZE]; /* changes when a job does */
};

struct looking {
	const struct config *config;
	struct db *db;
	const struct audit_selection *selection;
	struct audit_look *look;
	struct management *management; /* NULL: no AMQP_MANAGEMENT_URL */
	struct broker_address address;
	char since[TIMESTAMP_SIZE]; /* the first look, by the database's clock */
	struct sample now, last;
	struct audit_queue highest[QUEUES];
	int64_t began_ms, rest_since_ms;
	int looks;
};

/* ---- The broker ---- */

/* What the management API tells beyond what is ready; its "messages" has also those that move on. */
static void read_held(const struct json *queues, int64_t held[QUEUES])
{
	for (int id = 0; id < QUEUES; id++)
		held[id] = AUDIT_UNKNOWN;
	for (size_t i = 0; i < json_array_length(queues); i++) {
		const struct json *queue = json_array_at(queues, i);
		int64_t all, ready;
		const char *name;

		if (json_string(queue, "name", 255, &name) != JSON_FOUND ||
			json_integer(queue, "messages", &all) != JSON_FOUND ||
			json_integer(queue, "messages_ready", &ready) != JSON_FOUND)
			continue;
		for (int id = 0; id < QUEUES; id++)
			if (strcmp(topology_queue((enum topology_queue_id)id)->name, name) == 0)
				held[id] = all > ready ? all - ready : 0;
	}
}

static bool ask_management(struct looking *looking, struct error *err)
{
	struct json *queues = NULL;

	for (int id = 0; id < QUEUES; id++)
		looking->now.held[id] = AUDIT_UNKNOWN;
	if (!looking->management)
		return true;
	if (!management_get(looking->management, QUEUES_PATH, looking->address.vhost, &queues, err))
		return false;
	if (!queues) {
		error_set(err, ERROR_BROKER, "the management API does not know the vhost %s",
			looking->address.vhost);
		return false;
	}
	read_held(queues, looking->now.held);
	json_destroy(queues);
	return true;
}

/* ---- The database ---- */

void audit_add_selection(const struct audit_selection *selection, struct db_params *params)
{
	db_param_text(params, selection->run_id);
	db_param_text(params, selection->day);
	if (selection->days)
		db_param_integer(params, selection->days);
	else
		db_param_text(params, NULL);
}

static bool count_unlogged(struct looking *looking, const char *since, struct error *err)
{
	struct audit_counts *counts = &looking->now.counts;
	struct db_params params = {0};
	struct db_result *result = NULL;

	audit_add_selection(looking->selection, &params);
	db_param_text(&params, since);
	if (!db_query(looking->db, STATEMENT_AUDIT_COUNT_UNLOGGED, &params, &result, err))
		return false;
	counts->unlogged = db_integer(result, 0, 0);
	counts->unlogged_waiting = db_integer(result, 0, 1);
	db_result_destroy(result);
	return true;
}

/* since NULL: count everything. */
static bool count_jobs(struct looking *looking, const char *since, struct error *err)
{
	struct sample *now = &looking->now;
	struct db_params params = {0};
	struct db_result *result = NULL;

	db_param_text(&params, since);
	if (!db_query(looking->db, STATEMENT_AUDIT_LOOK, &params, &result, err))
		return false;
	if (looking->looks == 0)
		snprintf(looking->since, sizeof looking->since, "%s", db_text(result, 0, 0));
	snprintf(looking->look->moment, sizeof looking->look->moment, "%s", db_text(result, 0, 1));
	now->counts = (struct audit_counts){.waiting = db_integer(result, 0, 3),
		.retrying = db_integer(result, 0, 4),
		.dead = db_integer(result, 0, 5)};
	snprintf(now->movement, sizeof now->movement, "%s", db_text(result, 0, 6));
	db_result_destroy(result);
	return count_unlogged(looking, since, err);
}

/* The transaction stays open. */
static bool ask_database(struct looking *looking, struct error *err)
{
	return db_begin(looking->db, err) &&
	       db_query(looking->db, STATEMENT_AUDIT_SNAPSHOT, NULL, NULL, err) &&
	       count_jobs(looking, NULL, err);
}

/* ---- One look ---- */

static bool take_sample(struct looking *looking, struct error *err)
{
	const char *url = looking->config->amqp_url;

	looking->last = looking->now;
	if (!broker_count_messages(url, looking->now.before, err) ||
		!ask_management(looking, err)) {
		error_wrap(err, "cannot ask the broker");
		return false;
	}
	if (!ask_database(looking, err)) {
		error_wrap(err, "cannot ask the database");
		return false;
	}
	if (!broker_count_messages(url, looking->now.after, err)) {
		error_wrap(err, "cannot ask the broker");
		return false;
	}
	return true;
}

static bool counts_equal(const struct broker_count *a, const struct broker_count *b)
{
	for (int id = 0; id < QUEUES; id++)
		if (a[id].exists != b[id].exists || a[id].ready != b[id].ready ||
			a[id].consumers != b[id].consumers)
			return false;
	return true;
}

/* Since the last look, or while the database was asked. */
static bool something_moved(const struct looking *looking)
{
	const struct sample *now = &looking->now, *last = &looking->last;

	if (!counts_equal(now->before, now->after))
		return true;
	return looking->looks > 1 &&
	       (!counts_equal(now->before, last->after) ||
		       memcmp(&now->counts, &last->counts, sizeof now->counts) != 0 ||
		       strcmp(now->movement, last->movement) != 0);
}

/* As few messages as there can be: the ready ones that were there before and after. */
static void take_fewest(const struct sample *sample, struct audit_queue queues[QUEUES])
{
	for (int id = 0; id < QUEUES; id++) {
		const struct broker_count *a = &sample->before[id], *b = &sample->after[id];

		queues[id] = (struct audit_queue){
			.exists = b->exists, .ready = a->ready < b->ready ? a->ready : b->ready};
	}
}

/* As many as there can be. Without consumers nothing is held, but on the ladder what moves on. */
static void take_most(const struct sample *sample, struct audit_queue queues[QUEUES])
{
	for (int id = 0; id < QUEUES; id++) {
		const struct broker_count *a = &sample->before[id], *b = &sample->after[id];
		int64_t held = sample->held[id];

		if (held == AUDIT_UNKNOWN && a->consumers == 0 && b->consumers == 0)
			held = 0;
		queues[id] = (struct audit_queue){.exists = b->exists,
			.ready = a->ready > b->ready ? a->ready : b->ready,
			.held = held,
			.consumers = b->consumers};
	}
}

static void note_highest(struct looking *looking)
{
	for (int id = 0; id < QUEUES; id++) {
		const struct audit_queue *now = &looking->look->queues[id];
		struct audit_queue *highest = &looking->highest[id];

		if (now->ready > highest->ready)
			highest->ready = now->ready;
		if (highest->held != AUDIT_UNKNOWN &&
			(now->held == AUDIT_UNKNOWN || now->held > highest->held))
			highest->held = now->held;
	}
}

/* ---- Looking until it can be judged ---- */

static bool is_in_doubt(const struct audit_look *look)
{
	for (int id = 0; id < QUEUES; id++)
		if (look->queues[id].held == AUDIT_UNKNOWN)
			return true;
	return false;
}

/* Nothing but what did not change since the first look, against the highest figures since. */
static bool judge_at_work(struct looking *looking, struct error *err)
{
	if (!count_jobs(looking, looking->since, err)) {
		error_wrap(err, "cannot ask the database");
		return false;
	}
	looking->look->counts = looking->now.counts;
	audit_judge(
		&looking->look->counts, looking->highest, AUDIT_AT_WORK, &looking->look->verdict);
	return true;
}

/* Judge the last look. *settled: it needs no other one. */
static bool judge(struct looking *looking, bool *settled, struct error *err)
{
	struct audit_look *look = looking->look;
	struct audit_queue fewest[QUEUES];
	struct audit_verdict worst;
	int64_t now_ms = clock_monotonic_ms();
	bool moved = something_moved(looking);
	int64_t rest_ms;

	if (moved || looking->looks == 1)
		looking->rest_since_ms = now_ms;
	look->counts = looking->now.counts;
	take_most(&looking->now, look->queues);
	note_highest(looking);
	take_fewest(&looking->now, fewest);
	audit_judge(&look->counts, fewest, AUDIT_AT_REST, &worst);
	audit_judge(&look->counts, look->queues, AUDIT_AT_REST, &look->verdict);
	look->at_work |= moved;
	rest_ms = looking->management ? REST_MS : REST_LIVE_MS;
	if (audit_is_clean(&worst)) {
		look->verdict = worst;
		*settled = true;
	} else if (moved && audit_is_clean(&look->verdict)) {
		*settled = true;
	} else if (now_ms - looking->rest_since_ms >= rest_ms) {
		look->at_work = false;
		look->in_doubt = audit_is_clean(&look->verdict) && is_in_doubt(look);
		*settled = true;
	} else if (now_ms - looking->began_ms >= LIMIT_MS) {
		*settled = true;
		return judge_at_work(looking, err);
	}
	return true;
}

static bool look_until_settled(struct looking *looking, struct error *err)
{
	const struct timespec pause = {.tv_nsec = PAUSE_MS * 999999L};
	bool settled = false;

	looking->began_ms = clock_monotonic_ms();
	while (!settled) {
		if (looking->looks > 0) {
			if (!db_commit(looking->db, err))
				return false;
			nanosleep(&pause, NULL);
		}
		if (!take_sample(looking, err))
			return false;
		looking->looks++;
		if (!judge(looking, &settled, err))
			return false;
	}
	return true;
}

bool audit_look(const struct config *config, struct db *db, const struct audit_selection *selection,
	struct audit_look *look, struct error *err)
{
	struct looking looking = {.config = config, .db = db, .selection = selection, .look = look};
	const char *management_url = config->amqp_management_url;
	bool ok;

	*look = (struct audit_look){.has_management = management_url != NULL};
	ok = broker_url_parse(config->amqp_url, &looking.address, err) &&
	     (!management_url || management_create(management_url, &looking.management, err)) &&
	     look_until_settled(&looking, err);
	management_destroy(looking.management);
	broker_address_finish(&looking.address);
	return ok;
}
