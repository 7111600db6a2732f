/* SPDX-License-Identifier: MIT */
/*
 * Who works with syncctl, for operator_actions. Threads: the main thread alone.
 */
#ifndef OPERATOR_ACTOR_H
#define OPERATOR_ACTOR_H

#include "common/text.h"

/* Append "user@host"; behind sudo the one who called it. */
void actor_append(struct text *out);

#endif
