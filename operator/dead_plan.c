/* SPDX-License-Identifier: MIT */
/*
 * Plans in numbers and words. Runs on the main thread.
 */
#include "operator/dead_plan.h"

#include <stdio.h>

#include "common/clock.h"

void dead_plan_make(
	struct dead_list *list, const struct dead_filter *filter, struct dead_plan *plan)
{
	int64_t now_us = clock_unix_us();

	*plan = (struct dead_plan){.total = list->count};
	for (size_t i = 0; i < list->count; i++) {
		struct dead_letter *letter = &list->letters[i];

		letter->chosen = dead_filter_matches(filter, letter, now_us);
		if (!letter->chosen)
			continue;
		plan->selected++;
		plan->counts[letter->category]++;
		if (dead_category_is_retried(letter->category) && letter->of_earlier_day)
			plan->of_earlier_days++;
	}
}

size_t dead_plan_retries(const struct dead_plan *plan)
{
	return plan->counts[DEAD_RETRIABLE] + plan->counts[DEAD_HALF_RETRIED];
}

size_t dead_plan_leftovers(const struct dead_plan *plan)
{
	return plan->counts[DEAD_ALREADY_RETRIED] + plan->counts[DEAD_ALREADY_DISCARDED];
}

size_t dead_plan_discards(const struct dead_plan *plan)
{
	return plan->selected - dead_plan_leftovers(plan) - plan->counts[DEAD_HALF_RETRIED] +
	       plan->lost;
}

/* A line for each category that is not done with: how many, and the way out. */
static void print_ways_out(
	const struct dead_plan *plan, bool (*is_done_with)(enum dead_category category))
{
	for (int i = 0; i < DEAD_CATEGORIES; i++) {
		enum dead_category category = (enum dead_category)i;
		const struct dead_category_rule *rule = dead_category_rule(category);

		if (plan->counts[i] > 0 && !is_done_with(category))
			printf("  %zu %s: %s\n", plan->counts[i], rule->meaning, rule->way_out);
	}
}

static void print_selection(const struct dead_plan *plan)
{
	if (plan->lost > 0)
		printf("; %zu has lost its letter", plan->lost);
	printf(" (selected %zu of %zu dead letters)\n", plan->selected, plan->total);
}

void dead_plan_print_retry(const struct dead_plan *plan)
{
	printf("would retry %zu", dead_plan_retries(plan));
	for (int i = 0; i < DEAD_CATEGORIES; i++)
		if (plan->counts[i] > 0 && i != DEAD_RETRIABLE)
			printf("; %zu %s", plan->counts[i],
				dead_category_rule((enum dead_category)i)->meaning);
	print_selection(plan);
	print_ways_out(plan, dead_category_is_retried);
	if (plan->of_earlier_days > 0)
		printf("  %zu of those to be retried are of earlier days: they would store what TikTok says now under that date\n",
			plan->of_earlier_days);
}

static bool is_discarded(enum dead_category category)
{
	return category != DEAD_HALF_RETRIED && !dead_category_is_leftover(category);
}

void dead_plan_print_discard(const struct dead_plan *plan)
{
	printf("would discard %zu", dead_plan_discards(plan));
	for (int i = 0; i < DEAD_CATEGORIES; i++)
		if (plan->counts[i] > 0)
			printf("; %zu %s", plan->counts[i],
				dead_category_rule((enum dead_category)i)->meaning);
	print_selection(plan);
	print_ways_out(plan, is_discarded);
}
