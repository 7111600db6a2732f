/* SPDX-License-Identifier: MIT */
/*
 * Admin requests. The server thread runs this.
 */
#include "tests/simulator/admin.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "tests/simulator/simulator.h"

#define ACCOUNTS_A_PAGE 1000

void admin_refuse(struct call *call, const char *why)
{
	call_begin_json(call, 400);
	text_append(&call->reply, "{\"error\":");
	call_write_json(&call->reply, why);
	text_append(&call->reply, "}\n");
}

static void answer_done(struct call *call)
{
	call_begin_json(call, 200);
	text_append(&call->reply, "{}\n");
}

static void show_stats(struct simulator *simulator, struct call *call)
{
	call_begin_json(call, 200);
	tally_write(&simulator->tally, &call->reply);
}

static void reset_stats(struct simulator *simulator, struct call *call)
{
	tally_reset(&simulator->tally);
	answer_done(call);
}

static void reset(struct simulator *simulator, struct call *call)
{
	simulator_reset(simulator);
	answer_done(call);
}

static void show_knobs(struct simulator *simulator, struct call *call)
{
	call_begin_json(call, 200);
	for (int knob = 0; knob < KNOBS; knob++) {
		text_append_format(&call->reply, "%s\n\"%s\":\"", knob ? "," : "{",
			knobs_rule((enum knob)knob)->name);
		knobs_write_value(&simulator->knobs, (enum knob)knob, &call->reply);
		text_append(&call->reply, "\"");
	}
	text_append(&call->reply, "}\n");
}

/* Knobs change together or not at all. */
static bool read_knobs(const char *json, struct knobs *knobs, struct error *err)
{
	struct json_object *document = json_tokener_parse(json);
	struct knobs changed = *knobs;
	bool ok = false;

	if (!json_object_is_type(document, json_type_object)) {
		error_set(err, ERROR_SETTINGS, "the body is not a JSON object of knobs");
		goto out;
	}
	json_object_object_foreach(document, name, value)
	{
		if (!knobs_set(&changed, name, value ? json_object_get_string(value) : "", err))
			goto out;
	}
	*knobs = changed;
	ok = true;
out:
	json_object_put(document);
	return ok;
}

static void set_knobs(struct simulator *simulator, struct call *call)
{
	struct error err;

	if (read_knobs(text_string(&call->body), &simulator->knobs, &err))
		show_knobs(simulator, call);
	else
		admin_refuse(call, err.text);
}

static void show_faults(struct simulator *simulator, struct call *call)
{
	call_begin_json(call, 200);
	faults_write(&simulator->faults, &call->reply);
}

static void add_faults(struct simulator *simulator, struct call *call)
{
	struct error err;

	if (faults_read(
		    &simulator->faults, &simulator->setup.world, text_string(&call->body), &err))
		show_faults(simulator, call);
	else
		admin_refuse(call, err.text);
}

static void clear_faults(struct simulator *simulator, struct call *call)
{
	faults_clear(&simulator->faults);
	answer_done(call);
}

static void expire_all_tokens(struct simulator *simulator, struct call *call)
{
	for (uint32_t i = 0; i < simulator->setup.world.accounts; i++)
		state_kill_access(state_account(&simulator->state, i));
	answer_done(call);
}

static void show_clock(struct simulator *simulator, struct call *call)
{
	call_begin_json(call, 200);
	text_append_format(
		&call->reply, "{\"now_ms\":%lld}\n", (long long)simulator_now_ms(simulator));
}

static void advance_clock(struct simulator *simulator, struct call *call)
{
	struct json_object *document = json_tokener_parse(text_string(&call->body));
	struct json_object *step;
	bool found = json_object_is_type(document, json_type_object) &&
		     json_object_object_get_ex(document, "advance_s", &step) &&
		     json_object_is_type(step, json_type_int) && json_object_get_int64(step) >= 0 &&
		     json_object_get_int64(step) <= INT32_MAX;

	if (found) {
		simclock_advance(&simulator->clock, json_object_get_int64(step) * 1000);
		show_clock(simulator, call);
	} else {
		admin_refuse(call, "the body is {\"advance_s\":N}, N seconds");
	}
	json_object_put(document);
}

static uint32_t read_count(const struct form *query, const char *name, uint32_t missing)
{
	const char *text = form_get(query, name);

	return text ? (uint32_t)strtoul(text, NULL, 10) : missing;
}

/* Accounts with their first tokens, ?from=N&count=N, for whoever fills a database with them. */
static void list_accounts(struct simulator *simulator, struct call *call)
{
	const struct world *world = &simulator->setup.world;
	uint32_t from = read_count(&call->query, "from", 0);
	uint32_t count = read_count(&call->query, "count", ACCOUNTS_A_PAGE);
	const char *before = "[\n";

	call_begin_json(call, 200);
	for (uint32_t i = from; i < world->accounts && i - from < count; i++) {
		struct world_account account;
		char access[WORLD_TOKEN_SIZE], refresh[WORLD_TOKEN_SIZE];

		world_account(world, i, &account);
		world_token(world, WORLD_TOKEN_ACCESS, i, 1, access);
		world_token(world, WORLD_TOKEN_REFRESH, i, 1, refresh);
		text_append_format(&call->reply, "%s{\"open_id\":\"%s\",\"display_name\":", before,
			account.open_id);
		call_write_json(&call->reply, account.display_name);
		text_append_format(&call->reply,
			",\"username\":\"%s\",\"video_count\":%u,\"scope\":\"%s\",\"access_token\":"
			"\"%s\",\"refresh_token\":\"%s\"}",
			account.username, account.video_count, account.scope, access, refresh);
		before = ",\n";
	}
	text_append(&call->reply, *before == '[' ? "[]\n" : "]\n");
}

static const struct {
	const char *method;
	const char *path;
	void (*answer)(struct simulator *simulator, struct call *call);
} routes[] = {
	{"GET", "/admin/stats", show_stats},
	{"POST", "/admin/stats/reset", reset_stats},
	{"POST", "/admin/reset", reset},
	{"GET", "/admin/knobs", show_knobs},
	{"POST", "/admin/knobs", set_knobs},
	{"GET", "/admin/faults", show_faults},
	{"POST", "/admin/faults", add_faults},
	{"POST", "/admin/faults/clear", clear_faults},
	{"GET", "/admin/accounts", list_accounts},
	{"POST", "/admin/expire-all-tokens", expire_all_tokens},
	{"GET", "/admin/clock", show_clock},
	{"POST", "/admin/clock", advance_clock},
};

static void answer_account(struct simulator *simulator, struct call *call)
{
	const char *open_id = call->path + strlen("/admin/account/");
	uint32_t account;

	if (!world_find_account(&simulator->setup.world, open_id, &account))
		admin_refuse(call, "this world has no account of that open_id");
	else if (strcmp(call->method, "POST") == 0)
		admin_change_account(simulator, call, account);
	else
		admin_show_account(simulator, call, account);
}

void admin_answer(struct simulator *simulator, struct call *call)
{
	if (strncmp(call->path, "/admin/account/", strlen("/admin/account/")) == 0) {
		answer_account(simulator, call);
		return;
	}
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (strcmp(routes[i].path, call->path) == 0 &&
			strcmp(routes[i].method, call->method) == 0) {
			routes[i].answer(simulator, call);
			return;
		}
	}
	call_answer_page(call, 404, "text/plain", "There is no such admin request.\n");
}
