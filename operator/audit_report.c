/* SPDX-License-Identifier: MIT */
/*
 * The report as text for people or as one JSON object for programs (its members stand in the
 * command's help). Written as it is gathered, whatever its length. The main thread.
 */
#include <inttypes.h>
#include <string.h>

#include "common/text.h"
#include "operator/audit.h"

/* ---- JSON ---- */

static void begin_member(struct audit_report *report)
{
	fputs(report->has_member ? ",\n" : "\n", report->out);
	report->has_member = true;
}

static void begin_array(struct audit_report *report, const char *name)
{
	fprintf(report->out, ",\n\"%s\":[", name);
	report->has_member = false;
}

static void write_string(FILE *out, const char *separator, const char *name, const char *value)
{
	struct text text = {0};

	if (value) {
		text_append_json(&text, value);
		fprintf(out, "%s\"%s\":\"%s\"", separator, name, text_string(&text));
	}
	text_finish(&text);
}

static void write_states(FILE *out, const struct audit_line *line)
{
	fprintf(out,
		"\"planned\":%" PRId64 ",\"jobs\":%" PRId64 ",\"succeeded\":%" PRId64
		",\"failed\":%" PRId64 ",\"skipped\":%" PRId64 ",\"waiting\":%" PRId64
		",\"retrying\":%" PRId64 ",\"dead\":%" PRId64 ",\"unpublished\":%" PRId64 "}",
		line->planned, line->jobs, line->succeeded, line->failed, line->skipped,
		line->waiting, line->retrying, line->dead, line->unpublished);
}

static void write_subject(FILE *out, const struct audit_subject *subject)
{
	write_string(out, ",", "run_id", subject->run_id);
	write_string(out, ",", "job_id", subject->job_id);
	if (subject->account_id)
		fprintf(out, ",\"account_id\":%" PRId64, subject->account_id);
	write_string(out, ",", "store_code", subject->store_code);
	write_string(out, ",", "job_type", subject->job_type);
	write_string(out, ",", "snapshot_date", subject->day);
}

/* ---- Text ---- */

static void print_states(FILE *out, const struct audit_line *line)
{
	fprintf(out,
		" %9" PRId64 " = %9" PRId64 " %8" PRId64 " %8" PRId64 " %8" PRId64 " %8" PRId64
		" %8" PRId64 " %11" PRId64 "\n",
		line->planned, line->succeeded, line->failed, line->skipped, line->waiting,
		line->retrying, line->dead, line->unpublished);
}

static void print_subject(FILE *out, const struct audit_subject *subject)
{
	if (subject->job_id)
		fprintf(out, " job %s", subject->job_id);
	if (subject->account_id)
		fprintf(out, " account %" PRId64, subject->account_id);
	if (subject->store_code)
		fprintf(out, " (%s)", subject->store_code);
	if (subject->job_type)
		fprintf(out, " %s %s", subject->job_type, subject->day);
	if (subject->run_id)
		fprintf(out, " run %s", subject->run_id);
}

/* ---- The report, in its order ---- */

void audit_report_begin(struct audit_report *report, const struct audit_selection *selection,
	const struct audit_look *look)
{
	FILE *out = report->out;

	if (!report->json) {
		fprintf(out, "%-36s  %-13s %-10s %9s = %9s %8s %8s %8s %8s %8s %11s\n", "RUN",
			"TYPE", "DATE", "PLANNED", "SUCCEEDED", "FAILED", "SKIPPED", "WAITING",
			"RETRYING", "DEAD", "UNPUBLISHED");
		return;
	}
	fprintf(out, "{\"v\":1,\"at\":\"%.10sT%sZ\",\"at_work\":%s,\"selection\":{", look->moment,
		look->moment + 11, look->at_work ? "true" : "false");
	if (selection->run_id)
		write_string(out, "", "run_id", selection->run_id);
	else if (selection->day)
		write_string(out, "", "snapshot_date", selection->day);
	else if (selection->days)
		fprintf(out, "\"days\":%d", selection->days);
	else
		fputs("\"all\":true", out);
	fputc('}', out);
	begin_array(report, "runs");
}

