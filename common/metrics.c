/* SPDX-License-Identifier: MIT */
/*
 * The table of metrics and their values. Names, types and labels follow Prometheus' conventions
 * (prometheus.io/docs/practices/naming). Any thread adds, the thread of the HTTP endpoint prints;
 * every value is one atomic, so a page may show one metric a moment later than another.
 */
#include "common/metrics.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/resource.h>

#include "common/error.h"
#include "common/result_message.h"

#define SLOTS_MAX   32
#define BUCKETS_MAX 14

enum metric_type { COUNTER, GAUGE, SECONDS, COUNTS }; /* the last two are histograms */

struct label {
	const char *name;
	const char *const *values; /* NULL where a slot is never used */
	int count;
	const char *(*value_of)(int slot); /* instead of values */
};

/* The classes that a job can end with. */
static const char *class_name(int slot)
{
	const struct error_rule *rule = error_rule((enum error_class)slot);

	return rule->remedy == REMEDY_NONE ? NULL : rule->name;
}

/* Upper bounds, in milliseconds or as they are; ended by 0. */
struct metric_definition {
	const char *name;
	enum metric_type type;
	unsigned users; /* set of enum program */
	/* slot = place among the first * count of the second + place among the second */
	struct label labels[2];
	const int64_t *bounds;
	const char *help;
};

struct histogram {
	_Atomic int64_t buckets[BUCKETS_MAX + 1]; /* not cumulative; the last one is +Inf */
	_Atomic int64_t sum;
};

/* HTTP statuses that are told apart. */
enum api_status { API_NONE, API_2XX, API_401, API_429, API_4XX, API_5XX, API_OTHER, API_STATUSES };

static const int64_t seconds_bounds[] = {
	5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 0};
static const int64_t job_bounds[] = {
	100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 120000, 300000, 600000, 0};
static const int64_t batch_bounds[] = {1, 2, 4, 8, 16, 32, 64, 0};

static const char *const outcomes[STATUSES] = {
	[STATUS_SUCCESS] = "success", [STATUS_FAILED] = "failed", [STATUS_SKIPPED] = "skipped"};
static const char *const deliveries[DELIVERY_SLOTS] = {"new", "repeated", "malformed"};
static const char *const endpoints[ENDPOINTS] = {"user_info", "video_list", "token"};
static const char *const statuses[API_STATUSES] = {
	"none", "2xx", "401", "429", "4xx", "5xx", "other"};
static const char *const quota_fates[QUOTA_FATES] = {"leased", "lapsed"};
static const char *const refreshes[REFRESH_SLOTS] = {"done", "adopted", "failed", "recovered"};
static const char *const rows[ROWS_SLOTS] = {"user", "video"};
static const char *const confirms[CONFIRM_SLOTS] = {"acked", "nacked", "returned"};
static const char *const results[RESULT_SLOTS] = {"stored", "repeated", "refused"};

#define WORKER   PROGRAM_WORKER
#define TAKERS   (PROGRAM_WORKER | PROGRAM_LOGGER)
#define SERVICES (PROGRAM_WORKER | PROGRAM_LOGGER | PROGRAM_PRODUCER)

