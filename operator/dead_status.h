/* SPDX-License-Identifier: MIT */
/*
 * What has become of dead letters' jobs and accounts since they died, and hence of which category
 * they are. Threads: the main thread alone.
 */
#ifndef OPERATOR_DEAD_STATUS_H
#define OPERATOR_DEAD_STATUS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "operator/dead_letter.h"
#include "operator/dead_session.h"

/* Fill the last part of each letter. Fails: as db_query(). */
bool dead_status_read(
	struct dead_session *session, struct dead_letter *letters, size_t count, struct error *err);

#endif
