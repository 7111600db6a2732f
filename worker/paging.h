/* SPDX-License-Identifier: MIT */
/*
 * When a list of videos ends. TikTok's has_more alone ends it ("List Videos"): a page may be short
 * or even empty, so the cursor has to carry us on. One that does not fall is asked again; then, or
 * after too many empty pages, the list is cut with a warning rather than read for ever. Pure; one
 * owner, no locks.
 */
#ifndef WORKER_PAGING_H
#define WORKER_PAGING_H

#include <stdbool.h>
#include <stdint.h>

#include "worker/tiktok.h"

/* Start from a zeroed struct. */
struct paging {
	int64_t cursor; /* of the next page; 0: the first one */
	bool cut;       /* given up before TikTok said that the list ends */
	int pages;
	int empty_pages;  /* in a row, without a new video */
	int same_cursors; /* in a row */
};

/*
 * A big account must neither keep others waiting nor hold its message for long: after so many pages
 * (or where they come slowly, after a time: sync_settings) its job ends a slice and goes on as
 * another message, behind the others.
 */
#define SLICE_PAGES 10

/*
 * Take note of a page of the slice (from 0); true if the page at paging->cursor is to be read next.
 */
bool paging_goes_on(struct paging *paging, const struct tiktok_page *page, int slice);

#endif