void audit_report_line(struct audit_report *report, const struct audit_line *line)
{
	FILE *out = report->out;

	if (!report->json) {
		const char *name = line->run_id ? line->run_id
				   : strcmp(line->kind, "adopted") == 0
					   ? "adopted from other programs"
					   : "dead jobs repeated";

		fprintf(out, "%-36s  %-13s %-10s", name, line->job_type ? line->job_type : "",
			line->day ? line->day : "");
		print_states(out, line);
		return;
	}
	begin_member(report);
	write_string(out, "{", "kind", line->kind);
	write_string(out, ",", "run_id", line->run_id);
	write_string(out, ",", "job_type", line->job_type);
	write_string(out, ",", "snapshot_date", line->day);
	write_string(out, ",", "started_at", line->started_at);
	fputc(',', out);
	write_states(out, line);
}

void audit_report_totals(struct audit_report *report, const struct audit_line *totals)
{
	if (!report->json) {
		fprintf(report->out, "%-61s", "total");
		print_states(report->out, totals);
		return;
	}
	fputs("],\n\"totals\":{", report->out);
	write_states(report->out, totals);
}

static void print_queue(
	FILE *out, const char *name, const struct audit_queue *queue, bool by_management)
{
	if (!queue->exists)
		fprintf(out, "%-18s  %8s\n", name, "missing");
	else if (queue->held == AUDIT_UNKNOWN)
		fprintf(out, "%-18s  %8" PRId64 "  %8s  %9" PRId64 "  %s\n", name, queue->ready,
			"?", queue->consumers, "AMQP, which does not tell what is held");
	else
		fprintf(out, "%-18s  %8" PRId64 "  %8" PRId64 "  %9" PRId64 "  %s\n", name,
			queue->ready, queue->held, queue->consumers,
			by_management ? "AMQP; held: management API"
				      : "AMQP; held: nothing without consumers");
}

static void write_queue(struct audit_report *report, const char *name,
	const struct audit_queue *queue, bool by_management)
{
	FILE *out = report->out;

	begin_member(report);
	write_string(out, "{", "name", name);
	fprintf(out, ",\"exists\":%s,\"ready\":%" PRId64, queue->exists ? "true" : "false",
		queue->ready);
	if (queue->held != AUDIT_UNKNOWN)
		fprintf(out, ",\"held\":%" PRId64 ",\"held_source\":\"%s\"", queue->held,
			by_management ? "management" : "amqp");
	fprintf(out, ",\"consumers\":%" PRId64 "}", queue->consumers);
}

void audit_report_queues(struct audit_report *report, const struct audit_look *look)
{
	if (report->json)
		begin_array(report, "queues");
	else
		fprintf(report->out, "\n%-18s  %8s  %8s  %9s  %s\n", "QUEUE", "READY", "HELD",
			"CONSUMERS", "TOLD BY");
	for (int id = 0; id < QUEUES; id++) {
		const char *name = topology_queue((enum topology_queue_id)id)->name;

		if (report->json)
			write_queue(report, name, &look->queues[id], look->has_management);
		else
			print_queue(report->out, name, &look->queues[id], look->has_management);
	}
	fputs(report->json ? "]" : "\n", report->out);
}

void audit_report_begin_findings(struct audit_report *report, enum audit_severity severity)
{
	if (report->json)
		begin_array(report, severity == AUDIT_VIOLATION ? "violations" : "warnings");
}

void audit_report_count(struct audit_report *report, enum audit_severity severity)
{
	if (severity == AUDIT_VIOLATION)
		report->violations++;
	else
		report->warnings++;
}

