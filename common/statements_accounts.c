/* SPDX-License-Identifier: MIT */
/*
 * SQL of `syncctl account` and `syncctl store`. What changes something enters itself in operator_actions in the same
 * statement: $1 is the action, $2 who acts. Constant: any thread.
 */
#include "common/statements_parts.h"

#include "common/config.h"

/* clang-format off */

#define MOMENT(column) "to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"

/* What people and programs are told of an account; enum account_column in operator/account_row.h has this order. */
#define ACCOUNT_VIEW \
	"a.id::int8, a.store_code::text, a.open_id::text, a.display_name::text, a.status::text, a.status_reason, a.scope, " \
	MOMENT("a.connected_at") ", " MOMENT("a.disconnected_at") ", " MOMENT("a.last_sync_at") ", a.failed_syncs, " \
	MOMENT("a.token_expires_at") ", a.token_expires_at <= now(), " \
	MOMENT("a.refresh_token_expires_at") ", a.refresh_token_expires_at <= now(), a.token_version, " \
	"CASE WHEN a.refresh_lease_until > now() THEN a.refresh_lease_owner END, " MOMENT("a.refresh_lease_until") ", " \
	MOMENT("a.refresh_intent_at") " "
#define ACCOUNT_VIEW_TYPES \
	"int8,text,text,text,text,text,text,text,text,text,int4,text,bool,text,bool,int8,text,text,text"

/*
 * An ended action about the rows of changed (id, store_code): $1 action, $2 actor; what, the selection and the reason as
 * SQL. Once, also when the statement is repeated because nobody knows whether it was committed.
 */
#define ENTER_ACTION(what, selection, reason) \
	"entered AS (" \
	"	INSERT INTO operator_actions (action_id, action, actor, selection, reason, planned, done, finished_at," \
	"		store_code, account_id)" \
	"	SELECT $1, '" what "', $2, " selection ", " reason ", 1, 1, now(), store_code, id FROM changed" \
	"	ON CONFLICT DO NOTHING) "

/* TikTok did not say how long the refresh token lives: the shortest that it documents ("Refresh a User Access Token"). */
#define UNTOLD_REFRESH_LIFE "interval '180 days'"

/*
 * A row a that is there gets the pair of the excluded one as a rotation, so that a refresh under way elsewhere cannot
 * overwrite it.
 */
#define REPLACED_PAIR \
	"encrypted_access_token = excluded.encrypted_access_token, encrypted_refresh_token = excluded.encrypted_refresh_token, " \
	"token_issued_at = now(), token_expires_at = excluded.token_expires_at, " \
	"refresh_token_expires_at = excluded.refresh_token_expires_at, scope = excluded.scope, " \
	"token_version = a.token_version + 1, refresh_lease_owner = NULL, refresh_lease_until = NULL, refresh_intent_at = NULL, "

