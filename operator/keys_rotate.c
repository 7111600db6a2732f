/* SPDX-License-Identifier: MIT */
/*
 * syncctl keys rotate: writes every token cell anew that is not under the current key, batch by
 * batch, while the fleet runs. Keeps no state: what is left to do is what keys_cells.h finds, so that
 * one that was killed goes on by being started again. One thread.
 *
 *     pass: a page -> open, seal -> compare and swap -> the next page; what a refresh has in hand is passed over
 *     passes, a second apart, until nothing is left, or what is left does not come free
 */
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "operator/command.h"
#include "operator/command_progress.h"
#include "operator/keys_cells.h"
#include "operator/keys_tally.h"

#define BATCH_DEFAULT 200
#define BATCH_MAX     5000
#define NAMED_MAX     20
#define PASS_PAUSE_MS 1000
/* A lease lasts 90 s; an account that is busy for longer than this is busy again and again. */
#define BUSY_LIMIT_MS 150000

enum wish { WISH_PLAN, WISH_ROTATE };

struct rotation {
	struct keys_session session;
	int batch;
	enum wish wish;
	struct command_progress progress;
	int64_t total;    /* accounts that the rotation began with */
	int64_t accounts; /* rewritten */

	/* Of the pass. */
	struct keys_tally tally; /* what it found */
	int64_t busy;            /* accounts that it had to pass over */

	/* Of the page: an element an account. */
	struct db_array ids, versions, stores, open_ids;
	struct db_array stored[KEYS_COLUMNS], sealed[KEYS_COLUMNS];
};

/* ---- A page ---- */

static void begin_arrays(struct rotation *rotation)
{
	db_array_init(&rotation->ids, DB_INT8);
	db_array_init(&rotation->versions, DB_INT8);
	db_array_init(&rotation->stores, DB_TEXT);
	db_array_init(&rotation->open_ids, DB_TEXT);
	for (int column = 0; column < KEYS_COLUMNS; column++) {
		db_array_init(&rotation->stored[column], DB_TEXT);
		db_array_init(&rotation->sealed[column], DB_TEXT);
	}
}

static void finish_arrays(struct rotation *rotation)
{
	db_array_finish(&rotation->ids);
	db_array_finish(&rotation->versions);
	db_array_finish(&rotation->stores);
	db_array_finish(&rotation->open_ids);
	for (int column = 0; column < KEYS_COLUMNS; column++) {
		db_array_finish(&rotation->stored[column]);
		db_array_finish(&rotation->sealed[column]);
	}
}

/* A cell that does not open, or is under the current key, stays as it is. */
static void add_cell(
	struct rotation *rotation, const struct keys_account *account, enum token_column column)
{
	const struct keys_cell *cell = &account->cells[column];
	struct text sealed = {0};

	if (keys_cell_is_outdated(cell))
		token_cipher_seal(rotation->session.cipher, account->store_code, account->open_id,
			column, text_string(&cell->token), &sealed);
	db_array_text(&rotation->stored[column], cell->stored);
	db_array_text(&rotation->sealed[column], sealed.length > 0 ? sealed.data : cell->stored);
	text_finish(&sealed);
}

static void take_account(void *context, const struct keys_account *account)
{
	struct rotation *rotation = context;

	keys_tally_add(&rotation->tally, rotation->session.cipher, account);
	if (!keys_cell_is_outdated(&account->cells[TOKEN_ACCESS]) &&
		!keys_cell_is_outdated(&account->cells[TOKEN_REFRESH]))
		return;
	db_array_integer(&rotation->ids, account->id);
	db_array_integer(&rotation->versions, account->token_version);
	db_array_text(&rotation->stores, account->store_code);
	db_array_text(&rotation->open_ids, account->open_id);
	add_cell(rotation, account, TOKEN_ACCESS);
	add_cell(rotation, account, TOKEN_REFRESH);
}

static bool rewrite_page(struct rotation *rotation, struct error *err)
{
	struct db_params none = {0}, params = {0};
	struct db_step steps[] = {
		{.statement = STATEMENT_KEYS_SAME_TOKENS, .params = &none},
		{.statement = STATEMENT_KEYS_REENCRYPT, .params = &params},
	};
	bool ok;

	if (rotation->ids.count == 0 || rotation->wish == WISH_PLAN)
		return true;
	db_param_array(&params, &rotation->ids);
	db_param_array(&params, &rotation->versions);
	db_param_array(&params, &rotation->stores);
	db_param_array(&params, &rotation->open_ids);
	db_param_array(&params, &rotation->stored[TOKEN_ACCESS]);
	db_param_array(&params, &rotation->stored[TOKEN_REFRESH]);
	db_param_array(&params, &rotation->sealed[TOKEN_ACCESS]);
	db_param_array(&params, &rotation->sealed[TOKEN_REFRESH]);
	ok = db_transact(rotation->session.db, steps, 2, err);
	if (ok) {
		int64_t rewritten = db_rows_affected(steps[1].result);

		rotation->accounts += rewritten;
		rotation->busy += rotation->ids.count - rewritten;
	}
	db_steps_finish(steps, 2);
	return ok;
}

