/* SPDX-License-Identifier: MIT */
/*
 * The table of error classes: to add a class, add it to the enum and a row here. Used by every
 * thread.
 */
#include "common/error.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* clang-format off */
static const struct error_rule rules[ERROR_CLASSES] = {
	/*                       name             remedy      attempts  first rung  blame     account           may have acted */
	[ERROR_NONE]          = {"none",          REMEDY_NONE,  0, RUNG_10S, BLAME_NOBODY, EFFECT_NONE,      false, ""},
	[ERROR_NETWORK]       = {"network",       REMEDY_RETRY, 5, RUNG_10S, BLAME_DOUBT,  EFFECT_FAILURE,   true,
		"TikTok could not be reached: check the network, DNS and proxies between worker and TIKTOK_API_URL"},
	[ERROR_SERVER]        = {"server",        REMEDY_RETRY, 5, RUNG_10S, BLAME_DOUBT,  EFFECT_FAILURE,   true,
		"TikTok failed: nothing to do unless it lasts; give TikTok's support the log_id"},
	[ERROR_RATE_LIMITED]  = {"rate_limited",  REMEDY_WAIT,  0, RUNG_1M,  BLAME_JOB,    EFFECT_NONE,      false,
		"TikTok refuses more calls for now: lower QUOTA_*, or find out who else uses the client key"},
	[ERROR_TOKEN_EXPIRED] = {"token_expired", REMEDY_RETRY, 3, RUNG_1M,  BLAME_JOB,    EFFECT_FAILURE,   false,
		"TikTok refuses a fresh access token: check the clock of the workers and the app's state at TikTok"},
	[ERROR_TOKEN_REVOKED] = {"token_revoked", REMEDY_DEAD,  0, RUNG_10S, BLAME_JOB,    EFFECT_RECONNECT, false,
		"the merchant has to connect the account again"},
	[ERROR_SCOPE]         = {"scope",         REMEDY_DEAD,  0, RUNG_10S, BLAME_JOB,    EFFECT_FAILURE,   false,
		"the account did not grant what this job needs: connect it again with all scopes ticked"},
	[ERROR_BAD_REQUEST]   = {"bad_request",   REMEDY_DEAD,  0, RUNG_10S, BLAME_JOB,    EFFECT_NONE,      false,
		"TikTok refuses the request: report it as a defect, with error_details"},
	[ERROR_APP_REFUSED]   = {"app_refused",   REMEDY_WAIT,  0, RUNG_5M,  BLAME_APP,    EFFECT_NONE,      false,
		"TikTok refuses our client key or secret: check TIKTOK_CLIENT_KEY and TIKTOK_CLIENT_SECRET"},
	[ERROR_BAD_REPLY]     = {"bad_reply",     REMEDY_RETRY, 3, RUNG_1M,  BLAME_DOUBT,  EFFECT_FAILURE,   true,
		"TikTok's answer cannot be understood: if it lasts, its format has changed"},
	[ERROR_DATABASE]      = {"database",      REMEDY_RETRY, 5, RUNG_10S, BLAME_NOBODY, EFFECT_NONE,      false,
		"PostgreSQL is away or overloaded: check its log"},
	[ERROR_INTERNAL]      = {"internal",      REMEDY_RETRY, 3, RUNG_1M,  BLAME_NOBODY, EFFECT_FAILURE,   false,
		"a defect of storesync, or a row that PostgreSQL refuses: read error_details"},
	[ERROR_BAD_MESSAGE]   = {"bad_message",   REMEDY_DEAD,  0, RUNG_10S, BLAME_NOBODY, EFFECT_NONE,      false,
		"a message breaks the contract: find out who publishes to this queue"},
	[ERROR_CRASH]         = {"crash",         REMEDY_DEAD,  0, RUNG_10S, BLAME_NOBODY, EFFECT_FAILURE,   false,
		"a defect of storesync: report it with error_details and the account's data; do not retry before it is mended"},
	[ERROR_BROKER]        = {"broker",        REMEDY_NONE,  0, RUNG_10S, BLAME_NOBODY, EFFECT_NONE,      false,
		"RabbitMQ is away: check it and AMQP_URL"},
	[ERROR_SETTINGS]      = {"settings",      REMEDY_NONE,  0, RUNG_10S, BLAME_NOBODY, EFFECT_NONE,      false,
		"correct the setting that is named"},
	[ERROR_STOPPING]      = {"stopping",      REMEDY_NONE,  0, RUNG_10S, BLAME_NOBODY, EFFECT_NONE,      false,
		"the program is going down"},
};
/* clang-format on */

const struct error_rule *error_rule(enum error_class class)
{
	assert(class < ERROR_CLASSES);
	return &rules[class];
}

enum error_class error_class_named(const char *name)
{
	for (int class = ERROR_NONE + 1; class < ERROR_CLASSES; class ++)
		if (strcmp(rules[class].name, name) == 0)
			return (enum error_class) class;
	return ERROR_NONE;
}

void error_set(struct error *err, enum error_class class, const char *format, ...)
{
	va_list arguments;

	err->class = class;
	va_start(arguments, format);
	vsnprintf(err->text, sizeof err->text, format, arguments);
	va_end(arguments);
}

void error_wrap(struct error *err, const char *format, ...)
{
	char inner[sizeof err->text];
	va_list arguments;
	size_t length;

	memcpy(inner, err->text, sizeof inner);
	va_start(arguments, format);
	vsnprintf(err->text, sizeof err->text, format, arguments);
	va_end(arguments);
	length = strlen(err->text);
	snprintf(err->text + length, sizeof err->text - length, ": %s", inner);
}
