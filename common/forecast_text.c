/* SPDX-License-Identifier: MIT */
/*
 * Forecasts for people and programs. Any thread.
 */
#include "common/forecast_text.h"

#include <inttypes.h>

void forecast_append_duration(int64_t seconds, struct text *out)
{
	if (seconds < 60)
		text_append_format(out, "%" PRId64 " s", seconds);
	else if (seconds <= 3540)
		text_append_format(out, "%" PRId64 " min", (seconds + 59) / 60);
	else
		text_append_format(out, "%" PRId64 " h %" PRId64 " min", (seconds + 59) / 3600,
			(seconds + 59) % 3600 / 60);
}

/* ---- For people ---- */

static void append_accounts(const struct forecast_report *report, struct text *out)
{
	const struct forecast_facts *facts = &report->facts;

	text_append_format(out,
		"%s of %s: %" PRId64 " accounts, %" PRId64 " done, %" PRId64 " left\n",
		job_type_name(facts->job_type), report->selection->day, facts->accounts,
		facts->accounts - facts->left - facts->dead, facts->left);
	if (facts->dead > 0)
		text_append_format(out,
			"%" PRId64 " have failed for good: syncctl dead list says why\n",
			facts->dead);
	if (facts->guessed > 0)
		text_append_format(out,
			"of %" PRId64
			" of those left nobody knows how many videos they have: taken for %" PRId64
			" each, the average of the others\n",
			facts->guessed, facts->average_videos);
}

static void append_endpoints(const struct forecast_report *report, struct text *out)
{
	const struct forecast_facts *facts = &report->facts;

	text_append_format(out, "%-10s  %10s  %10s  %10s  %12s  %s\n", "ENDPOINT", "CALLS", "DONE",
		"LEFT", "A MINUTE", "TAKES");
	for (int i = 0; i < FORECAST_ENDPOINTS; i++) {
		struct text quota = {0};

		if (facts->quota[i] > 0)
			text_append_format(&quota, "%" PRId64, facts->quota[i]);
		else
			text_append(&quota, "no limit");
		text_append_format(out,
			"%-10s  %10" PRId64 "  %10" PRId64 "  %10" PRId64 "  %12s  ",
			forecast_endpoint_name((enum forecast_endpoint)i), facts->calls[i],
			facts->calls[i] - facts->calls_left[i], facts->calls_left[i],
			text_string(&quota));
		if (facts->quota[i] > 0)
			forecast_append_duration(report->forecast.takes_s[i], out);
		else
			text_append_char(out, '-');
		text_append_char(out, '\n');
		text_finish(&quota);
	}
}

static void append_end(const struct forecast_report *report, struct text *out)
{
	const struct forecast *forecast = &report->forecast;

	if (report->facts.left == 0) {
		text_append(out, "nothing is left to do\n");
	} else if (forecast->is_limited) {
		text_append_format(
			out, "finished at %s (%s), in ", report->ends_at, report->time_zone);
		forecast_append_duration(forecast->left_s, out);
		text_append_format(
			out, "; %s takes longest\n", forecast_endpoint_name(forecast->bottleneck));
	} else {
		text_append(out, "no quota limits it: it takes as long as the workers need\n");
	}
}

static void append_workers(const struct forecast_report *report, struct text *out)
{
	const struct forecast *forecast = &report->forecast;

	if (report->facts.left == 0)
		return;
	text_append_format(out,
		"useful workers: %" PRId64 " (WORKER_CONCURRENCY %" PRId64 "; by backlog %" PRId64
		", by quota ",
		forecast->useful_workers, report->facts.concurrency, forecast->workers_by_backlog);
	if (forecast->workers_by_quota > 0)
		text_append_format(out, "%" PRId64 ", at %" PRId64 " ms a call)\n",
			forecast->workers_by_quota, (report->facts.call_us + 999) / 1000);
	else if (forecast->is_limited)
		text_append(out, "not known: no job ran within the last two days)\n");
	else
		text_append(out, "no limit)\n");
}

