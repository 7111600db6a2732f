/* SPDX-License-Identifier: MIT */
/*
 * The way of a call: to its endpoint, past the faults. The server thread runs this.
 */
#include "tests/simulator/simulator.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/memory.h"
#include "tests/simulator/admin.h"
#include "tests/simulator/authorize.h"
#include "tests/simulator/display.h"
#include "tests/simulator/listing.h"
#include "tests/simulator/oauth.h"

struct route {
	const char *method;
	const char *path; /* the trailing slash belongs to it */
	enum endpoint endpoint;
	void (*answer)(struct simulator *simulator, struct call *call);
};

static const struct route routes[] = {
	{"GET", "/v2/auth/authorize/", ENDPOINT_AUTHORIZE, authorize_show},
	{"POST", "/v2/auth/authorize/", ENDPOINT_AUTHORIZE, authorize_decide},
	{"POST", "/v2/oauth/token/", ENDPOINT_TOKEN, oauth_answer_token},
	{"POST", "/v2/oauth/revoke/", ENDPOINT_REVOKE, oauth_answer_revoke},
	{"GET", "/v2/user/info/", ENDPOINT_USER_INFO, display_answer_user_info},
	{"POST", "/v2/video/list/", ENDPOINT_VIDEO_LIST, display_answer_video_list},
	{"POST", "/v2/video/query/", ENDPOINT_VIDEO_QUERY, display_answer_video_query},
};

static const struct route *find_route(const struct call *call)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (strcmp(routes[i].path, call->path) == 0 &&
			strcmp(routes[i].method, call->method) == 0)
			return &routes[i];
	}
	return NULL;
}

void simulator_setup_init(struct simulator_setup *setup)
{
	*setup = (struct simulator_setup){.client_secret = "simclientsecret"};
	world_init(&setup->world);
	knobs_init(&setup->knobs);
}

struct simulator *simulator_create(const struct simulator_setup *setup)
{
	struct simulator *simulator = memory_allocate(1, sizeof(*simulator));

	simulator->setup = *setup;
	simulator->knobs = setup->knobs;
	simulator->faults.random = setup->world.seed;
	simclock_init(&simulator->clock);
	state_init(&simulator->state, &simulator->setup.world, &simulator->knobs,
		simulator_now_ms(simulator));
	grants_init(&simulator->grants, &simulator->state, &simulator->tally);
	return simulator;
}

static void forget_limits(struct simulator *simulator)
{
	for (size_t i = 0; i < sizeof(simulator->limits) / sizeof(simulator->limits[0]); i++)
		limit_window_finish(&simulator->limits[i]);
}

void simulator_destroy(struct simulator *simulator)
{
	if (!simulator)
		return;
	forget_limits(simulator);
	journal_close(&simulator->journal);
	state_finish(&simulator->state);
	free(simulator);
}

void simulator_reset(struct simulator *simulator)
{
	simulator->knobs = simulator->setup.knobs;
	state_reset(&simulator->state, simulator_now_ms(simulator));
	grants_init(&simulator->grants, &simulator->state, &simulator->tally);
	faults_clear(&simulator->faults);
	tally_reset(&simulator->tally);
	forget_limits(simulator);
	simulator->next_consent = 0;
	journal_write_reset(&simulator->journal, simclock_now_us(&simulator->clock));
}

int64_t simulator_now_ms(const struct simulator *simulator)
{
	return simclock_now_ms(&simulator->clock);
}

static void write_log_id(struct simulator *simulator, char log_id[CALL_LOG_ID_SIZE])
{
	time_t now_s = (time_t)(simulator_now_ms(simulator) / 1000);
	uint64_t serial = ++simulator->log_serial;
	struct tm utc;

	if (now_s != simulator->log_second_s) {
		gmtime_r(&now_s, &utc);
		strftime(
			simulator->log_second, sizeof(simulator->log_second), "%Y%m%d%H%M%S", &utc);
		simulator->log_second_s = now_s;
	}
	memcpy(log_id, simulator->log_second, 14);
	memcpy(log_id + 14, "A1B2", 4);
	for (int i = 15; i >= 0; i--, serial >>= 4)
		log_id[18 + i] = "0123456789ABCDEF"[serial & 15];
	log_id[CALL_LOG_ID_SIZE - 1] = '\0';
}

