/* SPDX-License-Identifier: MIT */
/*
 * syncctl keys status: under which keys the token cells are. Opens every cell, so that what it says
 * is known and not guessed. One thread.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "operator/command.h"
#include "operator/keys_cells.h"
#include "operator/keys_tally.h"

#define PAGE_ACCOUNTS 1000
#define NAMED_MAX     20

struct counting {
	struct keys_session session;
	struct keys_tally tally;
};

static void count_account(void *context, const struct keys_account *account)
{
	struct counting *counting = context;

	keys_tally_add(&counting->tally, counting->session.cipher, account);
}

static bool count_cells(struct counting *counting, struct error *err)
{
	int64_t after = 0;
	int count;

	do {
		if (!keys_visit_page(&counting->session, KEYS_EVERY_ACCOUNT, &after, PAGE_ACCOUNTS,
			    count_account, counting, &count, err))
			return false;
	} while (count > 0);
	return true;
}

/* ---- For people ---- */

static void print_table(const struct keys_tally *tally, const struct token_cipher *cipher)
{
	printf("%-8s  %-30s  %10s  %12s\n", "KEY", "SETTING", "CELLS", "OLDER FORMAT");
	for (size_t key = 0; key < token_cipher_key_count(cipher); key++) {
		struct text setting = {0};

		keys_append_setting(key, &setting);
		if (key == 0)
			text_append(&setting, " (current)");
		printf("%-8s  %-30s  %10" PRId64 "  %12" PRId64 "\n",
			token_cipher_key_id(cipher, key), text_string(&setting), tally->cells[key],
			tally->older_cells[key]);
		text_finish(&setting);
	}
	for (size_t i = 0; i < tally->unknown_count; i++)
		printf("%-8s  %-30s  %10" PRId64 "\n", tally->unknown[i].id, "not configured",
			tally->unknown[i].cells);
	if (tally->damaged > 0)
		printf("%-8s  %-30s  %10" PRId64 "\n", "-", "no configured key opens them",
			tally->damaged);
}

static void print_verdicts(const struct keys_tally *tally, const struct token_cipher *cipher)
{
	int64_t outdated = keys_tally_outdated(tally);

	printf("\n");
	for (size_t key = 1; key < token_cipher_key_count(cipher); key++) {
		bool spare = keys_tally_is_spare(tally, key);

		printf("key %zu of TOKEN_ENC_OLD_KEYS (%s) %s\n", key,
			token_cipher_key_id(cipher, key),
			spare ? "opens no cell: it may be removed once no worker has it as TOKEN_ENC_KEY"
			      : "is still needed");
	}
	if (outdated > 0)
		printf("%" PRId64 " cells of %" PRId64
		       " accounts are not under the current key: syncctl keys rotate\n",
			outdated, tally->accounts);
	else if (tally->unreadable_count == 0)
		printf("every cell of %" PRId64 " accounts is under the current key\n",
			tally->accounts);
	keys_tally_print_unreadable(tally, NAMED_MAX);
	if (tally->unreadable_count > 0)
		printf("%zu cells are opened by no configured key: add the missing key to TOKEN_ENC_OLD_KEYS, or let the merchant connect the account again\n",
			tally->unreadable_count);
}

/* ---- For programs ---- */

static void write_keys(
	const struct keys_tally *tally, const struct token_cipher *cipher, struct text *out)
{
	text_append(out, ",\"keys\":[");
	for (size_t key = 0; key < token_cipher_key_count(cipher); key++)
		text_append_format(out,
			"%s\n{\"id\":\"%s\",\"setting\":\"%s\",\"place\":%zu,\"cells\":%" PRId64
			",\"older_format_cells\":%" PRId64 ",\"removable\":%s}",
			key > 0 ? "," : "", token_cipher_key_id(cipher, key),
			key == 0 ? "TOKEN_ENC_KEY" : "TOKEN_ENC_OLD_KEYS", key, tally->cells[key],
			tally->older_cells[key],
			key > 0 && keys_tally_is_spare(tally, key) ? "true" : "false");
	text_append(out, "],\n\"unknown_keys\":[");
	for (size_t i = 0; i < tally->unknown_count; i++)
		text_append_format(out, "%s\n{\"id\":\"%s\",\"cells\":%" PRId64 "}",
			i > 0 ? "," : "", tally->unknown[i].id, tally->unknown[i].cells);
	text_append(out, "]");
}