/* ---- Passes ---- */

static bool pass(struct rotation *rotation, struct error *err)
{
	int64_t after = 0;
	int count = 0;
	bool ok;

	keys_tally_finish(&rotation->tally);
	rotation->busy = 0;
	do {
		begin_arrays(rotation);
		ok = keys_visit_page(&rotation->session, KEYS_NOT_CURRENT, &after, rotation->batch,
			     take_account, rotation, &count, err) &&
		     rewrite_page(rotation, err);
		finish_arrays(rotation);
		if (ok && rotation->wish == WISH_ROTATE)
			command_progress_show(
				&rotation->progress, rotation->accounts, rotation->total);
	} while (ok && count > 0 && !process_is_stopping());
	return ok;
}

static void pause_between_passes(void)
{
	struct pollfd stop = {.fd = process_stop_fd(), .events = POLLIN};

	poll(&stop, 1, PASS_PAUSE_MS);
}

static bool pass_until_done(struct rotation *rotation, struct error *err)
{
	int64_t moved_ms = clock_monotonic_ms();
	int64_t accounts = 0;

	while (pass(rotation, err)) {
		if (process_is_stopping()) {
			error_set(err, ERROR_STOPPING, "told to stop");
			return false;
		}
		if (rotation->busy == 0)
			return true;
		if (rotation->accounts > accounts)
			moved_ms = clock_monotonic_ms();
		accounts = rotation->accounts;
		if (clock_monotonic_ms() - moved_ms > BUSY_LIMIT_MS) {
			error_set(err, ERROR_DATABASE,
				"%" PRId64 " accounts are being refreshed or changed all the time",
				rotation->busy);
			return false;
		}
		pause_between_passes();
	}
	return false;
}

/* ---- The command ---- */

static const char *current_id(const struct rotation *rotation)
{
	return token_cipher_key_id(rotation->session.cipher, 0);
}

static void print_sources(const struct rotation *rotation)
{
	const struct keys_tally *tally = &rotation->tally;

	for (size_t key = 0; key < token_cipher_key_count(rotation->session.cipher); key++) {
		int64_t older = tally->older_cells[key];
		const char *id = token_cipher_key_id(rotation->session.cipher, key);

		if (key > 0 && tally->cells[key] > 0)
			printf("  %" PRId64 " under key %s\n", tally->cells[key], id);
		if (older > 0)
			printf("  %" PRId64 " of the older program's format, under key %s\n", older,
				id);
	}
}

static enum exit_code end_with_unreadable(const struct rotation *rotation, enum exit_code otherwise)
{
	const struct keys_tally *tally = &rotation->tally;

	if (tally->unreadable_count == 0)
		return otherwise;
	keys_tally_print_unreadable(tally, NAMED_MAX);
	printf("%zu cells are opened by no configured key and were left alone: add the missing key to TOKEN_ENC_OLD_KEYS, or let the merchant connect the account again\n",
		tally->unreadable_count);
	return EXIT_WANTING;
}

static enum exit_code plan(struct rotation *rotation, struct error *err)
{
	int64_t every, outdated;

	if (!pass(rotation, err) ||
		!keys_count_accounts(&rotation->session, KEYS_EVERY_ACCOUNT, &every, err))
		return EXIT_FAILED;
	outdated = keys_tally_outdated(&rotation->tally);
	printf("would write %" PRId64 " cells anew under key %s, TOKEN_ENC_KEY\n", outdated,
		current_id(rotation));
	print_sources(rotation);
	if (outdated > 0 && every == rotation->tally.accounts)
		printf("no account is wholly under that key yet: make sure that every worker has it, as TOKEN_ENC_KEY or in TOKEN_ENC_OLD_KEYS\n");
	if (outdated > 0)
		printf("nothing was done; to go on repeat the command with --yes\n");
	return end_with_unreadable(rotation, EXIT_DONE);
}

static enum exit_code rotate(struct rotation *rotation, struct error *err)
{
	int64_t started_ms = clock_monotonic_ms();
	int64_t took_ms, left = 0;
	struct error count_err;
	bool ok;