/* clang-format off */
static const struct metric_definition definitions[METRICS] = {
	[METRIC_JOBS] = {"storesync_jobs_total", COUNTER, WORKER, {{"outcome", outcomes, STATUSES, NULL}}, NULL,
		"Attempts of jobs that ended. When failed rises faster than success, see storesync_job_failures_total for why."},
	[METRIC_JOB_FAILURES] = {"storesync_job_failures_total", COUNTER, WORKER, {{"class", NULL, ERROR_CLASSES, class_name}}, NULL,
		"Attempts that failed, by class of error. A rise of one class says whom to ask: network and server TikTok, database PostgreSQL, app_refused the app's settings."},
	[METRIC_JOB_SECONDS] = {"storesync_job_seconds", SECONDS, WORKER, {{0}}, job_bounds,
		"Time from taking a job to having reported it. A rise with storesync_api_seconds steady means waiting for the quota or the database."},
	[METRIC_JOBS_IN_FLIGHT] = {"storesync_jobs_in_flight", GAUGE, WORKER, {{0}}, NULL,
		"Jobs this worker has taken and not yet settled. Steady at the prefetch is full load: add workers if the queue still grows."},
	[METRIC_ISOLATED_DEATHS] = {"storesync_isolated_deaths_total", COUNTER, WORKER, {{0}}, NULL,
		"Processes that died over a job which had to be carried out by itself. A rise means a defect of storesync that one account's data bring to light: the log and the dead letters of class crash name it."},
	[METRIC_DELIVERIES] = {"storesync_deliveries_total", COUNTER, TAKERS, {{"kind", deliveries, DELIVERY_SLOTS, NULL}}, NULL,
		"Messages taken from a queue. A rise of repeated means that consumers die or lose their connection; of malformed, that somebody else publishes: look into the dead letters."},
	[METRIC_API_CALLS] = {"storesync_api_calls_total", COUNTER, WORKER,
		{{"endpoint", endpoints, ENDPOINTS, NULL}, {"status", statuses, API_STATUSES, NULL}}, NULL,
		"Calls to TikTok by endpoint and status. A rise of 429 means the quota is overdrawn: lower QUOTA_*; of none, that TikTok is not reached: check the network."},
	[METRIC_API_SECONDS] = {"storesync_api_seconds", SECONDS, WORKER, {{"endpoint", endpoints, ENDPOINTS, NULL}}, seconds_bounds,
		"Duration of calls to TikTok, failed ones included. A rise near HTTP_TIMEOUT means that TikTok or the way to it is slow: jobs take longer, none is lost."},
	[METRIC_APP_REFUSED] = {"storesync_app_refused", GAUGE, WORKER, {{0}}, NULL,
		"1 while TikTok refuses our client key or secret. Nothing that needs it is done meanwhile, and no account suffers: correct TIKTOK_CLIENT_KEY and TIKTOK_CLIENT_SECRET, and start the workers again."},
	[METRIC_QUOTA_PER_MINUTE] = {"storesync_quota_calls_per_minute", GAUGE, WORKER, {{"endpoint", endpoints, ENDPOINTS, NULL}}, NULL,
		"Calls a minute that the whole fleet may make to an endpoint, as last heard; 0: no limit. A fall below QUOTA_* means that TikTok answered 429: somebody else uses the client key; it rises again by a twentieth a minute."},
	[METRIC_QUOTA_SLOTS] = {"storesync_quota_slots_total", COUNTER, WORKER,
		{{"endpoint", endpoints, ENDPOINTS, NULL}, {"fate", quota_fates, QUOTA_FATES, NULL}}, NULL,
		"Moments for a call that this worker leased from the fleet's quota, and those among them that passed unused. A rise of lapsed beyond a hundredth of leased means that the worker gets too little CPU, or that connecting to TikTok takes long."},
	[METRIC_QUOTA_WAITING] = {"storesync_quota_waiting", GAUGE, WORKER, {{"endpoint", endpoints, ENDPOINTS, NULL}}, NULL,
		"Calls of this worker that wait for the quota. Above 0 for long means that TikTok's quota is what limits the fleet: more workers will not help."},
	[METRIC_QUOTA_ASKS] = {"storesync_quota_asks_total", COUNTER, WORKER, {{0}}, NULL,
		"Round trips to PostgreSQL that asked for quota. A rise to more than two a call means that many workers share little quota: see storesync_useful_workers."},
	[METRIC_PREFETCH] = {"storesync_prefetch", GAUGE, WORKER, {{0}}, NULL,
		"Jobs that this worker takes at once: what the quota can feed, at most WORKER_CONCURRENCY and two write batches. A fall means that jobs wait for quota; they wait in the queue then."},
	[METRIC_USEFUL_WORKERS] = {"storesync_useful_workers", GAUGE, WORKER, {{0}}, NULL,
		"Workers like this one that would have something to do: the smaller of what the backlog fills and what the quota feeds. A rise means that scaling the fleet up to it helps; more than that does not."},
	[METRIC_TOKEN_REFRESHES] = {"storesync_token_refreshes_total", COUNTER, WORKER, {{"outcome", refreshes, REFRESH_SLOTS, NULL}}, NULL,
		"Refreshes of access tokens; adopted ones were done by another worker, recovered ones lay in TOKEN_SPOOL_DIR when a worker died. When failed rises, storesync_job_failures_total says why: token_revoked means that merchants must connect again, the rest passes."},
	[METRIC_SNAPSHOT_ROWS] = {"storesync_snapshot_rows_total", COUNTER, WORKER, {{"kind", rows, ROWS_SLOTS, NULL}}, NULL,
		"Snapshot rows that were read and committed; those that say the same as before are not written again. No rise while jobs succeed means that accounts have nothing to show: check their scopes."},
	[METRIC_BATCH_JOBS] = {"storesync_batch_jobs", COUNTS, WORKER, {{0}}, batch_bounds,
		"Jobs saved by one transaction. A rise towards 64 means that the database is the slowest part: see storesync_commit_seconds."},
	[METRIC_COMMIT_SECONDS] = {"storesync_commit_seconds", SECONDS, TAKERS, {{0}}, seconds_bounds,
		"Duration of a transaction that saves a batch. A rise means that PostgreSQL is slow: check its disk, locks and autovacuum."},
	[METRIC_DB_CONNECTIONS] = {"storesync_db_connections", GAUGE, SERVICES, {{0}}, NULL,
		"Open connections of this process to PostgreSQL. Steady at DB_POOL_SIZE means that threads wait for one: raise it."},
	[METRIC_DB_WAIT_SECONDS] = {"storesync_db_wait_seconds", SECONDS, SERVICES, {{0}}, seconds_bounds,
		"Time spent waiting for a pooled connection. A rise means that DB_POOL_SIZE is too small or PostgreSQL too slow."},
	[METRIC_DB_ERRORS] = {"storesync_db_errors_total", COUNTER, SERVICES, {{0}}, NULL,
		"Statements and connections that failed. A rise means trouble at PostgreSQL: the log names each error."},
	[METRIC_PUBLISHED] = {"storesync_published_total", COUNTER, SERVICES, {{"fate", confirms, CONFIRM_SLOTS, NULL}}, NULL,
		"Messages published, by the broker's answer. A rise of nacked means a queue is full or fails; of returned, that it is missing: run syncctl topology apply."},
	[METRIC_UNCONFIRMED] = {"storesync_unconfirmed_messages", GAUGE, SERVICES, {{0}}, NULL,
		"Messages published and not yet confirmed. A rise means that the broker is slow to write: check its disk and its alarms."},
	[METRIC_BROKER_CONNECTS] = {"storesync_broker_connects_total", COUNTER, SERVICES, {{0}}, NULL,
		"Connections made to RabbitMQ. A rise after the start means that they break: the log gives the reasons."},
	[METRIC_BROKER_BLOCKED] = {"storesync_broker_blocked", GAUGE, SERVICES, {{0}}, NULL,
		"1 while RabbitMQ refuses to take messages because of an alarm: free memory or disk on the broker."},
	[METRIC_RESULTS] = {"storesync_results_total", COUNTER, PROGRAM_LOGGER, {{"fate", results, RESULT_SLOTS, NULL}}, NULL,
		"Results taken by the logger. A rise of repeated is harmless redelivery; of refused, that results cannot be stored: look into sync.results.dead."},
	[METRIC_DRAINING] = {"storesync_draining", GAUGE, TAKERS, {{0}}, NULL,
		"1 from SIGTERM to the end, while begun work is finished. Staying at 1 means that DRAIN_TIMEOUT is waited for: see which jobs hang."},
};
/* clang-format on */

