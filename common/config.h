/* SPDX-License-Identifier: MIT */
/*
 * Settings: environment variables, read once at start into one struct. The table in config_table.c
 * names every one of them with its default, bounds and help; --help and README.md are printed from
 * it. A secret NAME may be given as NAME_FILE instead, the path of a file that holds it (a trailing
 * newline is dropped).
 * Threads: config_load() before the threads start; the struct is read-only afterwards.
 */
#ifndef COMMON_CONFIG_H
#define COMMON_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/log.h"
#include "common/text.h"

/* Who reads a setting, shows a metric, prepares a statement: a set of programs. */
enum program {
	PROGRAM_PRODUCER = 1,
	PROGRAM_WORKER = 2,
	PROGRAM_LOGGER = 4,
	PROGRAM_OPERATOR = 8,
};

struct config {
	char *database_url;
	int64_t db_pool_size;
	bool db_logging;
	char *amqp_url;
	char *amqp_management_url; /* NULL: not given */
	char *tiktok_api_url;
	char *tiktok_auth_url;
	char *tiktok_client_key;
	char *tiktok_client_secret;
	char *tiktok_redirect_uri;
	char *token_enc_key;       /* 64 hex digits */
	char *token_enc_old_keys;  /* comma-separated, may be empty */
	char *import_database_url; /* NULL: not given */
	char *token_spool_dir;
	char *sync_timezone;
	int64_t worker_concurrency;
	int64_t quota_user_info; /* calls per minute; 0: no limit */
	int64_t quota_video_list;
	int64_t quota_token;
	int64_t drain_timeout_ms;
	int64_t hold_timeout_ms;
	int64_t stall_timeout_ms;
	int64_t http_timeout_ms;
	char *http_listen;    /* "127.0.0.1:9464"; empty: no endpoint */
	char *migrations_dir; /* NULL: the installed ones */
	enum log_level log_level;
	enum log_format log_format;
};

/*
 * Read the settings that program uses. Every fault (missing, malformed, out of bounds, unreadable
 * file, both NAME and NAME_FILE) is appended to faults, one sentence a line naming the variable and
 * the way out.
 *
 * Owns:  the caller ends *config with config_finish(), also after a failure.
 * Fails: false when faults were found; the program then exits with 2.
 */
bool config_load(struct config *config, enum program program, struct text *faults);
/* Free everything, wiping the secrets. NULL: nothing to do. */
void config_finish(struct config *config);

/*
 * Append a line for each environment variable that looks like a misspelt setting; true if there are
 * any. A warning and no fault, because the environment holds other programs' variables too.
 * config_load() does so when it fails.
 */
bool config_find_misspelt(struct text *hints);
/* The same after a successful load, to the log. */
void config_warn_of_misspelt(void);

/* The settings of a program, for its --help. */
void config_print_help(FILE *out, enum program program);
/* All settings as a Markdown table, for README.md. */
void config_print_markdown(FILE *out);

#endif
