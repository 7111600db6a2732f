/* SPDX-License-Identifier: MIT */
/*
 * The table of settings, walked; values good and bad; secrets from files; what people are told.
 */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/config.h"
#include "common/config_table.h"
#include "common/memory.h"

#define KEY_A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define KEY_B "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"

struct fixture {
	struct config config;
	struct text faults;
	char path[32]; /* of a secret's file; empty: none */
};

static int set_up(void **state)
{
	struct fixture *f = memory_allocate(1, sizeof *f);

	clearenv();
	setenv("DATABASE_URL", "postgresql://u:pw-database@h/d", 1);
	setenv("AMQP_URL", "amqp://u:pw-broker@h/", 1);
	setenv("TIKTOK_CLIENT_KEY", "key", 1);
	setenv("TIKTOK_CLIENT_SECRET", "client-secret", 1);
	setenv("TOKEN_ENC_KEY", KEY_A, 1);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	config_finish(&f->config);
	text_finish(&f->faults);
	if (*f->path)
		unlink(f->path);
	free(f);
	return 0;
}

static void write_secret(struct fixture *f, const char *content)
{
	int fd;

	snprintf(f->path, sizeof f->path, "/tmp/test_config.XXXXXX");
	fd = mkstemp(f->path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	close(fd);
}

static void assert_loads(struct fixture *f, enum program program)
{
	bool loaded = config_load(&f->config, program, &f->faults);

	assert_string_equal(text_string(&f->faults), "");
	assert_true(loaded);
}

/* Loading fails, and one of the faults holds these words. */
static void assert_fault(struct fixture *f, const char *words)
{
	assert_false(config_load(&f->config, PROGRAM_WORKER, &f->faults));
	if (!strstr(text_string(&f->faults), words))
		fail_msg("\"%s\" is not in: %s", words, text_string(&f->faults));
}

static size_t lines(const struct text *text)
{
	size_t count = 0;

	for (const char *c = text_string(text); *c; c++)
		count += *c == '\n';
	return count;
}

static void names_are_unique(void **state)
{
	for (size_t i = 0; i < config_table_length; i++)
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(config_table[i].name, config_table[j].name);
}

static void every_setting_has_a_member_of_its_own(void **state)
{
	for (size_t i = 0; i < config_table_length; i++) {
		assert_in_range(config_table[i].member, 0, sizeof(struct config) - 1);
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(config_table[i].member, config_table[j].member);
	}
}

static void every_help_is_a_sentence(void **state)
{
	for (size_t i = 0; i < config_table_length; i++) {
		const char *help = config_table[i].help;

		assert_true(isupper((unsigned char)help[0]) || strncmp(help, "host:", 5) == 0);
		assert_int_equal(help[strlen(help) - 1], '.');
		assert_null(strchr(help, '|'));
	}
}

static void every_setting_has_readers(void **state)
{
	for (size_t i = 0; i < config_table_length; i++) {
		assert_int_not_equal(config_table[i].users, 0);
		assert_int_equal(config_table[i].required & ~config_table[i].users, 0);
		assert_true(!config_table[i].required || !config_table[i].standard);
		assert_int_equal(config_table[i].required & PROGRAM_OPERATOR, 0);
	}
}

static void durations_name_their_unit(void **state)
{
	for (size_t i = 0; i < config_table_length; i++)
		if (config_table[i].kind == SETTING_SECONDS)
			assert_int_equal(strncmp(config_table[i].help, "Seconds ", 8), 0);
}

static void every_default_is_within_its_bounds(void **state)
{
	struct fixture *f = *state;

	clearenv();

	assert_loads(f, PROGRAM_OPERATOR);
}

static void defaults_are_those_of_the_contract(void **state)
{
	struct fixture *f = *state;

	assert_loads(f, PROGRAM_WORKER);

	assert_int_equal(f->config.db_pool_size, 20);
	assert_false(f->config.db_logging);
	assert_string_equal(f->config.tiktok_api_url, "https://open.tiktokapis.com");
	assert_string_equal(f->config.tiktok_auth_url, "https://www.tiktok.com");
	assert_string_equal(f->config.token_enc_old_keys, "");
	assert_string_equal(f->config.sync_timezone, "UTC");
	assert_int_equal(f->config.worker_concurrency, 64);
	assert_int_equal(f->config.quota_user_info, 600);
	assert_int_equal(f->config.quota_video_list, 600);
	assert_int_equal(f->config.quota_token, 0);
	assert_int_equal(f->config.drain_timeout_ms, 25000);
	assert_int_equal(f->config.http_timeout_ms, 30000);
	assert_string_equal(f->config.http_listen, "");
	assert_null(f->config.migrations_dir);
	assert_int_equal(f->config.log_level, LOG_INFO);
	assert_int_equal(f->config.log_format, LOG_JSON);
}

static void given_values_reach_their_members(void **state)
{
	struct fixture *f = *state;

	setenv("DB_POOL_SIZE", "7", 1);
	setenv("DB_LOGGING", "on", 1);
	setenv("DRAIN_TIMEOUT", "3", 1);
	setenv("LOG_LEVEL", "WARN", 1);
	setenv("LOG_FORMAT", "text", 1);
	setenv("TOKEN_ENC_OLD_KEYS", KEY_A "," KEY_B, 1);
	assert_loads(f, PROGRAM_WORKER);

	assert_int_equal(f->config.db_pool_size, 7);
	assert_true(f->config.db_logging);
	assert_int_equal(f->config.drain_timeout_ms, 3000);
	assert_int_equal(f->config.log_level, LOG_WARN);
	assert_int_equal(f->config.log_format, LOG_TEXT);
	assert_string_equal(f->config.database_url, "postgresql://u:pw-database@h/d");
	assert_string_equal(f->config.token_enc_old_keys, KEY_A "," KEY_B);
}

static void empty_variable_counts_as_not_given(void **state)
{
	struct fixture *f = *state;

	setenv("SYNC_TIMEZONE", "", 1);
	setenv("DB_POOL_SIZE", "", 1);
	assert_loads(f, PROGRAM_PRODUCER);

	assert_string_equal(f->config.sync_timezone, "UTC");
	assert_int_equal(f->config.db_pool_size, 20);
}

static void base_url_loses_its_trailing_slash(void **state)
{
	struct fixture *f = *state;

	setenv("TIKTOK_API_URL", "http://127.0.0.1:8080//", 1);
	setenv("TIKTOK_REDIRECT_URI", "https://shop.example/callback/", 1);
	assert_loads(f, PROGRAM_OPERATOR);

	assert_string_equal(f->config.tiktok_api_url, "http://127.0.0.1:8080");
	assert_string_equal(f->config.tiktok_redirect_uri, "https://shop.example/callback/");
	assert_string_equal(f->config.amqp_url, "amqp://u:pw-broker@h/");
}

static void settings_of_other_programs_are_not_judged(void **state)
{
	struct fixture *f = *state;

	unsetenv("TOKEN_ENC_KEY");
	setenv("WORKER_CONCURRENCY", "many", 1);
	assert_loads(f, PROGRAM_LOGGER);

	assert_int_equal(f->config.worker_concurrency, 64);
}

static void all_faults_are_told_in_one_go(void **state)
{
	struct fixture *f = *state;

	clearenv();
	setenv("DB_POOL_SIZE", "0", 1);
	setenv("LOG_LEVEL", "loud", 1);
	assert_fault(f, "DATABASE_URL is not set, nor is DATABASE_URL_FILE: ");

	assert_non_null(strstr(text_string(&f->faults), "AMQP_URL is not set"));
	assert_non_null(strstr(text_string(&f->faults), "TIKTOK_CLIENT_KEY is not set: "));
	assert_non_null(strstr(text_string(&f->faults), "TIKTOK_CLIENT_SECRET is not set"));
	assert_non_null(strstr(text_string(&f->faults), "TOKEN_ENC_KEY is not set"));
	assert_non_null(strstr(text_string(&f->faults),
		"DB_POOL_SIZE is \"0\" but must be a whole number from 1 to 1000\n"));
	assert_non_null(strstr(text_string(&f->faults),
		"LOG_LEVEL is \"loud\" but must be one of debug|info|warn|error\n"));
	assert_int_equal(lines(&f->faults), 7);
}

static void malformed_values_are_faults(void **state)
{
	static const char *const bad[][2] = {
		{"DB_POOL_SIZE", "20x"},
		{"DB_POOL_SIZE", "-1"},
		{"DB_POOL_SIZE", " 5"},
		{"DB_POOL_SIZE", "99999999999999999999"},
		{"DB_LOGGING", "perhaps"},
		{"DRAIN_TIMEOUT", "0"},
		{"HTTP_TIMEOUT", "30s"},
		{"LOG_FORMAT", "jso"},
		{"TIKTOK_API_URL", "ftp://host"},
		{"TIKTOK_API_URL", "https:///path"},
		{"TIKTOK_API_URL", "host.example"},
		{"TIKTOK_API_URL", "https://a b"},
		{"TIKTOK_CLIENT_KEY", "a\nb"},
	};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct fixture *f = *state;
		char expected[64];

		setenv(bad[i][0], bad[i][1], 1);
		snprintf(expected, sizeof expected, "%s ", bad[i][0]);
		assert_fault(f, expected);
		assert_int_equal(lines(&f->faults), 1);
		tear_down(state);
		set_up(state);
	}
}