static _Atomic int64_t values[METRICS][SLOTS_MAX];
static struct histogram histograms[METRICS][ENDPOINTS];

static bool is_histogram(enum metric metric)
{
	return definitions[metric].type == SECONDS || definitions[metric].type == COUNTS;
}

static int slot_count(enum metric metric)
{
	const struct label *labels = definitions[metric].labels;

	return (labels[0].count ? labels[0].count : 1) * (labels[1].count ? labels[1].count : 1);
}

/* The value of a slot for one of the metric's labels; NULL: the slot is not used. */
static const char *label_value(enum metric metric, int label, int slot)
{
	const struct label *labels = definitions[metric].labels;

	if (label == 0 && labels[1].count)
		slot /= labels[1].count;
	else if (label == 1)
		slot %= labels[1].count;
	return labels[label].value_of ? labels[label].value_of(slot) : labels[label].values[slot];
}

static bool slot_is_used(enum metric metric, int slot)
{
	return !definitions[metric].labels[0].name || label_value(metric, 0, slot);
}

static void check_slot(enum metric metric, int slot)
{
	assert(metric < METRICS);
	assert(slot >= 0 && slot < slot_count(metric) && slot < SLOTS_MAX);
	assert(!is_histogram(metric) || slot < ENDPOINTS);
	assert(slot_is_used(metric, slot));
}

