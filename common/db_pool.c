/* SPDX-License-Identifier: MIT */
/*
 * The pool. A loan is a place (at most size of them) and, on that place, an idle connection if
 * there is one, else a new one. Those who wait stand in line, and whoever gives a place back hands
 * it to the first in line: nobody is passed over.
 *
 *     place:       free -> lent -> free
 *     connection:  opened -> lent -> idle -> lent ...   closed when broken, or idle for idle_ms
 *
 * The keeper thread starts with the first connection and looks after the idle ones once a second.
 */
#include "common/db_pool.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/condition.h"
#include "common/crypto.h"
#include "common/db_pace.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/metrics.h"

#define KEEPER_PERIOD_MS 1000

struct idle {
	struct db *db;
	int64_t since_ms;
};

/* Somebody in line, on the stack of the waiting thread. */
struct waiter {
	struct waiter *next;
	pthread_cond_t called;
	bool has_place;
};

struct db_pool {
	char *url;
	enum program program;
	int size;
	int64_t idle_ms;
	bool logging;

	/*
	 * Guards everything below. Held for a few instructions and for looks at idle sockets that
	 * do not wait.
	 */
	pthread_mutex_t lock;
	int lent;             /* places */
	struct idle *idle;    /* size of them; the last one was used last */
	int idle_count;       /* lent + idle_count <= size */
	struct waiter *first; /* the line */
	struct waiter **last;
	struct db_pace pace;
	bool connecting;                /* somebody is at it */
	pthread_cond_t connect_is_over; /* or the pool stops */
	bool stopping;
	bool keeper_runs;
	pthread_cond_t keeper_wake; /* the pool stops */

	pthread_t keeper;
};

struct db_pool *db_pool_create(const struct db_pool_options *options)
{
	struct db_pool *pool = memory_allocate(1, sizeof *pool);

	assert(options->size > 0);
	pool->url = memory_copy_text(options->url);
	pool->program = options->program;
	pool->size = options->size;
	pool->idle_ms = options->idle_ms > 0 ? options->idle_ms : DB_POOL_IDLE_MS;
	pool->logging = options->logging;
	pthread_mutex_init(&pool->lock, NULL);
	pool->idle = memory_allocate((size_t)pool->size, sizeof *pool->idle);
	pool->last = &pool->first;
	db_pace_init(&pool->pace);
	condition_init(&pool->connect_is_over);
	condition_init(&pool->keeper_wake);
	return pool;
}

static void close_connection(struct db *db)
{
	if (db)
		metric_add(METRIC_DB_CONNECTIONS, 0, -1);
	db_close(db);
}

/*
 * The keeper's look: take out what has been idle for too long and what broke, the latter with its
 * reason.
 */
static int take_out_locked(struct db_pool *pool, struct db **out, struct error *reasons)
{
	int64_t now_ms = clock_monotonic_ms();
	int kept = 0;
	int taken = 0;

	for (int i = 0; i < pool->idle_count; i++) {
		struct idle idle = pool->idle[i];
		struct error reason = {.class = ERROR_NONE};

		if (db_check_idle(idle.db, &reason) && now_ms - idle.since_ms < pool->idle_ms) {
			pool->idle[kept++] = idle;
			continue;
		}
		out[taken] = idle.db;
		reasons[taken++] = reason;
	}
	pool->idle_count = kept;
	return taken;
}

static void *keep(void *context)
{
	struct db_pool *pool = context;
	struct db **out = memory_allocate((size_t)pool->size, sizeof(struct db *));
	struct error *reasons = memory_allocate((size_t)pool->size, sizeof *reasons);
	int64_t period_ms = pool->idle_ms < KEEPER_PERIOD_MS ? pool->idle_ms : KEEPER_PERIOD_MS;

	pthread_mutex_lock(&pool->lock);
	while (!pool->stopping) {
		int taken;

		condition_wait_until(
			&pool->keeper_wake, &pool->lock, clock_monotonic_ms() + period_ms);
		taken = take_out_locked(pool, out, reasons);
		pthread_mutex_unlock(&pool->lock);
		for (int i = 0; i < taken; i++) {
			if (reasons[i].class != ERROR_NONE)
				log_warn("%s; it is closed and replaced when needed",
					reasons[i].text);
			close_connection(out[i]);
		}
		pthread_mutex_lock(&pool->lock);
	}
	pthread_mutex_unlock(&pool->lock);
	free(reasons);
	free(out);
	return NULL;
}