static void secrets_are_not_echoed(void **state)
{
	struct fixture *f = *state;

	setenv("DATABASE_URL", "mysql://u:pw-database@h/d", 1);
	setenv("AMQP_URL", "pw-broker", 1);
	setenv("TOKEN_ENC_KEY", KEY_A "0", 1);
	setenv("TOKEN_ENC_OLD_KEYS", KEY_B ",", 1);
	setenv("TIKTOK_CLIENT_SECRET", "client-secret\t", 1);
	assert_fault(f, "DATABASE_URL must be a URL that begins with postgresql:// or postgres://");

	assert_int_equal(lines(&f->faults), 5);
	assert_null(strstr(text_string(&f->faults), "pw-"));
	assert_null(strstr(text_string(&f->faults), "client-secret"));
	assert_null(strstr(text_string(&f->faults), "00112233"));
	assert_null(strstr(text_string(&f->faults), "ffeeddcc"));
}

static void secret_comes_from_a_file(void **state)
{
	struct fixture *f = *state;

	write_secret(f, KEY_B "\n");
	unsetenv("TOKEN_ENC_KEY");
	setenv("TOKEN_ENC_KEY_FILE", f->path, 1);
	assert_loads(f, PROGRAM_WORKER);

	assert_string_equal(f->config.token_enc_key, KEY_B);
}

