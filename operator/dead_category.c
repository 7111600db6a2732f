/* SPDX-License-Identifier: MIT */
/*
 * The table of categories. Constant: any thread.
 */
#include <assert.h>
#include <string.h>

#include "operator/dead_letter.h"

/* clang-format off */
static const struct dead_category_rule rules[DEAD_CATEGORIES] = {
	[DEAD_RETRIABLE] = {"retriable", "can be retried", "syncctl dead retry"},
	[DEAD_HALF_RETRIED] = {"half_retried", "half retried by a command that was interrupted",
		"syncctl dead retry finishes them"},
	[DEAD_SUPERSEDED] = {"superseded", "superseded by a newer success",
		"nothing is missing: syncctl dead discard --category superseded"},
	[DEAD_NEEDS_RECONNECT] = {"needs_reconnect", "of accounts that need reconnect",
		"the merchant connects the account again, then retry"},
	[DEAD_DISABLED] = {"disabled", "of disabled accounts", "enable the account, then retry; or discard them"},
	[DEAD_ACCOUNT_GONE] = {"account_gone", "of accounts that are gone",
		"syncctl dead discard --category account_gone"},
	[DEAD_ALREADY_RETRIED] = {"already_retried", "already retried",
		"only the messages are left: any retry or discard removes them, none is issued again"},
	[DEAD_ALREADY_DISCARDED] = {"already_discarded", "already discarded",
		"only the messages are left: any retry or discard removes them"},
	[DEAD_UNREADABLE] = {"unreadable", "unreadable",
		"find out who published them (syncctl dead show ID), then syncctl dead discard --category unreadable"},
};
/* clang-format on */

const struct dead_category_rule *dead_category_rule(enum dead_category category)
{
	assert(category < DEAD_CATEGORIES);
	return &rules[category];
}

bool dead_category_is_retried(enum dead_category category)
{
	return category == DEAD_RETRIABLE || category == DEAD_HALF_RETRIED;
}

bool dead_category_is_leftover(enum dead_category category)
{
	return category == DEAD_ALREADY_RETRIED || category == DEAD_ALREADY_DISCARDED;
}

bool dead_category_named(const char *name, enum dead_category *category)
{
	for (int i = 0; i < DEAD_CATEGORIES; i++) {
		if (strcmp(rules[i].name, name) != 0)
			continue;
		*category = (enum dead_category)i;
		return true;
	}
	return false;
}
