/* SPDX-License-Identifier: MIT */
/*
 * The bytes of one direction. The proxy's thread.
 */
#include "tests/chaos/flow.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define SECOND_US 1000000
#define PORTION   100 /* a limited bandwidth is used up in so many portions a second */

/* xorshift64* (Vigna 2016), for chances that a seed repeats. */
static uint64_t draw(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 2685821657736338717U;
}

static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

void flow_set(struct flow *flow, const struct chaos_toxics *toxics)
{
	if (toxics->reset_after != flow->toxics.reset_after)
		flow->until_reset = toxics->reset_after;
	flow->toxics = *toxics;
	flow->next_us = 0;
}

bool flow_may_read(const struct flow *flow)
{
	if (flow->toxics.hold || flow->has_ended)
		return false;
	return flow->length < FLOW_BYTES && flow->part_count < FLOW_PARTS;
}

int64_t flow_due_us(const struct flow *flow)
{
	int64_t due_us;

	if (flow->toxics.hold || flow->part_count == 0)
		return FLOW_NEVER;
	due_us = flow->parts[flow->first_part].due_us;
	return due_us > flow->next_us ? due_us : flow->next_us;
}

bool flow_is_over(const struct flow *flow)
{
	return !flow->toxics.hold && flow->has_ended && !flow->has_told_end && flow->length == 0;
}

/* When bytes that come now may go: never before those that came earlier. */
static int64_t due_time(const struct flow *flow, int64_t now_us)
{
	int64_t due_us = now_us + flow->toxics.latency_ms * 1000;
	int64_t jitter_us = flow->toxics.jitter_ms * 1000;
	int64_t last_us = 0;

	if (jitter_us > 0)
		due_us += (int64_t)(draw(flow->chance) % (uint64_t)(2 * jitter_us + 1)) - jitter_us;
	if (flow->part_count > 0)
		last_us =
			flow->parts[(flow->first_part + flow->part_count - 1) % FLOW_PARTS].due_us;
	return due_us > last_us ? due_us : last_us;
}

static void add_part(struct flow *flow, size_t bytes, int64_t now_us)
{
	size_t place = (flow->first_part + flow->part_count) % FLOW_PARTS;

	flow->parts[place] = (struct flow_part){due_time(flow, now_us), bytes};
	flow->part_count++;
	flow->length += bytes;
}

enum flow_outcome flow_read(struct flow *flow, int fd, int64_t now_us)
{
	size_t end = (flow->start + flow->length) % FLOW_BYTES;
	size_t room = end >= flow->start && flow->length < FLOW_BYTES ? FLOW_BYTES - end
								      : flow->start - end;
	ssize_t got = recv(fd, flow->bytes + end, room, MSG_DONTWAIT);

	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? FLOW_GOES_ON : FLOW_BROKEN;
	if (got == 0)
		flow->has_ended = true;
	else if (flow->toxics.swallow)
		flow->is_torn = true;
	else
		add_part(flow, (size_t)got, now_us);
	return FLOW_GOES_ON;
}

static void take_away(struct flow *flow, size_t bytes)
{
	struct flow_part *part = &flow->parts[flow->first_part];

	flow->start = (flow->start + bytes) % FLOW_BYTES;
	flow->length -= bytes;
	part->bytes -= bytes;
	if (part->bytes > 0)
		return;
	flow->first_part = (flow->first_part + 1) % FLOW_PARTS;
	flow->part_count--;
}

/* How many bytes may go at once: of one part, without a wrap, no more than each toxic allows. */
static size_t portion(const struct flow *flow)
{
	const struct chaos_toxics *toxics = &flow->toxics;
	int64_t bytes = (int64_t)flow->parts[flow->first_part].bytes;

	bytes = smaller(bytes, (int64_t)(FLOW_BYTES - flow->start));
	if (toxics->slice > 0)
		bytes = smaller(bytes, toxics->slice);
	if (toxics->bandwidth > 0)
		bytes = smaller(bytes, toxics->bandwidth / PORTION + 1);
	if (toxics->reset_after > 0)
		bytes = smaller(bytes, flow->until_reset);
	return (size_t)bytes;
}

/* A late wake-up is made good, up to one portion; idle time is not saved up. */
static void pace(struct flow *flow, int64_t written, int64_t now_us)
{
	const struct chaos_toxics *toxics = &flow->toxics;
	int64_t begin_us = now_us - SECOND_US / PORTION;
	int64_t sliced_us = toxics->slice > 0 ? now_us + toxics->slice_delay_us : 0;

	if (toxics->bandwidth > 0) {
		if (flow->next_us > begin_us)
			begin_us = flow->next_us;
		flow->next_us = begin_us + written * SECOND_US / toxics->bandwidth;
	}
	if (sliced_us > flow->next_us)
		flow->next_us = sliced_us;
}

enum flow_outcome flow_write(struct flow *flow, int fd, int64_t now_us, int64_t *passed)
{
	ssize_t written =
		send(fd, flow->bytes + flow->start, portion(flow), MSG_NOSIGNAL | MSG_DONTWAIT);

	*passed = 0;
	if (written < 0)
		return errno == EAGAIN || errno == EINTR ? FLOW_GOES_ON : FLOW_BROKEN;
	*passed = written;
	take_away(flow, (size_t)written);
	pace(flow, written, now_us);
	if (flow->toxics.reset_after == 0)
		return FLOW_GOES_ON;
	flow->until_reset -= written;
	return flow->until_reset > 0 ? FLOW_GOES_ON : FLOW_BROKEN;
}
