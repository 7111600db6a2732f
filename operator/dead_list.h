/* SPDX-License-Identifier: MIT */
/*
 * All dead letters at once: gathered by a pass that keeps every message, then compared with what
 * the database knows of their jobs and accounts.
 * Threads: the main thread alone.
 */
#ifndef OPERATOR_DEAD_LIST_H
#define OPERATOR_DEAD_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "operator/dead_index.h"
#include "operator/dead_letter.h"
#include "operator/dead_pass.h"
#include "operator/dead_session.h"

struct dead_list {
	struct dead_letter *letters; /* by the moment of death, oldest first */
	size_t count, capacity;
	struct dead_index index; /* dead_id -> place in letters */
	/* Called for every message, copies included; NULL: not wanted. */
	void (*visit)(void *context, const struct dead_message *message);
	void *visit_context;
};

/*
 * Pass once and compare. Start from a zeroed list, apart from visit.
 * Owns:  the caller ends *list with dead_list_finish(), also after a failure.
 * Fails: as dead_pass(), db_query(); stopping - asked to stop in the middle.
 */
bool dead_list_read(struct dead_session *session, struct dead_list *list, struct error *err);
/* Compare again with what the database knows by now. */
bool dead_list_refresh(struct dead_session *session, struct dead_list *list, struct error *err);
void dead_list_finish(struct dead_list *list);

#endif