/* What is not known stays a word to be replaced. */
static void append_member(const struct audit_subject *subject, const char *member, struct text *out)
{
	const char *value = NULL;

	if (strncmp(member, "{job}", 5) == 0)
		value = subject->job_id ? subject->job_id : "ID";
	else if (strncmp(member, "{type}", 6) == 0)
		value = subject->job_type ? subject->job_type : "TYPE";
	else if (strncmp(member, "{day}", 5) == 0)
		value = subject->day ? subject->day : "DAY";
	if (value)
		text_append(out, value);
	else if (subject->account_id)
		text_append_format(out, "%" PRId64, subject->account_id);
	else
		text_append(out, "ID");
}

static void fill_way_out(const struct audit_finding *finding, struct text *out)
{
	for (const char *at = finding->way_out; *at;) {
		size_t plain = strcspn(at, "{");

		text_append_bytes(out, at, plain);
		at += plain;
		if (*at)
			append_member(&finding->subject, at, out);
		at += strcspn(at, "}");
		at += *at == '}';
	}
}

static void print_finding(FILE *out, const struct audit_finding *finding, const char *way_out)
{
	fprintf(out, "%s %s:", finding->severity == AUDIT_VIOLATION ? "VIOLATION" : "warning",
		finding->name);
	print_subject(out, &finding->subject);
	fprintf(out, " %s\n          way out: %s\n", finding->text, way_out);
}

static void write_finding(
	struct audit_report *report, const struct audit_finding *finding, const char *way_out)
{
	FILE *out = report->out;

	begin_member(report);
	write_string(out, "{", "name", finding->name);
	fprintf(out, ",\"count\":%" PRId64, finding->count);
	write_subject(out, &finding->subject);
	write_string(out, ",", "text", finding->text);
	write_string(out, ",", "way_out", way_out);
}

void audit_report_finding(struct audit_report *report, const struct audit_finding *finding)
{
	struct text way_out = {0};

	audit_report_count(report, finding->severity);
	report->has_candidate = false;
	fill_way_out(finding, &way_out);
	if (report->json)
		write_finding(report, finding, text_string(&way_out));
	else
		print_finding(report->out, finding, text_string(&way_out));
	text_finish(&way_out);
}

void audit_report_candidate(
	struct audit_report *report, const struct audit_subject *subject, const char *text)
{
	FILE *out = report->out;

	if (!report->json) {
		fputs("          perhaps", out);
		print_subject(out, subject);
		fprintf(out, " %s\n", text);
		return;
	}
	fputs(report->has_candidate ? ",\n " : ",\"candidates\":[\n ", out);
	report->has_candidate = true;
	write_string(out, "{", "text", text);
	write_subject(out, subject);
	fputc('}', out);
}

void audit_report_end_finding(struct audit_report *report)
{
	if (report->json)
		fputs(report->has_candidate ? "]}" : "}", report->out);
}

void audit_report_more(struct audit_report *report, const char *name, int64_t count)
{
	fprintf(report->out, "          and %" PRId64 " more %s (--json lists all)\n", count, name);
}

void audit_report_end_findings(struct audit_report *report)
{
	if (report->json)
		fputc(']', report->out);
}

/* What is on its way, so that nobody wonders at it. */
static void print_on_the_way(FILE *out, const struct audit_look *look)
{
	if (look->counts.unlogged > look->verdict.missing_logs)
		fprintf(out, "%" PRId64 " results are on their way to sync_logs\n",
			look->counts.unlogged - look->verdict.missing_logs);
	if (look->at_work)
		fprintf(out,
			"the fleet is at work: figures are of %s UTC; ask again when it rests\n",
			look->moment);
}

void audit_report_end(struct audit_report *report, const struct audit_look *look)
{
	bool accounted = report->violations == 0;

	if (report->json) {
		fprintf(report->out, ",\n\"unlogged\":%" PRId64 ",\n\"accounted\":%s}\n",
			look->counts.unlogged, accounted ? "true" : "false");
		return;
	}
	print_on_the_way(report->out, look);
	if (report->warnings > 0)
		fprintf(report->out, "%" PRId64 " warnings\n", report->warnings);
	if (accounted)
		fputs("every job is accounted for\n", report->out);
	else
		fprintf(report->out, "not every job is accounted for: %" PRId64 " violations\n",
			report->violations);
}
