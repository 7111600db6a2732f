/* SPDX-License-Identifier: MIT */
/*
 * One direction of one connection: bytes that were read and are not yet written, each with the time
 * from which it may go, and the harm that is done to them. Knows the time only as it is told.
 * Threads: the proxy's.
 */
#ifndef TESTS_CHAOS_FLOW_H
#define TESTS_CHAOS_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/chaos/chaos.h"

#define FLOW_BYTES 65536
#define FLOW_PARTS 256
#define FLOW_NEVER INT64_MAX

/* What was read at once, hence goes at the same time. */
struct flow_part {
	int64_t due_us;
	size_t bytes;
};

struct flow {
	struct chaos_toxics toxics;
	uint64_t *chance;       /* the proxy's; borrowed */
	char bytes[FLOW_BYTES]; /* a ring */
	size_t start, length;
	struct flow_part parts[FLOW_PARTS]; /* a ring, which sums up to length */
	size_t first_part, part_count;
	int64_t next_us;     /* not before, for bandwidth and slices */
	int64_t until_reset; /* bytes; counts while toxics.reset_after is set */
	bool has_ended;      /* the reader saw the end of the stream */
	bool has_told_end;   /* and the other side was told */
	bool is_torn;        /* bytes were swallowed */
};

enum flow_outcome {
	FLOW_GOES_ON,
	FLOW_BROKEN, /* by an error of a socket, or because it is to be reset now */
};

void flow_set(struct flow *flow, const struct chaos_toxics *toxics);
/* Whether there is room and leave to read. */
bool flow_may_read(const struct flow *flow);
/* From when on there is something to write; FLOW_NEVER: nothing. */
int64_t flow_due_us(const struct flow *flow);
/* Nothing more will come of it, and the end of the stream is still to be told. */
bool flow_is_over(const struct flow *flow);

enum flow_outcome flow_read(struct flow *flow, int fd, int64_t now_us);
/* Once; passed: how many bytes went. */
enum flow_outcome flow_write(struct flow *flow, int fd, int64_t now_us, int64_t *passed);

#endif