static void secret_both_ways_is_a_fault(void **state)
{
	struct fixture *f = *state;

	write_secret(f, KEY_B);
	setenv("TOKEN_ENC_KEY_FILE", f->path, 1);

	assert_fault(f, "TOKEN_ENC_KEY and TOKEN_ENC_KEY_FILE are both set");
}

static void unreadable_secret_file_is_a_fault(void **state)
{
	struct fixture *f = *state;

	unsetenv("TOKEN_ENC_KEY");
	setenv("TOKEN_ENC_KEY_FILE", "/nonexistent/key", 1);

	assert_fault(
		f, "TOKEN_ENC_KEY_FILE names /nonexistent/key, which cannot be read: No such file");
}

static void directory_is_no_secret_file(void **state)
{
	struct fixture *f = *state;

	unsetenv("TOKEN_ENC_KEY");
	setenv("TOKEN_ENC_KEY_FILE", "/tmp", 1);

	assert_fault(f, "cannot be read: Is a directory");
}

static void empty_secret_file_is_a_fault(void **state)
{
	struct fixture *f = *state;

	write_secret(f, "\n");
	unsetenv("TOKEN_ENC_KEY");
	setenv("TOKEN_ENC_KEY_FILE", f->path, 1);

	assert_fault(f, "which is empty");
}

