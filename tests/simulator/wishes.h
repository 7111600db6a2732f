/* SPDX-License-Identifier: MIT */
/*
 * What the JSON body of a video call asks for (TikTok, API v2 video list and query). No state.
 */
#ifndef TESTS_SIMULATOR_WISHES_H
#define TESTS_SIMULATOR_WISHES_H

#include <stddef.h>
#include <stdint.h>

#include "tests/simulator/call.h"
#include "tests/simulator/listing.h"

#define WISHES_IDS_MAX 20

struct page_wish {
	int64_t cursor_ms; /* 0: from the newest */
	int64_t max_count; /* as sent, or LISTING_DEFAULT_COUNT; 1 or more */
};

struct query_wish {
	uint64_t ids[WISHES_IDS_MAX]; /* 0: the text was no number, so no video has it */
	size_t count;
};

/* NULL: read. Else what is wrong with the body, for the message of invalid_params. */
const char *wishes_read_page(const struct call *call, struct page_wish *wish);
const char *wishes_read_query(const struct call *call, struct query_wish *wish);

#endif