static void append_warnings(const struct forecast_report *report, struct text *out)
{
	const struct forecast *forecast = &report->forecast;
	const char *slowest = forecast_endpoint_name(forecast->bottleneck);

	if (!forecast->day_suffices) {
		text_append(out, "warning: a day does not suffice: the whole run takes ");
		forecast_append_duration(forecast->whole_s, out);
		text_append(out, " at the quota\n");
	}
	if (!forecast->ends_in_time && report->facts.day_left_s <= 0)
		text_append_format(out, "warning: %s is over in %s\n", report->selection->day,
			report->time_zone);
	else if (!forecast->ends_in_time)
		text_append_format(out,
			"warning: it will not be finished before midnight in %s; what is read after it is stored under this day all the same\n",
			report->time_zone);
	if (forecast->is_limited && (!forecast->day_suffices || !forecast->ends_in_time))
		text_append_format(out,
			"ways out: ask TikTok for a higher limit of %s and raise its QUOTA_ setting; start the producer earlier; look store by store (syncctl forecast --store) and leave accounts out that need no snapshot; user_stats alone needs one call an account\n",
			slowest);
}

void forecast_append_text(const struct forecast_report *report, struct text *out)
{
	append_accounts(report, out);
	append_endpoints(report, out);
	append_end(report, out);
	append_workers(report, out);
	append_warnings(report, out);
}

/* ---- For programs ---- */

static const char *boolean(bool value)
{
	return value ? "true" : "false";
}

static void append_number_or_null(const char *name, bool is_known, int64_t number, struct text *out)
{
	if (is_known)
		text_append_format(out, ",\"%s\":%" PRId64, name, number);
	else
		text_append_format(out, ",\"%s\":null", name);
}

void forecast_append_json(const struct forecast_report *report, struct text *out)
{
	const struct forecast_facts *facts = &report->facts;
	const struct forecast *forecast = &report->forecast;
	bool knows_end = facts->left == 0 || forecast->is_limited;

	text_append_format(out,
		"{\"v\":1,\"job_type\":\"%s\",\"date\":\"%s\",\"accounts\":%" PRId64
		",\"left\":%" PRId64 ",\"dead\":%" PRId64 ",\"guessed\":%" PRId64
		",\"average_videos\":%" PRId64 ",\n\"endpoints\":[",
		job_type_name(facts->job_type), report->selection->day, facts->accounts,
		facts->left, facts->dead, facts->guessed, facts->average_videos);
	for (int i = 0; i < FORECAST_ENDPOINTS; i++) {
		text_append_format(out,
			"%s\n{\"endpoint\":\"%s\",\"calls\":%" PRId64 ",\"left\":%" PRId64
			",\"per_minute\":%" PRId64,
			i > 0 ? "," : "", forecast_endpoint_name((enum forecast_endpoint)i),
			facts->calls[i], facts->calls_left[i], facts->quota[i]);
		append_number_or_null("takes_s", facts->quota[i] > 0, forecast->takes_s[i], out);
		text_append_char(out, '}');
	}
	text_append(out, "],\n\"bottleneck\":");
	if (forecast->is_limited)
		text_append_format(out, "\"%s\"", forecast_endpoint_name(forecast->bottleneck));
	else
		text_append(out, "null");
	append_number_or_null("left_s", knows_end, forecast->left_s, out);
	if (knows_end)
		text_append_format(out, ",\"ends_at\":\"%s\"", report->ends_at);
	else
		text_append(out, ",\"ends_at\":null");
	text_append(out, ",\"time_zone\":\"");
	text_append_json(out, report->time_zone);
	text_append_format(out,
		"\",\"day_suffices\":%s,\"ends_in_time\":%s,\n\"workers_by_backlog\":%" PRId64,
		boolean(forecast->day_suffices), boolean(forecast->ends_in_time),
		forecast->workers_by_backlog);
	append_number_or_null("workers_by_quota", forecast->workers_by_quota > 0,
		forecast->workers_by_quota, out);
	append_number_or_null("call_us", facts->call_us > 0, facts->call_us, out);
	text_append_format(out, ",\"useful_workers\":%" PRId64 "}", forecast->useful_workers);
}
