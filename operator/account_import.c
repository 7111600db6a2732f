/* SPDX-License-Identifier: MIT */
/*
 * syncctl account import: accounts that another program has connected, from a file or from its
 * database. One thread.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "operator/account_session.h"
#include "operator/arguments.h"
#include "operator/command.h"
#include "operator/import_database.h"
#include "operator/import_file.h"
#include "operator/import_save.h"
#include "operator/store_fields.h"

#define URL_FILE_MAX 4096

struct import {
	const char
		*file; /* of accounts, or of the address of a database; NULL: the setting has it */
	bool from_database, dry_run, replace;
	const char *store;
	enum import_format format;
};

static void read_format(const char *format, struct import *import, struct text *faults)
{
	if (!format)
		return;
	if (import->from_database)
		text_append(faults, "--format is of files, not of --from-database\n");
	else if (strcmp(format, "csv") == 0)
		import->format = IMPORT_CSV;
	else if (strcmp(format, "json") == 0)
		import->format = IMPORT_JSON;
	else
		text_append(faults, "--format is csv or json\n");
}

static void read_arguments(const struct config *config, int argc, char **argv,
	struct import *import, struct text *faults)
{
	const char *format = NULL;
	const struct argument known[] = {{"from-database", NULL, &import->from_database},
		{"format", &format, NULL}, {"dry-run", NULL, &import->dry_run},
		{"replace", NULL, &import->replace}, {"store", &import->store, NULL},
		{NULL, NULL, NULL}};

	if (!arguments_read(argc, argv, known, "", 0, 1, &import->file, faults))
		return;
	if (import->store)
		store_code_check(import->store, faults);
	read_format(format, import, faults);
	if (!import->file && !import->from_database)
		text_append(faults, "the file is missing; \"-\" is standard input\n");
	if (!import->file && import->from_database && !config->import_database_url)
		text_append(faults,
			"IMPORT_DATABASE_URL is not set, nor is IMPORT_DATABASE_URL_FILE: say where "
			"the older program's database is, or give a file that holds its address\n");
	if (import->file && strstr(import->file, "://"))
		text_append(faults,
			"an address with its password must not stand on a command line, where "
			"everybody on this host sees it: put it into a file\n");
}

/* The first line of a file. Owns: the caller ends it with memory_free_secret(); NULL: *err. */
static char *read_url(const char *path, struct error *err)
{
	char line[URL_FILE_MAX] = "";
	FILE *file = fopen(path, "re");
	char *url = NULL;

	if (!file || !fgets(line, sizeof line, file))
		error_set(err, ERROR_SETTINGS, "%s holds no address of a database", path);
	else {
		line[strcspn(line, "\r\n")] = '\0';
		url = memory_copy_text(line);
	}
	if (file)
		fclose(file);
	explicit_bzero(line, sizeof line);
	return url;
}

static bool read_rows(const struct import *import, const struct config *config,
	struct import_rows *rows, struct error *err)
{
	char *url;
	bool ok;

	if (!import->from_database)
		return import_file_read(import->file, import->format, rows, err);
	url = import->file ? read_url(import->file, err)
			   : memory_copy_text(config->import_database_url);
	ok = url && import_database_read(url, config, import->store != NULL, rows, err);
	memory_free_secret(url);
	return ok;
}

static void tell(const struct import *import, const struct import_counts *counts)
{
	printf("%s: %" PRId64 " new accounts, %" PRId64 " with newer tokens, %" PRId64
	       " left as they are; %" PRId64 " new stores\n",
		import->dry_run ? "would import" : "imported", counts->created, counts->renewed,
		counts->kept, counts->stores);
	if (import->dry_run)
		printf("nothing was done; to go on repeat the command without --dry-run\n");
	if (counts->kept > 0 && !import->replace)
		printf("those left as they are have tokens here that last as long or longer; --replace "
		       "overwrites them\n");
}

static enum exit_code run_with(struct account_session *session, const struct config *config,
	const struct import *import, struct import_rows *rows)
{
	struct import_counts counts;
	const char *source =
		import->from_database ? "the older program's database" : "a file of accounts";
	struct error err = {0};
	bool ok;

	fprintf(stderr,
		"Stop the program that these accounts come from before they are used here: whoever "
		"refreshes a token ends the other's.\n");
	ok = read_rows(import, config, rows, &err);
	if (ok && !import_rows_seal(rows, session->cipher, import->store)) {
		error_set(&err, ERROR_SETTINGS, "nothing was imported");
		ok = false;
	}
	ok = ok && import_save(session, rows, import->replace ? IMPORT_REPLACE : IMPORT_NEWER,
			   source, import->dry_run, &counts, &err);
	fprintf(stderr, "%s", text_string(&rows->faults));
	if (!ok)
		return account_failed(session, &err);
	tell(import, &counts);
	return EXIT_DONE;
}

static enum exit_code run_import(struct command_context *context, int argc, char **argv)
{
	struct import import = {.format = IMPORT_BY_CONTENT};
	struct account_session session = {0};
	struct import_rows rows = {0};
	struct text faults = {0};
	enum exit_code result;

	read_arguments(&context->config, argc, argv, &import, &faults);
	if (faults.length > 0)
		result = command_misused_so(context, &faults);
	else
		result = account_session_open(&session, context, ACCOUNT_NEEDS_TOKENS);
	if (result == EXIT_DONE)
		result = run_with(&session, &context->config, &import, &rows);
	import_rows_finish(&rows);
	account_session_finish(&session);
	text_finish(&faults);
	return result;
}

const struct command command_account_import = {
	.name = "account import",
	.arguments =
		"{FILE|- [--format csv|json] | --from-database [URL_FILE]} [--store CODE] [--dry-run] [--replace]",
	.summary = "take over accounts that another program has connected",
	.help = "Stop that program first: whoever refreshes a token ends the other's. All accounts are imported in\n"
		"one transaction, or none; every fault is named. Stores that are not there are made. Doing it again\n"
		"does no harm: tokens that are here give way only to ones that expire later.\n"
		"\n"
		"  FILE                CSV whose first line names its columns, or JSON: an array of objects. Columns\n"
		"                      or members: store_code, open_id, access_token, refresh_token (as TikTok gave\n"
		"                      them, or encrypted as the older program does: base64 of iv, tag, ciphertext,\n"
		"                      or iv:tag:ciphertext in hex, under TOKEN_ENC_KEY or one of\n"
		"                      TOKEN_ENC_OLD_KEYS), and where known token_expires_at,\n"
		"                      refresh_token_expires_at, scope, display_name, avatar_url, status. Without\n"
		"                      expiry or scope the first sync refreshes, and TikTok tells them\n"
		"  --format csv|json   when the content does not tell\n"
		"  --from-database     from the tables store_accounts and stores of the older program's database,\n"
		"                      whose address stands in URL_FILE or IMPORT_DATABASE_URL. It is only read\n"
		"  --store CODE        the store of accounts that name none\n"
		"  --dry-run           say what would be done\n"
		"  --replace           overwrite tokens here even if they last longer, and disconnected accounts\n",
	.needs = NEEDS_DATABASE,
	.run = run_import,
};