static void start_keeper_locked(struct db_pool *pool)
{
	if (pool->keeper_runs)
		return;
	if (pthread_create(&pool->keeper, NULL, keep, pool) == 0)
		pool->keeper_runs = true;
	else
		log_warn(
			"cannot start the keeper of the connection pool; idle connections stay open");
}

/* Give free places to those first in line. */
static void call_waiters_locked(struct db_pool *pool)
{
	while (!pool->stopping && pool->first && pool->lent < pool->size) {
		struct waiter *waiter = pool->first;

		pool->first = waiter->next;
		if (!pool->first)
			pool->last = &pool->first;
		pool->lent++;
		waiter->has_place = true;
		pthread_cond_signal(&waiter->called);
	}
}

static void leave_line_locked(struct db_pool *pool, struct waiter *waiter)
{
	struct waiter **link = &pool->first;

	while (*link != waiter)
		link = &(*link)->next;
	*link = waiter->next;
	if (!waiter->next)
		pool->last = link;
}

/* True: a place is ours. */
static bool wait_in_line_locked(struct db_pool *pool, int64_t deadline_ms)
{
	struct waiter waiter = {.next = NULL};

	condition_init(&waiter.called);
	*pool->last = &waiter;
	pool->last = &waiter.next;
	while (!waiter.has_place && !pool->stopping)
		if (!condition_wait_until(&waiter.called, &pool->lock, deadline_ms))
			break;
	if (!waiter.has_place)
		leave_line_locked(pool, &waiter);
	pthread_cond_destroy(&waiter.called);
	return waiter.has_place;
}

/* Nobody is passed over: whoever finds others waiting gets in line behind them. */
static bool take_place_locked(struct db_pool *pool, int64_t timeout_ms)
{
	if (pool->stopping)
		return false;
	if (!pool->first && pool->lent < pool->size) {
		pool->lent++;
		return true;
	}
	return timeout_ms > 0 && wait_in_line_locked(pool, clock_monotonic_ms() + timeout_ms);
}

static void give_place_back(struct db_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->lent--;
	call_waiters_locked(pool);
	pthread_mutex_unlock(&pool->lock);
}

static void refuse_when_stopping(struct error *err)
{
	error_set(err, ERROR_STOPPING, "the connection pool is stopping");
}

/* Whoever finds another connecting hears how that went first. */
static bool begin_to_connect(struct db_pool *pool, struct error *err)
{
	bool may = false;

	pthread_mutex_lock(&pool->lock);
	while (pool->connecting && !pool->stopping)
		pthread_cond_wait(&pool->connect_is_over, &pool->lock);
	if (pool->stopping)
		refuse_when_stopping(err);
	else if (db_pace_pause_ms(&pool->pace, clock_monotonic_ms()) > 0)
		*err = pool->pace.trouble;
	else
		may = pool->connecting = true;
	if (may)
		db_pace_note_attempt(&pool->pace, clock_monotonic_ms());
	pthread_mutex_unlock(&pool->lock);
	return may;
}

static void note_connect(struct db_pool *pool, bool connected, const struct error *err)
{
	pthread_mutex_lock(&pool->lock);
	pool->connecting = false;
	if (!connected)
		db_pace_note_failure(&pool->pace, err, random_u64(), clock_monotonic_ms());
	pthread_cond_broadcast(&pool->connect_is_over);
	pthread_mutex_unlock(&pool->lock);
}

static bool open_connection(struct db_pool *pool, struct db **db, struct error *err)
{
	bool connected;

	if (!begin_to_connect(pool, err))
		return false;
	connected = db_open(pool->url, pool->program, pool->logging, db, err);
	note_connect(pool, connected, err);
	if (connected)
		metric_add(METRIC_DB_CONNECTIONS, 0, 1);
	return connected;
}

static void note_loss_locked(struct db_pool *pool, const char *reason)
{
	db_pace_note_loss(&pool->pace, reason, random_u64(), clock_monotonic_ms());
}

