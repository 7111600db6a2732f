/* SPDX-License-Identifier: MIT */
/*
 * Liveness and readiness, and the HTTP endpoint that tells them. Loops and needs are written by the
 * threads of the program and read by the thread of the HTTP server; without HTTP_LISTEN there is no
 * such thread, all else is the same.
 */
#include "common/health.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/http_server.h"
#include "common/log.h"
#include "common/log_mask.h"
#include "common/memory.h"
#include "common/metrics.h"
#include "common/text.h"

#define LOOPS_MAX            16
#define NEEDS_MAX            16
#define REASON_SIZE          256
#define REMIND_MS            60000
#define CONNECTIONS_MAX      64U
#define CONNECTION_TIMEOUT_S 10U
#define LOOP_ENDED           (-1)
#define NOT_FOUND            404
#define UNAVAILABLE          503

struct health_loop {
	const struct health *health;
	const char *name;
	_Atomic int64_t turned_ms; /* or LOOP_ENDED */
};

struct health_need {
	struct health *health;
	const char *name;
	char reason[REASON_SIZE]; /* empty: it is there */
	bool was_there;
	char told[2][REASON_SIZE]; /* what the log was told last, since it is missing */
	int64_t missing_since_ms;
	int64_t logged_ms;
};

struct health {
	struct http_server *server; /* NULL: no endpoint */
	enum program program;
	int64_t (*now_ms)(void);
	pthread_mutex_t lock; /* guards the counts and every need */
	struct health_loop loops[LOOPS_MAX];
	size_t loop_count;
	struct health_need needs[NEEDS_MAX];
	size_t need_count;
};

struct health_loop *health_add_loop(struct health *health, const char *name)
{
	struct health_loop *loop;

	if (!health)
		return NULL;
	pthread_mutex_lock(&health->lock);
	assert(health->loop_count < LOOPS_MAX);
	loop = &health->loops[health->loop_count++];
	loop->health = health;
	loop->name = name;
	health_beat(loop);
	pthread_mutex_unlock(&health->lock);
	return loop;
}

void health_beat(struct health_loop *loop)
{
	if (loop)
		atomic_store_explicit(
			&loop->turned_ms, loop->health->now_ms(), memory_order_relaxed);
}

void health_loop_end(struct health_loop *loop)
{
	if (loop)
		atomic_store_explicit(&loop->turned_ms, LOOP_ENDED, memory_order_relaxed);
}

struct health_need *health_add_need(struct health *health, const char *name)
{
	struct health_need *need;

	if (!health)
		return NULL;
	pthread_mutex_lock(&health->lock);
	assert(health->need_count < NEEDS_MAX);
	need = &health->needs[health->need_count++];
	*need = (struct health_need){.health = health, .name = name, .reason = "starting"};
	need->missing_since_ms = need->logged_ms = health->now_ms();
	pthread_mutex_unlock(&health->lock);
	return need;
}

/* Note that a need is there; returns how it is logged, outside of the lock. */
static void note_there(struct health_need *need, int64_t now_ms, struct text *news)
{
	if (!*need->reason)
		return;
	if (need->was_there)
		text_append_format(news, "%s is back after %lld s", need->name,
			(long long)(now_ms - need->missing_since_ms) / 1000);
	else
		text_append_format(news, "%s is ready", need->name);
	need->reason[0] = '\0';
	memset(need->told, 0, sizeof need->told);
	need->was_there = true;
}

static bool was_told(const struct health_need *need, const char *reason)
{
	return strcmp(need->told[0], reason) == 0 || strcmp(need->told[1], reason) == 0;
}

static void note_missing(
	struct health_need *need, const char *reason, int64_t now_ms, struct text *news)
{
	char masked[REASON_SIZE];

	log_mask(*reason ? reason : "no reason is known", masked, sizeof masked);
	if (!*need->reason)
		need->missing_since_ms = now_ms;
	memcpy(need->reason, masked, sizeof masked);
	if (was_told(need, masked) && now_ms - need->logged_ms < REMIND_MS)
		return;
	if (*need->told[0])
		text_append_format(news, "still waiting for %s, for %lld s: %s", need->name,
			(long long)(now_ms - need->missing_since_ms) / 1000, masked);
	else
		text_append_format(news, "waiting for %s: %s", need->name, masked);
	if (strcmp(need->told[0], masked) != 0) {
		memcpy(need->told[1], need->told[0], REASON_SIZE);
		memcpy(need->told[0], masked, REASON_SIZE);
	}
	need->logged_ms = now_ms;
}

