/* SPDX-License-Identifier: MIT */
/*
 * What a retry or discard would do, before it does it. Threads: the main thread alone.
 */
#ifndef OPERATOR_DEAD_PLAN_H
#define OPERATOR_DEAD_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "operator/dead_list.h"
#include "operator/dead_options.h"

struct dead_plan {
	size_t total;    /* dead letters there are */
	size_t selected; /* that pass the filters */
	size_t counts[DEAD_CATEGORIES];
	size_t of_earlier_days; /* of those that would be retried */
	size_t lost;            /* dead jobs without a letter (dead_lost.h), beside these */
};

/* Choose the letters that pass the filters, and count them. */
void dead_plan_make(
	struct dead_list *list, const struct dead_filter *filter, struct dead_plan *plan);
/* How many would be retried, discarded (lost ones too), and removed because that was done before. */
size_t dead_plan_retries(const struct dead_plan *plan);
size_t dead_plan_discards(const struct dead_plan *plan);
size_t dead_plan_leftovers(const struct dead_plan *plan);

void dead_plan_print_retry(const struct dead_plan *plan);
void dead_plan_print_discard(const struct dead_plan *plan);

#endif
