/* SPDX-License-Identifier: MIT */
/*
 * What the commands cost that look at every account: `syncctl keys status` and `keys rotate` over cells
 * that are all under an old key, and `syncctl forecast` where half of the accounts were synchronised
 * before, a quarter have a profile, and of a quarter nothing is known. One thread.
 *
 *     bench_operator [ACCOUNTS]
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/token_cipher.h"
#include "tests/support/database.h"
#include "tests/support/environment.h"

#define OLD_KEY "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define NEW_KEY "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"
#define AT_ONCE 1000
#define WORDS   8

static struct test_database database;

/* ---- The world ---- */

static void append_cell(
	struct text *sql, const struct token_cipher *cipher, int account, enum token_column column)
{
	char store[32], open_id[32], token[80];
	struct text cell = {0};

	snprintf(store, sizeof store, "store-%d", account);
	snprintf(open_id, sizeof open_id, "open-%d", account);
	snprintf(token, sizeof token, "act.%060d", account);
	token_cipher_seal(cipher, store, open_id, column, token, &cell);
	text_append_format(sql, ", '%s'", text_string(&cell));
	text_finish(&cell);
}

static void seal_cells(int accounts)
{
	struct token_cipher *cipher = NULL;
	struct text sql = {0};
	struct error err;

	assert_true(token_cipher_create(OLD_KEY, NULL, &cipher, &err));
	for (int first = 1; first <= accounts; first += AT_ONCE) {
		text_clear(&sql);
		text_append(&sql,
			"UPDATE store_accounts a SET token_version = token_version + 1,"
			" encrypted_access_token = w.access, encrypted_refresh_token = w.refresh FROM (VALUES ");
		for (int n = first; n < first + AT_ONCE && n <= accounts; n++) {
			text_append_format(&sql, "%s(%d", n > first ? ", " : "", n);
			append_cell(&sql, cipher, n, TOKEN_ACCESS);
			append_cell(&sql, cipher, n, TOKEN_REFRESH);
			text_append_char(&sql, ')');
		}
		text_append(&sql, ") AS w (id, access, refresh) WHERE a.id = w.id");
		test_execute(database.db, text_string(&sql));
	}
	text_finish(&sql);
	token_cipher_destroy(cipher);
}

static void create_world(int accounts)
{
	test_database_create(&database);
	test_insert_accounts(database.db, accounts);
	seal_cells(accounts);
	test_execute(database.db,
		"INSERT INTO sync_jobs (job_id, run_id, account_id, store_code, job_type, snapshot_date, state,"
		"  records_processed, published_at)"
		" SELECT gen_random_uuid(), gen_random_uuid(), id, store_code, 'daily_sync',"
		"  current_date - day, 'success', 1 + id % 300, now()"
		" FROM store_accounts, generate_series(1, 7) day WHERE id % 2 = 0;"
		"INSERT INTO tiktok_user_daily (store_code, open_id, snapshot_date, video_count)"
		" SELECT store_code, open_id, current_date - day, id % 300"
		" FROM store_accounts, generate_series(1, 7) day WHERE id % 4 > 0;");
	test_execute(database.db, "VACUUM ANALYZE");
}

/* ---- Measuring ---- */

/* Children are started here rather than by tests/support, because wait4() tells what they used. */
static void measure(const char *label, int accounts, const char *const words[])
{
	char *path = test_binary("syncctl");
	char *argv[WORDS] = {path};
	int64_t started_ms = clock_monotonic_ms(), elapsed_ms;
	struct rusage usage;
	double cpu_ms;
	int status;
	pid_t pid;

	for (int i = 0; words[i] && i < WORDS - 2; i++)
		argv[i + 1] = memory_copy_text(words[i]);
	pid = fork();
	if (pid == 0) {
		dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDOUT_FILENO);
		execv(path, argv);
		_exit(127);
	}
	wait4(pid, &status, 0, &usage);
	elapsed_ms = clock_monotonic_ms() - started_ms;
	if (!WIFEXITED(status) || (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 3))
		fail_msg("%s ended with status %d", label, status);
	cpu_ms = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
		 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
	printf("%s: %d accounts in %.2f s, %.0f a second, %.4f ms CPU each, at most %.1f MB\n",
		label, accounts, (double)elapsed_ms / 1000,
		(double)accounts * 1000 / (double)elapsed_ms, cpu_ms / accounts,
		(double)usage.ru_maxrss / 1024);
	fflush(stdout);
	for (char **word = argv; *word; word++)
		free(*word);
}

int main(int argc, char **argv)
{
	int accounts = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 100000;

	create_world(accounts);
	setenv("DATABASE_URL", database.url, 1);
	setenv("LOG_LEVEL", "warn", 1);
	setenv("TOKEN_ENC_KEY", NEW_KEY, 1);
	setenv("TOKEN_ENC_OLD_KEYS", OLD_KEY, 1);
	measure("forecast", accounts, (const char *const[]){"forecast", NULL});
	measure("keys status", accounts, (const char *const[]){"keys", "status", NULL});
	measure("keys rotate --yes", accounts,
		(const char *const[]){"keys", "rotate", "--yes", NULL});
	measure("keys status", accounts, (const char *const[]){"keys", "status", NULL});
	measure("keys rotate --yes, nothing to do", accounts,
		(const char *const[]){"keys", "rotate", "--yes", NULL});
	test_database_destroy(&database);
	return 0;
}