/* The account that a call's token names, good or not; -1: none. */
static int64_t find_account(
	struct simulator *simulator, const struct call *call, enum endpoint endpoint)
{
	enum world_token_kind kind = WORLD_TOKEN_ACCESS;
	const char *token = call_bearer(call);
	uint32_t account, serial;

	if (endpoint == ENDPOINT_TOKEN) {
		kind = WORLD_TOKEN_REFRESH;
		token = form_get(&call->form, "refresh_token");
	} else if (endpoint == ENDPOINT_REVOKE) {
		token = form_get(&call->form, "token");
	}
	if (!token || !world_read_token(&simulator->setup.world, kind, token, &account, &serial))
		return -1;
	return account;
}

static void change_world(struct simulator *simulator, const struct fault *fault, uint32_t number)
{
	struct state *state = &simulator->state;
	struct account_state *account = state_account(state, number);
	uint32_t video;

	if (fault->kind == FAULT_REVOKE)
		account->revoked = true;
	else if (fault->kind == FAULT_DROP_SCOPE)
		account->scopes &= ~fault->scopes;
	else if (fault->kind == FAULT_EXPIRE_ACCESS)
		state_kill_access(account);
	else if (fault->kind == FAULT_POST_VIDEO)
		state_post_video(state, number, "Posted between two pages ✨",
			simulator_now_ms(simulator) / 1000);
	else if (listing_find_oldest(state, number, &video))
		state_change_video(state, number, video)->visibility =
			fault->kind == FAULT_HIDE_VIDEO ? VIDEO_PRIVATE : VIDEO_DELETED;
}

static bool is_oauth(enum endpoint endpoint)
{
	return endpoint == ENDPOINT_TOKEN || endpoint == ENDPOINT_REVOKE;
}

static void refuse_as_server(
	const struct simulator *simulator, struct call *call, enum endpoint endpoint)
{
	static const struct refusal server_error = {
		"server_error", "Something is wrong. Please try again later."};

	if (is_oauth(endpoint))
		call_refuse_oauth(call, &simulator->knobs, &server_error);
	else
		call_refuse_data(
			call, &simulator->knobs, 500, "internal_error", server_error.description);
}

/* Replace or maim the answer. For faults that do no work the reply is still empty. */
static void spoil(const struct simulator *simulator, struct call *call, enum endpoint endpoint,
	const struct fault *fault)
{
	switch (fault->kind) {
	case FAULT_DROP:
		call->ending = CALL_DROPS;
		break;
	case FAULT_DELAY:
		call->delay_ms += fault->delay_ms;
		break;
	case FAULT_ERROR_500:
		refuse_as_server(simulator, call, endpoint);
		call->status = 500;
		break;
	case FAULT_ERROR_429:
		call_refuse_data(call, &simulator->knobs, 429, "rate_limit_exceeded",
			"The API rate limit was exceeded. Please try again later.");
		break;
	case FAULT_HTML_502:
		call_answer_page(call, 502, "text/html",
			"<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad "
			"Gateway</h1></center></body></html>\n");
		break;
	case FAULT_TRUNCATED_JSON:
		call->reply.length /= 2;
		break;
	case FAULT_CUT_BODY:
		call->ending = CALL_CUTS;
		break;
	case FAULT_EMPTY_BODY:
		call_begin_json(call, 200);
		break;
	case FAULT_BODY:
		call_begin_json(call, 200);
		for (int64_t i = 0; i < fault->times; i++)
			text_append_bytes(&call->reply, fault->body, fault->body_length);
		break;
	case FAULT_SERVER_ERROR:
		refuse_as_server(simulator, call, endpoint);
		break;
	case FAULT_INVALID_CLIENT:
		call_refuse_oauth(call, &simulator->knobs, &refusal_invalid_client);
		break;
	case FAULT_REVOKE:
	case FAULT_DROP_SCOPE:
	case FAULT_EXPIRE_ACCESS:
	case FAULT_HIDE_VIDEO:
	case FAULT_DELETE_VIDEO:
	case FAULT_POST_VIDEO:
	case FAULTS:
		break;
	}
}