static void print_json(const struct keys_tally *tally, const struct token_cipher *cipher)
{
	struct text out = {0};

	text_append_format(&out, "{\"v\":1,\"accounts\":%" PRId64 ",\"outdated_cells\":%" PRId64,
		tally->accounts, keys_tally_outdated(tally));
	write_keys(tally, cipher, &out);
	text_append_format(
		&out, ",\n\"damaged_cells\":%" PRId64 ",\"unreadable\":[", tally->damaged);
	for (size_t i = 0; i < tally->unreadable_count; i++) {
		const struct keys_unreadable *unreadable = &tally->unreadable[i];

		text_append_format(&out, "%s\n{\"account_id\":%" PRId64 ",\"store_code\":\"",
			i > 0 ? "," : "", unreadable->account_id);
		text_append_json(&out, unreadable->store_code);
		text_append(&out, "\",\"reason\":\"");
		text_append_json(&out, unreadable->reason);
		text_append(&out, "\"}");
	}
	printf("%s]}\n", out.data);
	text_finish(&out);
}

/* ---- The command ---- */

enum output { OUTPUT_TEXT, OUTPUT_JSON };

static enum exit_code show_status(const struct config *config, enum output output)
{
	struct counting counting = {0};
	const struct keys_tally *tally = &counting.tally;
	struct error err;
	enum exit_code result = EXIT_FAILED;

	if (!keys_session_open(&counting.session, config, &err) || !count_cells(&counting, &err)) {
		fprintf(stderr, "syncctl keys status: %s\n", err.text);
		result = err.class == ERROR_SETTINGS ? EXIT_USAGE : EXIT_FAILED;
		goto out;
	}
	if (output == OUTPUT_JSON) {
		print_json(tally, counting.session.cipher);
	} else {
		print_table(tally, counting.session.cipher);
		print_verdicts(tally, counting.session.cipher);
	}
	result = tally->unreadable_count > 0 ? EXIT_WANTING : EXIT_DONE;
out:
	keys_tally_finish(&counting.tally);
	keys_session_finish(&counting.session);
	return result;
}

static enum exit_code run_status(struct command_context *context, int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
	enum output output = OUTPUT_TEXT;
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option != 'j')
			return command_misused(context, "unknown option %s", argv[optind - 1]);
		output = OUTPUT_JSON;
	}
	if (optind < argc)
		return command_misused(context, "unexpected argument %s", argv[optind]);
	process_prepare();
	return show_status(&context->config, output);
}

const struct command command_keys_status = {
	.name = "keys status",
	.arguments = "[--json]",
	.summary = "count the token cells under each key",
	.help = "Opens both token cells of every account, of whatever status, with TOKEN_ENC_KEY and\n"
		"TOKEN_ENC_OLD_KEYS and counts them by the id of the key (the first 8 hex digits of its\n"
		"SHA-256); cells of the older program are counted apart, under the key that opens them. Says\n"
		"which of TOKEN_ENC_OLD_KEYS no cell needs any more, and names what no key opens. Tokens and\n"
		"keys are never shown. Exits with 3 if there is a cell that no configured key opens.\n"
		"\n"
		"  --json  {\"v\":1,\"accounts\",\"outdated_cells\",\"keys\":[{\"id\",\"setting\",\"place\",\"cells\",\n"
		"          \"older_format_cells\",\"removable\"}],\"unknown_keys\":[{\"id\",\"cells\"}],\n"
		"          \"damaged_cells\",\"unreadable\":[{\"account_id\",\"store_code\",\"reason\"}]}\n",
	.needs = NEEDS_DATABASE,
	.run = run_status,
};