const struct statement_definition statements_of_accounts[STATEMENTS] = {
	/* $1 a store or NULL, $2 a status or NULL. */
	[STATEMENT_ACCOUNT_LIST] = {"account_list", PROGRAM_OPERATOR,
		"SELECT " ACCOUNT_VIEW "FROM store_accounts a "
		"WHERE ($1 IS NULL OR a.store_code = $1) AND ($2 IS NULL OR a.status::text = $2) ORDER BY a.store_code, a.id",
		"text,text", ACCOUNT_VIEW_TYPES},
	[STATEMENT_ACCOUNT_SHOW] = {"account_show", PROGRAM_OPERATOR,
		"SELECT " ACCOUNT_VIEW "FROM store_accounts a WHERE a.id = $1", "int8", ACCOUNT_VIEW_TYPES},
	/* The last jobs of an account: type, day, state, attempt, when, when again, error class, words. */
	[STATEMENT_ACCOUNT_JOBS] = {"account_jobs", PROGRAM_OPERATOR,
		"SELECT job_type::text, snapshot_date::text, state, attempt, " MOMENT("coalesce(finished_at, started_at, created_at)")
		", CASE state WHEN 'retrying' THEN " MOMENT("retry_at") " END"
		", coalesce(error_class, ''), coalesce(error_details, message, '') "
		"FROM sync_jobs WHERE account_id = $1 ORDER BY created_at DESC LIMIT 5",
		"int8", "text,text,text,int4,text,text,text,text"},
	/* What operators did with it: when, what, who, why. */
	[STATEMENT_ACCOUNT_ACTIONS] = {"account_actions", PROGRAM_OPERATOR,
		"SELECT " MOMENT("started_at") ", action, actor, coalesce(reason, '') "
		"FROM operator_actions WHERE account_id = $1 ORDER BY started_at DESC LIMIT 5",
		"int8", "text,text,text,text"},

	/* $3 account, $4 why (NULL: not told). No row: it is disabled already, for no other reason. */
	[STATEMENT_ACCOUNT_DISABLE] = {"account_disable", PROGRAM_OPERATOR,
		"WITH changed AS ("
		"	UPDATE store_accounts SET status = 'DISABLED', updated_at = now(),"
		"		status_reason = coalesce($4, 'disabled by ' || $2)"
		"	WHERE id = $3 AND disconnected_at IS NULL"
		"		AND (status <> 'DISABLED' OR $4 IS DISTINCT FROM coalesce(status_reason, '') AND $4 IS NOT NULL)"
		"	RETURNING id, store_code), "
		ENTER_ACTION("account_disable", "'account ' || id", "$4")
		"SELECT id::int8 FROM changed",
		"uuid,text,int8,text", "int8"},
	/* $3 account. No row: it is not DISABLED or ERROR, or was disconnected. */
	[STATEMENT_ACCOUNT_ENABLE] = {"account_enable", PROGRAM_OPERATOR,
		"WITH changed AS ("
		"	UPDATE store_accounts SET status = 'CONNECTED', status_reason = NULL, failed_syncs = 0, updated_at = now()"
		"	WHERE id = $3 AND disconnected_at IS NULL AND status IN ('DISABLED', 'ERROR')"
		"	RETURNING id, store_code), "
		ENTER_ACTION("account_enable", "'account ' || id", "NULL")
		"SELECT id::int8 FROM changed",
		"uuid,text,int8", "int8"},

	/*
	 * From here to the end of the transaction no other syncctl gives a grant to a row: two rows that share one would rotate
	 * each other's refresh token away.
	 */
	[STATEMENT_ACCOUNT_LOCK_GRANTS] = {"account_lock_grants", PROGRAM_OPERATOR,
		"SELECT pg_advisory_xact_lock(hashtextextended('storesync grants', 0)) IS NULL", "", "bool"},
	/* Rows of the TikTok account $1 that have a grant: id, store, status. */
	[STATEMENT_ACCOUNT_SHARERS] = {"account_sharers", PROGRAM_OPERATOR,
		"SELECT id::int8, store_code::text, status::text FROM store_accounts "
		"WHERE open_id = $1 AND disconnected_at IS NULL ORDER BY id",
		"text", "int8,text,text"},
	/*
	 * A merchant has consented: $3 store, $4 TikTok account, $5 and $6 cells, $7 and $8 seconds until they expire (0: not
	 * told), $9 the scopes. Only a row that an operator disabled stays so. The account, its status, is it a new row.
	 */
	[STATEMENT_ACCOUNT_CONNECT] = {"account_connect", PROGRAM_OPERATOR,
		"WITH changed AS ("
		"	INSERT INTO store_accounts AS a (store_code, open_id, encrypted_access_token, encrypted_refresh_token,"
		"		token_expires_at, refresh_token_expires_at, scope)"
		"	VALUES ($3, $4, $5, $6, now() + $7 * interval '1 second',"
		"		now() + coalesce(nullif($8, 0) * interval '1 second', " UNTOLD_REFRESH_LIFE "), $9)"
		"	ON CONFLICT (store_code, open_id) DO UPDATE SET"
		"		" REPLACED_PAIR
		"		status_reason = CASE WHEN a.status = 'DISABLED' AND a.disconnected_at IS NULL THEN a.status_reason END,"
		"		status = CASE WHEN a.status = 'DISABLED' AND a.disconnected_at IS NULL THEN a.status ELSE 'CONNECTED' END,"
		"		failed_syncs = 0, connected_at = now(), disconnected_at = NULL, updated_at = now()"
		"	RETURNING id, store_code, status, token_version), "
		ENTER_ACTION("account_connect", "'account ' || id || ' of TikTok account ' || $4", "NULL")
		"SELECT id::int8, status::text, token_version = 0 FROM changed",
		"uuid,text,text,text,text,text,int8,int8,text", "int8,text,bool"},
	/* $1 account, $2 display name, $3 avatar; NULL: not known. */
	[STATEMENT_ACCOUNT_PROFILE] = {"account_profile", PROGRAM_OPERATOR,
		"UPDATE store_accounts SET display_name = coalesce($2, display_name), avatar_url = coalesce($3, avatar_url) WHERE id = $1",
		"int8,text,text", ""},

	/*
	 * The pair of the account $1, to end it: store, TikTok account, cells, version, does the access token live for another
	 * minute, was a refresh interrupted, was it disconnected, who else is refreshing.
	 */
	[STATEMENT_ACCOUNT_PAIR] = {"account_pair", PROGRAM_OPERATOR,
		"SELECT store_code::text, open_id::text, encrypted_access_token, encrypted_refresh_token, token_version,"
		"	token_expires_at > now() + interval '1 minute', refresh_intent_at IS NOT NULL, disconnected_at IS NOT NULL,"
		"	CASE WHEN refresh_lease_until > now() THEN refresh_lease_owner END "
		"FROM store_accounts WHERE id = $1",
		"int8", "text,text,text,text,int8,bool,bool,bool,text"},
	/* As lease_token, whatever the status: $1 account, $2 owner, $3 the version that was read; when that was. No row: somebody else is at it. */
	[STATEMENT_ACCOUNT_LEASE] = {"account_lease", PROGRAM_OPERATOR,
		"UPDATE store_accounts SET refresh_lease_owner = $2, refresh_lease_until = now() + interval '90 seconds',"
		"	refresh_intent_at = now() "
		"WHERE id = $1 AND token_version = $3"
		"	AND (refresh_lease_until IS NULL OR refresh_lease_until < now() OR refresh_lease_owner = $2) "
		"RETURNING (extract(epoch FROM now()) * 1000000)::int8",
		"int8,text,int8", "int8"},
	/* The grant is over: $3 account, $4 the version that was revoked, $5 and $6 cells of the empty token, $7 why. */
	[STATEMENT_ACCOUNT_DISCONNECT] = {"account_disconnect", PROGRAM_OPERATOR,
		"WITH changed AS ("
		"	UPDATE store_accounts SET encrypted_access_token = $5, encrypted_refresh_token = $6,"
		"		token_version = token_version + 1, token_expires_at = now(), refresh_token_expires_at = now(),"
		"		refresh_lease_owner = NULL, refresh_lease_until = NULL, refresh_intent_at = NULL,"
		"		status = 'DISABLED', status_reason = 'disconnected by ' || $2 || coalesce(': ' || $7, ''),"
		"		disconnected_at = now(), updated_at = now()"
		"	WHERE id = $3 AND token_version = $4 RETURNING id, store_code), "
		ENTER_ACTION("account_disconnect", "'account ' || id", "$7")
		"SELECT id::int8 FROM changed",
		"uuid,text,int8,int8,text,text,text", "int8"},

	/* $1 TikTok accounts, $2 stores: who has the grant in another store: by position, account and store. */
	[STATEMENT_IMPORT_SHARERS] = {"import_sharers", PROGRAM_OPERATOR,
		"SELECT g.position::int4, a.id::int8, a.store_code::text "
		"FROM unnest($1, $2) WITH ORDINALITY AS g (open_id, store_code, position)"
		"	JOIN store_accounts a ON a.open_id = g.open_id AND a.store_code <> g.store_code AND a.disconnected_at IS NULL "
		"ORDER BY g.position, a.id",
		"text[],text[]", "int4,int8,text"},
	/* $1 codes, $2 names, $3 persons, $4 contacts: those that were not there. */
	[STATEMENT_IMPORT_STORES] = {"import_stores", PROGRAM_OPERATOR,
		"INSERT INTO stores (store_code, store_name, pic_name, pic_contact) "
		"SELECT * FROM unnest($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING store_code::text",
		"text[],text[],text[],text[]", "text"},
	/*
	 * $1 stores, $2 TikTok accounts, $3 display names, $4 avatars, $5 and $6 cells, $7 and $8 when they expire (NULL: not
	 * told), $9 scopes, $10 states, $11 replace whatever is there. A pair that is there gives way to one that expires later,
	 * as a rotation. A row that was written: is it a new one.
	 */
	[STATEMENT_IMPORT_ACCOUNTS] = {"import_accounts", PROGRAM_OPERATOR,
		"INSERT INTO store_accounts AS a (store_code, open_id, display_name, avatar_url, encrypted_access_token,"
		"	encrypted_refresh_token, token_expires_at, refresh_token_expires_at, scope, status, status_reason) "
		"SELECT g.store_code, g.open_id, g.display_name, g.avatar_url, g.access, g.refresh, coalesce(g.expires_at, now()),"
		"	coalesce(g.refresh_expires_at, now() + " UNTOLD_REFRESH_LIFE "), g.scope, g.status::account_status,"
		"	CASE WHEN g.status <> 'CONNECTED' THEN 'imported so' END "
		"FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) AS g (store_code, open_id, display_name, avatar_url,"
		"	access, refresh, expires_at, refresh_expires_at, scope, status) "
		"ORDER BY g.store_code, g.open_id "
		"ON CONFLICT (store_code, open_id) DO UPDATE SET"
		"	display_name = coalesce(excluded.display_name, a.display_name),"
		"	avatar_url = coalesce(excluded.avatar_url, a.avatar_url),"
		"	" REPLACED_PAIR
		"	status_reason = CASE WHEN a.status = 'DISABLED' AND a.disconnected_at IS NULL THEN a.status_reason"
		"		ELSE excluded.status_reason END,"
		"	status = CASE WHEN a.status = 'DISABLED' AND a.disconnected_at IS NULL THEN a.status ELSE excluded.status END,"
		"	failed_syncs = 0, connected_at = now(), disconnected_at = NULL, updated_at = now() "
		"WHERE $11 OR a.disconnected_at IS NULL AND excluded.token_expires_at > a.token_expires_at"
		"	AND excluded.token_expires_at <> now() "
		"RETURNING token_version = 0",
		"text[],text[],text[],text[],text[],text[],timestamptz[],timestamptz[],text[],text[],bool", "bool"},
	/* $1 action, $2 actor, $3 from where, $4 accounts in it, $5 accounts written. */
	[STATEMENT_IMPORT_ACTION] = {"import_action", PROGRAM_OPERATOR,
		"INSERT INTO operator_actions (action_id, action, actor, selection, planned, done, finished_at) "
		"VALUES ($1, 'account_import', $2, $3, $4, $5, now())",
		"uuid,text,text,int8,int8", ""},

	/* In the older program's database; nothing of ours need be there. */
	[STATEMENT_IMPORT_COLUMNS] = {"import_columns", 0,
		"SELECT table_name::text, column_name::text FROM information_schema.columns "
		"WHERE table_schema = ANY (current_schemas(false)) AND table_name IN ('store_accounts', 'stores')",
		"", "text,text"},
	/* By way of JSON, so that columns which are not there read as NULL: enum import_field's order, then the store's id. */
	[STATEMENT_IMPORT_READ] = {"import_read", 0,
		"SELECT j ->> 'store_code', j ->> 'open_id',"
		"	coalesce(j ->> 'access_token_enc', j ->> 'encrypted_access_token', j ->> 'access_token'),"
		"	coalesce(j ->> 'refresh_token_enc', j ->> 'encrypted_refresh_token', j ->> 'refresh_token'),"
		"	coalesce(j ->> 'token_expired_at', j ->> 'token_expires_at', j ->> 'expires_at'),"
		"	coalesce(j ->> 'refresh_token_expired_at', j ->> 'refresh_token_expires_at', j ->> 'refresh_expires_at'),"
		"	coalesce(j ->> 'scope', j ->> 'scopes'), j ->> 'display_name', j ->> 'avatar_url', j ->> 'status',"
		"	j ->> 'store_id' "
		"FROM (SELECT to_jsonb(a) AS j FROM store_accounts a) AS account ORDER BY 1, 2",
		"", "text,text,text,text,text,text,text,text,text,text,text"},
	/* Its stores: id, code, name, person, contact. */
	[STATEMENT_IMPORT_READ_STORES] = {"import_read_stores", 0,
		"SELECT j ->> 'id', coalesce(j ->> 'store_code', j ->> 'code'), coalesce(j ->> 'store_name', j ->> 'name'),"
		"	coalesce(j ->> 'pic_name', j ->> 'pic'), coalesce(j ->> 'pic_contact', j ->> 'contact') "
		"FROM (SELECT to_jsonb(s) AS j FROM stores s) AS store",
		"", "text,text,text,text,text"},

	/* $3 code, $4 name, $5 person in charge, $6 how to reach them (NULL: not told). No row: the code is taken. */
	[STATEMENT_STORE_ADD] = {"store_add", PROGRAM_OPERATOR,
		"WITH changed AS ("
		"	INSERT INTO stores (store_code, store_name, pic_name, pic_contact) VALUES ($3, $4, $5, $6)"
		"	ON CONFLICT DO NOTHING RETURNING store_code, NULL::int8 AS id), "
		ENTER_ACTION("store_add", "'store ' || store_code", "NULL")
		"SELECT store_code::text FROM changed",
		"uuid,text,text,text,text,text", "text"},
	/* The same; NULL: as it is; an empty $6: none. No row: there is no such store. */
	[STATEMENT_STORE_EDIT] = {"store_edit", PROGRAM_OPERATOR,
		"WITH changed AS ("
		"	UPDATE stores SET store_name = coalesce($4, store_name), pic_name = coalesce($5, pic_name),"
		"		pic_contact = CASE WHEN $6 IS NULL THEN pic_contact ELSE nullif($6, '') END"
		"	WHERE store_code = $3 RETURNING store_code, NULL::int8 AS id), "
		ENTER_ACTION("store_edit", "'store ' || store_code", "NULL")
		"SELECT store_code::text FROM changed",
		"uuid,text,text,text,text,text", "text"},
	/* $1 a store or NULL: code, name, person, contact, since when, accounts, how many are CONNECTED, last sync. */
	[STATEMENT_STORE_LIST] = {"store_list", PROGRAM_OPERATOR,
		"SELECT s.store_code::text, s.store_name::text, s.pic_name::text, coalesce(s.pic_contact, '')::text, " MOMENT("s.created_at") ","
		"	count(a.id), count(a.id) FILTER (WHERE a.status = 'CONNECTED'), " MOMENT("max(a.last_sync_at)") " "
		"FROM stores s LEFT JOIN store_accounts a USING (store_code) "
		"WHERE ($1 IS NULL OR s.store_code = $1) GROUP BY s.store_code ORDER BY s.store_code",
		"text", "text,text,text,text,text,int8,int8,text"},
	/*
	 * What the store $1 would take with it: accounts, those that are not disabled, those with a grant, days of users, days of
	 * videos, log rows; is it there.
	 */
	[STATEMENT_STORE_COUNT] = {"store_count", PROGRAM_OPERATOR,
		"SELECT (SELECT count(*) FROM store_accounts WHERE store_code = $1),"
		"	(SELECT count(*) FROM store_accounts WHERE store_code = $1 AND status <> 'DISABLED'),"
		"	(SELECT count(*) FROM store_accounts WHERE store_code = $1 AND disconnected_at IS NULL),"
		"	(SELECT count(*) FROM tiktok_user_daily WHERE store_code = $1),"
		"	(SELECT count(*) FROM tiktok_video_daily WHERE store_code = $1),"
		"	(SELECT count(*) FROM sync_logs WHERE store_code = $1),"
		"	EXISTS (SELECT FROM stores WHERE store_code = $1)",
		"text", "int8,int8,int8,int8,int8,int8,bool"},
	/* $3 store, $4 why, $5 what goes with it, in words. No row: it has accounts at work, or is gone. */
	[STATEMENT_STORE_REMOVE] = {"store_remove", PROGRAM_OPERATOR,
		"WITH changed AS ("
		"	DELETE FROM stores s WHERE store_code = $3 AND NOT EXISTS ("
		"		SELECT FROM store_accounts a WHERE a.store_code = s.store_code AND a.status <> 'DISABLED')"
		"	RETURNING store_code, NULL::int8 AS id), "
		ENTER_ACTION("store_remove", "$5", "$4")
		"SELECT store_code::text FROM changed",
		"uuid,text,text,text,text", "text"},
};
/* clang-format on */