static void misspelt_names_are_noticed(void **state)
{
	struct fixture *f = *state;

	setenv("WORKER_CONCURENCY", "5", 1);
	setenv("DB_POOLSIZE", "5", 1);
	setenv("HTTP_PROXY", "http://proxy", 1);
	setenv("PATH", "/bin", 1);

	assert_true(config_find_misspelt(&f->faults));
	assert_non_null(strstr(text_string(&f->faults),
		"WORKER_CONCURENCY is no setting; perhaps WORKER_CONCURRENCY is meant\n"));
	assert_non_null(strstr(text_string(&f->faults), "perhaps DB_POOL_SIZE is meant\n"));
	assert_int_equal(lines(&f->faults), 2);
}

static void right_names_are_not_called_misspelt(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < config_table_length; i++) {
		char name[64];

		snprintf(name, sizeof name, "%s_FILE", config_table[i].name);
		setenv(config_table[i].name, "x", 1);
		setenv(name, "x", 1);
	}

	assert_false(config_find_misspelt(&f->faults));
	assert_string_equal(text_string(&f->faults), "");
}

/* What print writes, for the caller to free. */
static char *printed(void (*print)(FILE *out))
{
	char *page = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&page, &length);

	assert_non_null(out);
	print(out);
	fclose(out);
	return page;
}

static void print_worker_help(FILE *out)
{
	config_print_help(out, PROGRAM_WORKER);
}

static void help_shows_the_settings_of_the_program(void **state)
{
	char *page = printed(print_worker_help);

	for (size_t i = 0; i < config_table_length; i++) {
		char start[64];

		snprintf(start, sizeof start, "\n  %s ", config_table[i].name);
		assert_int_equal(
			strstr(page, start) != NULL, (config_table[i].users & PROGRAM_WORKER) != 0);
	}
	free(page);
}

static void help_fits_a_terminal(void **state)
{
	char *page = printed(print_worker_help);

	for (const char *line = page; *line; line += strcspn(line, "\n") + 1)
		assert_in_range(strcspn(line, "\n"), 1, 100);
	free(page);
}

static void markdown_has_a_row_for_every_setting(void **state)
{
	char *page = printed(config_print_markdown);
	size_t rows = 0;

	for (const char *line = page; *line; line += strcspn(line, "\n") + 1, rows++) {
		size_t bars = 0;

		for (const char *c = line; *c != '\n'; c++)
			bars += *c == '|';
		assert_int_equal(bars, 5);
	}
	assert_int_equal(rows, config_table_length + 2);
	free(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(names_are_unique, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			every_setting_has_a_member_of_its_own, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_help_is_a_sentence, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_setting_has_readers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(durations_name_their_unit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			every_default_is_within_its_bounds, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			defaults_are_those_of_the_contract, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			given_values_reach_their_members, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			empty_variable_counts_as_not_given, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			base_url_loses_its_trailing_slash, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			settings_of_other_programs_are_not_judged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(all_faults_are_told_in_one_go, set_up, tear_down),
		cmocka_unit_test_setup_teardown(malformed_values_are_faults, set_up, tear_down),
		cmocka_unit_test_setup_teardown(secrets_are_not_echoed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(secret_comes_from_a_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(secret_both_ways_is_a_fault, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			unreadable_secret_file_is_a_fault, set_up, tear_down),
		cmocka_unit_test_setup_teardown(directory_is_no_secret_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(empty_secret_file_is_a_fault, set_up, tear_down),
		cmocka_unit_test_setup_teardown(misspelt_names_are_noticed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			right_names_are_not_called_misspelt, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			help_shows_the_settings_of_the_program, set_up, tear_down),
		cmocka_unit_test_setup_teardown(help_fits_a_terminal, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			markdown_has_a_row_for_every_setting, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
