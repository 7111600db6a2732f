/* SPDX-License-Identifier: MIT */
/*
 * Counting. The server thread runs this.
 */
#include "tests/simulator/tally.h"

#include <string.h>

static void count_in_minute(struct tally_minute *minute, int64_t now_ms)
{
	if (now_ms - minute->newest_ms >= TALLY_WINDOW_MS) {
		memset(minute->cells, 0, sizeof(minute->cells));
		minute->calls = 0;
		minute->newest_ms = now_ms;
	}
	while (minute->newest_ms < now_ms) {
		uint32_t *cell = &minute->cells[++minute->newest_ms % TALLY_WINDOW_MS];

		minute->calls -= *cell;
		*cell = 0;
	}
	minute->cells[now_ms % TALLY_WINDOW_MS]++;
	minute->calls++;
	if (minute->calls > minute->most)
		minute->most = minute->calls;
}

void tally_call(struct tally *tally, enum endpoint endpoint, int64_t now_ms)
{
	tally->endpoints[endpoint].calls++;
	count_in_minute(&tally->endpoints[endpoint].minute, now_ms);
}

void tally_answer(struct tally *tally, enum endpoint endpoint, unsigned status)
{
	if (status < TALLY_STATUSES)
		tally->endpoints[endpoint].by_status[status]++;
}

void tally_arrive(struct tally *tally)
{
	tally->in_flight++;
	if (tally->in_flight > tally->highest_in_flight)
		tally->highest_in_flight = tally->in_flight;
}

void tally_leave(struct tally *tally)
{
	tally->in_flight--;
}

void tally_reset(struct tally *tally)
{
	uint64_t in_flight = tally->in_flight;

	memset(tally, 0, sizeof(*tally));
	tally->in_flight = in_flight;
	tally->highest_in_flight = in_flight;
}

static void write_count(struct text *out, const char *name, uint64_t count)
{
	text_append_format(out, "\"%s\":%llu,", name, (unsigned long long)count);
}

static void write_endpoint(const struct tally_endpoint *endpoint, struct text *out)
{
	const char *comma = "";

	text_append_char(out, '{');
	write_count(out, "calls", endpoint->calls);
	write_count(out, "dropped", endpoint->dropped);
	write_count(out, "highest_in_60s", endpoint->minute.most);
	text_append(out, "\"by_status\":{");
	for (unsigned status = 0; status < TALLY_STATUSES; status++) {
		if (!endpoint->by_status[status])
			continue;
		text_append_format(out, "%s\"%u\":%llu", comma, status,
			(unsigned long long)endpoint->by_status[status]);
		comma = ",";
	}
	text_append(out, "}}");
}

void tally_write(const struct tally *tally, struct text *out)
{
	uint64_t calls = 0, refused = 0;

	for (int endpoint = 0; endpoint < ENDPOINTS; endpoint++) {
		calls += tally->endpoints[endpoint].calls;
		refused += tally->endpoints[endpoint].by_status[429];
	}
	text_append_char(out, '{');
	write_count(out, "calls", calls);
	write_count(out, "status_429", refused);
	write_count(out, "not_found", tally->not_found);
	write_count(out, "faults_given", tally->faults_given);
	write_count(out, "refreshes_granted", tally->refreshes_granted);
	write_count(out, "codes_exchanged", tally->codes_exchanged);
	write_count(out, "grants_revoked", tally->grants_revoked);
	write_count(out, "superseded_refresh_attempts", tally->superseded_refresh_attempts);
	write_count(out, "in_flight", tally->in_flight);
	write_count(out, "highest_in_flight", tally->highest_in_flight);
	text_append(out, "\"endpoints\":{");
	for (int endpoint = 0; endpoint < ENDPOINTS; endpoint++) {
		text_append_format(out, "%s\"%s\":", endpoint ? "," : "",
			endpoint_name((enum endpoint)endpoint));
		write_endpoint(&tally->endpoints[endpoint], out);
	}
	text_append(out, "}}\n");
}