	if (!keys_count_accounts(&rotation->session, KEYS_NOT_CURRENT, &rotation->total, err))
		return EXIT_FAILED;
	log_info("re-encrypting the tokens of %" PRId64 " accounts under key %s", rotation->total,
		current_id(rotation));
	command_progress_start(&rotation->progress, "re-encrypting tokens", "accounts");
	ok = pass_until_done(rotation, err);
	command_progress_clear(&rotation->progress);
	took_ms = clock_monotonic_ms() - started_ms;
	printf("re-encrypted the tokens of %" PRId64 " accounts under key %s in %" PRId64
	       ".%01" PRId64 " s\n",
		rotation->accounts, current_id(rotation), took_ms / 1000, took_ms % 1000 / 100);
	log_info("re-encrypted the tokens of %" PRId64 " accounts under key %s", rotation->accounts,
		current_id(rotation));
	if (ok)
		return end_with_unreadable(rotation, EXIT_DONE);
	if (keys_count_accounts(&rotation->session, KEYS_NOT_CURRENT, &left, &count_err))
		printf("%" PRId64 " accounts remain\n", left);
	error_wrap(err, "not finished; start it again, it goes on where it stopped");
	return EXIT_FAILED;
}

/* EXIT_USAGE: the arguments are wrong, and that was said. */
static enum exit_code read_options(
	const struct command_context *context, int argc, char **argv, struct rotation *rotation)
{
	static const struct option known[] = {
		{"batch", required_argument, NULL, 'b'},
		{"dry-run", no_argument, NULL, 'n'},
		{"yes", no_argument, NULL, 'y'},
		{NULL, 0, NULL, 0},
	};
	bool dry_run = false;
	char *end;
	long batch;
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option == 'b') {
			batch = strtol(optarg, &end, 10);
			if (*optarg < '0' || *optarg > '9' || *end || batch < 1 ||
				batch > BATCH_MAX)
				return command_misused(context,
					"--batch: \"%s\" is not a number from 1 to %d", optarg,
					BATCH_MAX);
			rotation->batch = (int)batch;
		} else if (option == 'n') {
			dry_run = true;
		} else if (option == 'y') {
			rotation->wish = WISH_ROTATE;
		} else {
			return command_misused(
				context, "unknown or incomplete option %s", argv[optind - 1]);
		}
	}
	if (optind < argc)
		return command_misused(context, "unexpected argument %s", argv[optind]);
	if (dry_run && rotation->wish == WISH_ROTATE)
		return command_misused(context, "--dry-run and --yes contradict each other");
	return EXIT_DONE;
}

static enum exit_code run_rotate(struct command_context *context, int argc, char **argv)
{
	struct rotation rotation = {.batch = BATCH_DEFAULT};
	struct error err = {0};
	enum exit_code result = read_options(context, argc, argv, &rotation);

	if (result != EXIT_DONE)
		return result;
	process_prepare();
	result = EXIT_FAILED;
	if (keys_session_open(&rotation.session, &context->config, &err))
		result = rotation.wish == WISH_PLAN ? plan(&rotation, &err)
						    : rotate(&rotation, &err);
	if (result == EXIT_FAILED) {
		fprintf(stderr, "syncctl keys rotate: %s\n", err.text);
		result = err.class == ERROR_SETTINGS ? EXIT_USAGE : EXIT_FAILED;
	}
	keys_tally_finish(&rotation.tally);
	keys_session_finish(&rotation.session);
	return result;
}

const struct command command_keys_rotate = {
	.name = "keys rotate",
	.arguments = "[--dry-run | --yes] [--batch N]",
	.summary = "re-encrypt token cells under the current key",
	.help = "Without --yes: says what would be done and does nothing. With it, every token cell that is\n"
		"under a key of TOKEN_ENC_OLD_KEYS or of the older program's format is written anew under\n"
		"TOKEN_ENC_KEY, of every account, also those that are disabled or to be reconnected. The\n"
		"fleet may run: tokens and their versions stay the same, and an account whose token is just\n"
		"being refreshed is left until it is free. Every worker must know the new key before: first add\n"
		"it to TOKEN_ENC_OLD_KEYS everywhere, then make it TOKEN_ENC_KEY and the former one an old key.\n"
		"\n"
		"May be interrupted at any time and started again. Exits with 0 when every cell is under the\n"
		"current key, with 3 when cells are left that no configured key opens (they are named and stay\n"
		"as they are), with 1 when it could not finish.\n"
		"\n"
		"  --dry-run  the plan, as without --yes\n"
		"  --yes      do it\n"
		"  --batch N  accounts in one transaction (default 200)\n",
	.needs = NEEDS_DATABASE,
	.run = run_rotate,
};
