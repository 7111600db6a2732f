/* SPDX-License-Identifier: MIT */
/*
 * The end of a list of videos. Run by the fetcher's thread.
 */
#include "worker/paging.h"

#define EMPTY_PAGES_MAX  50
#define SAME_CURSORS_MAX 2
#define PAGES_MAX        10000

bool paging_goes_on(struct paging *paging, const struct tiktok_page *page, int slice)
{
	bool falls = page->cursor > 0 && (paging->cursor == 0 || page->cursor < paging->cursor);

	if (!page->has_more)
		return false;
	paging->pages++;
	paging->empty_pages = page->new_videos ? 0 : paging->empty_pages + 1;
	paging->same_cursors = falls ? 0 : paging->same_cursors + 1;
	paging->cut = paging->empty_pages > EMPTY_PAGES_MAX ||
		      paging->same_cursors >= SAME_CURSORS_MAX ||
		      slice * SLICE_PAGES + paging->pages >= PAGES_MAX;
	if (falls)
		paging->cursor = page->cursor;
	return !paging->cut;
}