void health_set_need(struct health_need *need, const char *reason)
{
	struct text news = {0};

	if (!need)
		return;
	pthread_mutex_lock(&need->health->lock);
	if (reason)
		note_missing(need, reason, need->health->now_ms(), &news);
	else
		note_there(need, need->health->now_ms(), &news);
	pthread_mutex_unlock(&need->health->lock);
	if (news.length)
		log_about(reason ? LOG_WARN : LOG_INFO, NULL, "%s", text_string(&news));
	text_finish(&news);
}

/* A line for each need that is missing; true if none is. */
static bool list_missing(struct health *health, struct text *page)
{
	int64_t now_ms = health->now_ms();
	bool is_ready = true;

	pthread_mutex_lock(&health->lock);
	for (size_t i = 0; i < health->need_count; i++) {
		const struct health_need *need = &health->needs[i];

		if (!*need->reason)
			continue;
		is_ready = false;
		text_append_format(page, "waiting for %s for %lld s: %s\n", need->name,
			(long long)(now_ms - need->missing_since_ms) / 1000, need->reason);
	}
	pthread_mutex_unlock(&health->lock);
	return is_ready;
}

bool health_is_ready(struct health *health)
{
	struct text page = {0};
	bool is_ready = !health || list_missing(health, &page);

	text_finish(&page);
	return is_ready;
}

static bool is_stuck(
	const struct health_loop *loop, int64_t limit_ms, int64_t now_ms, int64_t *for_ms)
{
	int64_t turned_ms = atomic_load_explicit(&loop->turned_ms, memory_order_relaxed);

	*for_ms = now_ms - turned_ms;
	return turned_ms != LOOP_ENDED && *for_ms > limit_ms;
}

const char *health_stuck_loop(struct health *health, int64_t limit_ms)
{
	int64_t now_ms = health->now_ms(), for_ms;
	const char *name = NULL;

	pthread_mutex_lock(&health->lock);
	for (size_t i = 0; i < health->loop_count && !name; i++)
		if (is_stuck(&health->loops[i], limit_ms, now_ms, &for_ms))
			name = health->loops[i].name;
	pthread_mutex_unlock(&health->lock);
	return name;
}

/* A line for each loop that is stuck; true if none is. */
static bool list_stuck(struct health *health, struct text *page)
{
	int64_t now_ms = health->now_ms();
	bool is_alive = true;

	pthread_mutex_lock(&health->lock);
	for (size_t i = 0; i < health->loop_count; i++) {
		int64_t for_ms;

		if (!is_stuck(&health->loops[i], HEALTH_LOOP_LIMIT_MS, now_ms, &for_ms))
			continue;
		is_alive = false;
		text_append_format(page, "%s has not turned for %lld s, the limit is %d s\n",
			health->loops[i].name, (long long)for_ms / 1000,
			HEALTH_LOOP_LIMIT_MS / 1000);
	}
	pthread_mutex_unlock(&health->lock);
	return is_alive;
}

static void write_page(
	void *owner, const struct http_server_request *request, struct http_server_reply *reply)
{
	struct health *health = owner;
	const char *path = request->path;

	if (strcmp(path, "/metrics") == 0) {
		reply->content_type = "text/plain; version=0.0.4; charset=utf-8";
		metrics_print(health->program, &reply->page);
	} else if (strcmp(path, "/livez") == 0) {
		if (list_stuck(health, &reply->page))
			text_append(&reply->page, "alive\n");
		else
			reply->status = UNAVAILABLE;
	} else if (strcmp(path, "/readyz") == 0) {
		if (list_missing(health, &reply->page))
			text_append(&reply->page, "ready\n");
		else
			reply->status = UNAVAILABLE;
	} else {
		reply->status = NOT_FOUND;
		text_append(&reply->page, "there are /livez, /readyz and /metrics\n");
	}
}

static bool start_endpoint(struct health *health, const char *where, struct error *err)
{
	const struct http_server_options options = {
		.setting = "HTTP_LISTEN",
		.listen = where,
		.connections_max = CONNECTIONS_MAX,
		.idle_limit_s = CONNECTION_TIMEOUT_S,
		.handler = write_page,
		.owner = health,
	};

	return http_server_start(&options, &health->server, err);
}

bool health_start(
	const char *listen, enum program program, struct health **health, struct error *err)
{
	struct health *made = memory_allocate(1, sizeof *made);

	pthread_mutex_init(&made->lock, NULL);
	made->program = program;
	made->now_ms = clock_monotonic_ms;
	if (listen && *listen && !start_endpoint(made, listen, err)) {
		health_stop(made);
		return false;
	}
	*health = made;
	return true;
}

void health_stop(struct health *health)
{
	if (!health)
		return;
	http_server_stop(health->server);
	pthread_mutex_destroy(&health->lock);
	free(health);
}

void health_set_clock(struct health *health, int64_t (*now_ms)(void))
{
	health->now_ms = now_ms;
}

int health_port(const struct health *health)
{
	return health->server ? http_server_port(health->server) : 0;
}
