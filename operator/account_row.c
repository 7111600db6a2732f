/* SPDX-License-Identifier: MIT */
/*
 * Reading and telling of accounts. One thread.
 */
#include "operator/account_row.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "common/tiktok_oauth.h"
#include "common/utf8.h"

/* TikTok, "Scopes"; what is read under each stands in worker/tiktok.c. */
const struct wanted_scope wanted_scopes[] = {
	{"user.info.basic", "no display name and avatar"},
	{"user.info.profile", "no user name; no snapshot column comes from it today"},
	{"user.info.stats", "no followers, likes and counts: the profile's row has no figures"},
	{"video.list", "no videos: only the profile is synchronised"},
	{NULL, NULL},
};

void account_append_wanted_scopes(struct text *out)
{
	for (const struct wanted_scope *scope = wanted_scopes; scope->name; scope++)
		text_append_format(out, "%s%s", scope == wanted_scopes ? "" : ",", scope->name);
}

void account_append_missing_scopes(const char *granted, struct text *out)
{
	const char *separator = "";

	for (const struct wanted_scope *scope = wanted_scopes; scope->name; scope++) {
		if (tiktok_scope_granted(granted, scope->name))
			continue;
		text_append_format(out, "%s%s", separator, scope->name);
		separator = ",";
	}
}

bool account_find(struct db *db, int64_t account_id, struct db_result **rows, struct error *err)
{
	struct db_params params = {0};

	db_param_integer(&params, account_id);
	if (!db_query(db, STATEMENT_ACCOUNT_SHOW, &params, rows, err))
		return false;
	if (db_row_count(*rows) == 1)
		return true;
	db_result_destroy(*rows);
	*rows = NULL;
	error_set(err, ERROR_SETTINGS,
		"there is no account %" PRId64 "; syncctl account list shows them", account_id);
	return false;
}

void account_append_clean(const char *text, struct text *out)
{
	if (*text)
		utf8_append_clean(text, strlen(text), out);
	else
		text_append(out, "-");
}

void account_append_member(const char *name, const char *value, struct text *out)
{
	text_append_format(out,
		"%s\"%s\":", out->length > 0 && out->data[out->length - 1] == '{' ? "" : ",", name);
	if (!*value) {
		text_append(out, "null");
		return;
	}
	text_append_char(out, '"');
	text_append_json(out, value);
	text_append_char(out, '"');
}

void account_append_json(const struct db_result *rows, int row, struct text *out)
{
	static const struct {
		const char *name;
		enum account_column column;
	} members[] = {
		{"store_code", ACCOUNT_STORE},
		{"open_id", ACCOUNT_OPEN_ID},
		{"display_name", ACCOUNT_NAME},
		{"status", ACCOUNT_STATUS},
		{"status_reason", ACCOUNT_REASON},
		{"scope", ACCOUNT_SCOPE},
		{"connected_at", ACCOUNT_CONNECTED_AT},
		{"disconnected_at", ACCOUNT_DISCONNECTED_AT},
		{"last_sync_at", ACCOUNT_LAST_SYNC_AT},
		{"token_expires_at", ACCOUNT_TOKEN_EXPIRES_AT},
		{"refresh_token_expires_at", ACCOUNT_REFRESH_EXPIRES_AT},
		{"refresh_lease_owner", ACCOUNT_LEASE_OWNER},
		{"refresh_lease_until", ACCOUNT_LEASE_UNTIL},
		{"refresh_intent_at", ACCOUNT_INTENT_AT},
	};
	struct text missing = {0};

	text_append_format(out, "{\"id\":%" PRId64, db_integer(rows, row, ACCOUNT_ID));
	for (size_t i = 0; i < sizeof members / sizeof *members; i++)
		account_append_member(
			members[i].name, db_text(rows, row, (int)members[i].column), out);
	account_append_missing_scopes(db_text(rows, row, ACCOUNT_SCOPE), &missing);
	account_append_member("missing_scopes", text_string(&missing), out);
	text_append_format(out,
		",\"failed_syncs\":%" PRId64 ",\"token_version\":%" PRId64
		",\"token_expired\":%s,\"refresh_token_expired\":%s}",
		db_integer(rows, row, ACCOUNT_FAILED_SYNCS),
		db_integer(rows, row, ACCOUNT_TOKEN_VERSION),
		db_boolean(rows, row, ACCOUNT_TOKEN_EXPIRED) ? "true" : "false",
		db_boolean(rows, row, ACCOUNT_REFRESH_EXPIRED) ? "true" : "false");
	text_finish(&missing);
}
