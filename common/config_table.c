/* SPDX-License-Identifier: MIT */
/*
 * Every setting, once: to add one, add a member to struct config and a row here; --help and
 * README.md follow. A constant, read by the main thread at start.
 */
#include "common/config_table.h"

#include "common/config.h"

#define PRODUCER PROGRAM_PRODUCER
#define WORKER   PROGRAM_WORKER
#define LOGGER   PROGRAM_LOGGER
#define OPERATOR PROGRAM_OPERATOR
#define SERVICES (PRODUCER | WORKER | LOGGER)
#define ALL      (SERVICES | OPERATOR)

#define MEMBER(name) offsetof(struct config, name)

/* clang-format off */
const struct setting config_table[] = {
	{"DATABASE_URL", SETTING_URL, true, MEMBER(database_url), ALL, SERVICES, NULL, "postgresql|postgres", 0, 0,
		"Where PostgreSQL is: postgresql://user:password@host:5432/database, and ?sslmode=verify-full unless it is on this host."},
	{"DB_POOL_SIZE", SETTING_INTEGER, false, MEMBER(db_pool_size), WORKER | LOGGER, 0, "20", NULL, 1, 1000,
		"How many connections to PostgreSQL one process opens at most; they are opened when first needed."},
	{"DB_LOGGING", SETTING_BOOLEAN, false, MEMBER(db_logging), ALL, 0, "false", NULL, 0, 0,
		"Whether every SQL statement is logged with its duration; parameters never are."},
	{"AMQP_URL", SETTING_URL, true, MEMBER(amqp_url), ALL, SERVICES, NULL, "amqp|amqps", 0, 0,
		"Where RabbitMQ is: amqps://user:password@host:5671/vhost; amqp:// is spoken without TLS."},
	{"AMQP_MANAGEMENT_URL", SETTING_BASE_URL, true, MEMBER(amqp_management_url), OPERATOR, 0, NULL, "http|https", 0, 0,
		"Where RabbitMQ's management interface is, for what AMQP itself does not tell, such as policies."},
	{"TIKTOK_API_URL", SETTING_BASE_URL, false, MEMBER(tiktok_api_url), WORKER | OPERATOR, 0,
		"https://open.tiktokapis.com", "https|http", 0, 0,
		"Where TikTok's API is; http:// is for a simulator only, for tokens then travel in the clear."},
	{"TIKTOK_AUTH_URL", SETTING_BASE_URL, false, MEMBER(tiktok_auth_url), OPERATOR, 0,
		"https://www.tiktok.com", "https|http", 0, 0,
		"Where merchants are sent to grant access to their accounts."},
	{"TIKTOK_CLIENT_KEY", SETTING_TEXT, false, MEMBER(tiktok_client_key), WORKER | OPERATOR, WORKER, NULL, NULL, 0, 0,
		"The client key of the app at TikTok."},
	{"TIKTOK_CLIENT_SECRET", SETTING_TEXT, true, MEMBER(tiktok_client_secret), WORKER | OPERATOR, WORKER, NULL, NULL, 0, 0,
		"The client secret of the app at TikTok."},
	{"TIKTOK_REDIRECT_URI", SETTING_URL, false, MEMBER(tiktok_redirect_uri), OPERATOR, 0, NULL, "https|http", 0, 0,
		"Where TikTok sends merchants back to, letter by letter as registered with the app."},
	{"TOKEN_ENC_KEY", SETTING_KEYS, true, MEMBER(token_enc_key), WORKER | OPERATOR, WORKER, NULL, NULL, 1, 1,
		"The key that tokens in the database are encrypted with, 64 hex digits (openssl rand -hex 32)."},
	{"TOKEN_ENC_OLD_KEYS", SETTING_KEYS, true, MEMBER(token_enc_old_keys), WORKER | OPERATOR, 0, "", NULL, 0, 16,
		"Earlier keys, comma-separated: tokens under them stay readable and move to the current key when saved, or by syncctl keys rotate."},
	{"TOKEN_SPOOL_DIR", SETTING_TEXT, false, MEMBER(token_spool_dir), WORKER, 0, "/var/tmp/storesync", NULL, 0, 0,
		"The directory, made when missing, where a new token pair lies encrypted until PostgreSQL has it, so that a worker's death does not lose it. It must be the worker's own (mode 0700) and outlive the process; workers of one fleet may share it."},
	{"IMPORT_DATABASE_URL", SETTING_URL, true, MEMBER(import_database_url), OPERATOR, 0, NULL, "postgresql|postgres", 0, 0,
		"Where the database of the older program is, for syncctl account import --from-database."},
	{"SYNC_TIMEZONE", SETTING_TEXT, false, MEMBER(sync_timezone), PRODUCER | OPERATOR, 0, "UTC", NULL, 0, 0,
		"Whose calendar day a snapshot belongs to, by a name that PostgreSQL knows, such as Asia/Ho_Chi_Minh."},
	{"WORKER_CONCURRENCY", SETTING_INTEGER, false, MEMBER(worker_concurrency), PRODUCER | WORKER | OPERATOR, 0, "64", NULL, 1, 8192,
		"How many jobs of one worker talk to TikTok at once."},
	{"QUOTA_USER_INFO", SETTING_INTEGER, false, MEMBER(quota_user_info), PRODUCER | WORKER | OPERATOR, 0, "600", NULL, 0, 1000000,
		"Calls per minute to user/info that TikTok allows the app, 0 for no limit. The whole fleet keeps to it together, however many workers there are."},
	{"QUOTA_VIDEO_LIST", SETTING_INTEGER, false, MEMBER(quota_video_list), PRODUCER | WORKER | OPERATOR, 0, "600", NULL, 0, 1000000,
		"Calls per minute to video/list, as QUOTA_USER_INFO."},
	{"QUOTA_TOKEN", SETTING_INTEGER, false, MEMBER(quota_token), PRODUCER | WORKER | OPERATOR, 0, "0", NULL, 0, 1000000,
		"Calls per minute to oauth/token, as QUOTA_USER_INFO; TikTok names no limit."},
	{"HTTP_TIMEOUT", SETTING_SECONDS, false, MEMBER(http_timeout_ms), WORKER | OPERATOR, 0, "30", NULL, 1, 300,
		"Seconds that one call to TikTok may take, connecting included."},
	{"DRAIN_TIMEOUT", SETTING_SECONDS, false, MEMBER(drain_timeout_ms), SERVICES, 0, "25", NULL, 1, 3600,
		"Seconds after SIGTERM within which begun work is finished; the rest is given back. Let the supervisor wait 130 s longer before it kills: a token refresh is never interrupted."},
	{"HOLD_TIMEOUT", SETTING_SECONDS, false, MEMBER(hold_timeout_ms), WORKER, 0, "1200", NULL, 5, 86400,
		"Seconds after which a job that has to wait goes back to the queue, which costs no attempt. Keep it well below RabbitMQ's consumer_timeout, which is 30 minutes."},
	{"STALL_TIMEOUT", SETTING_SECONDS, false, MEMBER(stall_timeout_ms), WORKER, 0, "120", NULL, 5, 3600,
		"Seconds after which a thread of the worker that does not turn is taken for stuck, and the worker ends itself; keep it above 60, for a statement may take 40."},
	{"HTTP_LISTEN", SETTING_TEXT, false, MEMBER(http_listen), WORKER | LOGGER, 0, "", NULL, 0, 0,
		"host:port of /livez, /readyz and /metrics; empty for none, because programs on one host would collide. On Kubernetes set :9464."},
	{"MIGRATIONS_DIR", SETTING_TEXT, false, MEMBER(migrations_dir), OPERATOR, 0, NULL, NULL, 0, 0,
		"The directory of the migrations, when not the installed one."},
	{"LOG_LEVEL", SETTING_CHOICE, false, MEMBER(log_level), ALL, 0, "info", "debug|info|warn|error", 0, 0,
		"The least level that is logged."},
	{"LOG_FORMAT", SETTING_CHOICE, false, MEMBER(log_format), ALL, 0, "json", "json|text", 0, 0,
		"How log lines are written to standard error: json for machines, text for people."},
};
/* clang-format on */

const size_t config_table_length = sizeof config_table / sizeof config_table[0];