const char *metric_endpoint_name(enum metric_endpoint endpoint)
{
	return endpoints[endpoint];
}

int metric_api_slot(enum metric_endpoint endpoint, int status)
{
	enum api_status api_status = API_OTHER;

	assert(endpoint < ENDPOINTS);
	if (status == 0)
		api_status = API_NONE;
	else if (status == 401)
		api_status = API_401;
	else if (status == 429)
		api_status = API_429;
	else if (status / 100 == 2)
		api_status = API_2XX;
	else if (status / 100 == 4)
		api_status = API_4XX;
	else if (status / 100 == 5)
		api_status = API_5XX;
	return (int)endpoint * API_STATUSES + (int)api_status;
}

int metric_quota_slot(enum metric_endpoint endpoint, enum metric_quota fate)
{
	return (int)endpoint * QUOTA_FATES + (int)fate;
}

void metric_add(enum metric metric, int slot, int64_t delta)
{
	check_slot(metric, slot);
	assert(!is_histogram(metric));
	assert(definitions[metric].type == GAUGE || delta >= 0);
	atomic_fetch_add_explicit(&values[metric][slot], delta, memory_order_relaxed);
}

void metric_set(enum metric metric, int slot, int64_t value)
{
	check_slot(metric, slot);
	assert(definitions[metric].type == GAUGE);
	atomic_store_explicit(&values[metric][slot], value, memory_order_relaxed);
}

static void observe(enum metric metric, int slot, int64_t value)
{
	const int64_t *bounds = definitions[metric].bounds;
	struct histogram *histogram = &histograms[metric][slot];
	int bucket = 0;

	while (bounds[bucket] && value > bounds[bucket])
		bucket++;
	atomic_fetch_add_explicit(&histogram->buckets[bucket], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&histogram->sum, value, memory_order_relaxed);
}

void metric_observe_ms(enum metric metric, int slot, int64_t ms)
{
	check_slot(metric, slot);
	assert(definitions[metric].type == SECONDS);
	observe(metric, slot, ms);
}

void metric_observe(enum metric metric, int slot, int64_t value)
{
	check_slot(metric, slot);
	assert(definitions[metric].type == COUNTS);
	observe(metric, slot, value);
}

int64_t metric_value(enum metric metric, int slot)
{
	int64_t count = 0;

	check_slot(metric, slot);
	if (!is_histogram(metric))
		return atomic_load_explicit(&values[metric][slot], memory_order_relaxed);
	for (int bucket = 0; bucket <= BUCKETS_MAX; bucket++)
		count += atomic_load_explicit(
			&histograms[metric][slot].buckets[bucket], memory_order_relaxed);
	return count;
}