static void answer_api(
	struct simulator *simulator, struct call *call, const struct route *route, int64_t account)
{
	const struct fault *fault;
	size_t place = 0;

	while ((fault = faults_next(&simulator->faults, route->endpoint, account, &place))) {
		simulator->tally.faults_given++;
		if (fault_rule(fault->kind)->effect == FAULT_SPOILS_ANSWER)
			break;
		change_world(simulator, fault, (uint32_t)account);
	}
	if (!fault || fault->works)
		route->answer(simulator, call);
	if (fault)
		spoil(simulator, call, route->endpoint, fault);
}

static int64_t choose_latency_ms(struct simulator *simulator)
{
	int64_t jitter_ms = knobs_get(&simulator->knobs, KNOB_LATENCY_JITTER_MS);
	int64_t latency_ms = knobs_get(&simulator->knobs, KNOB_LATENCY_MS);

	/* The serial, scattered by a multiplication, is as good as chance. */
	if (jitter_ms)
		latency_ms += (int64_t)((simulator->log_serial * 2654435761u >> 7) %
					((uint64_t)jitter_ms + 1));
	return latency_ms;
}

/* A refresh token that was sent and that nobody looked at, for a fault or a wrong secret. */
static struct token_used find_unseen(const struct simulator *simulator, const struct call *call)
{
	const char *token = form_get(&call->form, "refresh_token");
	struct token_used used = {TOKEN_UNSEEN, 0};
	uint32_t account;

	if (!token)
		return (struct token_used){TOKEN_UNUSED, 0};
	if (!world_read_token(
		    &simulator->setup.world, WORLD_TOKEN_REFRESH, token, &account, &used.serial))
		used.serial = 0;
	return used;
}

static void answer_route(struct simulator *simulator, struct call *call, const struct route *route)
{
	struct journal_entry entry = {
		.arrived_us = simclock_now_us(&simulator->clock),
		.endpoint = endpoint_name(route->endpoint),
		.account = find_account(simulator, call, route->endpoint),
	};

	simulator->grants.used = (struct token_used){TOKEN_UNUSED, 0};
	answer_api(simulator, call, route, entry.account);
	entry.used = simulator->grants.used;
	if (entry.used.use == TOKEN_UNUSED && route->endpoint == ENDPOINT_TOKEN)
		entry.used = find_unseen(simulator, call);
	journal_write(&simulator->journal, &entry, call);
}

void simulator_answer(struct simulator *simulator, struct call *call)
{
	const struct route *route = find_route(call);

	write_log_id(simulator, call->log_id);
	if (strncmp(call->path, "/admin/", 7) == 0) {
		admin_answer(simulator, call);
		return;
	}
	if (!route) {
		simulator->tally.not_found++;
		call_answer_page(call, 404, "text/plain", "There is no such method and path.\n");
		journal_write(&simulator->journal,
			&(struct journal_entry){.arrived_us = simclock_now_us(&simulator->clock),
				.endpoint = "none",
				.account = -1},
			call);
		return;
	}
	tally_call(&simulator->tally, route->endpoint, simulator_now_ms(simulator));
	call->delay_ms = choose_latency_ms(simulator);
	if (call_has_type(call, "application/x-www-form-urlencoded") && call->body.data)
		call->form_is_valid = form_read(&call->form, call->body.data);
	answer_route(simulator, call, route);
	if (call->ending == CALL_ANSWERS)
		tally_answer(&simulator->tally, route->endpoint, call->status);
	else
		simulator->tally.endpoints[route->endpoint].dropped++;
}