/* It broke while nobody used it. */
static void drop_broken(struct db_pool *pool, struct db *db, const struct error *reason)
{
	log_warn("%s; it is replaced", reason->text);
	close_connection(db);
	pthread_mutex_lock(&pool->lock);
	note_loss_locked(pool, reason->text);
	pthread_mutex_unlock(&pool->lock);
}

/* A place and, when there is one, the idle connection that was used last. */
static bool take_loan(struct db_pool *pool, int64_t timeout_ms, struct db **idle, struct error *err)
{
	bool has_place;

	*idle = NULL;
	pthread_mutex_lock(&pool->lock);
	has_place = take_place_locked(pool, timeout_ms);
	if (has_place && pool->idle_count > 0)
		*idle = pool->idle[--pool->idle_count].db;
	if (has_place)
		start_keeper_locked(pool);
	else if (pool->stopping)
		refuse_when_stopping(err);
	else
		error_set(err, ERROR_DATABASE,
			"all %d connections were in use for %lld ms; raise DB_POOL_SIZE if this goes on",
			pool->size, (long long)timeout_ms);
	pthread_mutex_unlock(&pool->lock);
	return has_place;
}

bool db_pool_get(struct db_pool *pool, int64_t timeout_ms, struct db **db, struct error *err)
{
	int64_t began_ms = clock_monotonic_ms();
	struct db *got;
	struct error reason;
	bool ok = take_loan(pool, timeout_ms, &got, err);

	/* It may have broken since the keeper looked, most likely with all the others. */
	if (ok && got && !db_check_idle(got, &reason)) {
		drop_broken(pool, got, &reason);
		got = NULL;
	}
	if (ok && !got && !open_connection(pool, &got, err)) {
		give_place_back(pool);
		ok = false;
	}
	metric_observe_ms(METRIC_DB_WAIT_SECONDS, 0, clock_monotonic_ms() - began_ms);
	if (ok)
		*db = got;
	return ok;
}

void db_pool_put(struct db_pool *pool, struct db *db)
{
	struct text problem = {0};

	if (!db)
		return;
	if (!db_is_usable(db)) {
		text_append(&problem, db_problem(db));
		close_connection(db);
		db = NULL;
	}
	pthread_mutex_lock(&pool->lock);
	assert(pool->lent > 0);
	if (db)
		db_pace_note_health(&pool->pace);
	else if (problem.length > 0)
		note_loss_locked(pool, problem.data);
	if (db && !pool->stopping) {
		pool->idle[pool->idle_count++] =
			(struct idle){.db = db, .since_ms = clock_monotonic_ms()};
		db = NULL;
	}
	pool->lent--;
	call_waiters_locked(pool);
	pthread_mutex_unlock(&pool->lock);
	close_connection(db);
	text_finish(&problem);
}

int64_t db_pool_pause_ms(struct db_pool *pool)
{
	int64_t pause_ms;

	pthread_mutex_lock(&pool->lock);
	pause_ms = db_pace_pause_ms(&pool->pace, clock_monotonic_ms());
	pthread_mutex_unlock(&pool->lock);
	return pause_ms;
}

void db_pool_stop(struct db_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->stopping = true;
	for (struct waiter *waiter = pool->first; waiter; waiter = waiter->next)
		pthread_cond_signal(&waiter->called);
	pthread_cond_broadcast(&pool->connect_is_over);
	pthread_cond_signal(&pool->keeper_wake);
	pthread_mutex_unlock(&pool->lock);
}

void db_pool_destroy(struct db_pool *pool)
{
	if (!pool)
		return;
	db_pool_stop(pool);
	if (pool->keeper_runs)
		pthread_join(pool->keeper, NULL);
	assert(pool->lent == 0 && !pool->first);
	while (pool->idle_count > 0)
		close_connection(pool->idle[--pool->idle_count].db);
	pthread_cond_destroy(&pool->connect_is_over);
	pthread_cond_destroy(&pool->keeper_wake);
	pthread_mutex_destroy(&pool->lock);
	memory_free_secret(pool->url);
	free(pool->idle);
	free(pool);
}