/* The labels of a slot, and le where it is given: {endpoint="token",le="0.5"} */
static void print_labels(enum metric metric, int slot, const char *le, struct text *out)
{
	const struct label *labels = definitions[metric].labels;
	char separator = '{';

	for (int i = 0; i < 2 && labels[i].name; i++) {
		text_append_format(out, "%c%s=\"%s\"", separator, labels[i].name,
			label_value(metric, i, slot));
		separator = ',';
	}
	if (le) {
		text_append_format(out, "%cle=\"%s\"", separator, le);
		separator = ',';
	}
	if (separator == ',')
		text_append_char(out, '}');
}

/* Milliseconds as seconds without trailing zeros; counts as they are. */
static void format_bound(enum metric metric, int64_t bound, char *text, size_t size_bytes)
{
	if (definitions[metric].type == SECONDS)
		snprintf(text, size_bytes, "%.6g", (double)bound / 1000);
	else
		snprintf(text, size_bytes, "%lld", (long long)bound);
}

static void print_histogram(enum metric metric, int slot, struct text *out)
{
	const struct metric_definition *definition = &definitions[metric];
	struct histogram *histogram = &histograms[metric][slot];
	int64_t sum = atomic_load_explicit(&histogram->sum, memory_order_relaxed);
	int64_t count = 0;
	int bucket = 0;
	char le[32];

	for (;; bucket++) {
		count += atomic_load_explicit(&histogram->buckets[bucket], memory_order_relaxed);
		if (!definition->bounds[bucket])
			break;
		format_bound(metric, definition->bounds[bucket], le, sizeof le);
		text_append_format(out, "%s_bucket", definition->name);
		print_labels(metric, slot, le, out);
		text_append_format(out, " %lld\n", (long long)count);
	}
	text_append_format(out, "%s_bucket", definition->name);
	print_labels(metric, slot, "+Inf", out);
	text_append_format(out, " %lld\n%s_sum", (long long)count, definition->name);
	print_labels(metric, slot, NULL, out);
	if (definition->type == SECONDS)
		text_append_format(
			out, " %lld.%03lld", (long long)(sum / 1000), (long long)(sum % 1000));
	else
		text_append_format(out, " %lld", (long long)sum);
	text_append_format(out, "\n%s_count", definition->name);
	print_labels(metric, slot, NULL, out);
	text_append_format(out, " %lld\n", (long long)count);
}

static void print_metric(enum metric metric, struct text *out)
{
	static const char *const type_names[] = {"counter", "gauge", "histogram", "histogram"};
	const struct metric_definition *definition = &definitions[metric];

	text_append_format(out, "# HELP %s %s\n# TYPE %s %s\n", definition->name, definition->help,
		definition->name, type_names[definition->type]);
	for (int slot = 0; slot < slot_count(metric); slot++) {
		if (!slot_is_used(metric, slot))
			continue;
		if (is_histogram(metric)) {
			print_histogram(metric, slot, out);
			continue;
		}
		text_append(out, definition->name);
		print_labels(metric, slot, NULL, out);
		text_append_format(out, " %lld\n", (long long)metric_value(metric, slot));
	}
}

/* What the process used; the name is the one that every Prometheus client library gives it. */
static void print_process(struct text *out)
{
	struct rusage usage;
	int64_t micros;

	if (getrusage(RUSAGE_SELF, &usage) != 0)
		return;
	micros = ((int64_t)usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
		 usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
	text_append_format(out,
		"# HELP process_cpu_seconds_total CPU time of this process. Divided by "
		"storesync_jobs_total it is the cost of a job; a rise of that is a regression.\n"
		"# TYPE process_cpu_seconds_total counter\n"
		"process_cpu_seconds_total %lld.%06lld\n",
		(long long)(micros / 1000000), (long long)(micros % 1000000));
}

void metrics_print(enum program program, struct text *out)
{
	for (enum metric metric = 0; metric < METRICS; metric++)
		if (definitions[metric].users & program)
			print_metric(metric, out);
	print_process(out);
}
